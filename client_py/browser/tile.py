"""The grid of tiles: one for each person, one for each shared screen."""

from typing import Any

from js import performance

from client_py.browser import diagnosis
from client_py.browser.dom import (
    Listeners,
    Shown,
    by_id,
    part,
    set_data,
    set_text,
    template,
)
from client_py.browser.gauge import Gauge
from client_py.browser.media import BrowserMedia
from client_py.browser.words import encryption, held_back, initials, picture_note
from client_py.core.slot import Slot
from client_py.core.state import Participant, Reaction, Snapshot
from protocol.messages import ParticipantId

_HUES = 8  # colours of people in tokens.css
_STAGED = 4  # tiles that the stage holds

Key = tuple[ParticipantId, Slot]


class Grid:
    """Keeps the tiles in step with a snapshot, touching only what changed."""

    def __init__(self, media: BrowserMedia, gauge: Gauge) -> None:
        self._media = media
        self._gauge = gauge
        self._grid = by_id("grid")
        self._tiles: dict[Key, Any] = {}
        self._drawn: dict[Key, Participant] = {}
        self._streams: dict[Key, Any] = {}
        self._shown = Shown()
        self._seen_reaction = 0
        self._listeners = Listeners()
        self._listeners.add(
            self._grid, "animationend", lambda event: _end_reaction(event.target)
        )
        self._first_frame: Any = self._listeners.callback(_mark_first_frame)
        self.pinned: Key | None = None

    def render(self, snapshot: Snapshot) -> None:
        """Draw everyone who is here."""
        wanted: dict[Key, Participant] = {}
        for person in snapshot.participants:
            wanted[person.id, Slot.CAMERA] = person
            if person.media.screen:
                wanted[person.id, Slot.SCREEN] = person
        for key in self._tiles.keys() - wanted.keys():
            self._remove(key)
        for key, person in wanted.items():
            if key not in self._tiles:
                self._add(key)
                if key[1] is Slot.CAMERA and not person.me:
                    self._gauge.follow(person.id, self._tiles[key])
            self._show_stream(key, person)
            if self._drawn.get(key) != person:
                self._draw(key, person)
                self._drawn[key] = person
        if self._shown.changes("active", snapshot.active_speaker, *wanted):
            self._mark_active(snapshot.active_speaker)
        if self._shown.changes("pairs", snapshot.pairs, *wanted):
            self._name_pairs(snapshot)
        for reaction in snapshot.reactions:
            if reaction.serial > self._seen_reaction:
                self._seen_reaction = reaction.serial
                self._float(reaction)
        self._stage()

    def pin(self, element: Any) -> None:
        """Pin the tile that this element is in, or let it go."""
        tile = element.closest(".tile")
        key = next(k for k, each in self._tiles.items() if each.isSameNode(tile))
        self.pinned = None if self.pinned == key else key
        self._stage()

    def _stage(self) -> None:
        """Put what is pinned, or else the others' screens, on the stage."""
        if self.pinned not in self._tiles:
            self.pinned = None
        if not self._shown.changes("stage", self.pinned, *self._tiles):
            return
        shared = [
            key
            for key in self._tiles
            # My own screen shows no picture here: nothing to look at.
            if key[1] is Slot.SCREEN and not self._drawn[key].me
        ]
        staged = [self.pinned] if self.pinned else shared[:_STAGED]
        set_data(self._grid, "layout", "stage" if staged else "grid")
        for key, tile in self._tiles.items():
            set_data(tile, "stage", "yes" if key in staged else "no")
            pin = tile.querySelector('[data-action="pin"]')
            pin.setAttribute("aria-pressed", str(key == self.pinned).lower())

    def _add(self, key: Key) -> None:
        tile = template("screen-tile" if key[1] is Slot.SCREEN else "tile")
        video = tile.querySelector("video")
        video.muted = True  # voices play by themselves
        if key[1] is Slot.SCREEN:
            self._grid.prepend(tile)
        else:
            self._grid.append(tile)
        self._tiles[key] = tile

    def _remove(self, key: Key) -> None:
        tile = self._tiles.pop(key)
        if key[1] is Slot.CAMERA:
            self._gauge.leave(key[0])
        self._drawn.pop(key, None)
        self._streams.pop(key, None)
        tile.querySelector("video").srcObject = None
        tile.remove()

    def _show_stream(self, key: Key, person: Participant) -> None:
        who, slot = key
        if person.me and slot is Slot.SCREEN:
            return  # my own screen in my own call would only mirror itself
        stream = (
            self._media.own_stream(slot) if person.me else self._media.stream(who, slot)
        )
        if stream is self._streams.get(key):
            return
        self._streams[key] = stream
        video = self._tiles[key].querySelector("video")
        video.srcObject = stream
        if stream is not None and self._first_frame and not person.me:
            # Firefox has it since 132. It times the page, and shows nothing.
            if hasattr(video, "requestVideoFrameCallback"):
                video.requestVideoFrameCallback(self._first_frame)
            self._first_frame = None

    def _draw(self, key: Key, person: Participant) -> None:
        tile = self._tiles[key]
        set_data(tile, "participant", person.id)
        set_data(tile, "name", person.name)
        set_data(tile, "self", "yes" if person.me else "no")
        set_data(tile, "role", person.role.value)
        set_data(tile, "connection", person.connection.value)
        set_text(part(tile, "name"), person.name)
        if key[1] is Slot.SCREEN:
            label = f"{person.name}’s screen"
        else:
            label = person.name
        tile.setAttribute("aria-label", label)
        pin = tile.querySelector('[data-action="pin"]')
        pin.setAttribute("aria-label", f"Pin {label}")
        if key[1] is Slot.CAMERA:
            _draw_person(tile, person)
            _draw_link(tile, person)
            _draw_picture(tile, person)

    def _mark_active(self, speaker: ParticipantId | None) -> None:
        """Mark whoever has the floor, also while they pause for breath."""
        for (who, slot), tile in self._tiles.items():
            if slot is Slot.CAMERA:
                set_data(tile, "active", "yes" if who == speaker else "no")

    def _name_pairs(self, snapshot: Snapshot) -> None:
        """Say on the tiles of other people which of them don't reach each other."""
        names = diagnosis.names(snapshot.participants)
        told: dict[ParticipantId, list[str]] = {who: [] for who in names}
        for pair in snapshot.pairs:
            if pair.broken:
                sentence = diagnosis.pair(pair, names)
                for who in (pair.one, pair.other):
                    told[who].append(sentence)
        for (who, slot), tile in self._tiles.items():
            if slot is Slot.CAMERA:
                set_text(part(tile, "pair"), diagnosis.short(told[who]))

    def _float(self, reaction: Reaction) -> None:
        tile = self._tiles.get((reaction.participant, Slot.CAMERA))
        if tile is None:
            return
        emoji = template("reaction")
        emoji.textContent = reaction.emoji
        part(tile, "reactions").append(emoji)
        set_text(by_id("announcer"), f"{tile.dataset.name}: {reaction.emoji}")


def _draw_person(tile: Any, person: Participant) -> None:
    """Show what somebody does, and who they are where no picture says it."""
    menu = tile.querySelector('[data-action="host-menu"]')
    menu.setAttribute("aria-label", f"Host menu for {person.name}")
    set_data(tile, "audio", sound(person))
    set_data(tile, "screen", "on" if person.media.screen else "off")
    set_data(tile, "speaking", "yes" if person.speaking else "no")
    set_data(tile, "hand", "up" if person.hand else "down")
    set_text(part(tile, "initials"), initials(person.name))
    set_data(tile, "hue", str(hue(person.name)))


def _draw_link(tile: Any, person: Participant) -> None:
    """Show how well somebody is connected, and how their link is encrypted."""
    set_data(tile, "quality", person.quality.value)
    bars = tile.querySelector('[data-action="show-link"]')
    words = f"Connection to {person.name}: {diagnosis.state(person).lower()}"
    bars.setAttribute("aria-label", words)
    bars.setAttribute("title", words)
    set_data(tile, "trying", person.attempt.value)
    set_data(tile, "cause", person.cause.value)
    for small in tile.querySelectorAll('[data-slot="detail"]'):
        set_text(small, diagnosis.detail(person))
    verify = tile.querySelector('[data-action="verify"]')
    verify.setAttribute("aria-label", f"Encryption with {person.name}")
    set_data(tile, "e2ee", person.e2ee.value)
    set_data(tile, "alarm", person.alarm.value)
    set_text(part(tile, "held"), held_back(person))
    set_data(tile, "roster", "forked" if person.forked else "same")
    mark = tile.querySelector(".tile-e2ee")
    mark.setAttribute("aria-label", encryption(person))
    mark.setAttribute("title", encryption(person))


def _draw_picture(tile: Any, person: Participant) -> None:
    """Show whether there is a picture, and else why not."""
    set_data(tile, "video", "on" if person.media.camera else "off")
    set_data(tile, "hidden", "yes" if person.hidden else "no")
    set_data(tile, "paused", "yes" if person.paused else "no")
    set_text(part(tile, "note"), picture_note(person))
    hide = tile.querySelector('[data-action="hide-video"]')
    hide.setAttribute("aria-label", f"Hide the picture of {person.name}")
    hide.setAttribute("aria-pressed", str(person.hidden).lower())


def _mark_first_frame(*_: Any) -> None:
    performance.mark("tertulia:first-remote-frame")


def _end_reaction(element: Any) -> None:
    if element.classList.contains("reaction"):
        element.remove()


def sound(person: Participant) -> str:
    """Return how somebody is heard: ``data-audio`` everywhere."""
    if person.silent:
        return "silent"
    return "on" if person.media.microphone else "muted"


def hue(name: str) -> int:
    """Return the number of the avatar colour that a name has everywhere."""
    return sum(name.encode()) % _HUES + 1
