"""One stay in one room: who else is there, what is said, what I am.

Sans-I/O, like ``Session``, which decides when a stay begins and ends. It outlives
every cut: ``enter`` takes the whole room anew, ``go_on`` what was missed.
"""

import logging

from client_py.core import event as e
from client_py.core.body import peer_message
from client_py.core.company import Company
from client_py.core.correspondence import Correspondence
from client_py.core.effect import (
    Compare,
    Effect,
    HoldBack,
    Remember,
    RenewKeys,
    Send,
)
from client_py.core.gallery import Gallery
from client_py.core.hosting import Hosting
from client_py.core.log import Log
from client_py.core.mesh import Mesh
from client_py.core.roster import Roster
from client_py.core.source import Sources
from client_py.core.state import Alarm, Encryption, NoticeKind, Pair
from e2ee.rotation import Reason
from protocol import messages as m
from protocol.codes import MAX_CHAT, VERSION, LeaveReason

log = logging.getLogger("tertulia.stay")

Spoken = (
    e.Say | e.ShowReaction | e.RaiseHand | e.Moderate | e.CompareCodes | e.AcceptDevice
)


def sendable(text: str, length: int) -> str:
    """Cut to what the codec lets through: fields can hold half a character."""
    whole = (c for c in text if not "\ud800" <= c <= "\udfff")
    return "".join(whole).strip()[:length]


class Stay:
    """My stay under this name, over the links of ``roster``."""

    def __init__(self, name: str, sources: Sources, log: Log, roster: Roster) -> None:
        self.name = name
        self.hand = False
        self.roster = roster
        self.gallery = Gallery(sources, log.tell)
        self.company = Company(self.roster, sources, self.gallery)
        self.words = Correspondence(roster, sources, log)
        self.hosting = Hosting(log)
        self.mesh = Mesh()
        self.resume = ""  # the ticket to come back with
        self._cut_off = False  # the server doesn't hear me
        self._sources = sources
        self._log = log
        self._epoch = ""
        self._announced = m.MediaState()
        self._warned = False  # of words that only the server can have written
        self._held: set[tuple[m.ParticipantId, int]] = set()  # by connection
        self._alarms: dict[m.ParticipantId, Alarm] = {}  # that were told

    def hello(self, token: str, agent: str) -> m.Hello:
        """Return what to say at the door, for the first time or again."""
        if not self.roster.sealed:
            self._announced = self._sources.announced
        return m.Hello(
            version=VERSION,
            token=token,
            name=self.name,
            media=self._announced,
            resume=self.resume,
            agent=agent,
        )

    def announce(self) -> list[Effect]:
        """Tell the server what I show, if it knows otherwise and is to know."""
        if self.roster.sealed or self._sources.announced == self._announced:
            return []
        self._announced = self._sources.announced
        return [Send(m.SetMedia(self._announced))]

    def enter(self, joined: m.Joined) -> list[Effect]:
        """Take the whole room as it is now."""
        anew = joined.resumed and joined.epoch != self._epoch
        effects: list[Effect] = []
        if not joined.resumed:
            effects += self.roster.clear()
            self.gallery.forget()
            self._warned = False
        self.company.me, self.resume = joined.you, joined.resume
        self._epoch = joined.epoch
        self._log.enter(joined.you, () if self.roster.sealed else joined.chat)
        self.hosting.enter(joined)
        self.mesh.enter()
        self.name = self.roster.my_name = joined.name or self.name
        effects += self.roster.enter(joined, anew=anew)
        effects += self._go_on()
        if self.roster.sealed:
            if joined.chat:
                self.forged()
            self.words.repeat()
            return effects
        effects += self.announce()  # it may have changed since the hello
        if self.hand or joined.resumed:
            effects.append(Send(m.SetHand(self.hand)))
        if anew or not joined.resumed:  # else what was written is on its way
            effects += [Send(each) for each in self._log.unconfirmed]
        return effects

    def go_on(self, resumed: m.Resumed) -> list[Effect]:
        """Nothing was lost: what I know is true, and what I missed follows."""
        self.resume = resumed.resume
        self.mesh.go_on()
        return [*self.roster.use(resumed.ice_servers), *self._go_on()]

    def cut(self) -> None:
        """The server hears nothing of me. What is only state waits, and the newest
        of it is told afterwards: so no cut is too long for what has to be kept.
        """
        self._cut_off = self.gallery.waiting = True
        self.roster.mending.cut_off()

    def _go_on(self) -> list[Effect]:
        self._cut_off = self.gallery.waiting = False
        return self.roster.mending.go_on()

    def lose_seat(self) -> list[Effect]:
        """Be nobody here for now, and somebody new next time."""
        self.company.me, self.resume = None, ""
        return self.roster.clear()

    def spoken(self, event: Spoken) -> list[Effect]:
        """Do what I want to say to the room."""
        me = self.company.me
        if me is None:
            return []
        match event:
            case e.Say(text, at):
                return self._say(me, sendable(text, MAX_CHAT), at)
            case e.ShowReaction() if self._cut_off:
                return []  # its moment will be over by the time that I am back
            case e.ShowReaction(emoji):
                sealed = self.roster.sealed
                return self.words.feel(me, emoji) if sealed else [Send(m.React(emoji))]
            case e.RaiseHand(raised):
                self.hand = raised
                return [] if self.roster.sealed else [Send(m.SetHand(raised))]
            case e.CompareCodes(who, match, code):
                return [Compare(who, match, code)] if who in self.roster else []
            case e.AcceptDevice(who, code):
                if who in self.roster:
                    self.roster.trust.accept(who, code)
                return []
            case e.Moderate(message):
                return [] if self._cut_off else self.hosting.ask(message)

    def heard(self, message: m.ServerMessage) -> list[Effect]:
        """Take what goes on in the room."""
        match message:
            case m.ParticipantJoined(info):
                known = info.id in self.roster
                if not known:
                    self._log.tell(NoticeKind.JOINED, info.name)
                renewed = [] if known else self._renew_keys(Reason.JOINED)
                return [*renewed, *self.roster.add(info)]
            case m.ParticipantChanged(info):
                return self._changed(info)
            case m.ParticipantLeft(who, reason):
                return self.gone(who, reason)
            case m.Signaled():
                return self._signaled(message)
            case m.LinksChanged(who) if who in self.roster:
                self.mesh.hear(message)
            case m.IceRenewed(servers):
                return self.roster.use(servers)
            case m.Chatted() | m.Reacted() if self.roster.sealed:
                self.forged()
            case m.Chatted(line):
                self._log.add(line)
            case m.Reacted(who, emoji):
                self._log.react(who, emoji)
            case m.RoomChanged(door):
                self.hosting.door = door
            case m.Waiting(people):
                self.hosting.queue(people)
        return []

    def forged(self) -> None:
        """The server says what people say sealed, or alters it; told once in a stay."""
        log.warning("< the server says something that nobody has sealed")
        if not self._warned:
            self._warned = True
            self._log.tell(NoticeKind.FORGED)

    def gone(self, who: m.ParticipantId, reason: LeaveReason) -> list[Effect]:
        """Somebody else is not here any more."""
        if info := self.roster.info(who):
            lost = reason is LeaveReason.LOST
            self._log.tell(NoticeKind.LOST if lost else NoticeKind.LEFT, info.name)
        removed = self.roster.remove(who)
        self.mesh.forget(who)
        return [*removed, *self._renew_keys(Reason.LEFT)] if removed else []

    def look(self, event: e.LinksLooked) -> list[Effect]:
        """Take how the links are; tell the others what is new of it."""
        cut_off = self._cut_off or self.company.me is None
        effects = self.roster.mending.look(event.looks, self.gallery.sends)
        effects += self.gallery.look(event.looks, self.roster.generations)
        if self.roster.sealed:
            self.words.look(cut_off=cut_off)
        if cut_off:
            return effects
        return [*effects, *self.mesh.tell(self.roster.reports)]

    def pictured(self, event: e.PictureEvent) -> list[Effect]:
        """Take what is shown of pictures, here or there."""
        return self.gallery.take(event, self.roster.generations)

    def told(self, event: e.PeerSpoke) -> list[Effect]:
        """Take what somebody says under the seal of a link."""
        who = event.participant
        if not self.roster.sealed or not self.roster.is_now(who, event.generation):
            return []
        if (who, event.generation) in self._held and not isinstance(
            event.word, m.Showing
        ):
            return []  # nobody vouches for whose words these are
        before, now = self.roster.info(who), self.words.hear(who, event.word)
        if before and now and self.roster.show(now):
            self._notice(before, now)
        return self.words.answer(who, event.word)

    def correspond(self) -> list[Effect]:
        """Return what others have to hear of me under seal."""
        if not self.roster.sealed or self.company.me is None or self._cut_off:
            return []
        links = self.roster.generations
        held = {who for who, _ in self._held}
        open_ = {who: n for who, n in links.items() if who not in held}
        return self.words.settle(open_, hand=self.hand)

    def pairs(self) -> tuple[Pair, ...]:
        """Return who reaches whom."""
        me = self.company.me
        if me is None:
            return ()
        people = [me, *self.roster.people]
        return self.mesh.pairs(people, self.roster.reports, self.roster.away)

    def secured(self, event: e.PeerSecured) -> list[Effect]:
        """A link is encrypted, or isn't any more: the latter is told aloud."""
        effects = self.roster.secured(event)
        info = self.roster.info(event.participant)
        if info is None:
            return effects
        if effects:
            self._log.tell(event.ended or NoticeKind.KEY_CHANGED, info.name)
        elif event.encryption is Encryption.VERIFIED:
            return [Remember(self.roster.trust.room, event.theirs, info.name)]
        return effects

    def guard(self) -> list[Effect]:
        """Hold back what goes to somebody who may be somebody else, and tell of it."""
        alarms = self.roster.trust.alarms
        if not (alarms or self._alarms or self._held):
            return []
        for who, alarm in alarms.items():
            info = self.roster.info(who)
            if info and self._alarms.get(who) is not alarm:
                alias = self.roster.alias(who)
                self._log.tell(NoticeKind(alarm.value), info.name, alias)
        self._alarms = alarms
        before, links = self._held, self.roster.generations
        self._held = {(who, links[who]) for who, each in alarms.items() if each.holds}
        held = [HoldBack(who, True) for who, _ in sorted(self._held - before)]
        past = sorted(before - self._held)
        free = [HoldBack(who, False) for who, n in past if links.get(who) == n]
        return [*held, *free]

    def _renew_keys(self, reason: Reason) -> list[Effect]:
        return [RenewKeys(reason)] if self.roster.sealed else []

    def absence_over(self, serial: int) -> list[Effect]:
        """Whoever hasn't come back to a server that was started anew is gone."""
        effects: list[Effect] = []
        for who in self.roster.missing(serial):
            effects += self.gone(who, LeaveReason.LOST)
        return effects

    def _changed(self, info: m.ParticipantInfo) -> list[Effect]:
        if info.id == self.company.me:
            if not self.roster.sealed:
                self.name = info.name  # else it came with the answer to my hello
            self.hosting.become(info.role)
            return []
        if before := self.roster.info(info.id):
            self._notice(before, self.roster.believed(info))
        return self.roster.change(info)

    def _notice(self, before: m.ParticipantInfo, now: m.ParticipantInfo) -> None:
        if now.hand and not before.hand:
            self._log.tell(NoticeKind.HAND, now.name)
        if now.media.screen != before.media.screen:
            kind = NoticeKind.SHARING if now.media.screen else NoticeKind.SHARE_ENDED
            self._log.tell(kind, now.name)

    def _say(self, me: m.ParticipantId, text: str, at: float) -> list[Effect]:
        if text and self.roster.sealed:
            self.words.write(me, self.name, text, at)
            return []
        return [Send(self._log.write(me, text))] if text else []

    def _signaled(self, signaled: m.Signaled) -> list[Effect]:
        message = peer_message(signaled.body)
        if message is None:
            return []
        who, generation = signaled.from_, signaled.generation
        return self.roster.signaled(who, generation, message, signaled.n)
