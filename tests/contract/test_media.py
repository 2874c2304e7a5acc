"""What every ``Media`` promises."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import astuple, dataclass
from typing import Protocol

import pytest

from client_py.core.errors import MediaError
from client_py.core.event import (
    DevicesChanged,
    SourceEnded,
    SourceInterrupted,
    SourceResumed,
)
from client_py.core.ports import CaptureRequest, MediaEvent
from client_py.core.slot import Slot
from client_py.core.state import CaptureQuality, MediaProblem
from client_py.headless.media import HeadlessMedia
from protocol.messages import ParticipantId
from tests.contract.browser_stack import FarPage, Thing
from tests.contract.fakes import FakeMedia
from tests.contract.stacks import Fixture

BOB = ParticipantId("bob")
Interruption = SourceInterrupted | SourceResumed
SOURCES = [Slot.MICROPHONE, Slot.CAMERA, Slot.SCREEN]


@dataclass(frozen=True)
class Opened:
    """A track: what it carries, and which one it is."""

    kind: str
    id: object


class Rig(Protocol):
    """An implementation, awaited, and what a test can do to it."""

    @property
    def events(self) -> list[MediaEvent]:
        """Everything told so far, once it is watched."""

    async def watch(self) -> None: ...
    async def start(self, request: CaptureRequest) -> Mapping[Slot, Opened]: ...
    async def stop(self, slot: Slot) -> None: ...
    async def level(self) -> float | None: ...
    async def stop_playing(self, participant: ParticipantId) -> None: ...
    async def play_through(self, device: str) -> None: ...

    async def start_and_stop(self, request: CaptureRequest) -> None:
        """Start, await nothing, and stop."""

    async def sound(self) -> None:
        """Wait until the open microphone is heard."""

    def impossible(self, slot: Slot) -> CaptureRequest:
        """Return a request for a slot for which nothing is found."""

    async def end(self, slot: Slot) -> None:
        """Let the source of a slot end by itself."""

    async def interrupt(self, slot: Slot) -> None:
        """Let the platform take what a source gives."""

    async def resume(self, slot: Slot) -> None:
        """Let the platform give it back."""


class _LocalRig:
    """An implementation in this process."""

    def __init__(self, media: FakeMedia | HeadlessMedia) -> None:
        self.events: list[MediaEvent] = []
        self._media = media

    async def watch(self) -> None:
        self._media.watch(self.events.append)

    async def start(self, request: CaptureRequest) -> Mapping[Slot, Opened]:
        opened = await self._media.start(request)
        return {slot: Opened(track.kind, track) for slot, track in opened.items()}

    async def stop(self, slot: Slot) -> None:
        self._media.stop(slot)

    async def level(self) -> float | None:
        return self._media.level()

    async def stop_playing(self, participant: ParticipantId) -> None:
        self._media.stop_playing(participant)

    async def play_through(self, device: str) -> None:
        self._media.play_through(device)

    async def start_and_stop(self, request: CaptureRequest) -> None:
        self._media.start(request)
        self._media.stop(request.slot)

    async def sound(self) -> None:
        """It is heard as soon as it is open."""

    def impossible(self, slot: Slot) -> CaptureRequest:
        return CaptureRequest(slot, "gone")

    async def end(self, slot: Slot) -> None:
        self._media.end(slot)

    async def interrupt(self, slot: Slot) -> None:
        self._media.interrupt(slot)

    async def resume(self, slot: Slot) -> None:
        self._media.resume(slot)


class FakeRig(_LocalRig):
    def __init__(self) -> None:
        self._fake = FakeMedia()
        self._fake.loudness = 0.2
        super().__init__(self._fake)

    def impossible(self, slot: Slot) -> CaptureRequest:
        self._fake.refuse[slot] = MediaProblem.NOT_FOUND
        return super().impossible(slot)


class BrowserRig:
    """The page's media over synthetic devices."""

    def __init__(self, thing: Thing) -> None:
        self._thing = thing
        self._ask = thing.ask

    @property
    def events(self) -> list[MediaEvent]:
        return self._thing.events

    async def watch(self) -> None:
        await self._ask("watch")

    async def start(self, request: CaptureRequest) -> Mapping[Slot, Opened]:
        opened = await self._ask("start", *astuple(request))
        return {Slot(slot): Opened(kind, id) for slot, kind, id in opened}

    async def stop(self, slot: Slot) -> None:
        await self._ask("stop", slot)

    async def level(self) -> float | None:
        level = await self._ask("level")
        return None if level is None else float(level)

    async def stop_playing(self, participant: ParticipantId) -> None:
        await self._ask("stop_playing", participant)

    async def play_through(self, device: str) -> None:
        await self._ask("play_through", device)

    async def start_and_stop(self, request: CaptureRequest) -> None:
        await self._ask("start_and_stop", *astuple(request))

    async def sound(self) -> None:
        await self._ask("sound")

    def impossible(self, slot: Slot) -> CaptureRequest:
        return CaptureRequest(slot, "gone")

    async def end(self, slot: Slot) -> None:
        await self._ask("dispatch", slot, "ended")

    async def interrupt(self, slot: Slot) -> None:
        await self._ask("dispatch", slot, "mute")

    async def resume(self, slot: Slot) -> None:
        await self._ask("dispatch", slot, "unmute")


@asynccontextmanager
async def fake_rig() -> AsyncIterator[Rig]:
    yield FakeRig()


@asynccontextmanager
async def headless_rig() -> AsyncIterator[Rig]:
    media = HeadlessMedia("Ada")
    yield _LocalRig(media)
    await media.close()


@asynccontextmanager
async def browser_rig(page: FarPage) -> AsyncIterator[Rig]:
    try:
        yield BrowserRig(await page.make("media"))
    finally:
        await page.settle()


RIGS: dict[str, Callable[[Fixture], AbstractAsyncContextManager[Rig]]] = {
    "fake": lambda fixture: fake_rig(),
    "headless": lambda fixture: headless_rig(),
    "browser": lambda fixture: browser_rig(fixture("far_page")),
}


@pytest.fixture(params=RIGS)
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    async with RIGS[request.param](request.getfixturevalue) as rig:
        yield rig


def ends(events: list[MediaEvent]) -> list[Slot]:
    return [each.slot for each in events if isinstance(each, SourceEnded)]


@pytest.mark.parametrize("slot", SOURCES)
async def test_a_source_brings_the_track_of_its_slot(rig: Rig, slot: Slot) -> None:
    tracks = await rig.start(CaptureRequest(slot))

    assert slot in tracks
    assert set(tracks) <= {slot, Slot.SCREEN_AUDIO}
    assert all(tracks[each].kind == each.kind for each in tracks)


@pytest.mark.parametrize("slot", SOURCES)
async def test_what_is_not_there_can_not_be_had(rig: Rig, slot: Slot) -> None:
    with pytest.raises(MediaError) as refusal:
        await rig.start(rig.impossible(slot))

    assert refusal.value.problem is MediaProblem.NOT_FOUND


async def test_a_refusal_that_nobody_awaits_makes_no_noise(rig: Rig) -> None:
    await rig.start_and_stop(rig.impossible(Slot.CAMERA))


async def test_a_refusal_leaves_what_is_open(rig: Rig) -> None:
    await rig.start(CaptureRequest(Slot.MICROPHONE))
    await rig.sound()

    with pytest.raises(MediaError):
        await rig.start(rig.impossible(Slot.MICROPHONE))

    assert (await rig.level() or 0.0) > 0.03


async def test_a_start_that_nobody_awaits_is_ended_by_a_stop(rig: Rig) -> None:
    await rig.start_and_stop(CaptureRequest(Slot.MICROPHONE))

    await rig.start(CaptureRequest(Slot.CAMERA))  # by now the microphone was opened
    assert await rig.level() == 0.0


async def test_another_quality_brings_another_track(rig: Rig) -> None:
    first = await rig.start(CaptureRequest(Slot.CAMERA))
    low = CaptureRequest(Slot.CAMERA, quality=CaptureQuality.LOW)

    second = await rig.start(low)

    assert first[Slot.CAMERA].id != second[Slot.CAMERA].id


async def test_stopping_is_idempotent_and_silent(rig: Rig) -> None:
    await rig.watch()
    await rig.start(CaptureRequest(Slot.SCREEN))

    for slot in Slot:
        await rig.stop(slot)
        await rig.stop(slot)
        await rig.end(slot)

    assert ends(rig.events) == []


async def test_a_source_that_ends_is_told_once(rig: Rig) -> None:
    await rig.watch()
    await rig.start(CaptureRequest(Slot.CAMERA))

    await rig.end(Slot.CAMERA)
    await rig.end(Slot.CAMERA)

    assert ends(rig.events) == [Slot.CAMERA]


async def test_a_source_that_ended_can_be_opened_again(rig: Rig) -> None:
    await rig.watch()
    await rig.start(CaptureRequest(Slot.CAMERA))
    await rig.end(Slot.CAMERA)

    assert Slot.CAMERA in await rig.start(CaptureRequest(Slot.CAMERA))


@pytest.mark.parametrize("slot", [Slot.MICROPHONE, Slot.CAMERA])
async def test_a_source_that_is_interrupted_is_told_until_it_ends(
    rig: Rig, slot: Slot
) -> None:
    await rig.watch()
    await rig.start(CaptureRequest(slot))

    await rig.interrupt(slot)
    await rig.resume(slot)
    await rig.stop(slot)
    await rig.interrupt(slot)

    assert [each for each in rig.events if isinstance(each, Interruption)] == [
        SourceInterrupted(slot),
        SourceResumed(slot),
    ]


async def test_the_level_is_that_of_the_open_microphone(rig: Rig) -> None:
    before = await rig.level()
    await rig.start(CaptureRequest(Slot.MICROPHONE))
    await rig.sound()
    during = await rig.level()
    assert during is not None
    await rig.stop(Slot.MICROPHONE)

    assert before == 0.0
    assert 0.03 < during <= 1.0
    assert await rig.level() == 0.0


async def test_letting_go_is_idempotent(rig: Rig) -> None:
    await rig.stop_playing(BOB)
    await rig.stop_playing(BOB)
    await rig.play_through("anywhere")


async def test_devices_have_an_id_a_kind_and_a_label(far_page: FarPage) -> None:
    for of_platform in (headless_rig(), browser_rig(far_page)):
        async with of_platform as rig:
            await rig.watch()
            await rig.start(CaptureRequest(Slot.CAMERA))  # by now they were listed

            told = [each for each in rig.events if isinstance(each, DevicesChanged)]
            kinds = [device.kind for device in told[0].devices]
            assert kinds == ["audioinput", "videoinput"]
            assert all(device.id and device.label for device in told[0].devices)


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
