"""Everybody who takes part in one test: made here, and all let go at its end."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from playwright.sync_api import Browser, BrowserContext

from client_py.headless.rtc import Connections
from client_py.testing.headless import Background, HeadlessParticipant
from client_py.testing.participant import CRASH, Participant
from client_py.testing.server import Room

Engine = Literal["chromium", "firefox", "webkit"]
ENGINES: tuple[Engine, ...] = ("chromium", "firefox", "webkit")
Media = Literal["synthetic", "restless", "devices", "denied"]

_PREFER = """
try {{
  if (!localStorage.getItem("tertulia.preferences"))
    localStorage.setItem("tertulia.preferences", JSON.stringify({preferences}));
}} catch {{}}
"""
_GRANTED = ["camera", "microphone"]


class Cast:
    """Makes people for a room."""

    def __init__(
        self,
        room: Room,
        *,
        browser: Callable[[str], Browser],
        background: Callable[[], Background],
        let_go: Callable[[BrowserContext], None] = BrowserContext.close,
        end: Callable[[BrowserContext], None] = lambda context: None,
        connections: Callable[[], Connections] = Connections,
        prepare: Callable[[BrowserContext], None] = lambda context: None,
    ) -> None:
        self._room = room
        self._browser = browser
        self._background = background
        self._let_go = let_go
        self._end = end
        self._connections = connections
        self._prepare = prepare
        self._contexts: list[BrowserContext] = []
        self.people: list[Participant | HeadlessParticipant] = []
        self.crashed = False  # a tab did, and nobody had allowed it

    def tab(
        self,
        name: str,
        *,
        engine: Engine = "chromium",
        media: Media = "synthetic",
        quality: str = "low",
        join: bool = True,
        visit: bool = True,
        room: Room | None = None,
        scripts: Iterable[str] = (),
        **context: Any,
    ) -> Participant:
        """Make a person in a tab, in a browser context of their own.

        ``media`` is a drawn picture and a tone, or the same with noise in it that
        fills any bitrate, or the browser's fake devices, or devices that the
        browser refuses. ``quality`` is what they chose for their
        picture on an earlier visit. ``scripts`` run before those of the page; what
        else there is goes to ``Browser.new_context``.
        """
        if media == "devices" and engine == "chromium":
            context.setdefault("permissions", _GRANTED)
        made = self._browser(engine).new_context(**context)
        self._contexts.append(made)
        self._prepare(made)
        preferences = json.dumps({"quality": quality})
        made.add_init_script(_PREFER.format(preferences=preferences))
        for script in scripts:
            made.add_init_script(script)
        return self.enter(made, name, media=media, join=join, visit=visit, room=room)

    def enter(
        self,
        context: BrowserContext,
        name: str,
        *,
        media: Media = "synthetic",
        join: bool = True,
        visit: bool = True,
        room: Room | None = None,
    ) -> Participant:
        """Make a person in a tab of a context that is there."""
        drawn = media in ("synthetic", "restless")
        query = f"?media={media}:{quote(name)}" if drawn else ""
        page = context.new_page()
        person = Participant(page, room or self._room, name, query=query)
        self.people.append(person)
        page.on("crash", lambda _: self._crash(person))
        if visit or join:
            person.visit()
        if join:
            person.join()
        return person

    def headless(
        self,
        name: str,
        *,
        join: bool = True,
        room: Room | None = None,
        microphone: bool = True,
        camera: bool = True,
        connections: Connections | None = None,
    ) -> HeadlessParticipant:
        """Make a person without a browser.

        ``connections`` makes their peer connections, for who wants to see more of them.
        """
        person = HeadlessParticipant(
            self._background(),
            room or self._room,
            name,
            microphone=microphone,
            camera=camera,
            connections=connections or self._connections(),
        )
        self.people.append(person)
        if join:
            person.join()
        return person

    @property
    def complaints(self) -> list[str]:
        """What pages complained of that nobody allowed."""
        return [
            f"{person.name}: {complaint}"
            for person in self.people
            if isinstance(person, Participant)
            for complaint in person.complaints
        ]

    def keep(self, directory: Path) -> list[Path]:
        """Write down what may explain a failure."""
        directory.mkdir(parents=True, exist_ok=True)
        kept: list[Path] = []
        for person in self.people:
            try:
                kept += person.keep(directory)
            except Exception as error:  # a report must not hide what it reports
                kept.append(_write(directory / f"{person.name}-lost.txt", repr(error)))
        return kept

    def _crash(self, person: Participant) -> None:
        """End the browser: whoever asks a crashed tab for something waits for ever."""
        if CRASH in person.complaints:
            self.crashed = True
            self._end(person.page.context)

    def close(self) -> None:
        """Let everybody go."""
        for context in self._contexts:
            self._let_go(context)
        for person in self.people:
            if isinstance(person, HeadlessParticipant):
                person.leave()


def _write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path
