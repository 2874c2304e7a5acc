"""What every ``Media`` promises."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

import pytest

from client_py.core.errors import MediaError
from client_py.core.event import DevicesChanged, SourceEnded
from client_py.core.ports import CaptureRequest, Media, MediaEvent
from client_py.core.slot import Slot
from client_py.core.state import CaptureQuality, MediaProblem
from client_py.headless.media import HeadlessMedia
from protocol.messages import ParticipantId
from tests.contract.fakes import FakeMedia

BOB = ParticipantId("bob")
SOURCES = [Slot.MICROPHONE, Slot.CAMERA, Slot.SCREEN]


class Rig(Protocol):
    """An implementation and what a test can do to it."""

    media: Media

    def impossible(self, slot: Slot) -> CaptureRequest:
        """Return a request for a slot for which nothing is found."""

    def end(self, slot: Slot) -> None:
        """Let the source of a slot end by itself."""


class FakeRig:
    def __init__(self) -> None:
        self.media: Media
        self._fake = self.media = FakeMedia()
        self._fake.loudness = 0.2

    def impossible(self, slot: Slot) -> CaptureRequest:
        self._fake.refuse[slot] = MediaProblem.NOT_FOUND
        return CaptureRequest(slot, "gone")

    def end(self, slot: Slot) -> None:
        self._fake.end(slot)


class HeadlessRig:
    def __init__(self) -> None:
        self.media: Media
        self.headless = self.media = HeadlessMedia("Ada")

    def impossible(self, slot: Slot) -> CaptureRequest:
        return CaptureRequest(slot, "gone")

    def end(self, slot: Slot) -> None:
        self.headless.end(slot)


@asynccontextmanager
async def fake_rig() -> AsyncIterator[Rig]:
    yield FakeRig()


@asynccontextmanager
async def headless_rig() -> AsyncIterator[Rig]:
    rig = HeadlessRig()
    yield rig
    await rig.headless.close()


RIGS: dict[str, Callable[[], AbstractAsyncContextManager[Rig]]] = {
    "fake": fake_rig,
    "headless": headless_rig,
}


@pytest.fixture(params=RIGS)
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    async with RIGS[request.param]() as rig:
        yield rig


def ends(events: list[MediaEvent]) -> list[Slot]:
    return [each.slot for each in events if isinstance(each, SourceEnded)]


@pytest.mark.parametrize("slot", SOURCES)
async def test_a_source_brings_the_track_of_its_slot(rig: Rig, slot: Slot) -> None:
    tracks = await rig.media.start(CaptureRequest(slot))

    assert slot in tracks
    assert set(tracks) <= {slot, Slot.SCREEN_AUDIO}
    assert all(tracks[each].kind == each.kind for each in tracks)


@pytest.mark.parametrize("slot", SOURCES)
async def test_what_is_not_there_can_not_be_had(rig: Rig, slot: Slot) -> None:
    opening = rig.media.start(rig.impossible(slot))

    with pytest.raises(MediaError) as refusal:
        await opening

    assert refusal.value.problem is MediaProblem.NOT_FOUND


async def test_a_refusal_that_nobody_awaits_makes_no_noise(rig: Rig) -> None:
    rig.media.start(rig.impossible(Slot.CAMERA))
    rig.media.stop(Slot.CAMERA)


async def test_a_start_that_nobody_awaits_is_ended_by_a_stop(rig: Rig) -> None:
    rig.media.start(CaptureRequest(Slot.MICROPHONE))
    rig.media.stop(Slot.MICROPHONE)

    assert rig.media.level() == 0.0


async def test_another_quality_brings_another_track(rig: Rig) -> None:
    first = await rig.media.start(CaptureRequest(Slot.CAMERA))
    low = CaptureRequest(Slot.CAMERA, quality=CaptureQuality.LOW)

    second = await rig.media.start(low)

    assert first[Slot.CAMERA] is not second[Slot.CAMERA]


async def test_stopping_is_idempotent_and_silent(rig: Rig) -> None:
    events: list[MediaEvent] = []
    rig.media.watch(events.append)
    await rig.media.start(CaptureRequest(Slot.SCREEN))

    for slot in Slot:
        rig.media.stop(slot)
        rig.media.stop(slot)
        rig.end(slot)

    assert ends(events) == []


async def test_a_source_that_ends_is_told_once(rig: Rig) -> None:
    events: list[MediaEvent] = []
    rig.media.watch(events.append)
    await rig.media.start(CaptureRequest(Slot.CAMERA))

    rig.end(Slot.CAMERA)
    rig.end(Slot.CAMERA)

    assert ends(events) == [Slot.CAMERA]


async def test_a_source_that_ended_can_be_opened_again(rig: Rig) -> None:
    rig.media.watch(lambda event: None)
    await rig.media.start(CaptureRequest(Slot.CAMERA))
    rig.end(Slot.CAMERA)

    assert Slot.CAMERA in await rig.media.start(CaptureRequest(Slot.CAMERA))


async def test_the_level_is_that_of_the_open_microphone(rig: Rig) -> None:
    before = rig.media.level()
    await rig.media.start(CaptureRequest(Slot.MICROPHONE))
    during = rig.media.level()
    rig.media.stop(Slot.MICROPHONE)

    assert before == 0.0
    assert 0.03 < during <= 1.0
    assert rig.media.level() == 0.0


async def test_letting_go_is_idempotent(rig: Rig) -> None:
    rig.media.stop_playing(BOB)
    rig.media.stop_playing(BOB)
    rig.media.play_through("anywhere")


async def test_devices_have_an_id_a_kind_and_a_label() -> None:
    events: list[MediaEvent] = []
    HeadlessMedia("Ada").watch(events.append)

    assert [
        [device.kind for device in event.devices]
        for event in events
        if isinstance(event, DevicesChanged)
    ] == [["audioinput", "videoinput"]]


async def test_a_fake_start_hangs_until_it_is_released() -> None:
    media = FakeMedia()
    media.hold(Slot.CAMERA)
    opening = media.start(CaptureRequest(Slot.CAMERA))
    assert media.open == {}

    media.release(Slot.CAMERA)

    assert set(await opening) == {Slot.CAMERA}


async def test_a_fake_start_that_hangs_is_ended_by_a_stop() -> None:
    media = FakeMedia()
    media.hold(Slot.CAMERA)
    media.start(CaptureRequest(Slot.CAMERA))

    media.stop(Slot.CAMERA)
    media.release(Slot.CAMERA)
    await media.start(CaptureRequest(Slot.MICROPHONE))

    assert set(media.open) == {Slot.MICROPHONE}
