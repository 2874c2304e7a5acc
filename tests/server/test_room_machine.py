"""Any order of any messages from anybody, over the pure rooms."""

from dataclasses import dataclass, field, replace
from typing import Any

from guest import counting
from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from protocol import messages as m
from protocol.codes import MAX_WAITING, ErrorCode, Presence, Role, Wish
from protocol.links import Attempt, Reach
from server.door import made_it
from server.errors import Refused
from server.moderation import Outcome, change
from server.room import Delivery, Departure, Entry, Room
from server.rooms import Rooms
from server.store import RoomRecord

ROOM = m.RoomId("the-room")
OTHER = m.RoomId("another")
CREATOR = "ana"

people = st.sampled_from(
    [*("ana", "bo", "eva", "gus", "leo") * 3, *(f"guest{n}" for n in range(5))]
)
rooms_ = st.sampled_from([ROOM, ROOM, ROOM, OTHER])
picks = st.integers(0, 30)


@dataclass
class Stay:
    """One person's stay, and what they must believe from what they were told."""

    subject: str
    room: Room
    waiting: bool
    others: dict[str, m.ParticipantInfo] = field(default_factory=dict)
    role: Role = Role.MEMBER
    door: m.Door = m.Door()
    queue: tuple[m.Newcomer, ...] = ()
    links: dict[str, tuple[m.LinkReport, ...]] = field(default_factory=dict)


def about(target: m.ParticipantId) -> st.SearchStrategy[Any]:
    """Return every message that somebody, honest or not, may send about somebody."""
    return st.sampled_from(
        [
            m.Signal(target, 1, {}),
            m.Mute(target),
            m.StopShare(target),
            m.Remove(target),
            m.Ban(target),
            m.HandOver(target),
            m.Admit(target),
            m.Admit(target),
            m.Refuse(target),
            m.Lock(True),
            m.Lock(False),
            m.SetWaitingRoom(True),
            m.SetWaitingRoom(True),
            m.SetWaitingRoom(False),
            m.EndForAll(),
            m.SetHand(True),
            m.SetMedia(m.MediaState(screen=True)),
            m.React("👍"),
            m.Rename("\u202eNew name"),
            m.Chat(m.ParticipantId("c"), "hola"),
            m.ReportLinks((m.LinkReport(target, Reach.CONNECTED),)),
            m.ReportLinks((m.LinkReport(target, Reach.UNREACHABLE, Attempt.ANEW),)),
            m.ReportLinks(()),
        ]
    )


def live(links: tuple[m.LinkReport, ...], room: Room) -> list[m.LinkReport]:
    return [each for each in links if each.peer in room.members]


class Machine(RuleBasedStateMachine):
    """Two rooms, thirteen people, any of whom may lie."""

    def __init__(self) -> None:
        super().__init__()
        self.rooms = Rooms(counting("p"), lambda room, who: ())
        self.now = 1000.0
        self.stays: dict[m.ParticipantId, Stay] = {}
        self.gone: set[m.ParticipantId] = set()
        self.records = {
            each: RoomRecord(each, "", CREATOR, 1.0, persistent=each == ROOM)
            for each in (ROOM, OTHER)
        }

    # -- what happens

    @rule(who=people, room=rooms_)
    def come_in(self, who: str, room: m.RoomId) -> None:
        self.come(who, room)

    def come(self, who: str, room: m.RoomId) -> None:
        role = Role.HOST if who == "eva" else Role.MEMBER  # eva's token says host
        try:
            admission = self.rooms.join(
                room, Entry(who, who, role=role), self.records[room]
            )
        except Refused as refused:
            assert refused.code in (
                ErrorCode.LOCKED,
                ErrorCode.BANNED,
                ErrorCode.REMOVED,
                ErrorCode.ROOM_FULL,
                ErrorCode.ROOM_NOT_FOUND,
            )
            return
        you, where = admission.you, admission.room
        waits = you in where.waiting
        if waits:
            assert role is Role.MEMBER or who in where.removed
            assert who != CREATOR
        self.stays[you] = Stay(who, where, waits)
        self.tell(admission.deliveries)

    @rule(room=rooms_, at=picks)
    def try_again(self, room: m.RoomId, at: int) -> None:
        """Whoever was taken out, sent away or left tries again."""
        found = self.rooms.find(room)
        record = self.rooms.record(room) or self.records[room]
        unwelcome = sorted({*record.banned, *(found.removed if found else ())})
        if unwelcome:
            self.come(unwelcome[at % len(unwelcome)], room)

    @rule(at=picks, ban=st.booleans())
    def turn_on_who_waits(self, at: int, ban: bool) -> None:
        waiting = [who for who, stay in self.stays.items() if stay.waiting]
        if waiting:
            who = waiting[at % len(waiting)]
            hosts = self.stays[who].room.hosts()
            if hosts:
                self.say(hosts[0], m.Ban(who) if ban else m.Admit(who))

    @rule(room=rooms_, on=st.booleans())
    def open_or_close(self, room: m.RoomId, on: bool) -> None:
        found = self.rooms.find(room)
        if found and found.hosts():
            self.say(found.hosts()[0], m.SetWaitingRoom(on))

    @rule(data=st.data(), by=picks, at=picks)
    def say_anything(self, data: st.DataObject, by: int, at: int) -> None:
        if self.stays:
            ids = list(self.stays)
            message = data.draw(about(ids[at % len(ids)]))
            self.say(ids[by % len(ids)], message)

    @rule(by=picks, at=picks, kind=st.sampled_from([m.Remove, m.Ban, m.Admit]))
    def host_somebody(self, by: int, at: int, kind: Any) -> None:
        """Most of what anybody says is refused: this mostly isn't."""
        hosts = [who for who, stay in self.stays.items() if stay.role is Role.HOST]
        if hosts:
            who = hosts[by % len(hosts)]
            room = self.stays[who].room
            targets = [*room.waiting, *room.members]
            self.say(who, kind(targets[at % len(targets)]))

    def say(self, who: m.ParticipantId, message: m.ClientMessage) -> None:
        stay = self.stays[who]
        before = dict(stay.room.members), dict(stay.room.waiting), stay.room.record
        was_host = stay.role is Role.HOST and not stay.waiting
        try:
            outcome = self.rooms.handle(stay.room, who, message, self.now)
        except Refused as refused:
            after = dict(stay.room.members), dict(stay.room.waiting), stay.room.record
            assert after == before  # what is refused changes nothing
            if stay.waiting or (isinstance(message, m.HostMessage) and not was_host):
                assert refused.code is ErrorCode.FORBIDDEN
            return
        assert not stay.waiting
        assert was_host or not isinstance(message, m.HostMessage)
        self.perform(outcome)
        if outcome.ended:
            self.depart(self.rooms.end(stay.room.id, self.now))

    @rule(by=picks)
    def leave(self, by: int) -> None:
        if self.stays:
            who = list(self.stays)[by % len(self.stays)]
            self.depart([self.rooms.leave(self.stays[who].room, who)])

    @rule(by=picks)
    def cut(self, by: int) -> None:
        present = [
            who
            for who, stay in self.stays.items()
            if not stay.waiting
            and stay.room.members[who].info.presence is Presence.PRESENT
        ]
        if present:
            who = present[by % len(present)]
            self.tell(self.rooms.cut(self.stays[who].room, who, self.now))

    @rule(by=picks)
    def come_back(self, by: int) -> None:
        inside = [who for who, stay in self.stays.items() if not stay.waiting]
        if inside:
            who = inside[by % len(inside)]
            stay = self.stays[who]
            entry = Entry(stay.subject, stay.subject)
            self.tell(self.rooms.resume(stay.room.id, who, entry).deliveries)

    @rule(seconds=st.floats(0, 20))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.depart(self.rooms.expire(self.now))
        for room in self.rooms.fade(self.now):
            found = self.rooms.find(room)
            assert room == OTHER  # the other one is persistent
            assert found is None or not found.members
            self.depart(self.rooms.end(room, self.now))

    @rule(room=rooms_, capacity=st.integers(2, 8), waits=st.booleans())
    def change_from_outside(self, room: m.RoomId, capacity: int, waits: bool) -> None:
        record = self.rooms.record(room) or self.records[room]
        record = replace(record, capacity=capacity, waiting_room=waits, locked=False)
        self.perform(change(self.rooms, record))

    # -- what follows

    def perform(self, outcome: Outcome) -> None:
        if outcome.record is not None:
            self.records[outcome.record.id] = outcome.record
        self.depart(outcome.departures)
        for who in outcome.admitted:
            self.stays[who].waiting = False
        self.tell(outcome.deliveries)

    def depart(self, departures: list[Departure]) -> None:
        for departure in departures:
            self.tell(departure.deliveries)
            assert self.stays.pop(departure.who).waiting == departure.waited
            self.gone.add(departure.who)

    def tell(self, deliveries: list[Delivery]) -> None:
        for to, message in deliveries:
            assert to not in self.gone
            stay = self.stays[to]
            if stay.waiting:
                assert isinstance(message, m.Waiting | m.Failed)
                if isinstance(message, m.Waiting):
                    assert [each.id for each in message.people] == [to]
                continue
            self.believe(to, stay, message)

    def believe(self, me: str, stay: Stay, message: m.ServerMessage) -> None:
        others = stay.others
        match message:
            case m.Joined():
                stay.others = {each.id: each for each in message.participants}
                stay.role, stay.door = message.role, message.door
                stay.queue = message.waiting
                stay.links = {}
            case m.ParticipantJoined(info):
                assert info.id not in others
                others[info.id] = info
            case m.ParticipantChanged(info) if info.id == me:
                if info.role is not stay.role:
                    stay.queue = ()
                stay.role = info.role
            case m.ParticipantChanged(info):
                assert info.id in others
                others[info.id] = info
            case m.ParticipantLeft(who):
                assert others.pop(who, None) or who == me
                stay.links.pop(who, None)
            case m.LinksChanged(who, links):
                assert who in others
                stay.links[who] = links
            case m.RoomChanged(door):
                stay.door = door
            case m.Waiting(people):
                assert stay.role is Role.HOST
                stay.queue = people
            case m.Asked(by, wish):
                assert others[by].role is Role.HOST
                assert wish in Wish
            case m.Signaled(who) | m.Reacted(who):
                assert who in others or who == me  # of the same room

    # -- what always holds

    @invariant()
    def a_room_is_never_overfull(self) -> None:
        for room in self.found():
            assert len(room.members) <= 8
            assert len(room.waiting) <= MAX_WAITING

    @invariant()
    def somebody_is_host_while_anybody_is_in(self) -> None:
        for room in self.found():
            assert bool(room.hosts()) == bool(room.members)

    @invariant()
    def nobody_banned_is_inside_or_waits(self) -> None:
        for room in self.found():
            banned = set(room.record.banned)
            inside = {member.subject for member in room.members.values()}
            waiting = {waiter.entry.subject for waiter in room.waiting.values()}
            assert not banned & (inside | waiting)
            assert not room.removed & inside
            assert not any(made_it(room.record, subject) for subject in banned)

    @invariant()
    def nobody_both_waits_and_is_in(self) -> None:
        for room in self.found():
            assert not room.members.keys() & room.waiting.keys()

    @invariant()
    def everybody_believes_what_is_so(self) -> None:
        held = {
            **{who: room for room in self.found() for who in room.members},
            **{who: room for room in self.found() for who in room.waiting},
        }
        assert held.keys() == self.stays.keys()
        for who, room in held.items():
            stay = self.stays[who]
            assert stay.room is room
            assert stay.waiting == (who in room.waiting)
            if stay.waiting:
                continue
            infos = {i: each.info for i, each in room.members.items()}
            mine = infos.pop(who)
            assert stay.others == infos
            assert (stay.role, stay.door) == (mine.role, room.door)
            for other in stay.others:
                # Who is gone is nobody's peer, whatever was said of them before.
                said = room.members[m.ParticipantId(other)].links
                heard = stay.links.get(other, ())
                assert live(heard, room) == live(said, room)
            if stay.role is Role.HOST:
                assert list(stay.queue) == [w.info for w in room.waiting.values()]

    @invariant()
    def nobody_is_left_over(self) -> None:
        for room in self.found():
            assert room.members or room.waiting

    def found(self) -> list[Room]:
        found = [self.rooms.find(each) for each in (ROOM, OTHER)]
        return [room for room in found if room is not None]


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=100, stateful_step_count=50, deadline=None)
