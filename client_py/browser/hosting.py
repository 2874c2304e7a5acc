"""What hosts have on the page: the door's switches, who waits, the host menu."""

from typing import Any

from js import document, window

from client_py.browser.dom import Shown, by_id, part, set_data, set_text, template
from client_py.browser.tile import hue
from client_py.browser.words import initials
from client_py.core.state import Snapshot
from protocol.codes import Role
from protocol.messages import Newcomer, ParticipantId

_EDGE = 8  # pixels that the menu keeps from the window's edges


class Hosting:
    """Draws the door and who waits; keeps whom the open host menu is about."""

    def __init__(self) -> None:
        self._box = by_id("waiting-box")
        self._list = by_id("waiting-list")
        self._menu = by_id("host-menu")
        self._rows: dict[ParticipantId, Any] = {}
        self._shown = Shown()

    @property
    def target(self) -> ParticipantId:
        """Whom the host menu is about."""
        return ParticipantId(str(self._menu.dataset.participant))

    def render(self, snapshot: Snapshot) -> None:
        """Draw my role, the door, and who waits before it."""
        if self._shown.changes("door", snapshot.role, snapshot.door):
            self._show_door(snapshot)
        if self._shown.changes("waiting", snapshot.waiting):
            self._list_waiting(snapshot.waiting)
        here = {person.id for person in snapshot.participants}
        if self._shown.changes("here", snapshot.role, here):
            if snapshot.role is not Role.HOST or self.target not in here:
                self._menu.hidePopover()

    def _show_door(self, snapshot: Snapshot) -> None:
        set_data(document.body, "role", snapshot.role.value)
        set_data(document.body, "locked", "yes" if snapshot.door.locked else "no")
        for action, on in (
            ("toggle-lock", snapshot.door.locked),
            ("toggle-waiting-room", snapshot.door.waiting_room),
        ):
            switch = document.querySelector(f'[data-action="{action}"]')
            switch.setAttribute("aria-checked", str(on).lower())

    def open_menu(self, element: Any) -> None:
        """Open the host menu beside this button, about whose tile or row it is in."""
        owner = element.closest("[data-participant]")
        menu = self._menu
        set_data(menu, "participant", str(owner.dataset.participant))
        set_data(menu, "screen", str(owner.dataset.screen or "on"))
        name = str(owner.dataset.name)
        set_text(by_id("host-menu-name"), name)
        menu.setAttribute("aria-label", f"What to do about {name}")
        menu.showPopover()
        self._place(element.getBoundingClientRect())
        menu.querySelector("button").focus()

    def _place(self, by: Any) -> None:
        box = self._menu.getBoundingClientRect()
        left = min(by.right - box.width, window.innerWidth - box.width - _EDGE)
        top = min(by.bottom + 4, window.innerHeight - box.height - _EDGE)
        self._menu.style.left = f"{max(_EDGE, left):.0f}px"
        self._menu.style.top = f"{max(_EDGE, top):.0f}px"

    def _list_waiting(self, people: tuple[Newcomer, ...]) -> None:
        self._box.hidden = not people
        for badge in ("people-waiting", "more-waiting"):
            set_text(by_id(badge), str(len(people)) if people else "")
        here = {each.id: each for each in people}
        for gone in self._rows.keys() - here.keys():
            self._rows.pop(gone).remove()
        for who, newcomer in here.items():
            if who not in self._rows:
                self._rows[who] = _row(newcomer)
                self._list.append(self._rows[who])


def _row(newcomer: Newcomer) -> Any:
    row = template("waiter")
    set_data(row, "participant", newcomer.id)
    set_data(row, "name", newcomer.name)
    set_data(row, "hue", str(hue(newcomer.name)))
    set_text(part(row, "initials"), initials(newcomer.name))
    set_text(part(row, "name"), newcomer.name)
    for action, words in (("admit", "Let {} in"), ("refuse", "Send {} away")):
        button = row.querySelector(f'[data-action="{action}"]')
        button.setAttribute("aria-label", words.format(newcomer.name))
    return row
