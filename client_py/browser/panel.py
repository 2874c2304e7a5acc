"""The side panel: chat and people. The settings in it are ``lobby``'s fields."""

from typing import Any

from js import Date

from client_py.browser.dom import Shown, by_id, part, set_data, set_text, template
from client_py.browser.tile import hue, sound
from client_py.browser.words import initials
from client_py.core.state import Participant, Snapshot
from protocol.messages import ChatLine, ParticipantId

_TOGETHER = 120  # seconds in which lines of one author stand as one block


class Chat:
    """The chat's lines and the count of those not seen."""

    def __init__(self) -> None:
        self._log = by_id("chat-log")
        self._badge = by_id("chat-unread")
        self._drawn: tuple[ChatLine, ...] = ()
        self._seen = 0
        self._shown = Shown()

    def render(self, snapshot: Snapshot, *, visible: bool) -> None:
        """Add the lines that are new; begin anew in a new call."""
        lines = snapshot.chat
        if lines is not self._drawn:
            if lines[: len(self._drawn)] != self._drawn:  # or something of before came
                self._log.replaceChildren()
                self._drawn, self._seen = (), min(self._seen, len(lines))
            me = snapshot.participants[0].id if snapshot.participants else None
            for before, line in zip(
                (None, *lines)[len(self._drawn) :],
                lines[len(self._drawn) :],
                strict=False,
            ):
                self._log.append(_chat_line(line, before, me))
            if self._drawn and not visible and lines[-1].from_ != me:
                set_text(by_id("announcer"), f"Message from {lines[-1].name}")
            self._drawn = lines
            self._log.scrollTop = self._log.scrollHeight
        if visible:
            self._seen = len(lines)
        unread = len(lines) - self._seen
        if self._shown.changes("unread", unread):
            set_text(self._badge, str(unread) if unread else "")


class People:
    """The list of people."""

    def __init__(self) -> None:
        self._list = by_id("people-list")
        self._count = by_id("people-count")
        self._rows: dict[ParticipantId, Any] = {}
        self._drawn: dict[ParticipantId, Participant] = {}
        self._shown = Shown()

    def render(self, snapshot: Snapshot) -> None:
        """Draw a row for everyone who is here."""
        here = {person.id: person for person in snapshot.participants}
        for gone in self._rows.keys() - here.keys():
            self._rows.pop(gone).remove()
            self._drawn.pop(gone, None)
        for who, person in here.items():
            if who not in self._rows:
                self._rows[who] = template("person")
                self._list.append(self._rows[who])
            if self._drawn.get(who) != person:
                _draw_person(self._rows[who], person)
                self._drawn[who] = person
        if self._shown.changes("count", len(here)):
            set_text(self._count, str(len(here)))


def _draw_person(row: Any, person: Participant) -> None:
    set_data(row, "participant", person.id)
    set_data(row, "name", person.name)
    set_data(row, "self", "yes" if person.me else "no")
    set_data(row, "connection", person.connection.value)
    set_data(row, "audio", sound(person))
    set_data(row, "video", "on" if person.media.camera else "off")
    set_data(row, "hand", "up" if person.hand else "down")
    set_data(row, "role", person.role.value)
    set_data(row, "screen", "on" if person.media.screen else "off")
    set_data(row, "hue", str(hue(person.name)))
    menu = row.querySelector('[data-action="host-menu"]')
    menu.setAttribute("aria-label", f"Host menu for {person.name}")
    set_data(row, "e2ee", person.e2ee.value)
    set_data(row, "roster", "forked" if person.forked else "same")
    verify = row.querySelector('[data-action="verify"]')
    verify.setAttribute("aria-label", f"Encryption with {person.name}")
    set_text(part(row, "initials"), initials(person.name))
    set_text(part(row, "name"), person.name)


def _chat_line(
    line: ChatLine, before: ChatLine | None, me: ParticipantId | None
) -> Any:
    row = template("chat-line")
    together = (
        before is not None
        and before.from_ == line.from_
        and line.at - before.at < _TOGETHER
    )
    set_data(row, "id", line.id)
    set_data(row, "own", "yes" if line.from_ == me else "no")
    set_data(row, "follows", "yes" if together else "no")
    set_text(part(row, "author"), "You" if line.from_ == me else line.name)
    written = Date.new(line.at * 1000)
    set_text(
        part(row, "time"),
        f"{int(written.getHours()):02}:{int(written.getMinutes()):02}",
    )
    set_text(part(row, "text"), line.text)  # as text: nothing in it is ever markup
    return row
