"""The map of the room: who sits round the table, and which line is broken."""

from math import cos, pi, sin
from typing import Any

from js import document

from client_py.browser import diagnosis
from client_py.browser.dom import Shown, by_id, set_data, set_text
from client_py.browser.tile import hue
from client_py.browser.words import initials
from client_py.core.state import Connection, Pair, Participant, Snapshot
from protocol.messages import ParticipantId

_SVG = "http://www.w3.org/2000/svg"
_CENTRE = (160.0, 92.0)
_RADII = (112.0, 66.0)
_SEAT = 19.0


class MeshMap:
    """Draws the lines between people, and says in words which are broken."""

    def __init__(self) -> None:
        self._map = by_id("mesh-map")
        self._troubles = by_id("mesh-troubles")
        self._chip = by_id("line-chip")
        self._words = by_id("line-words")
        self._shown = Shown()

    def render(self, snapshot: Snapshot, *, visible: bool) -> None:
        """Say what is broken; draw the map where it is seen."""
        people, pairs = snapshot.participants, snapshot.pairs
        names = diagnosis.names(people)
        if self._shown.changes("troubles", pairs, names):
            troubles = [diagnosis.pair(each, names) for each in pairs if each.broken]
            self._tell(troubles, len(people))
        seats = tuple((each.id, each.name, each.me) for each in people)
        if visible and self._shown.changes("map", seats, pairs):
            self._draw(people, pairs)

    def _tell(self, troubles: list[str], people: int) -> None:
        words = diagnosis.short(troubles)
        set_data(self._chip, "trouble", "yes" if troubles else "no")
        if words and str(self._words.textContent) != words:
            set_text(by_id("announcer"), words)
        set_text(self._words, words)
        items = []
        for sentence in troubles:
            item = document.createElement("li")
            item.textContent = sentence
            items.append(item)
        self._troubles.replaceChildren(*items)
        fine = "Everybody reaches everybody." if people > 1 else "Nobody else is here."
        set_text(by_id("mesh-fine"), "" if troubles else fine)

    def _draw(self, people: tuple[Participant, ...], pairs: tuple[Pair, ...]) -> None:
        places = dict(
            zip((each.id for each in people), _places(len(people)), strict=True)
        )
        lines = [_line(each, places) for each in pairs]
        lines.sort(key=lambda line: line.getAttribute("data-state") == "broken")
        seats = [_seat(each, places[each.id]) for each in people]
        self._map.replaceChildren(*lines, *seats)


def _places(count: int) -> list[tuple[float, float]]:
    """Return where so many people sit: me at the foot of the table."""
    turns = [pi / 2 + 2 * pi * number / max(1, count) for number in range(count)]
    (x, y), (wide, high) = _CENTRE, _RADII
    return [(x + wide * cos(turn), y + high * sin(turn)) for turn in turns]


def _line(pair: Pair, places: dict[ParticipantId, tuple[float, float]]) -> Any:
    (x1, y1), (x2, y2) = places[pair.one], places[pair.other]
    line = _element("line", x1=x1, y1=y1, x2=x2, y2=y2)
    state = pair.state.value
    if pair.broken:
        state = "broken"
    elif pair.state is not Connection.CONNECTED:
        state = "waiting"
    line.setAttribute("data-state", state)
    line.setAttribute("data-way", pair.connection)
    line.setAttribute("data-one", pair.one)
    line.setAttribute("data-other", pair.other)
    return line


def _seat(person: Participant, place: tuple[float, float]) -> Any:
    x, y = place
    seat = _element("g", transform=f"translate({x:.1f} {y:.1f})")
    seat.setAttribute("data-hue", str(hue(person.name)))
    seat.setAttribute("data-self", "yes" if person.me else "no")
    title = _element("title")
    title.textContent = "You" if person.me else person.name
    letters = _element("text", y=5)
    letters.textContent = initials(person.name)
    seat.append(title, _element("circle", r=_SEAT), letters)
    return seat


def _element(name: str, **attributes: object) -> Any:
    made = document.createElementNS(_SVG, name)
    for key, value in attributes.items():
        made.setAttribute(key, str(value))
    return made
