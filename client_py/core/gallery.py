"""Pictures in both directions: how large I show theirs, and what I send of mine.

Hints say so to the other end of each link, sealed like all that ends say to each
other; the uplink makes of theirs what is sent. Both are compared with what was told
or asked for before, link by link and generation by generation, so nothing is lost
with a connection that is replaced.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from client_py.core.effect import Effect, Shape as Reshape, Tell
from client_py.core.encoding import CAMERA, rungs_for
from client_py.core.event import HideVideo, PeerHinted, TilesMeasured
from client_py.core.line import EVERYTHING
from client_py.core.look import Look
from client_py.core.source import Sources
from client_py.core.state import CaptureQuality, NoticeKind, Participant
from client_py.core.uplink import Sending, Shape, Uplink
from protocol.messages import ParticipantId, ParticipantInfo, Pausing, Watching

_NONE = Watching(camera=0, screen=0)

Links = Mapping[ParticipantId, int]


class Gallery:
    """The pictures of one stay. ``tell`` gets what the person has to know."""

    def __init__(
        self, sources: Sources, tell: Callable[[NoticeKind, str, str], None]
    ) -> None:
        self._sources = sources
        self._tell = tell
        self._uplink = Uplink()
        self._tiles: Mapping[ParticipantId, Watching] = {}
        self._hidden: set[ParticipantId] = set()
        self._holding: set[ParticipantId] = set()  # whose ways carry no picture
        self._told: dict[tuple[ParticipantId, int], tuple[Watching, bool]] = {}
        self._shaped: dict[tuple[ParticipantId, int], Shape] = {}
        self._paused = False
        self.waiting = False  # nothing that is told now would arrive

    def take(
        self, event: TilesMeasured | HideVideo | PeerHinted, links: Links
    ) -> list[Effect]:
        """Take what is shown here, or there."""
        match event:
            case TilesMeasured(tiles):
                self._tiles = tiles
            case HideVideo(who, hidden):
                (self._hidden.add if hidden else self._hidden.discard)(who)
            case PeerHinted(who, generation, hint):
                if links.get(who) != generation:
                    return []
                match hint:
                    case Watching():
                        self._follow(links)
                        self._uplink.show(who, hint)
                    case Pausing(camera):
                        held = self._holding
                        (held.add if camera else held.discard)(who)
        return self.settle(links)

    def look(self, looks: Mapping[ParticipantId, Look], links: Links) -> list[Effect]:
        """Take how the links are."""
        self._follow(links)
        self._uplink.look({who: look.outgoing for who, look in looks.items()})
        return self.settle(links)

    def forget(self) -> None:
        """All links are new ones: nothing was told, and nothing asked for."""
        self._told.clear()
        self._shaped.clear()

    def settle(self, links: Links) -> list[Effect]:
        """Return what is to be told and asked for, where it is new.

        ``links`` are the generations of all links that there are.
        """
        self._follow(links)
        effects: list[Effect] = []
        told, self._told = self._told, {}
        shaped, self._shaped = self._shaped, {}
        for key in links.items():
            who = key[0]
            shape = self._shaped[key] = self._uplink.shapes[who]
            if shaped.get(key) != shape:
                effects.append(Reshape(who, shape))
            before = told.get(key, (EVERYTHING, False))
            if self.waiting:
                self._told[key] = before
                continue
            watching, pausing = self._told[key] = self._watching(who), shape.paused
            if before[0] != watching:
                effects.append(Tell(who, watching))
            if before[1] != pausing:
                effects.append(Tell(who, Pausing(pausing)))
        self._hidden &= links.keys()
        self._holding &= links.keys()
        if self._uplink.paused is not self._paused:
            self._paused = self._uplink.paused
            if self._paused:
                self._tell(NoticeKind.VIDEO_PAUSED, "", "")
            elif links and self._sources.announced.camera:
                self._tell(NoticeKind.VIDEO_BACK, "", "")
        return effects

    def sends(self, info: ParticipantInfo) -> bool:
        """Whether somebody sends me something, by what I was told and asked for."""
        media, watching = info.media, self._watching(info.id)
        camera = media.camera and watching.camera and info.id not in self._holding
        screen = media.screen and watching.screen
        return media.microphone or bool(camera or screen)

    def mark(self, person: Participant) -> Participant:
        """Return somebody with what is to be said of their picture."""
        if person.me:
            return replace(person, paused=True) if self._paused else person
        hidden = person.id in self._hidden or self._deaf_to_pictures
        paused = person.id in self._holding and person.media.camera
        if hidden or paused:
            return replace(person, hidden=hidden, paused=paused)
        return person

    # -- inside

    @property
    def _deaf_to_pictures(self) -> bool:
        return self._sources.quality is CaptureQuality.AUDIO

    def _follow(self, links: Links) -> None:
        media, quality = self._sources.announced, self._sources.quality
        height = quality.size[1] if media.camera else 0
        self._uplink.follow(list(links), Sending(height, media.screen))

    def _watching(self, who: ParticipantId) -> Watching:
        if self._deaf_to_pictures:
            return _NONE
        shown = self._tiles.get(who)
        if shown is None:  # nobody measures tiles here, or not yet
            return replace(EVERYTHING, camera=0) if who in self._hidden else EVERYTHING
        camera = 0 if who in self._hidden else _step(shown.camera)
        return Watching(camera, EVERYTHING.screen if shown.screen else 0)


def _step(height: int) -> int:
    """Return the height of the rung that is large enough, so that hints are few."""
    rungs = rungs_for(height)
    return CAMERA[rungs - 1].height if rungs else 0
