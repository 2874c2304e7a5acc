"""Who is in the room, and my link to each of them.

The newcomer offers to everyone and is the initiator of those links for good; a
link that fails and can't be mended (``recovery``) is replaced as a whole, by its
initiator, under the next generation. What comes for an older generation is dropped.
"""

from collections.abc import Callable, Collection
from dataclasses import replace

from client_py.core.effect import (
    After,
    ClosePeer,
    Deliver,
    Effect,
    OpenPeer,
    Send,
    UseServers,
)
from client_py.core.event import AbsenceOver, PeerGathered, PeerSaid, PeerSecured
from client_py.core.link import Link
from client_py.core.mending import Mending
from client_py.core.recovery import Stage, patience
from client_py.core.state import Participant
from client_py.core.terms import Terms
from client_py.core.trust import Trust
from e2ee.handshake import Link as Seals
from protocol.codec import to_plain
from protocol.codes import GRACE
from protocol.messages import (
    IceServer,
    Joined,
    LinkReport,
    MediaState,
    ParticipantId,
    ParticipantInfo,
    PeerMessage,
    Renew,
    Signal,
)

_NOTHING = (MediaState(), False)
_SETTLED = (Stage.STEADY, Stage.GIVEN_UP)


class Roster:
    """The other participants. Every method returns what is to be done."""

    def __init__(
        self, random: Callable[[], float], room: str = "", shared_key: bytes = b""
    ) -> None:
        self._shared_key = shared_key
        self._me = ParticipantId("")
        self.my_name = ""
        self._links: dict[ParticipantId, Link] = {}
        self.trust = Trust(room, self._links)
        self.mending = Mending(self._links, self._replace, random)
        self._ice_servers: tuple[IceServer, ...] = ()
        self._absences = 0  # a timer knows the one it is for

    def __contains__(self, who: ParticipantId) -> bool:
        return who in self._links

    @property
    def generations(self) -> dict[ParticipantId, int]:
        """The number of the connection that each link has now."""
        return {who: link.generation for who, link in self._links.items()}

    def is_now(self, who: ParticipantId, generation: int) -> bool:
        """Whether somebody's link has this connection."""
        return who in self._links and self._links[who].generation == generation

    @property
    def sealed(self) -> bool:
        """Whether links of this room are encrypted from end to end."""
        return bool(self._shared_key)

    def info(self, who: ParticipantId) -> ParticipantInfo | None:
        """Return what the server said of a participant last."""
        link = self._links.get(who)
        return link.info if link else None

    def participants(
        self, speaking: frozenset[ParticipantId]
    ) -> tuple[Participant, ...]:
        """Return everyone else, in the order in which they came."""
        return tuple(
            Participant(
                id=who,
                name=link.info.name,
                media=link.info.media,
                hand=link.info.hand,
                connection=link.shown,
                speaking=who in speaking and link.info.media.microphone,
                quality=link.quality,
                attempt=link.attempt(self._ice_servers),
                cause=link.cause(self._ice_servers),
                role=link.info.role,
                e2ee=link.encryption,
                code=link.code,
                familiar=link.familiar,
                alarm=link.alarm,
                alias=link.alias,
                forked=link.forked,
            )
            for who, link in self._links.items()
        )

    def alias(self, who: ParticipantId) -> str:
        """Return the other name under which somebody's device was verified."""
        return self._links[who].alias

    def fork(self, others: Collection[ParticipantId]) -> None:
        """These see other people in the call than I do."""
        for who, link in self._links.items():
            link.forked = who in others

    @property
    def people(self) -> tuple[ParticipantId, ...]:
        """Everyone else, in the order in which they came."""
        return tuple(self._links)

    @property
    def reports(self) -> tuple[LinkReport, ...]:
        """What the others have to know of my links, to those that the server knows."""
        here = (link for link in self._links.values() if not link.absent)
        return tuple(link.report(self._ice_servers) for link in here)

    @property
    def away(self) -> frozenset[ParticipantId]:
        """Who isn't heard by the server."""
        return frozenset(who for who, link in self._links.items() if link.away)

    def enter(self, joined: Joined, *, anew: bool = False) -> list[Effect]:
        """Take the room as it is now: open what is new, close what is gone.

        A server that was started ``anew`` doesn't know yet who is gone: those who
        aren't there have a grace to come back in.
        """
        self._me = self.trust.me = joined.you
        here = {info.id: info for info in joined.participants}
        effects: list[Effect] = []
        for who, link in list(self._links.items()):
            if who in here:
                continue
            if anew:
                link.absent = True
            elif not link.absent:
                effects += self.remove(who)
        effects += self.use(joined.ice_servers)
        for who, info in here.items():
            if who in self._links:
                effects += self.change(info)
            else:
                # Whoever came while I was cut off is the newcomer of the two.
                effects += self._open(info, initiator=not joined.resumed)
                if anew:  # what they think of that is asked of them
                    effects.append(Send(Signal(who, 1, to_plain(Renew()))))
        if anew and any(link.absent for link in self._links.values()):
            self._absences += 1
            effects.append(After(GRACE, AbsenceOver(self._absences)))
        return effects

    def missing(self, serial: int) -> list[ParticipantId]:
        """Return who didn't come back in the grace of this number."""
        if serial != self._absences:
            return []
        return [who for who, link in self._links.items() if link.absent]

    def use(self, servers: tuple[IceServer, ...]) -> list[Effect]:
        """The ICE servers are these from now on, for old links and new ones."""
        if servers == self._ice_servers:
            return []
        self._ice_servers = servers
        return [UseServers(servers)] if self._links else []

    def add(self, info: ParticipantInfo) -> list[Effect]:
        """Somebody came in: make ready for their offer."""
        if info.id in self._links:
            return self.change(info)
        return self._open(info, initiator=False)

    def change(self, info: ParticipantInfo) -> list[Effect]:
        """Somebody's name, media, hand or presence changed."""
        link = self._links.get(info.id)
        if link is None:
            return []
        away, link.info, link.absent = link.away, self.believed(info), False
        back = away and not link.away
        return self.mending.back(info.id) if back else []

    def show(self, info: ParticipantInfo) -> bool:
        """Somebody says under seal what they show; return if they had said before."""
        link = self._links[info.id]
        link.info, before, link.introduced = info, link.introduced, True
        return before

    def believed(self, info: ParticipantInfo) -> ParticipantInfo:
        """Return what is believed of the server's word of somebody.

        In an encrypted call people themselves say who they are and what they show.
        """
        if not self.sealed:
            return info
        link = self._links.get(info.id)
        media, hand = (link.info.media, link.info.hand) if link else _NOTHING
        name = link.info.name if link and link.named else info.name
        return replace(info, name=name, media=media, hand=hand)

    def remove(self, who: ParticipantId) -> list[Effect]:
        """Somebody is gone."""
        return [ClosePeer(who)] if self._links.pop(who, None) else []

    def clear(self) -> list[Effect]:
        """I am gone."""
        return [effect for who in list(self._links) for effect in self.remove(who)]

    def signaled(
        self, who: ParticipantId, generation: int, message: PeerMessage, n: int = 0
    ) -> list[Effect]:
        """The other end of a link says something, under its number ``n``."""
        link = self._links.get(who)
        if link is None or link.ended or 0 < n <= link.heard:
            return []  # two servers passed it on, one after the other
        link.heard = max(n, link.heard)
        if generation < link.generation:
            return []
        if generation > link.generation and link.initiator:
            return []  # only the initiator raises it: somebody lies
        if isinstance(message, Renew):
            return self._asked(who, link, generation)
        effects: list[Effect] = []
        if generation > link.generation:
            if link.recovery.stage not in _SETTLED:
                link.fail()  # the other end was the first to give it up
            effects += self._replace(who, generation)
        return [*effects, Deliver(who, message)]

    def said(self, event: PeerSaid) -> list[Effect]:
        """My end of a link has something for the other end."""
        link = self._links.get(event.participant)
        if link is None or event.generation != link.generation:
            return []
        body = to_plain(event.message)
        return [Send(Signal(event.participant, event.generation, body))]

    def secured(self, event: PeerSecured) -> list[Effect]:
        """A link is encrypted, or isn't any more."""
        who, link = event.participant, self._links.get(event.participant)
        if link is None or event.generation != link.generation:
            return []
        self.trust.secure(link, event)
        return [ClosePeer(who)] if link.ended else []

    def gathered(self, event: PeerGathered) -> None:
        """My end of a link knows more of the ways out."""
        link = self._links.get(event.participant)
        if link is not None and event.generation == link.generation:
            link.gathered = event.gathered

    def _asked(self, who: ParticipantId, link: Link, generation: int) -> list[Effect]:
        """The other end wants a new link: it may have noticed first."""
        if link.initiator:
            return self.mending.asked(who, link)
        # A server that was started anew may have each believe that the other begins.
        if self._me > who:
            return [Send(Signal(who, generation, to_plain(Renew())))]
        link.initiator = True
        return self._replace(who, max(link.generation, generation) + 1)

    def _open(self, info: ParticipantInfo, *, initiator: bool) -> list[Effect]:
        link = self._links[info.id] = Link(self.believed(info), initiator)
        return [self._peer(info.id, link)]

    def _replace(self, who: ParticipantId, generation: int) -> list[Effect]:
        link = self._links[who]
        link.renew(generation)
        return [ClosePeer(who), self._peer(who, link)]

    def _peer(self, who: ParticipantId, link: Link) -> OpenPeer:
        terms = None
        if self._shared_key:
            whose = Seals(self.trust.room, self._me, who, link.initiator)
            terms = Terms(whose, self._shared_key, self.my_name)
        return OpenPeer(
            who,
            link.generation,
            link.initiator,
            self._ice_servers,
            terms,
            patience(link.failures),
        )
