"""Whole calls over fakes: a hub in memory, connections and devices that obey."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager

import pytest

from client_py.core import event as e
from client_py.core.backoff import ATTEMPT
from client_py.core.conference import Conference
from client_py.core.ports import CaptureRequest, LinkStats, Platform
from client_py.core.slot import Slot
from client_py.core.state import (
    CaptureQuality,
    Connection,
    Device,
    MediaProblem,
    NoticeKind,
    Phase,
    Problem,
    Quality,
    Snapshot,
    SourceState,
)
from client_py.core.wake import Sign
from protocol import messages as m
from protocol.codec import to_plain
from protocol.codes import GRACE, LeaveReason
from protocol.links import Reach
from tests.contract.fakes import FakeMedia, FakeNetwork, FakePeerConnection, FakeTrack
from tests.unit.clock import timeless
from tests.unit.hub import Hub
from tests.unit.people import OFFER
from tests.unit.person import CONNECTED, Person, others_running, turns

MIC, CAM, SCREEN, AUDIO = Slot


@asynccontextmanager
async def people(
    *names: str, network: FakeNetwork | None = None
) -> AsyncIterator[tuple[Hub, list[Person]]]:
    """Yield people before the door of one room, in that order."""
    hub, network = Hub(), network or FakeNetwork()
    made = [Person(name, hub.line(), network) for name in names]
    await turns(1)
    try:
        yield hub, made
    finally:
        for person in made:
            await person.stop()
    assert others_running() == set()


@asynccontextmanager
async def call(
    *names: str, network: FakeNetwork | None = None
) -> AsyncIterator[tuple[Hub, list[Person]]]:
    """Yield people who are connected, each to each."""
    async with people(*names, network=network) as (hub, made):
        for number, person in enumerate(made):
            person.join()
            await person.until_connected(number)
        for person in made:
            await person.until_connected(len(made) - 1)
        yield hub, made


# -- a whole call


@timeless
async def test_three_people_are_connected_each_to_each() -> None:
    async with people("ann", "ben", "cat") as (_, persons):
        for person in persons:
            person.join()
        for person in persons:
            await person.until_connected(2)
        for person in persons:
            assert len(person.connections) == 2
            assert {each.name for each in person.snapshot.participants} == {
                "ann",
                "ben",
                "cat",
            }
            assert person.phases == [Phase.LOBBY, Phase.JOINING, Phase.JOINED]


@timeless
async def test_what_one_sends_reaches_all_others() -> None:
    network = FakeNetwork()
    async with call("ann", "ben", "cat", network=network) as (_, (ann, ben, cat)):
        ann.post(e.TurnOn(MIC), e.TurnOn(CAM))
        for other in (ben, cat):
            await other.until_camera("ann")
            assert other.sees("ann").media == m.MediaState(microphone=True, camera=True)
        await turns()
        assert [set(each.sending) for each in ann.connections] == [{MIC, CAM}] * 2
        ann.post(e.TurnOff(MIC), e.TurnOff(CAM))
        await ben.until(lambda _: not ben.sees("ann").media.camera)
        await turns()
        assert [each.sending for each in ann.connections] == [{}, {}]
        assert list(ann.media.open) == [MIC]  # muted: open, but sent to nobody


@timeless
async def test_newcomer_gets_what_is_on_already() -> None:
    async with people("ann", "ben") as (_, (ann, ben)):
        ann.join()
        ann.post(e.TurnOn(CAM))
        await ann.until(lambda now: now.camera.state is SourceState.LIVE)
        ben.join()
        await ben.until_connected(1)
        assert ben.sees("ann").media == m.MediaState(camera=True)
        assert [set(each.sending) for each in ann.connections] == [{CAM}]
        assert ben.media.playing.keys() == {(ann.id, slot) for slot in Slot}


@timeless
async def test_camera_that_comes_on_while_joining_is_seen() -> None:
    async with call("ben") as (hub, (ben,)):
        ann = Person("ann", hub.line(), FakeNetwork())
        await turns(1)
        ann.media.hold(CAM)
        ann.post(e.EnterLobby("room"), e.TurnOn(CAM), e.Join("ann"))
        while "connect" not in ann.line.asked:
            await turns(1)
        ann.media.release(CAM)
        await ben.until(lambda now: len(now.participants) == 2)
        await ben.until_camera("ann")
        await ann.stop()


@timeless
async def test_people_chat_react_and_raise_hands() -> None:
    async with call("ann", "ben") as (_, (ann, ben)):
        ann.post(e.Say("hola"), e.ShowReaction("👍"), e.RaiseHand(True))
        await ben.until(lambda _: ben.sees("ann").hand)
        for person in (ann, ben):
            await person.until(lambda now: now.reactions)
            assert [each.text for each in person.snapshot.chat] == ["hola"]
            assert [each.emoji for each in person.snapshot.reactions] == ["👍"]


@timeless
async def test_share_is_seen_and_heard() -> None:
    async with call("ann", "ben") as (_, (ann, ben)):
        ann.media.screen_has_audio = True
        ann.post(e.TurnOn(SCREEN))
        await ben.until(lambda _: ben.sees("ann").media.screen_audio)
        await turns()
        assert [set(each.sending) for each in ann.connections] == [{SCREEN, AUDIO}]
        ann.media.end(SCREEN)
        await ben.until(lambda _: not ben.sees("ann").media.screen)
        await turns()
        assert [each.sending for each in ann.connections] == [{}]
        assert ann.media.open == {}


# -- leaving


@timeless
async def test_leaving_leaves_no_link_no_track_and_no_task() -> None:
    async with call("ann", "ben", "cat") as (hub, (ann, ben, cat)):
        before = others_running()
        ann.post(e.TurnOn(MIC), e.TurnOn(CAM))
        await ann.until(lambda now: now.camera.state is SourceState.LIVE)
        ann.post(e.Leave())
        assert ann.connections == []
        assert (ann.media.open, ann.media.playing) == ({}, {})
        for other in (ben, cat):
            await other.until_connected(1)
            assert len(other.connections) == 1
            assert len({who for who, _ in other.media.playing}) == 1
        await turns()
        # Hers: two links and a heartbeat. Theirs: one link each.
        assert len(before) - len(others_running()) == 5
        assert len(hub.seats) == 2


@timeless
async def test_link_that_fails_as_somebody_leaves_leaves_no_task() -> None:
    async with call("ann", "ben", "cat") as (_, (ann, ben, cat)):
        before = others_running()
        for other in (ben, cat):
            between(other, ann)[0].change_connection("failed")
        ann.post(e.Leave())
        for other in (ben, cat):
            await other.until_connected(1)
        await turns()
        # Hers: two links and a heartbeat. Theirs: one link each, and no timer.
        assert len(before) - len(others_running()) == 5


@timeless
async def test_rejoining_is_a_call_like_the_first() -> None:
    async with call("ann", "ben") as (_, (ann, ben)):
        ann.post(e.TurnOn(CAM))
        await ben.until_camera("ann")
        tasks = len(others_running())
        for _ in range(5):
            ann.post(e.Leave())
            await ben.until(lambda now: len(now.participants) == 1)
            ann.post(e.Join("ann"))
            await ann.until_connected(1)
            await ben.until_connected(1)
            await ben.until_camera("ann")
            assert [len(each.connections) for each in (ann, ben)] == [1, 1]
            assert len({who for who, _ in ben.media.playing}) == 1
            assert len(others_running()) == tasks


@timeless
async def test_leaving_while_coming_in_says_no_hello() -> None:
    async with people("ann") as (hub, (ann,)):
        ann.join()
        ann.post(e.Leave())
        await turns()
        assert (ann.snapshot.phase, hub.seats) == (Phase.LOBBY, {})


@timeless
async def test_who_is_cancelled_in_the_lobby_closes_the_preview() -> None:
    async with people("ann") as (_, (ann,)):
        ann.media.hold(MIC)
        ann.post(e.EnterLobby("room"), e.TurnOn(CAM), e.TurnOn(MIC))
        await ann.until(lambda now: now.camera.state is SourceState.LIVE)
        held = ann.media.held[MIC]
        await ann.stop()
        held.set()
        await turns()
        assert ann.media.open == {}


@timeless
async def test_who_is_cancelled_in_a_call_leaves_it() -> None:
    async with call("ann", "ben") as (_, (ann, ben)):
        ann.post(e.TurnOn(CAM))
        await ann.until(lambda now: now.camera.state is SourceState.LIVE)
        await ann.stop()
        await ben.until(lambda now: len(now.participants) == 1)
        assert [each.kind for each in ben.snapshot.notices][-1:] == [NoticeKind.LEFT]
        assert (ann.connections, ann.media.open) == ([], {})


@timeless
async def test_newcomer_who_leaves_in_the_same_turn_leaves_no_connection() -> None:
    async with call("ann") as (_, (ann,)):
        ben = m.ParticipantInfo(m.ParticipantId("ben"), "ben")
        ann.post(
            e.Heard(m.ParticipantJoined(ben)),
            e.Heard(m.ParticipantLeft(ben.id, LeaveReason.LEFT)),
        )
        assert ann.connections == []
        await turns()
        assert ann.media.playing == {}


@timeless
async def test_server_can_remove_somebody() -> None:
    async with call("ann", "ben") as (hub, (ann, ben)):
        hub.remove(ann.id, LeaveReason.REMOVED, tell=True)
        await ann.until(lambda now: now.problem is Problem.REMOVED)
        await ben.until(lambda now: len(now.participants) == 1)
        assert (ann.snapshot.phase, ann.connections) == (Phase.LEFT, [])


# -- devices


@timeless
async def test_gesture_reaches_the_platform_in_the_same_turn() -> None:
    async with people("ann") as (_, (ann,)):
        ann.post(e.TurnOn(SCREEN))
        assert ann.media.requests == [CaptureRequest(SCREEN)]


@timeless
async def test_gesture_reaches_the_platform_from_within_a_snapshot() -> None:
    async with people("ann") as (_, (ann,)):
        requests: list[list[CaptureRequest]] = []
        platform = Platform(ann.line, ann.media, FakeNetwork(), "test")

        def publish(snapshot: Snapshot) -> None:
            if snapshot.room and not requests:
                requests.append(ann.media.requests)
                conference.post(e.TurnOn(CAM))

        conference = Conference(platform, publish)
        conference.post(e.EnterLobby("room"))
        assert requests == [[CaptureRequest(CAM)]]
        assert conference.snapshot.camera.state is SourceState.STARTING
        conference.post(e.TurnOff(CAM))
        await turns()


@timeless
async def test_of_two_quick_starts_the_older_one_is_ignored() -> None:
    async with call("ann", "ben") as (_, (ann, _)):
        ann.media.hold(CAM)
        ann.post(e.TurnOn(CAM), e.ChooseDevice(CAM, "usb"))
        ann.media.release(CAM)
        await ann.until(lambda now: now.camera.state is SourceState.LIVE)
        await turns()
        assert [each.device for each in ann.media.requests] == ["", "usb"]
        (connection,) = ann.connections
        assert connection.sending == {CAM: ann.media.open[CAM]}
        states = [each.camera.state for each in ann.trail]
        assert states.count(SourceState.LIVE) == len(states) - states.index(
            SourceState.LIVE
        )


class SlowMedia(FakeMedia):
    """A platform whose starts end when the test says so, whatever came since."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[asyncio.Future[Mapping[Slot, FakeTrack]]] = []

    def start(self, request: CaptureRequest) -> Awaitable[Mapping[Slot, FakeTrack]]:
        self.asked.append(asyncio.get_running_loop().create_future())
        return asyncio.shield(self.asked[-1])


@timeless
async def test_older_start_is_ignored_when_it_ends_last(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with call("ann") as (hub, (ann,)):
        media = SlowMedia()
        ben = Person("ben", hub.line(), FakeNetwork(), media)
        ben.join()
        await ben.until(lambda now: now.phase is Phase.JOINED)
        ben.post(e.TurnOn(CAM), e.ChooseDevice(CAM, "usb"))
        old, new = FakeTrack("video", "old"), FakeTrack("video", "new")
        for number, track in ((1, new), (0, old)):
            await turns()
            media.asked[number].set_result({CAM: track})
        await turns()
        assert [each.sending for each in ben.connections] == [{CAM: new}]
        assert caplog.records == []
        await ben.stop()


@timeless
async def test_start_that_fails_late_does_not_spoil_the_next() -> None:
    async with people("ann") as (_, (ann,)):
        ann.media.hold(CAM)
        ann.media.refuse[CAM] = MediaProblem.IN_USE
        ann.post(e.TurnOn(CAM), e.TurnOff(CAM))
        ann.media.release(CAM)
        del ann.media.refuse[CAM]
        ann.post(e.TurnOn(CAM))
        await ann.until(lambda now: now.camera.state is SourceState.LIVE)
        assert ann.snapshot.notices == ()


@timeless
async def test_source_that_is_turned_off_while_it_opens_stays_closed() -> None:
    async with people("ann") as (_, (ann,)):
        ann.media.hold(CAM)
        ann.post(e.TurnOn(CAM), e.TurnOff(CAM))
        ann.media.release(CAM)
        await turns()
        assert (ann.media.open, ann.snapshot.camera.state) == ({}, SourceState.OFF)


@timeless
async def test_other_device_is_sent_in_the_place_of_the_first() -> None:
    async with call("ann", "ben") as (_, (ann, _)):
        ann.post(e.TurnOn(CAM))
        await ann.until(lambda now: now.camera.state is SourceState.LIVE)
        first = ann.media.open[CAM]
        ann.post(e.ChooseDevice(CAM, "usb"))
        await turns()
        second = ann.media.open[CAM]
        assert second is not first
        assert [each.sending for each in ann.connections] == [{CAM: second}]


@timeless
async def test_other_device_that_fails_leaves_the_first() -> None:
    async with call("ann", "ben") as (_, (ann, _)):
        ann.post(e.TurnOn(CAM))
        await ann.until(lambda now: now.camera.state is SourceState.LIVE)
        first = ann.media.open[CAM]
        ann.media.refuse[CAM] = MediaProblem.IN_USE
        ann.post(e.ChooseDevice(CAM, "usb"))
        await ann.until(lambda now: now.notices[-1:] and now.notices[-1].detail)
        assert [each.sending for each in ann.connections] == [{CAM: first}]
        assert ann.snapshot.camera.state is SourceState.LIVE


@timeless
async def test_device_that_is_pulled_out_is_replaced() -> None:
    async with call("ann", "ben") as (_, (ann, ben)):
        ann.post(e.ChooseDevice(CAM, "usb"), e.TurnOn(CAM))
        await ben.until_camera("ann")
        ann.media.end(CAM)
        assert ann.snapshot.camera.state is SourceState.STARTING
        await ann.until(lambda now: now.camera.state is SourceState.LIVE)
        await turns()
        assert [each.device for each in ann.media.requests] == ["usb", ""]
        assert [each.sending for each in ann.connections] == [ann.media.open]


@timeless
async def test_device_that_is_back_is_sent_in_the_place_of_the_next_best() -> None:
    async with call("ann", "ben") as (_, (ann, ben)):
        usb = Device("usb", "videoinput", "USB")
        ann.post(e.ChooseDevice(CAM, "usb"), e.TurnOn(CAM))
        await ben.until_camera("ann")
        ann.media.end(CAM)
        await ann.until(lambda now: now.camera.state is SourceState.LIVE)
        ann.media.plug(Device("built-in", "videoinput", "Built-in"))
        ann.media.plug(Device("built-in", "videoinput", "Built-in"), usb)
        await turns()
        assert [each.device for each in ann.media.requests] == ["usb", "", "usb"]
        assert [each.sending for each in ann.connections] == [ann.media.open]
        assert [each.kind for each in ann.snapshot.notices][-2:] == [
            NoticeKind.DEVICE_ENDED,
            NoticeKind.DEVICE_BACK,
        ]


@timeless
async def test_camera_that_is_held_for_long_is_told_and_goes_on_to_be_sent() -> None:
    async with call("ann", "ben") as (_, (ann, _)):
        ann.post(e.TurnOn(CAM))
        await ann.until(lambda now: now.camera.state is SourceState.LIVE)
        ann.media.interrupt(CAM)
        await ann.until(lambda now: now.camera.state is SourceState.SILENT)
        assert [each.sending for each in ann.connections] == [ann.media.open]
        ann.media.resume(CAM)
        assert ann.snapshot.camera.state is SourceState.LIVE


@timeless
async def test_silent_microphone_is_noticed_before_anybody_is_there() -> None:
    async with people("ann") as (_, (ann,)):
        ann.media.loudness = 0.0
        ann.post(e.TurnOn(MIC))
        await ann.until(lambda now: now.microphone.state is SourceState.SILENT)
        ann.media.loudness = 0.001
        await ann.until(lambda now: now.microphone.state is SourceState.LIVE)


@timeless
async def test_unmuting_sends_the_device_that_was_chosen_while_muted() -> None:
    async with call("ann", "ben") as (_, (ann, _)):
        ann.post(e.TurnOn(MIC))
        await ann.until(lambda now: now.microphone.state is SourceState.LIVE)
        ann.post(e.TurnOff(MIC), e.ChooseDevice(MIC, "usb"))
        await turns()
        assert [each.sending for each in ann.connections] == [{}]
        ann.post(e.TurnOn(MIC))
        await turns()
        assert [each.sending for each in ann.connections] == [
            {MIC: ann.media.open[MIC]}
        ]


@timeless
async def test_outputs_devices_and_playback_are_passed_on() -> None:
    async with people("ann") as (_, (ann,)):
        usb = Device("usb", "audiooutput", "USB")
        ann.media.plug(usb)
        ann.media.tell(e.PlaybackBlocked(True))
        assert ann.snapshot.devices == (usb,)
        assert ann.snapshot.playback_blocked
        ann.post(e.ChooseOutput("usb"), e.AllowPlayback())
        assert (ann.media.output, ann.media.resumed) == ("usb", 1)
        assert not ann.snapshot.playback_blocked
        ann.post(e.PickOutput())
        assert ann.media.output == "picked"
        ann.post(e.ChooseQuality(CaptureQuality.LOW), e.TurnOn(CAM))
        assert ann.media.requests == [CaptureRequest(CAM, "", CaptureQuality.LOW)]


# -- the server


@timeless
async def test_room_is_made_and_entered() -> None:
    async with people("ann") as (_, (ann,)):
        ann.post(e.CreateRoom())
        await ann.until(lambda now: now.room == "made")
        assert ann.line.asked == ["create_room"]
        ann.line.refuse.append(Problem.SERVER_UNREACHABLE)
        ann.post(e.CreateRoom())
        await ann.until(lambda now: now.notices)
        assert ann.snapshot.notices[0].detail == Problem.SERVER_UNREACHABLE


@timeless
async def test_server_that_comes_back_lets_people_in() -> None:
    async with people("ann") as (_, (ann,)):
        ann.line.refuse += [Problem.SERVER_UNREACHABLE] * 6
        ann.join()
        await ann.until(lambda now: now.phase is Phase.JOINED)
        assert ann.phases == [Phase.LOBBY, Phase.JOINING, Phase.FAILED, Phase.JOINED]
        assert len(ann.line.asked) == 6 + 2


@timeless
@pytest.mark.parametrize("swallowed", [1, 2])
async def test_server_that_never_answers_is_asked_again(swallowed: int) -> None:
    async with call("ann") as (_, (ann,)):
        loop = asyncio.get_running_loop()
        began = loop.time()
        ann.line.swallow = swallowed
        ann.line.drop()
        await ann.until(lambda now: now.phase is Phase.JOINED)
        assert swallowed * ATTEMPT <= loop.time() - began < swallowed * ATTEMPT + 1


@timeless
async def test_try_that_is_stuck_ends_with_another_network() -> None:
    async with call("ann") as (_, (ann,)):
        loop = asyncio.get_running_loop()
        began = loop.time()
        ann.line.swallow = 1
        ann.line.drop()
        await asyncio.sleep(1)
        assert ann.line.wake is not None
        ann.line.wake(Sign.NETWORK)
        await ann.until(lambda now: now.phase is Phase.JOINED)
        assert loop.time() - began == 1


@timeless
async def test_room_that_is_full_is_told() -> None:
    async with people("ann") as (_, (ann,)):
        ann.line.refuse.append(Problem.ROOM_FULL)
        ann.join()
        await ann.until(lambda now: now.problem is Problem.ROOM_FULL)
        assert ann.phases == [Phase.LOBBY, Phase.JOINING, Phase.FAILED]


@timeless
async def test_cut_socket_is_resumed_and_links_hold() -> None:
    async with call("ann", "ben") as (_, (ann, ben)):
        links = ann.connections
        ann.line.drop()
        assert ann.snapshot.phase is Phase.RECONNECTING
        await ben.until(lambda _: ben.sees("ann").connection is Connection.RECONNECTING)
        await ann.until(lambda now: now.phase is Phase.JOINED)
        await ben.until_connected(1)
        assert ann.connections == links
        assert ann.line.asked == ["admit room", "connect"] * 2
        assert ben.snapshot.notices == ()  # nobody left, nobody came


@timeless
async def test_a_connection_that_never_lasts_is_tried_after_longer_and_longer() -> None:
    async with call("ann") as (_, (ann,)):
        loop = asyncio.get_running_loop()

        async def comes_back() -> float:
            began = loop.time()
            ann.line.drop()
            await ann.until(lambda now: now.phase is Phase.JOINED)
            return loop.time() - began

        await asyncio.sleep(4)
        assert await comes_back() == 0.0
        assert sum([await comes_back() for _ in range(12)]) > 3.0
        await asyncio.sleep(4)
        assert await comes_back() == 0.0


@timeless
async def test_what_happens_during_a_cut_arrives_afterwards() -> None:
    async with call("ann", "ben") as (_, (ann, ben)):
        ann.line.refuse.append(Problem.SERVER_UNREACHABLE)
        ann.line.drop()
        ann.post(e.Say("still here"), e.TurnOn(CAM), e.RaiseHand(True))
        ben.post(e.Say("where are you"), e.RaiseHand(True))
        await ann.until(lambda now: now.phase is Phase.JOINED)
        await ben.until(lambda _: ben.sees("ann").hand)
        await ann.until(lambda now: len(now.chat) == 2)
        assert ben.sees("ann").media.camera
        assert ann.sees("ben").hand
        for person in (ann, ben):
            assert sorted(each.text for each in person.snapshot.chat) == [
                "still here",
                "where are you",
            ]


@timeless
async def test_who_comes_during_a_cut_is_met_afterwards() -> None:
    async with people("ann", "ben") as (_, (ann, ben)):
        ann.join()
        await ann.until(lambda now: now.phase is Phase.JOINED)
        ann.line.refuse += [Problem.SERVER_UNREACHABLE] * 4
        ann.line.drop()
        ben.join()
        await ben.until(lambda now: len(now.participants) == 2)
        await ben.until_connected(1)
        await ann.until_connected(1)


@timeless
async def test_who_was_given_up_comes_back_as_somebody_new() -> None:
    async with call("ann", "ben") as (hub, (ann, ben)):
        before = ann.id
        ann.line.refuse += [Problem.SERVER_UNREACHABLE] * 4
        ann.line.drop()
        hub.remove(before, LeaveReason.LOST)
        await ben.until(lambda now: len(now.participants) == 1)
        await ann.until(lambda now: now.phase is Phase.JOINED)
        await ben.until_connected(1)
        await ann.until_connected(1)
        assert ann.id != before
        assert [len(each.connections) for each in (ann, ben)] == [1, 1]


@timeless
async def test_socket_that_is_open_but_dead_is_noticed() -> None:
    async with call("ann", "ben") as (_, (ann, _)):
        loop = asyncio.get_running_loop()
        began = loop.time()
        ann.line.deaf = True
        await ann.until(lambda now: now.phase is Phase.RECONNECTING)
        assert loop.time() - began <= 15.0
        await ann.until(lambda now: now.phase is Phase.JOINED)


@timeless
async def test_dead_socket_is_noticed_at_once_on_waking() -> None:
    async with call("ann", "ben") as (_, (ann, _)):
        began = asyncio.get_running_loop().time()
        ann.line.deaf = True
        assert ann.line.wake is not None
        ann.line.wake(Sign.AWAKE)
        await ann.until(lambda now: now.phase is Phase.RECONNECTING)
        assert asyncio.get_running_loop().time() - began <= 2.0
        await ann.until(lambda now: now.phase is Phase.JOINED)


@timeless
async def test_server_that_is_back_is_found_at_once_on_waking() -> None:
    async with call("ann", "ben") as (_, (ann, _)):
        loop = asyncio.get_running_loop()
        ann.line.refuse += [Problem.SERVER_UNREACHABLE] * 400
        ann.line.drop()
        await asyncio.sleep(60)  # by now the next try is far away
        ann.line.refuse.clear()
        began = loop.time()
        assert ann.line.wake is not None
        ann.line.wake(Sign.AWAKE)
        await ann.until(lambda now: now.phase is Phase.JOINED)
        assert loop.time() == began


@timeless
async def test_nobody_is_woken_after_the_end() -> None:
    async with people("ann") as (_, (ann,)):
        await ann.stop()
        assert ann.line.wake is None


@timeless
async def test_message_that_is_missing_brings_a_new_connection() -> None:
    async with call("ann", "ben") as (_, (ann, _)):
        links = ann.connections
        ann.line.say_text('{"seq":7,"type":"pong","id":0}')
        await ann.until(lambda now: now.phase is Phase.RECONNECTING)
        await ann.until(lambda now: now.phase is Phase.JOINED)
        assert ann.connections == links


@timeless
async def test_message_that_comes_again_is_heard_once() -> None:
    async with call("ann", "ben") as (_, (ann, ben)):
        for number in (1, 1, 2, 1, 2):
            reacted = f'"type":"reacted","from":"{ben.id}","emoji":"x"'
            ann.line.say_text(f'{{"seq":{number},{reacted}}}')
        await turns()
        assert len(ann.snapshot.reactions) == 2


@timeless
async def test_whoever_only_listens_says_so_in_time() -> None:
    async with call("ann", "ben") as (hub, (ann, ben)):
        for number in range(1, 65):
            reacted = f'"type":"reacted","from":"{ben.id}","emoji":"x"'
            ann.line.say_text(f'{{"seq":{number},{reacted}}}')
        await turns()
        assert hub.acknowledged[ann.id] == 64


@timeless
async def test_socket_that_answers_is_left_alone() -> None:
    async with call("ann", "ben") as (_, (ann, ben)):
        asked = list(ann.line.asked)
        await asyncio.sleep(100)
        assert ann.line.asked == asked
        assert ann.snapshot.phase is Phase.JOINED


@timeless
async def test_words_that_are_no_message_are_dropped(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with call("ann") as (_, (ann,)):
        before = ann.snapshot
        for text in ("", "{}", "null", "[" * 10_000, '{"type": "pong"}', "x" * 70_000):
            ann.line.say_text(text)
        await turns()
        assert ann.snapshot == before
        assert len(caplog.records) == 6


# -- links


@timeless
async def test_link_that_stood_is_mended_as_it_is() -> None:
    for first in (0, 1):  # whoever notices first
        async with call("ann", "ben") as (_, (ann, ben)):
            person = (ann, ben)[first]
            before = ann.connections, ben.connections
            person.connections[0].change_connection("failed")
            await person.until(
                lambda now: now.participants[1].connection is Connection.RECONNECTING
            )
            await ann.until_connected(1)
            await ben.until_connected(1)
            assert (ann.connections, ben.connections) == before


@timeless
async def test_link_that_fails_while_it_is_mended_is_replaced() -> None:
    async with call("ann", "ben") as (_, (ann, ben)):
        for person in (ann, ben):  # whoever notices first
            (before,) = person.connections
            for state in ("failed", "connecting", "failed"):
                before.change_connection(state)
            await person.until(
                lambda now: now.participants[1].connection is Connection.RECONNECTING
            )
            await ann.until_connected(1)
            await ben.until_connected(1)
            assert before not in person.connections
            assert [len(each.connections) for each in (ann, ben)] == [1, 1]


@timeless
@pytest.mark.parametrize("seconds", [3, 8, 300])
async def test_link_that_fails_while_the_server_is_away_is_mended_after(
    seconds,
) -> None:
    async with call("ann", "ben") as (_, (ann, ben)):
        before = ann.connections, ben.connections
        for person in (ann, ben):
            person.line.refuse += [Problem.SERVER_UNREACHABLE] * 1000
            person.line.drop()
            for state in ("disconnected", "failed"):
                person.connections[0].change_connection(state)
        await asyncio.sleep(seconds)
        assert (ann.connections, ben.connections) == before
        for person in (ann, ben):
            person.line.refuse.clear()
        if seconds < GRACE:
            await ann.until_connected(1)
            await ben.until_connected(1)
            assert (ann.connections, ben.connections) == before
        else:  # by then they are somebody new, each to the other
            await ann.until(lambda now: now.phase is Phase.JOINED)
            await ben.until(lambda now: now.phase is Phase.JOINED)
            await ann.until_connected(1)
            await ben.until_connected(1)


@timeless
async def test_link_that_cannot_be_made_is_unreachable_and_retried_in_peace() -> None:
    network = FakeNetwork()
    async with people("ann", "ben", network=network) as (_, (ann, ben)):
        network.refuse += ["set_remote_description"] * 10
        ann.join()
        await ann.until(lambda now: now.phase is Phase.JOINED)
        loop = asyncio.get_running_loop()
        began = loop.time()
        ben.join()
        await ben.until(
            lambda now: (
                [each.connection for each in now.participants[1:]]
                == [Connection.UNREACHABLE]
            )
        )
        await ann.until_connected(1)
        await ben.until_connected(1)
        assert network.refuse == []
        assert loop.time() - began > 5.0  # no storm
        assert [len(each.connections) for each in (ann, ben)] == [1, 1]


@timeless
async def test_nonsense_of_a_peer_hurts_its_own_link_alone() -> None:
    async with call("ann", "ben", "cat") as (hub, (ann, ben, cat)):
        nonsense = m.Description("offer", "nonsense")
        seat = hub.seats[ann.id]
        assert seat.line is not None
        for body in ({}, {"type": "joined"}, to_plain(nonsense), to_plain(OFFER)):
            seat.line.say(m.Signaled(ben.id, 1, body))
        await ann.until(lambda _: ann.sees("ben").connection is Connection.RECONNECTING)
        assert ann.sees("cat").connection is CONNECTED
        await ann.until_connected(2)
        assert cat.sees("ann").connection is CONNECTED


@timeless
async def test_quality_of_a_link_is_shown() -> None:
    async with call("ann", "ben") as (_, (ann, _)):
        (connection,) = ann.connections
        connection.stats = LinkStats(1.0, packets_received=100)
        await asyncio.sleep(1.5)
        connection.stats = LinkStats(2.0, packets_received=100, packets_lost=100)
        await ann.until(lambda _: ann.sees("ben").quality is Quality.POOR)
        for second in range(60):
            connection.stats = LinkStats(
                3.0 + second, packets_received=1000 + second, packets_lost=100
            )
            await asyncio.sleep(1)
        assert ann.sees("ben").quality is Quality.EXCELLENT
        history = ann.conference.history(ann.sees("ben").id)
        assert history is not None
        assert history.latest == connection.stats


def broken(person: Person) -> list[set[str]]:
    """Return the pairs between which there is no line, as somebody sees it."""
    names = {each.id: each.name for each in person.snapshot.participants}
    return [
        {names[pair.one], names[pair.other]}
        for pair in person.snapshot.pairs
        if pair.broken
    ]


def between(ann: Person, ben: Person) -> tuple[FakePeerConnection, FakePeerConnection]:
    """Return both ends of the link of two people."""
    (found,) = [
        (one, other)
        for one in ann.connections
        for other in ben.connections
        if one.far_end is other
    ]
    return found


@timeless
async def test_everybody_knows_within_five_seconds_which_pair_has_no_line() -> None:
    """The browsers notice nothing: only nothing comes any more."""
    async with call("ann", "ben", "cat") as (hub, persons):
        ann, ben, cat = persons
        for person in persons:
            person.post(e.TurnOn(MIC))
        await ann.until_sound("ben")
        await ben.until_sound("ann")
        loop = asyncio.get_running_loop()
        ends = between(ann, ben)
        for end in ends:
            end.stats = LinkStats(1.0, heard=100)
        await asyncio.sleep(2)
        assert [broken(each) for each in persons] == [[], [], []]
        cut = loop.time()
        for person in persons:
            await person.until(lambda _, me=person: broken(me) == [{"ann", "ben"}])
        assert loop.time() - cut <= 5.0
        dan = Person("dan", hub.line(), cat.network)
        dan.join()
        await dan.until(lambda _: broken(dan) == [{"ann", "ben"}])
        for end in ends:
            end.stats = LinkStats(9.0, heard=200)
        for person in (*persons, dan):
            await person.until(lambda _, me=person: broken(me) == [])
        await dan.stop()


@timeless
async def test_pair_that_never_finds_a_way_is_named_too() -> None:
    network = FakeNetwork(candidates=0)
    async with people("ann", "ben", network=network) as (_, (ann, ben)):
        ann.join()
        await ann.until_connected(0)
        ben.join()
        await ben.until(lambda now: len(now.participants) == 2)
        assert broken(ben) == []
        began = asyncio.get_running_loop().time()
        for person in (ann, ben):
            await person.until(lambda _, me=person: broken(me) == [{"ann", "ben"}])
        assert asyncio.get_running_loop().time() - began <= 5.0
        assert ben.sees("ann").connection is Connection.CONNECTING


@timeless
async def test_links_are_told_of_again_after_a_cut() -> None:
    async with call("ann", "ben") as (hub, (ann, ben)):
        await asyncio.sleep(2)
        del hub.heard[:]
        await asyncio.sleep(5)
        assert hub.heard == []  # nothing new
        ann.line.drop()
        await ann.until(lambda now: now.phase is Phase.RECONNECTING)
        await ann.until(lambda now: now.phase is Phase.JOINED)
        await asyncio.sleep(2)
        report = m.ReportLinks((m.LinkReport(ben.id, Reach.CONNECTED),))
        assert [said for who, said in hub.heard if who == ann.id] == [
            m.SetHand(False),
            report,
        ]


@timeless
async def test_how_links_are_is_told_to_the_server_every_ten_seconds() -> None:
    async with call("ann", "ben") as (hub, (ann, ben)):
        (connection,) = ann.connections
        told: list[m.ReportStats] = []
        await asyncio.sleep(1)
        for turn in (1, 2):
            for second in range(10):
                at = turn * 10.0 + second
                connection.stats = LinkStats(at, bytes_received=int(at) * 1000)
                await asyncio.sleep(1)
            told = [
                said
                for who, said in hub.heard
                if who == ann.id and isinstance(said, m.ReportStats)
            ]
            assert len(told) == turn
        assert told[1].samples[0].peer == ben.id
        assert told[1].samples[0].down == 8000.0


@timeless
async def test_connection_that_refuses_to_be_measured_stops_no_other() -> None:
    network = FakeNetwork()
    async with call("ann", "ben", "cat", network=network) as (_, (ann, *_)):
        network.refuse += ["get_stats"] * 3
        await asyncio.sleep(10)
        assert network.refuse == []
        assert not ann.running.done()


@timeless
async def test_what_nobody_foresaw_costs_a_look_and_not_the_call(caplog) -> None:
    network = FakeNetwork()
    async with call("ann", "ben", network=network) as (_, (ann, ben)):
        for person in (ann, ben):
            person.post(e.TurnOn(MIC))
        await ann.until_sound("ben")
        await ben.until_sound("ann")
        network.surprise += ["get_stats", "audio_level"] * 3
        await asyncio.sleep(5)
        assert network.surprise == []
        (link,) = ann.connections
        link.levels[MIC] = 0.5
        link.stats = LinkStats(1.0, heard=1)
        await ann.until(lambda _: ann.sees("ben").speaking)
        await ann.until(lambda _: broken(ann) == [{"ann", "ben"}])
        assert {each.getMessage() for each in caplog.records} == {
            "= a look has failed",
            "= a link can't be measured",
        }


@timeless
async def test_link_that_fails_as_nobody_foresaw_is_mended(caplog) -> None:
    network = FakeNetwork()
    async with call("ann", "ben", network=network) as (_, (ann, ben)):
        network.surprise.append("replace_track")
        ann.post(e.TurnOn(MIC))
        await ann.until(lambda now: now.participants[1].connection is not CONNECTED)
        await ann.until_connected(1)
        await ben.until_connected(1)
        assert [each.name for each in caplog.records] == ["tertulia.peer"]


@timeless
async def test_connection_that_can_not_be_made_is_a_link_that_fails() -> None:
    network = FakeNetwork()
    async with people("ann", "ben", network=network) as (_, (ann, ben)):
        network.refuse += ["connect"] * 3
        ann.join()
        await ann.until(lambda now: now.phase is Phase.JOINED)
        ben.join()
        await ben.until(lambda now: now.phase is Phase.JOINED)
        await ann.until_connected(1)
        await ben.until_connected(1)
        assert network.refuse == []


@timeless
async def test_voices_are_measured() -> None:
    async with call("ann", "ben") as (_, (ann, ben)):
        for person in (ann, ben):
            person.post(e.TurnOn(MIC))
        await ann.until(lambda _: ann.sees("ben").media.microphone)
        ann.connections[0].levels[MIC] = 0.5
        await ann.until(lambda now: now.active_speaker == ben.id)
        assert ann.sees("ben").speaking
        ann.connections[0].levels[MIC] = 0.0
        ann.media.loudness = 0.5
        await ann.until(lambda now: now.active_speaker == ann.id)
        assert (ann.sees("ann").speaking, ann.sees("ben").speaking) == (True, False)


# -- what is left to chance


@timeless
async def test_failed_task_is_told_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with people("ann") as (_, (ann,)):

        async def admit(room: str, passcode: str) -> str:
            raise RuntimeError("a defect of the platform")

        ann.line.admit = admit  # type: ignore[method-assign]
        ann.join()
        await ann.until(lambda now: now.problem is Problem.INTERNAL)
        assert [each.levelno for each in caplog.records] == [logging.ERROR]


@timeless
async def test_snapshots_are_published_only_when_something_changed() -> None:
    async with call("ann", "ben") as (_, (ann, _)):
        shown = len(ann.trail)
        await asyncio.sleep(60)  # measures levels and links all the time
        assert len(ann.trail) == shown
        assert all(
            one != two for one, two in zip(ann.trail, ann.trail[1:], strict=False)
        )
