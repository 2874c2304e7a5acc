"""The dialog in which two people compare their codes, and a room its own."""

from typing import Any

from client_py.browser.dom import Shown, by_id, part, set_data, set_text, template
from client_py.browser.words import CODE_CHANGED, encryption
from client_py.core.state import Encryption, Participant, Snapshot
from client_py.core.terms import SafetyCode
from protocol.messages import ParticipantId


class VerificationDialog:
    """Shows one participant's code; keeps whom it is about and what I answered.

    An answer is about a code: with another one it counts for nothing. Where the code
    changes while somebody compares, it isn't drawn over: they are told, and ask for it.
    """

    def __init__(self) -> None:
        self._dialog = by_id("verification")
        self._answered: SafetyCode | None = None
        self.code: SafetyCode | None = None  # the one that is shown
        self._shown = Shown()

    @property
    def target(self) -> ParticipantId:
        """Whom the dialog is about."""
        return ParticipantId(str(self._dialog.dataset.participant))

    def open(self, who: ParticipantId, snapshot: Snapshot) -> None:
        """Open the dialog about this participant."""
        set_data(self._dialog, "participant", who)
        self._answered = None
        self.look_again(snapshot)
        self._dialog.showModal()

    def look_again(self, snapshot: Snapshot) -> None:
        """Show the code as it is now."""
        person = _find(self.target, snapshot)
        self.code = person.code if person else None
        self.render(snapshot)

    def answer(self, snapshot: Snapshot, *, same: bool) -> None:
        """Take note of what I said about the code that is shown."""
        if not same:
            self._dialog.close()
        elif person := _find(self.target, snapshot):
            self._answered = self.code if person.code == self.code else None
            self.render(snapshot)

    def render(self, snapshot: Snapshot) -> None:
        """Draw the one it is about; close where they are gone."""
        if not self.target:
            return
        person = _find(self.target, snapshot)
        if person is None:
            self._dialog.close()
            set_data(self._dialog, "participant", "")
            return
        mine = person.code is not None and self._answered == person.code
        self.code = self.code or person.code
        changed = self.code != person.code and self._dialog.open
        if self._shown.changes(
            "link",
            person.id,
            person.name,
            person.e2ee,
            person.code,
            person.familiar,
            person.forked,
            person.alarm,
            mine,
            changed,
        ):
            self._draw(person, waiting=mine, changed=changed)
        if self._shown.changes("room", snapshot.room_code):
            unknown = "Known once every link is encrypted."
            set_text(part(self._dialog, "room"), snapshot.room_code or unknown)

    def _draw(self, person: Participant, *, waiting: bool, changed: bool) -> None:
        dialog = self._dialog
        set_data(dialog, "e2ee", person.e2ee.value)
        set_data(dialog, "roster", "forked" if person.forked else "same")
        set_data(dialog, "alarm", person.alarm.value)
        set_data(dialog, "changed", "yes" if changed else "no")
        set_text(part(dialog, "changed"), CODE_CHANGED if changed else "")
        set_data(dialog, "answer", "same" if waiting else "none")
        set_text(part(dialog, "title"), f"Encryption with {person.name}")
        set_text(part(dialog, "state"), encryption(person))
        waits = waiting and (person.e2ee is Encryption.ON or person.alarm)
        words = f"Waiting for {person.name} to say the same." if waits else ""
        set_text(part(dialog, "waiting"), words)
        code = self.code or SafetyCode((), "")
        set_text(part(dialog, "digits"), code.digits)
        part(dialog, "emoji").replaceChildren(*map(_emoji, code.emoji))


def _find(who: ParticipantId, snapshot: Snapshot) -> Participant | None:
    return next((each for each in snapshot.participants if each.id == who), None)


def _emoji(of: tuple[str, str]) -> Any:
    item = template("emoji")
    picture, name = of
    set_text(part(item, "picture"), picture)
    set_text(part(item, "name"), name)
    return item
