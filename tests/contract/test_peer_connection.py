"""What every ``PeerConnection`` promises."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import pytest

from client_py.core.encoding import CAMERA, NOTHING, Encoding
from client_py.core.errors import NegotiationError
from client_py.core.ports import (
    LinkStats,
    NegotiationNeeded,
    PeerEvent,
)
from client_py.core.slot import Slot
from protocol.messages import Candidate, Description, IceServer
from tests.contract.stack import (
    FRAMES,
    PATIENCE,
    End,
    Stack,
    candidates,
    connect,
    connected_pair,
    negotiate,
    slots,
    states,
    trickle,
)
from tests.contract.stacks import STACKS

KINDS = ["audio", "video", "video", "audio"]
ROLLING_BACK = [name for name in STACKS if name != "headless"]


def needs(events: list[PeerEvent]) -> int:
    return events.count(NegotiationNeeded())


# -- negotiation


async def test_the_initiator_wants_to_negotiate_at_once(stack: Stack) -> None:
    alice = await stack.connection(initiator=True)

    await alice.until(lambda events: needs(events) == 1)

    assert await alice.signaling_state() == "stable"


async def test_the_offer_has_the_four_slots_in_order(stack: Stack) -> None:
    alice = await stack.connection(initiator=True)

    offer = await alice.set_local_description()

    assert offer.kind == "offer"
    assert stack.kinds(offer) == KINDS


async def test_the_responder_adopts_the_slots_of_the_offer(stack: Stack) -> None:
    alice = await stack.connection(initiator=True)
    bob = await stack.connection(initiator=False)

    await bob.set_remote_description(await alice.set_local_description())
    answer = await bob.set_local_description()

    assert answer.kind == "answer"
    assert stack.kinds(answer) == KINDS
    assert slots(bob.events) == list(Slot)


async def test_the_signaling_state_follows_each_description(stack: Stack) -> None:
    alice = await stack.connection(initiator=True)
    bob = await stack.connection(initiator=False)
    trail = [await alice.signaling_state(), await bob.signaling_state()]

    offer = await alice.set_local_description()
    trail.append(await alice.signaling_state())
    await bob.set_remote_description(offer)
    trail.append(await bob.signaling_state())
    answer = await bob.set_local_description()
    trail.append(await bob.signaling_state())
    await alice.set_remote_description(answer)
    trail.append(await alice.signaling_state())

    assert trail == [
        *("stable", "stable"),
        *("have-local-offer", "have-remote-offer"),
        *("stable", "stable"),
    ]


async def test_the_responder_never_asks_to_negotiate(stack: Stack) -> None:
    async with connected_pair(stack) as (alice, bob):
        assert needs(alice.events) <= 1  # none when it was quicker than the event
        assert needs(bob.events) == 0


async def test_each_slot_is_received_once_on_both_ends(stack: Stack) -> None:
    async with connected_pair(stack) as (alice, bob):
        assert sorted(slots(alice.events)) == list(Slot)
        assert sorted(slots(bob.events)) == list(Slot)


async def test_the_empty_candidate_ends_the_trickle(stack: Stack) -> None:
    async with connected_pair(stack) as pair:
        for end in pair:
            gathered = [each.candidate for each in candidates(end.events)]
            assert gathered[-1] == ""
            assert gathered.count("") == 1


async def test_the_ends_connect_by_way_of_connecting(stack: Stack) -> None:
    async with connected_pair(stack) as (alice, bob):
        assert states(alice.events) == ["connecting", "connected"]
        assert states(bob.events) == ["connecting", "connected"]


# -- refusals


@pytest.mark.parametrize("line", ["candidate:1 1 udp 1 192.0.2.1 9 typ host", ""])
async def test_a_candidate_before_the_description_is_refused(
    stack: Stack, line: str
) -> None:
    alice = await stack.connection(initiator=True)
    await alice.set_local_description()

    with pytest.raises(NegotiationError):
        await alice.add_ice_candidate(Candidate(line, "0"))


async def test_a_candidate_of_another_description_is_refused(stack: Stack) -> None:
    line = "candidate:1 1 udp 1 192.0.2.1 9 typ host"
    async with connected_pair(stack) as (alice, _):
        with pytest.raises(NegotiationError):
            await alice.add_ice_candidate(Candidate(line, "0", 0, "nobody"))


@pytest.mark.parametrize("line", ["not at all", "\0"])
async def test_a_candidate_that_is_none_is_refused(stack: Stack, line: str) -> None:
    alice = await stack.connection(initiator=True)
    bob = await stack.connection(initiator=False)
    await bob.set_remote_description(await alice.set_local_description())

    with pytest.raises(NegotiationError):
        await bob.add_ice_candidate(Candidate(line, "0"))


async def test_an_answer_to_no_offer_is_refused(stack: Stack) -> None:
    async with connected_pair(stack) as (alice, bob):
        alone = await stack.connection(initiator=True)
        await alone.set_local_description()
        other = await stack.connection(initiator=False)
        await other.set_remote_description(await restarted_offer(stack))
        answer = await other.set_local_description()

        with pytest.raises(NegotiationError):
            await alice.set_remote_description(answer)
        assert await alice.signaling_state() == "stable"


@pytest.mark.parametrize("sdp", ["", "v=0", "v=0\r\nm=audio 9 RTP 0\r\n", "{", "[]"])
async def test_what_is_no_description_is_refused(stack: Stack, sdp: str) -> None:
    bob = await stack.connection(initiator=False)

    with pytest.raises(NegotiationError):
        await bob.set_remote_description(Description("offer", sdp))


@pytest.mark.parametrize("how", ["lack", "swap"])
async def test_an_offer_of_other_slots_is_refused(stack: Stack, how: str) -> None:
    await refuses_offer(stack, how)


# aiortc takes no notice of a rejected slot, and sends nothing in it.
@pytest.mark.parametrize("stack", ROLLING_BACK, indirect=True)
async def test_an_offer_that_rejects_a_slot_is_refused(stack: Stack) -> None:
    await refuses_offer(stack, "reject")


async def refuses_offer(stack: Stack, how: str) -> None:
    alice = await stack.connection(initiator=True)
    bob = await stack.connection(initiator=False)
    await bob.send(Slot.MICROPHONE, "Bob")
    await bob.send(Slot.CAMERA, "Bob")
    offer = await alice.set_local_description()

    with pytest.raises(NegotiationError):
        await bob.set_remote_description(stack.spoil(offer, how))

    assert slots(bob.events) == []


async def test_a_responder_has_nothing_to_offer(stack: Stack) -> None:
    bob = await stack.connection(initiator=False)

    with pytest.raises(NegotiationError):
        await bob.set_local_description()


async def test_a_track_of_the_wrong_kind_is_refused(stack: Stack) -> None:
    alice = await stack.connection(initiator=True)

    with pytest.raises(NegotiationError):
        await alice.send_kind(Slot.CAMERA, "audio")


async def test_without_rollback_an_offer_stands_against_another(stack: Stack) -> None:
    if stack.rollback:
        return
    alice = await stack.connection(initiator=True)
    bob = await stack.connection(initiator=False)
    offer = await alice.set_local_description()

    with pytest.raises(NegotiationError):
        await alice.set_remote_description(await restarted_offer(stack))

    assert await alice.signaling_state() == "have-local-offer"
    await bob.set_remote_description(offer)
    await alice.set_remote_description(await bob.set_local_description())
    assert await alice.signaling_state() == "stable"


async def restarted_offer(stack: Stack) -> Description:
    """Return an offer of an end that nobody knows."""
    stranger = await stack.connection(initiator=True)
    return await stranger.set_local_description()


# -- collisions


@pytest.mark.parametrize("stack", ROLLING_BACK, indirect=True)
async def test_a_remote_offer_rolls_the_local_one_back(stack: Stack) -> None:
    async with connected_pair(stack) as (alice, bob):
        lost = await bob.set_local_description()
        offer = await alice.set_local_description()

        await bob.set_remote_description(offer)
        assert await bob.signaling_state() == "have-remote-offer"
        await alice.set_remote_description(await bob.set_local_description())

        assert lost.kind == "offer"
        assert await alice.signaling_state() == "stable"
        assert await bob.signaling_state() == "stable"


@pytest.mark.parametrize("stack", ROLLING_BACK, indirect=True)
async def test_renegotiation_brings_no_track_twice(stack: Stack) -> None:
    async with connected_pair(stack) as (alice, bob):
        await negotiate(alice, bob)

        assert sorted(slots(alice.events)) == list(Slot)
        assert sorted(slots(bob.events)) == list(Slot)
        assert states(alice.events) == ["connecting", "connected"]


@pytest.mark.parametrize("stack", ROLLING_BACK, indirect=True)
async def test_pictures_go_on_over_restarted_ice(stack: Stack) -> None:
    async with connected_pair(stack) as (alice, bob):
        await alice.send(Slot.CAMERA, "Ada")
        await bob.shows(Slot.CAMERA, "Ada")
        wanted = needs(alice.events)
        tried = [len(candidates(end.events)) for end in (alice, bob)]

        await alice.restart_ice()
        await alice.until(lambda events: needs(events) > wanted)
        await negotiate(alice, bob)
        await trickle(alice, bob, tried[0])
        await trickle(bob, alice, tried[1])

        await bob.shows(Slot.CAMERA, "Ada")
        assert sorted(slots(bob.events)) == list(Slot)


async def test_closed_connection_restarts_nothing(stack: Stack) -> None:
    async with connected_pair(stack) as (alice, _):
        await alice.close()
        with pytest.raises(NegotiationError):
            await alice.restart_ice()


# -- media


async def test_each_slot_carries_its_own(stack: Stack) -> None:
    async with connected_pair(stack) as (alice, bob):
        for slot in Slot:
            await alice.send(slot, f"Ada {slot}")
            await bob.send(slot, f"Bob {slot}")

        await asyncio.gather(
            *(alice.shows(slot, f"Bob {slot}") for slot in Slot),
            *(bob.shows(slot, f"Ada {slot}") for slot in Slot),
        )


async def test_a_track_from_before_the_adoption_is_sent_after_it(stack: Stack) -> None:
    alice = await stack.connection(initiator=True)
    bob = await stack.connection(initiator=False)
    await alice.send(Slot.CAMERA, "Ada")
    await bob.send(Slot.MICROPHONE, "Bob")
    await bob.send(Slot.CAMERA, "Bob")

    await connect(alice, bob)

    await asyncio.gather(
        bob.shows(Slot.CAMERA, "Ada"),
        alice.shows(Slot.MICROPHONE, "Bob"),
        alice.shows(Slot.CAMERA, "Bob"),
    )


async def test_a_track_taken_back_before_the_adoption_is_not_sent(
    stack: Stack,
) -> None:
    alice = await stack.connection(initiator=True)
    bob = await stack.connection(initiator=False)
    await bob.send(Slot.CAMERA, "Bob")
    await bob.send(Slot.CAMERA, None)
    await bob.send(Slot.SCREEN, "Other")
    await bob.send(Slot.SCREEN, "Bob")

    await connect(alice, bob)

    await alice.shows(Slot.SCREEN, "Bob")
    assert await alice.frames(Slot.CAMERA) == 0


@pytest.mark.parametrize(
    ("muted", "witness"),
    [(Slot.CAMERA, Slot.SCREEN), (Slot.MICROPHONE, Slot.SCREEN_AUDIO)],
)
async def test_nothing_comes_while_muted_and_all_again_after(
    stack: Stack, muted: Slot, witness: Slot
) -> None:
    async with connected_pair(stack) as (alice, bob):
        await alice.send(witness, "Other")
        await alice.send(muted, "Ada")
        await bob.shows(muted, "Ada")

        await alice.send(muted, None)
        await stops(bob, muted, witness)

        await alice.send(muted, "Ada")
        await bob.shows(muted, "Ada")


async def stops(end: End, slot: Slot, witness: Slot) -> None:
    """Wait until nothing comes in a slot while all goes on in another."""
    async with asyncio.timeout(PATIENCE):
        before = -1  # what was under way still comes
        while (frames := await end.frames(slot)) != before:
            before = frames
            await end.shows(witness, "Other")


async def test_another_track_takes_over(stack: Stack) -> None:
    async with connected_pair(stack) as (alice, bob):
        await alice.send(Slot.CAMERA, "Ada")
        await bob.shows(Slot.CAMERA, "Ada")

        await alice.send(Slot.CAMERA, "Grace")
        await bob.shows(Slot.CAMERA, "Grace")


async def test_a_picture_takes_the_shape_that_is_asked_for(stack: Stack) -> None:
    async with connected_pair(stack) as (alice, bob):
        before = needs(alice.events)
        await alice.send(Slot.CAMERA, "Ada")
        await alice.send(Slot.MICROPHONE, "Other")
        await alice.shape(Slot.CAMERA, Encoding())
        await comes(bob, lambda stats: stats.height > 90)

        await alice.shape(Slot.CAMERA, CAMERA[0])
        await comes(bob, lambda stats: 0 < stats.height <= 90)
        await alice.shape(Slot.CAMERA, NOTHING)
        await stops(bob, Slot.CAMERA, Slot.MICROPHONE)
        await alice.shape(Slot.CAMERA, Encoding())
        await comes(bob, lambda stats: stats.height > 90)

        assert needs(alice.events) == before


async def comes(end: End, what: Callable[[LinkStats], bool]) -> None:
    """Wait until pictures come that are like this."""
    async with asyncio.timeout(PATIENCE):
        while not what(await end.get_stats()):
            await end.shows(Slot.CAMERA, "Ada")


async def test_replacing_a_track_does_not_renegotiate(stack: Stack) -> None:
    async with connected_pair(stack) as (alice, bob):
        before = needs(alice.events)

        await alice.send(Slot.CAMERA, "Ada")
        await bob.shows(Slot.CAMERA, "Ada")
        await alice.send(Slot.CAMERA, None)
        await bob.send(Slot.CAMERA, "Bob")
        await alice.shows(Slot.CAMERA, "Bob")

        assert needs(alice.events) == before
        assert needs(bob.events) == 0
        assert await alice.signaling_state() == "stable"


async def test_a_voice_is_heard_as_loud_as_it_is(stack: Stack) -> None:
    async with connected_pair(stack) as (alice, bob):
        silence = await bob.audio_level(Slot.MICROPHONE)
        await alice.send(Slot.MICROPHONE, "Ada")
        await bob.shows(Slot.MICROPHONE, "Ada")

        assert silence == 0.0
        assert 0.03 < await bob.audio_level(Slot.MICROPHONE) <= 1.0
        assert await bob.audio_level(Slot.SCREEN_AUDIO) == 0.0


async def test_sound_is_counted_apart(stack: Stack) -> None:
    async with connected_pair(stack) as (alice, bob):
        await alice.send(Slot.MICROPHONE, "Ada")
        await bob.shows(Slot.MICROPHONE, "Ada")
        stats = await bob.get_stats()
        assert 0 < stats.audio_received == stats.packets_received


async def test_the_totals_of_what_came_grow(stack: Stack) -> None:
    async with connected_pair(stack) as (alice, bob):
        await alice.send(Slot.CAMERA, "Ada")
        await bob.shows(Slot.CAMERA, "Ada")
        first = await bob.get_stats()
        await bob.shows(Slot.CAMERA, "Ada")
        second = await bob.get_stats()

        assert 0 < first.packets_received < second.packets_received
        assert 0 < first.bytes_received < second.bytes_received
        assert FRAMES <= first.frames_decoded < second.frames_decoded
        assert first.timestamp < second.timestamp
        assert second.packets_lost == 0
        assert 0.0 <= second.jitter < 1.0
        assert (second.width, second.height) > (0, 0)
        assert (second.connection, second.transport) == ("direct", "udp")
        assert second.audio_received == second.audio_lost == 0
        assert 0.0 <= first.frozen <= second.frozen < 10.0
        if second.heard is not None:  # where the platform can tell
            assert first.heard is not None
            assert first.heard < second.heard
        before = await alice.get_stats()
        await bob.shows(Slot.CAMERA, "Ada")
        assert 0 < before.bytes_sent < (await alice.get_stats()).bytes_sent
        assert 0.0 <= second.round_trip_time < 1.0


# -- the end


async def test_a_closed_end_is_silent_and_the_other_learns_of_it(
    stack: Stack,
) -> None:
    async with connected_pair(stack) as (alice, bob):
        before = list(alice.events)
        await alice.close()
        await alice.close()
        await bob.until(lambda events: states(events)[-1] != "connected")

        assert states(bob.events)[-1] in ("disconnected", "failed")
        assert await alice.signaling_state() == "closed"
        assert alice.events == before


async def test_new_ice_servers_disturb_no_connection(stack: Stack) -> None:
    server = IceServer(("turn:127.0.0.1:9",), "1:room:ana", "secret")
    async with connected_pair(stack) as (alice, bob):
        before = needs(alice.events)
        await alice.use_ice_server(server)
        await bob.use_ice_server(server)
        await alice.send(Slot.CAMERA, "alice")
        await bob.shows(Slot.CAMERA, "alice")
        assert needs(alice.events) == before
        assert states(alice.events)[-1] == "connected"
        await alice.close()
        await alice.use_ice_server(server)


async def test_a_closed_end_refuses_everything(stack: Stack) -> None:
    async with connected_pair(stack) as (alice, _):
        await alice.close()

        await refuses_everything(alice)


async def refuses_everything(end: End) -> None:
    for refused in (
        end.set_local_description(),
        end.set_remote_description(Description("offer", "v=0")),
        end.add_ice_candidate(Candidate("")),
        end.send(Slot.CAMERA, "Ada"),
        end.get_stats(),
    ):
        with pytest.raises(NegotiationError):
            await refused


async def test_a_new_end_can_be_closed_at_once(stack: Stack) -> None:
    alice = await stack.connection(initiator=True)

    await alice.close()
    before = list(alice.events)

    await refuses_everything(alice)
    assert alice.events == before


async def test_an_end_can_be_closed_while_it_connects(stack: Stack) -> None:
    alice = await stack.connection(initiator=True)
    bob = await stack.connection(initiator=False)
    await negotiate(alice, bob)
    await trickle(alice, bob)
    await bob.until(lambda events: "connecting" in states(events))

    await bob.close()
    await alice.close()

    assert await bob.signaling_state() == "closed"


async def test_an_end_can_be_closed_while_it_describes(stack: Stack) -> None:
    alice = await stack.connection(initiator=True)
    describing = asyncio.ensure_future(alice.set_local_description())
    await asyncio.sleep(0)

    await alice.close()
    before = list(alice.events)

    with suppress(NegotiationError):  # unless it was quicker
        await describing
    assert alice.events == before
    assert await alice.signaling_state() == "closed"


@pytest.mark.parametrize("step", ["describe", "send", "measure"])
async def test_what_a_close_overtakes_is_refused(stack: Stack, step: str) -> None:
    alice = await stack.connection(initiator=True)

    with pytest.raises(NegotiationError):
        await alice.close_over(step)

    assert await alice.signaling_state() == "closed"


@pytest.mark.parametrize("step", ["describe", "send", "measure"])
async def test_a_connected_end_refuses_what_a_close_overtakes(
    stack: Stack, step: str
) -> None:
    async with connected_pair(stack) as (alice, _):
        with pytest.raises(NegotiationError):
            await alice.close_over(step)


async def test_who_describes_can_be_cancelled(stack: Stack) -> None:
    alice = await stack.connection(initiator=True)
    describing = asyncio.ensure_future(alice.set_local_description())
    await asyncio.sleep(0)

    describing.cancel()
    with suppress(asyncio.CancelledError):
        await describing
    await alice.close()

    assert await alice.signaling_state() == "closed"
