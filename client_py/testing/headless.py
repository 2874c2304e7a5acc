"""Somebody without a browser: the same client over aiortc, in a thread."""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from client_py.core import event as e, picture
from client_py.core.slot import Slot
from client_py.core.state import Connection, Participant, Phase, Snapshot, SourceState
from client_py.core.wake import Sign
from client_py.headless.main import Person, participant
from client_py.headless.rtc import Connections
from client_py.testing.server import Room
from client_py.testing.sight import PATIENCE
from client_py.testing.someone import Someone
from protocol.messages import ParticipantId

T = TypeVar("T")

_SPARE = 5.0  # seconds more than what is waited for on the other thread


class Background:
    """An event loop in a thread of its own, for all headless people of a session.

    ``enter`` is called in the thread before anything else: on Linux a thread can live
    in a network namespace that the others are not in.
    """

    def __init__(self, enter: Callable[[], None] = lambda: None) -> None:
        self._enter = enter
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="headless", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T], within: float = PATIENCE) -> T:
        """Run this on the loop and return what it returns."""
        return self.begin(work).result(within + _SPARE)

    def begin(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Have this run on the loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def close(self) -> None:
        """End the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self) -> None:
        self._enter()
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()


class HeadlessParticipant:
    """A ``Someone`` over aiortc: a tenth of what a tab costs."""

    def __init__(
        self,
        background: Background,
        room: Room,
        name: str,
        *,
        microphone: bool = True,
        camera: bool = True,
        connections: Connections | None = None,
    ) -> None:
        self.room = room
        self.name = name
        self._background = background
        self._options: dict[str, Any] = {
            "microphone": microphone,
            "camera": camera,
            "connections": connections,
        }
        self._person: Person | None = None
        self._staying: asyncio.Task[None] | None = None
        self._last = Snapshot(phase=Phase.LEFT)
        self._id = ParticipantId("")

    def __repr__(self) -> str:
        return self.name

    # -- verbs

    def join(self) -> None:
        assert self._staying is None, f"{self} is in already"
        self._background.run(self._enter())

    def leave(self) -> None:
        """Leave in order. Idempotent."""
        if self._staying is not None:
            self._background.run(self._go())

    def close(self) -> None:
        """Be gone: without a tab there is no other way than to leave."""
        self.leave()

    def mute(self) -> None:
        self._turn(Slot.MICROPHONE, SourceState.MUTED, e.TurnOff(Slot.MICROPHONE))

    def unmute(self) -> None:
        self._turn(Slot.MICROPHONE, SourceState.LIVE, e.TurnOn(Slot.MICROPHONE))

    def camera_off(self) -> None:
        self._turn(Slot.CAMERA, SourceState.OFF, e.TurnOff(Slot.CAMERA))

    def camera_on(self) -> None:
        self._turn(Slot.CAMERA, SourceState.LIVE, e.TurnOn(Slot.CAMERA))

    def share(self) -> None:
        self._turn(Slot.SCREEN, SourceState.LIVE, e.TurnOn(Slot.SCREEN))

    def stop_sharing(self) -> None:
        self._turn(Slot.SCREEN, SourceState.OFF, e.TurnOff(Slot.SCREEN))

    def say(self, text: str) -> None:
        self._post(e.Say(text, time.time()))

    def change_network(self) -> None:
        self._post(e.Woken(Sign.NETWORK))

    # -- what there is

    @property
    def id(self) -> str:
        people = self._state.participants
        self._id = people[0].id if people else self._id
        return self._id

    @property
    def snapshot(self) -> dict[str, Any]:
        return asdict(self._state)

    # -- expectations

    def expect_phase(self, phase: str, within: float = PATIENCE) -> None:
        self._expect(f"is {phase}", lambda now: now.phase == phase, within)

    def expect_alone(self, within: float = PATIENCE) -> None:
        self._expect("is alone", lambda now: len(now.participants) == 1, within)

    def expect_gone(self, other: Someone, within: float = PATIENCE) -> None:
        who = other.id
        self._expect(
            f"is without {other.name}", lambda now: not _find(now, who), within
        )

    def expect_connected(self, other: Someone, within: float = PATIENCE) -> None:
        who = other.id
        self._expect(
            f"is connected with {other.name}",
            lambda now: (
                (found := _find(now, who)) and found.connection is Connection.CONNECTED
            ),
            within,
        )

    def expect_sees(
        self, other: Someone, frames: int = 30, within: float = PATIENCE
    ) -> None:
        self._sees(other, other.name, frames, within)()

    def expect_sees_screen(
        self, other: Someone, frames: int = 10, within: float = PATIENCE
    ) -> None:
        name = picture.screen(other.name)
        self._sees(other, name, frames, within, slot=Slot.SCREEN)()

    def expect_sees_nothing_of(self, other: Someone, within: float = PATIENCE) -> None:
        who = ParticipantId(other.id)
        self._expect(
            f"knows that {other.name}'s camera is off",
            lambda now: (found := _find(now, who)) and not found.media.camera,
            within,
        )
        self._receive(
            self._here.media.loses(who, Slot.CAMERA, timeout=within), within
        )()

    def expect_hears(self, other: Someone, within: float = PATIENCE) -> None:
        self._hears(other, within)()

    def perceive(
        self, other: Someone, frames: int = 30, within: float = PATIENCE
    ) -> Callable[[], None]:
        seen = self._sees(other, other.name, frames, within)
        heard = self._hears(other, within)

        def perceived() -> None:
            seen()
            heard()

        return perceived

    def expect_hears_nothing_of(self, other: Someone, within: float = PATIENCE) -> None:
        who = other.id
        self._expect(
            f"knows that {other.name} is muted",
            lambda now: (found := _find(now, who)) and not found.media.microphone,
            within,
        )
        silent = self._here.media.falls_silent(ParticipantId(who), timeout=within)
        self._receive(silent, within)()

    def expect_reads(self, text: str, by: Someone, within: float = PATIENCE) -> None:
        self._expect(
            f"reads {text!r} by {by.name}",
            lambda now: any(
                line.text == text and line.name == by.name for line in now.chat
            ),
            within,
        )

    # -- after a failure

    def keep(self, directory: Path) -> list[Path]:
        path = directory / f"{self.name}-snapshot.json"
        path.write_text(json.dumps(self.snapshot, indent=1, ensure_ascii=False))
        return [path]

    # -- inside

    @property
    def _state(self) -> Snapshot:
        return self._person.snapshot if self._person else self._last

    @property
    def _here(self) -> Person:
        assert self._person is not None, f"{self} is in no call"
        return self._person

    async def _enter(self) -> None:
        entered: asyncio.Future[Person] = asyncio.get_running_loop().create_future()
        self._gone = asyncio.Event()
        self._staying = asyncio.ensure_future(self._stay(entered))
        self._person = await entered

    async def _stay(self, entered: asyncio.Future[Person]) -> None:
        try:
            async with participant(
                self.room.link, self.name, **self._options, timeout=PATIENCE
            ) as person:
                entered.set_result(person)
                await self._gone.wait()
        except Exception as error:
            if entered.done():
                raise
            entered.set_exception(error)

    async def _go(self) -> None:
        assert self._staying is not None
        staying, self._staying = self._staying, None
        self._gone.set()
        await staying
        if self._person is not None:
            self._last, self._person = self._person.snapshot, None

    def _post(self, event: e.Event) -> None:
        async def post() -> None:
            self._here.post(event)

        self._background.run(post())

    def _turn(self, slot: Slot, state: SourceState, event: e.Event) -> None:
        self._post(event)
        self._expect(
            f"has {slot.word} {state}",
            lambda now: now.source(slot).state is state,
            PATIENCE,
        )

    def _expect(
        self, what: str, fulfilled: Callable[[Snapshot], object], within: float
    ) -> None:
        if self._person is None:
            assert fulfilled(self._last), f"{self} left before it {what}"
            return
        try:
            self._background.run(self._person.until(fulfilled, timeout=within), within)
        except TimeoutError as error:
            raise AssertionError(f"never: {self} {what}; {error}") from None

    def _meet(self, other: Someone, within: float) -> ParticipantId:
        who = ParticipantId(other.id)
        self._expect(f"has {other.name}", lambda now: _find(now, who), within)
        return who

    def _sees(
        self,
        other: Someone,
        name: str,
        frames: int,
        within: float,
        *,
        slot: Slot = Slot.CAMERA,
    ) -> Callable[[], None]:
        who = self._meet(other, within)
        seeing = self._here.media.sees(
            who, name, frames=frames, slot=slot, timeout=within
        )
        return self._receive(seeing, within)

    def _hears(self, other: Someone, within: float) -> Callable[[], None]:
        who = self._meet(other, within)
        hearing = self._here.media.hears(who, other.name, timeout=within)
        return self._receive(hearing, within)

    def _receive(
        self, waiting: Coroutine[Any, Any, None], within: float
    ) -> Callable[[], None]:
        """Begin to wait; what is returned goes on until it came."""
        begun = self._background.begin(waiting)

        def received() -> None:
            try:
                begun.result(within + _SPARE)
            except TimeoutError as error:
                raise AssertionError(f"{self} {error}") from None

        return received


def _find(snapshot: Snapshot, who: str) -> Participant | None:
    others = snapshot.participants[1:]
    return next((each for each in others if each.id == who), None)
