"""The page as a function of the snapshot.

``publish`` may be called often; the page is drawn once a frame at the most, and
each part compares with what it drew last. What only concerns this page (which
panel is open, which tile is pinned) lives here and nowhere else.
"""

import asyncio
import time
from collections.abc import Callable
from enum import StrEnum
from typing import Any

from js import document, history, location, requestAnimationFrame

from client_py.browser.dom import Listeners, Shown, by_id, set_data, set_text
from client_py.browser.gauge import Gauge, Tiles
from client_py.browser.hosting import Hosting
from client_py.browser.link_list import LinkList
from client_py.browser.lobby import Lobby
from client_py.browser.media import BrowserMedia
from client_py.browser.mesh_map import MeshMap
from client_py.browser.panel import Chat, People
from client_py.browser.tile import Grid
from client_py.browser.toast import Toasts
from client_py.browser.verification import VerificationDialog
from client_py.browser.words import duration
from client_py.core.address import fragment, room_link
from client_py.core.history import History
from client_py.core.state import Phase, Problem, Snapshot
from protocol.messages import ParticipantId

_IN = (Phase.JOINED, Phase.RECONNECTING)
_METER = 0.1  # seconds between two looks at the microphone while its meter shows
_CLOCK = 1.0  # seconds between two looks at the clock of the call


class Panel(StrEnum):
    """What the side panel shows."""

    NONE = "none"
    CHAT = "chat"
    PEOPLE = "people"
    SETTINGS = "settings"
    LINKS = "links"


class View:
    """Draws snapshots into index.html."""

    def __init__(
        self,
        media: BrowserMedia,
        drawn: Callable[[Snapshot], None],
        history: Callable[[ParticipantId], History | None],
        measured: Callable[[Tiles], None],
    ) -> None:
        self._media = media
        self._drawn = drawn
        self._body = document.body
        self.lobby = Lobby(media)
        self.grid = Grid(media, Gauge(measured))
        self.toasts = Toasts()
        self.hosting = Hosting()
        self.verification = VerificationDialog()
        self._chat = Chat()
        self._people = People()
        self._links = LinkList(history)
        self._map = MeshMap()
        self._panel = Panel.NONE
        self._snapshot = Snapshot()
        self._shown = Shown()
        self._phase: Phase | None = None
        self._screen = ""
        self._joined_at = 0.0
        self._scheduled = False
        self._listeners = Listeners()
        self._frame = self._listeners.callback(self._draw)

    def publish(self, snapshot: Snapshot) -> None:
        """Draw this snapshot with the next frame, or the one that comes after it."""
        self._snapshot = snapshot
        if document.hidden:
            self._draw()  # a hidden page has no frames
        elif not self._scheduled:
            self._scheduled = True
            requestAnimationFrame(self._frame)

    def toggle_panel(self, panel: Panel) -> None:
        """Open a panel, or close it where it is open."""
        self._panel = Panel.NONE if self._panel is panel else panel
        self.publish(self._snapshot)

    def close_panel(self) -> None:
        """Close whatever panel is open."""
        self.toggle_panel(self._panel)

    def show_link(self, who: ParticipantId) -> None:
        """Open the panel about links at the one to this participant."""
        self._panel = Panel.LINKS
        self._draw()
        self._links.unfold(who)

    def tell_copied(self) -> None:
        """Say that the invite link is in the clipboard."""
        self._tell_copying("Invite link copied")

    def tell_uncopied(self) -> None:
        """Say that the invite link isn't, and put it where people can take it."""
        if self._snapshot.phase not in _IN:
            self._tell_copying(
                "Nothing could be copied. Take the link from the address bar."
            )
            return
        field = by_id("alone-link")
        if not field.checkVisibility(visibilityProperty=True):
            self._panel = Panel.PEOPLE
            self._draw()
            field = by_id("people-link")
        field.focus()
        field.select()
        self._tell_copying(
            "Nothing could be copied. The link is selected: copy it yourself.",
            "error",
        )

    def _tell_copying(self, words: str, kind: str = "info") -> None:
        if self._snapshot.phase in _IN:
            self.toasts.show(words, kind)
        else:
            set_text(by_id("copy-words"), words)

    async def run(self) -> None:
        """Keep the clock of the call and the microphone's meter."""
        clock = by_id("call-time")
        while True:
            phase = self._snapshot.phase
            if phase in _IN:
                passed = time.monotonic() - self._joined_at
                set_text(clock, duration(int(passed)))
            if self._panel is Panel.LINKS and phase in _IN:
                self._links.tick()
            metered = phase is Phase.LOBBY or self._panel is Panel.SETTINGS
            if metered:
                self.lobby.show_level(self._level())
            await asyncio.sleep(_METER if metered else _CLOCK)

    def _level(self) -> float:
        sent = self._snapshot.microphone.state.sent
        return (self._media.level() or 0.0) if sent else 0.0

    def _draw(self, _: Any = None) -> None:
        self._scheduled = False
        snapshot = self._snapshot
        if snapshot.phase is not self._phase:
            self._enter(snapshot.phase)
        screen = _screen(snapshot)
        if self._screen not in ("", screen):
            # Screen readers begin where the new screen begins.
            asyncio.get_running_loop().call_soon(_focus_heading)
        self._screen = screen
        self._draw_body(snapshot)
        self._draw_room(snapshot.room, snapshot.secret)
        self._draw_controls(snapshot)
        self.lobby.render(snapshot)
        self.grid.render(snapshot)
        self._people.render(snapshot)
        self._links.render(snapshot)
        self._map.render(snapshot, visible=self._panel is Panel.LINKS)
        self.hosting.render(snapshot)
        self.verification.render(snapshot)
        self._chat.render(snapshot, visible=self._panel is Panel.CHAT)
        self.toasts.render(snapshot)
        self._drawn(snapshot)

    def _enter(self, phase: Phase) -> None:
        before, self._phase = self._phase, phase
        if phase is Phase.JOINED and before is not Phase.RECONNECTING:
            self._joined_at = time.monotonic()
        if phase is Phase.LEFT:
            lasted = duration(int(time.monotonic() - self._joined_at))
            set_text(by_id("call-duration"), f"You were in it for {lasted}.")
            self._panel = Panel.NONE

    def _draw_body(self, snapshot: Snapshot) -> None:
        people = snapshot.participants
        others = any(person.media.screen for person in people[1:])
        mine = snapshot.screen.state.sent
        sharing = "on" if mine else "other" if others else "off"
        if not self._shown.changes(
            "body",
            bool(snapshot.room),
            snapshot.problem,
            self._panel,
            sharing,
            len(people),
            snapshot.phase,
            snapshot.playback_blocked,
        ):
            return
        set_data(self._body, "room", "open" if snapshot.room else "none")
        set_data(self._body, "problem", snapshot.problem.value)
        self._draw_panel()
        set_data(self._body, "sharing", sharing)
        set_data(self._body, "count", str(max(1, len(people))))
        set_data(self._body, "phase", snapshot.phase.value)
        reconnecting = snapshot.phase is Phase.RECONNECTING
        set_text(
            by_id("banner"),
            "The server is out of reach. The call goes on; trying again…"
            if reconnecting
            else "",
        )
        set_data(by_id("banner"), "kind", "warning" if reconnecting else "info")
        by_id("audio-blocked").hidden = not snapshot.playback_blocked
        retrying = snapshot.problem is Problem.SERVER_UNREACHABLE
        set_text(by_id("retry-in"), "Trying again…" if retrying else "")

    def _draw_panel(self) -> None:
        """Show the panel that is open; the focus goes in with it, and comes back."""
        before = str(self._body.dataset.panel)
        if before == self._panel:
            return
        inside = by_id("panel").contains(document.activeElement)
        set_data(self._body, "panel", self._panel.value)
        if self._panel is not Panel.NONE:
            field = (
                "chat-input" if self._panel is Panel.CHAT else f"{self._panel}-title"
            )
            by_id(field).focus()
        elif inside:
            document.querySelector(f'[data-action="toggle-{before}"]').focus()

    def _draw_room(self, room: str, secret: str) -> None:
        if not self._shown.changes("room", room, secret):
            return
        path = f"/r/{room}" if room else "/"
        if location.pathname != path:
            address = f"{path}{location.search}{fragment(secret)}"
            history.pushState(None, "", address)
        set_text(by_id("room-name"), room)
        set_text(by_id("lobby-room"), f"Room {room}" if room else "")
        link = invite_link(room, secret)
        for field in document.querySelectorAll('[data-slot="invite-link"]'):
            if field.value != link:
                field.value = link

    def _draw_controls(self, snapshot: Snapshot) -> None:
        pressed = {
            "toggle-mic": snapshot.microphone.state.on,
            "toggle-camera": snapshot.camera.state.on,
            "share-screen": snapshot.screen.state.on,
            "raise-hand": snapshot.hand,
        }
        if not self._shown.changes("controls", *pressed.values(), self._panel):
            return
        for action, on in pressed.items():
            for button in document.querySelectorAll(
                f'[data-action="{action}"][aria-pressed]'
            ):
                button.setAttribute("aria-pressed", "true" if on else "false")
        for panel in (Panel.CHAT, Panel.PEOPLE, Panel.SETTINGS, Panel.LINKS):
            for button in document.querySelectorAll(
                f'[data-action="toggle-{panel}"][aria-expanded]'
            ):
                open_ = "true" if self._panel is panel else "false"
                button.setAttribute("aria-expanded", open_)


def invite_link(room: str, secret: str) -> str:
    """Return the link that brings others into a room."""
    return room_link(str(location.origin), room, secret) if room else ""


def _screen(snapshot: Snapshot) -> str:
    """Return which screen the style sheets show for a snapshot."""
    match snapshot.phase:
        case Phase.LOBBY | Phase.JOINING:
            return "lobby" if snapshot.room else "home"
        case Phase.JOINED | Phase.RECONNECTING:
            return "call"
    return snapshot.phase.value


def _focus_heading() -> None:
    for heading in document.querySelectorAll("main h1"):
        if heading.checkVisibility(visibilityProperty=True):
            heading.focus()
            return
