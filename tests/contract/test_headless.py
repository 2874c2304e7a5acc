"""What is so with aiortc alone."""

import asyncio
import re

import pytest
from av import AudioFrame

from client_py.core.errors import NegotiationError
from client_py.core.picture import Identity
from client_py.core.slot import Slot
from client_py.headless.media import HeadlessMedia
from client_py.headless.rtc import Connections
from client_py.headless.sink import samples
from client_py.headless.source import Drawing, Feed, Tone
from protocol.messages import Candidate, Description, IceServer, ParticipantId
from tests.contract.stack import (
    connect,
    headless_stack,
    negotiate,
    states,
    trickle,
)

BOB = ParticipantId("bob")
TIMES = "a=extmap:3 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
HIDDEN = "9f0c6d4e-7b53-4a0e-8a0d-6d1f4d1f7f4e.local"


def hide(sdp: str) -> str:
    """Return a description as a browser gives it that hides its addresses."""
    return re.sub(r"(?m)^(a=candidate:(?:\S+ ){4})\S+", rf"\g<1>{HIDDEN}", sdp)


async def test_an_offer_that_restarts_ice_can_not_be_taken() -> None:
    async with headless_stack() as stack:
        alice = await stack.connection(initiator=True)
        stranger = await stack.connection(initiator=True)
        bob = await stack.connection(initiator=False)
        await connect(alice, bob)

        with pytest.raises(NegotiationError):
            await bob.set_remote_description(await stranger.set_local_description())

        assert await bob.signaling_state() == "stable"
        await alice.send(Slot.CAMERA, "Ada")
        await bob.shows(Slot.CAMERA, "Ada")


async def test_who_hides_their_addresses_is_reached_by_their_own_checks() -> None:
    async with headless_stack() as stack:
        alice = await stack.connection(initiator=True)
        bob = await stack.connection(initiator=False)
        offer = await alice.set_local_description()

        await bob.set_remote_description(Description("offer", hide(offer.sdp)))
        line = f"candidate:1 1 udp 1 {HIDDEN} 9 typ host"
        await bob.add_ice_candidate(Candidate(line, "0"))
        await bob.add_ice_candidate(Candidate(""))
        await alice.set_remote_description(await bob.set_local_description())
        await trickle(bob, alice)

        await bob.until(lambda events: "connected" in states(events))
        assert "failed" not in states(bob.events)


async def test_nobody_is_asked_to_say_when_they_send() -> None:
    async with headless_stack() as stack:
        alice = await stack.connection(initiator=True)
        bob = await stack.connection(initiator=False)
        offer = await alice.set_local_description()
        asking = offer.sdp.replace("a=mid:", f"{TIMES}\r\na=mid:")  # as browsers do

        await bob.set_remote_description(Description("offer", asking))
        answer = await bob.set_local_description()

        assert "a=extmap:" in offer.sdp and "a=extmap:" in answer.sdp
        assert "abs-send-time" not in offer.sdp + answer.sdp


async def test_one_end_that_closes_leaves_the_source_to_the_others() -> None:
    async with headless_stack() as stack:
        camera = stack.source("video", "Ada")
        ends = []
        for _ in range(2):
            alice = await stack.connection(initiator=True)
            bob = await stack.connection(initiator=False)
            await connect(alice, bob)
            await alice.pc.replace_track(Slot.CAMERA, camera)
            await bob.shows(Slot.CAMERA, "Ada")
            ends.append((alice, bob))

        await ends[0][0].close()

        await ends[1][1].shows(Slot.CAMERA, "Ada")


async def test_servers_that_aiortc_can_not_use_are_left_out() -> None:
    connections = Connections()
    urls = ("stuns:example.org", "turn:", "nonsense", "turn:127.0.0.1:1?transport=sctp")
    pc = connections(
        initiator=True, ice_servers=(IceServer(urls),), emit=lambda event: None
    )

    pc.close()
    await connections.settle()


async def test_a_connection_closed_on_its_way_leaves_nothing() -> None:
    # So many milliseconds: gathered, checked, encrypted, first media.
    for moment in range(0, 60, 4):
        async with headless_stack() as stack:
            alice = await stack.connection(initiator=True)
            bob = await stack.connection(initiator=False)
            await negotiate(alice, bob)
            await asyncio.sleep(moment / 1000)
            await (alice if moment % 8 else bob).close()


async def test_a_feed_gives_way_to_what_is_new() -> None:
    camera, feed = Drawing("Ada", (320, 180)), Feed("video")
    feed.take_from(camera)
    for number in range(5):
        camera.draw(number, number * 6000)

    timestamps = [(await feed.recv()).pts for _ in range(2)]

    assert timestamps == [3 * 6000, 4 * 6000]


async def test_a_feed_forgets_the_track_before() -> None:
    camera, other, feed = (
        Drawing("Ada", (320, 180)),
        Drawing("Bob", (320, 180)),
        Feed("video"),
    )
    feed.take_from(camera)
    camera.draw(1, 1)
    feed.take_from(other)
    camera.draw(2, 2)
    other.draw(3, 3)

    assert (await feed.recv()).pts == 3
    assert camera.feeds == set()


async def test_a_tone_can_be_silent() -> None:
    tone, feed = Tone("Ada"), Feed("audio")
    feed.take_from(tone)
    loud = tone.level
    tone.sound(0, 0)
    tone.loudness = 0.0
    tone.sound(1, 960)

    frames = [await feed.recv() for _ in range(2)]

    blocks = [samples(frame) for frame in frames if isinstance(frame, AudioFrame)]
    assert [block.any() for block in blocks] == [True, False]
    assert loud > tone.level == 0.0


async def test_waiting_in_vain_says_what_came_instead() -> None:
    media = HeadlessMedia("Ada")

    with pytest.raises(TimeoutError, match="10 pictures of 'Bob' in camera: 0 frames"):
        await media.sees(BOB, "Bob", timeout=0.01)
    with pytest.raises(TimeoutError, match="of 'Bob' in microphone"):
        await media.hears(BOB, "Bob", timeout=0.01)
    await media.loses(BOB, Slot.CAMERA)


async def test_what_was_seen_is_kept_over_a_new_connection() -> None:
    async with headless_stack() as stack:
        media = HeadlessMedia("Ada")
        for _ in range(2):
            alice = await stack.connection(initiator=True)
            bob = await stack.connection(initiator=False)
            await connect(alice, bob)
            await bob.send(Slot.CAMERA, "Bob")
            await alice.seen.close()  # one consumer takes the frames of a track
            media.play(BOB, Slot.CAMERA, alice.tracks[Slot.CAMERA])
            await media.sees(BOB, "Bob")
            media.stop_playing(BOB)

        sink = media.sinks[BOB, Slot.CAMERA]
        assert sink.pictures["Bob"] >= 20
        assert isinstance(sink.seen, Identity)
        await media.close()
