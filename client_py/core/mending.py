"""How links that are in trouble come back.

``recovery`` decides for one link, by what happened to it. Here all links are known,
who of two begins, and who can be told anything just now.
"""

from collections.abc import Callable, Mapping
from typing import Final

from client_py.core.backoff import next_delay
from client_py.core.effect import After, Effect, RestartIce, Send
from client_py.core.event import PeerChanged, RecoveryDue, RenewalDue
from client_py.core.link import Link
from client_py.core.look import Look
from client_py.core.recovery import (
    COURTESY,
    MOMENT,
    RESTART,
    Happening,
    Stage,
    Step,
    patience,
)
from client_py.core.state import Connection
from client_py.core.wake import Sign
from protocol.codec import to_plain
from protocol.messages import ParticipantId, ParticipantInfo, Renew, Signal

AGAIN: Final = 10.0  # seconds until the other end is asked for a new link once more
# Looks after the time that the other end gives it: who should have begun may wait for
# me to.
UNBEGUN: Final = 5

_HAPPENINGS = {
    "connected": Happening.CONNECTED,
    "disconnected": Happening.DISCONNECTED,
    "failed": Happening.FAILED,
    "untrusted": Happening.UNTRUSTED,
}
_SHAKEN = (Stage.SHAKEN, Stage.RESTARTED, Stage.HELD)


class Mending:
    """Keeps the links of one stay up. Every method returns what is to be done.

    ``replace`` makes the connection of a link anew, under another generation.
    """

    def __init__(
        self,
        links: Mapping[ParticipantId, Link],
        replace: Callable[[ParticipantId, int], list[Effect]],
        random: Callable[[], float],
    ) -> None:
        self._links = links
        self._replace = replace
        self._random = random
        self._cut_off = False

    def changed(self, event: PeerChanged) -> list[Effect]:
        """A link's connection state is another."""
        who, link = event.participant, self._now(event)
        happening = _HAPPENINGS.get(event.state)
        if link is None or happening is None:
            return []
        if link.recovery.stage is not Stage.GIVEN_UP:
            if happening is Happening.CONNECTED:
                link.stand()
            elif happening is Happening.DISCONNECTED:
                link.connection = Connection.RECONNECTING
        return self._happened(who, link, happening)

    def due(self, event: RecoveryDue) -> list[Effect]:
        """A link had its time to come back, if it is still at that stage."""
        who, link = event.participant, self._now(event)
        if link is None or link.recovery.serial != event.serial:
            return []
        return self._happened(who, link, Happening.OVERDUE)

    def renewal_due(self, event: RenewalDue) -> list[Effect]:
        """Replace the link, if it is still the one that failed."""
        who, link = event.participant, self._now(event)
        if link is None or link.ended or link.recovery.stage is not Stage.GIVEN_UP:
            return []
        if self._reaches(link):
            return self._renew(who, link)
        # The initiator begins when they are back; who only asks may have to again.
        return [] if link.initiator else [After(AGAIN, event)]

    def woken(self, sign: Sign) -> list[Effect]:
        """The machine or its network is back: what shakes needn't be waited for."""
        moved = sign is Sign.NETWORK
        happening = Happening.MOVED if moved else Happening.WOKEN
        effects: list[Effect] = []
        for who, link in self._links.items():
            effects += self._happened(who, link, happening)
        return effects

    def cut_off(self) -> None:
        """The server doesn't hear me."""
        self._cut_off = True

    def go_on(self) -> list[Effect]:
        """The server hears me again."""
        self._cut_off = False
        return [effect for who in self._links for effect in self.back(who)]

    def back(self, who: ParticipantId) -> list[Effect]:
        """Words may reach somebody again."""
        link = self._links[who]
        if not self._reaches(link):
            return []
        happening = Happening.BACK if link.initiator else Happening.AWAITED
        return self._happened(who, link, happening)

    def asked(self, who: ParticipantId, link: Link) -> list[Effect]:
        """The other end wants a new link, and it is for me to begin."""
        return self._give_up(who, link) if link.recovery.give_up() else []

    def look(
        self,
        looks: Mapping[ParticipantId, Look],
        sends: Callable[[ParticipantInfo], bool],
    ) -> list[Effect]:
        """Take a look at the links; ``sends`` tells from whom something has to come."""
        effects: list[Effect] = []
        for who, link in self._links.items():
            if link.recovery.stage is Stage.NEW:
                link.looks += 1
                unbegun = int(patience(link.failures)) + UNBEGUN
                if link.looks == unbegun and not link.initiator:
                    effects += self._happened(who, link, Happening.FAILED)
            if who in looks:
                link.look(looks[who], sending=sends(link.info))
                effects += self._looked(who, link, looks[who])
        return effects

    # -- inside

    def _now(self, event: PeerChanged | RecoveryDue | RenewalDue) -> Link | None:
        """Return the link of which this is, if it still has that connection."""
        link = self._links.get(event.participant)
        return link if link and link.generation == event.generation else None

    def _looked(self, who: ParticipantId, link: Link, look: Look) -> list[Effect]:
        if link.recovery.stage is Stage.STEADY and link.is_silent(look):
            link.connection = Connection.RECONNECTING
            return self._happened(who, link, Happening.SILENT)
        if link.recovery.stage in _SHAKEN and look.missed == 0:
            link.stand()
            return self._happened(who, link, Happening.HEARD)
        return []

    def _reaches(self, link: Link) -> bool:
        return not self._cut_off and not link.away

    def _happened(
        self, who: ParticipantId, link: Link, happening: Happening
    ) -> list[Effect]:
        if link.ended:
            return []
        step = link.recovery.take(happening, reached=self._reaches(link))
        held = link.recovery.stage is Stage.HELD
        if held and link.connection is Connection.CONNECTED:
            link.connection = Connection.RECONNECTING
        match step:
            case Step.WATCH:
                courtesy = 0.0 if link.initiator else COURTESY
                return [self._timer(who, link, MOMENT + courtesy)]
            case Step.RESTART:
                link.connection = Connection.RECONNECTING
                return [RestartIce(who), self._timer(who, link, RESTART)]
            case Step.REPLACE:
                return self._give_up(who, link)
            case Step.RENEW:
                return self._renew(who, link)
            case Step.NOTHING:
                return []

    def _timer(self, who: ParticipantId, link: Link, seconds: float) -> After:
        return After(seconds, RecoveryDue(who, link.generation, link.recovery.serial))

    def _give_up(self, who: ParticipantId, link: Link) -> list[Effect]:
        link.fail()
        if not link.initiator:
            return self._renew(who, link)
        delay = next_delay(link.failures - 1, self._random())
        return [After(delay, RenewalDue(who, link.generation))]

    def _renew(self, who: ParticipantId, link: Link) -> list[Effect]:
        if link.initiator:
            return self._replace(who, link.generation + 1)
        # It may be lost: whoever dropped it tells the other end, and not me.
        return [
            Send(Signal(who, link.generation, to_plain(Renew()))),
            After(AGAIN, RenewalDue(who, link.generation)),
        ]
