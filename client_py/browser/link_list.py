"""What each link is like, in numbers and as a graph of two minutes.

A closed panel costs nothing: ``tick`` is called once a second while it is open, and
only what is unfolded is written.
"""

from collections.abc import Callable
from typing import Any

from client_py.browser import diagnosis as say
from client_py.browser.dom import Shown, by_id, part, set_data, set_text, template
from client_py.browser.graph import graph
from client_py.browser.tile import hue
from client_py.browser.words import initials
from client_py.core.history import History, Reading
from client_py.core.ports import LinkStats
from client_py.core.state import Participant, Snapshot
from protocol.messages import ParticipantId

_SMOOTH = 3  # readings that a number is the mean of: it shall be readable


class LinkList:
    """One fold for each of the others. ``history`` is asked for the numbers."""

    def __init__(self, history: Callable[[ParticipantId], History | None]) -> None:
        self._history = history
        self._list = by_id("link-list")
        self._rows: dict[ParticipantId, Any] = {}
        self._people: dict[ParticipantId, Participant] = {}
        self._shown = Shown()

    def render(self, snapshot: Snapshot) -> None:
        """Keep a fold for everyone else who is here."""
        self._people = {each.id: each for each in snapshot.participants if not each.me}
        for gone in self._rows.keys() - self._people.keys():
            self._rows.pop(gone).remove()
        for who, person in self._people.items():
            if who not in self._rows:
                self._rows[who] = template("link")
                self._list.append(self._rows[who])
            if self._shown.changes(who, person):
                _draw_head(self._rows[who], person)
        if len(self._rows) == 1:
            self._rows[next(iter(self._rows))].open = True

    def unfold(self, who: ParticipantId) -> None:
        """Show this one, and put the focus there."""
        for each, row in self._rows.items():
            row.open = each == who
        if who in self._rows:
            summary = self._rows[who].querySelector("summary")
            summary.focus()
            summary.scrollIntoView(block="nearest")
        self.tick()

    def tick(self) -> None:
        """Write the numbers of what is unfolded."""
        for who, row in self._rows.items():
            history = self._history(who)
            if row.open and history is not None and history.latest is not None:
                _draw_numbers(row, self._people[who], history, history.latest)


def _draw_head(row: Any, person: Participant) -> None:
    set_data(row, "participant", person.id)
    set_data(row, "name", person.name)
    set_data(row, "connection", person.connection.value)
    set_data(row, "quality", person.quality.value)
    set_data(row, "hue", str(hue(person.name)))
    set_text(part(row, "initials"), initials(person.name))
    set_text(part(row, "name"), person.name)
    attempt = say.trying(person)
    words = say.state(person)
    set_text(part(row, "state"), f"{words}: {attempt.lower()}" if attempt else words)
    set_text(part(row, "reason"), say.reason(person))


def _draw_numbers(
    row: Any, person: Participant, history: History, latest: LinkStats
) -> None:
    readings = history.readings
    now = _mean(readings[-_SMOOTH:])
    codecs = [each for each in (latest.video_codec, latest.audio_codec) if each]
    ends = (say.candidate(latest.local), say.candidate(latest.remote))
    numbers = {
        "rtt": say.milliseconds(now.round_trip),
        "loss": say.percent(now.loss),
        "jitter": say.milliseconds(now.jitter),
        "down": say.rate(now.down),
        "up": say.rate(now.up),
        "theirs": say.picture(latest.width, latest.height, now.frame_rate),
        "mine": say.picture(latest.sent_width, latest.sent_height, now.sent_rate),
        "freezes": str(history.freezes),
        "codecs": ", ".join(map(say.codec, codecs)) or "not known yet",
        "way": say.way(latest.connection, latest.transport),
        "candidates": f"mine: {ends[0]}; theirs: {ends[1]}",
    }
    for name, words in numbers.items():
        set_text(part(row, name), words)
    drawn = graph(readings)
    for name in ("down", "up", "loss"):
        part(row, f"graph-{name}").setAttribute("d", getattr(drawn, name))
    set_text(part(row, "graph-top"), say.rate(drawn.top))
    by_tcp = latest.connection == "relay" and latest.transport in ("tcp", "tls")
    blocked = "UDP doesn’t get through here; the relay over TCP does."
    set_text(part(row, "reason"), say.reason(person) or (blocked if by_tcp else ""))


def _mean(readings: tuple[Reading, ...]) -> Reading:
    """Return the mean of the last readings, whose picture is easier to read."""
    if not readings:
        return Reading(0.0)
    count = len(readings)
    return Reading(
        at=readings[-1].at,
        round_trip=sum(each.round_trip for each in readings) / count,
        jitter=sum(each.jitter for each in readings) / count,
        loss=sum(each.loss for each in readings) / count,
        down=sum(each.down for each in readings) / count,
        up=sum(each.up for each in readings) / count,
        frame_rate=sum(each.frame_rate for each in readings) / count,
        sent_rate=sum(each.sent_rate for each in readings) / count,
    )
