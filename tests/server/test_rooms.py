"""The rooms, pure: what goes in, and the deliveries that come out."""

import functools
from collections.abc import Callable

import pytest
from guest import counting
from hypothesis import given, strategies as st

from protocol import messages as m
from protocol.codec import to_plain
from protocol.codes import (
    GRACE,
    MAX_MESSAGE,
    MISSED_GRACE,
    ErrorCode,
    LeaveReason,
    Presence,
    Role,
)
from protocol.links import Attempt, Reach
from server.door import Way
from server.errors import Refused
from server.moderation import Outcome
from server.room import Delivery, Departure, Entry
from server.rooms import Admission, Rooms
from server.store import RoomRecord
from server.wire import TO_CLIENT

ROOM = m.RoomId("the-room")
ICE = (m.IceServer(("stun:stun.example",)),)
NOW = 1000.0


def make_rooms() -> Rooms:
    return Rooms(counting(), lambda room, participant: ICE)


@pytest.fixture
def rooms() -> Rooms:
    return make_rooms()


def made(room: str = ROOM) -> RoomRecord:
    return RoomRecord(m.RoomId(room), "", "its maker", 0.0, e2ee=False)


def join(rooms: Rooms, name: str, room: str = ROOM) -> Admission:
    return rooms.join(m.RoomId(room), Entry(name.lower(), name), made(room))


def info(admission: Admission) -> m.ParticipantInfo:
    return admission.room.members[admission.you].info


def refusal(work: Callable[[], object]) -> ErrorCode:
    with pytest.raises(Refused) as refused:
        work()
    return refused.value.code


# -- coming in


def test_a_newcomer_learns_everything_and_the_others_learn_of_them(rooms):
    ana, bo = join(rooms, "Ana"), join(rooms, "Bo")
    joined = m.Joined(bo.you, ROOM, (info(ana),), "", ICE)
    assert bo.deliveries == [
        Delivery(bo.you, joined),
        Delivery(ana.you, m.ParticipantJoined(info(bo))),
    ]


def test_rooms_know_nothing_of_each_other(rooms):
    join(rooms, "Ana", "one")
    bo = join(rooms, "Bo", "another")
    assert [delivery.to for delivery in bo.deliveries] == [bo.you]


def test_the_ninth_finds_the_room_full(rooms):
    for name in "abcdefgh":
        join(rooms, name)
    assert refusal(lambda: join(rooms, "i")) is ErrorCode.ROOM_FULL
    record = RoomRecord(ROOM, "", "", 0.0)
    knock = functools.partial(rooms.way_in, record, role=Role.MEMBER)
    assert refusal(lambda: knock("i")) is ErrorCode.ROOM_FULL
    assert knock("a") is Way.IN  # who may want to come back


def test_who_is_cut_off_keeps_their_place(rooms):
    first = join(rooms, "a")
    for name in "bcdefgh":
        join(rooms, name)
    rooms.cut(first.room, first.you, NOW)
    assert refusal(lambda: join(rooms, "i")) is ErrorCode.ROOM_FULL


# -- cut, back, gone


def test_a_cut_is_told_as_reconnecting(rooms):
    ana, bo = join(rooms, "Ana"), join(rooms, "Bo")
    deliveries = rooms.cut(ana.room, ana.you, NOW)
    changed = m.ParticipantChanged(info(ana))
    assert deliveries == [Delivery(bo.you, changed)]
    assert info(ana).presence is Presence.RECONNECTING


def test_who_resumes_has_the_same_id(rooms):
    ana, bo = join(rooms, "Ana"), join(rooms, "Bo")
    rooms.cut(ana.room, ana.you, NOW)
    media = m.MediaState(camera=True)
    back = rooms.resume(ROOM, ana.you, Entry("ana", "Ana", media))
    joined, changed = back.deliveries
    assert joined.message.resumed
    assert (joined.message.you, joined.to) == (ana.you, ana.you)
    expected = m.ParticipantInfo(ana.you, "Ana", media, role=Role.HOST)
    assert changed == Delivery(bo.you, m.ParticipantChanged(expected))
    assert rooms.expire(NOW + GRACE) == []


def test_who_was_here_before_a_restart_comes_in_as_who_they_were(rooms):
    bo = join(rooms, "Bo")
    before = m.ParticipantId("ana-before")
    ana = rooms.join(ROOM, Entry("ana", "Ana"), made(), before)
    assert ana.you == "ana-before"
    (_, told) = ana.deliveries
    assert told == Delivery(bo.you, m.ParticipantJoined(info(ana)))


def test_the_end_of_the_grace_is_told_once(rooms):
    ana, bo = join(rooms, "Ana"), join(rooms, "Bo")
    rooms.cut(ana.room, ana.you, NOW)
    assert rooms.expire(NOW + GRACE - 0.1) == []
    left = m.ParticipantLeft(ana.you, LeaveReason.LOST)
    (gone,) = rooms.expire(NOW + GRACE)
    inherited = m.ParticipantChanged(info(bo))
    assert info(bo).role is Role.HOST
    told = [Delivery(bo.you, left), Delivery(bo.you, inherited)]
    assert gone == Departure(ana.you, LeaveReason.LOST, told)
    assert rooms.expire(NOW + 2 * GRACE) == []


def reports(who, others, state):
    """Let somebody say how their links are."""
    links = tuple(m.LinkReport(other.you, Reach(state)) for other in others)
    who.room.handle(who.you, m.ReportLinks(links), NOW)


def test_who_is_missed_by_all_is_gone_sooner(rooms):
    ana, bo, eva = join(rooms, "Ana"), join(rooms, "Bo"), join(rooms, "Eva")
    rooms.cut(ana.room, ana.you, NOW)
    reports(bo, [ana], "reconnecting")
    reports(eva, [ana], "unreachable")
    assert rooms.expire(NOW + MISSED_GRACE - 0.1) == []
    assert [gone.who for gone in rooms.expire(NOW + MISSED_GRACE)] == [ana.you]


@pytest.mark.parametrize("said", ["connected", None])
def test_one_line_that_stands_keeps_the_whole_grace(rooms, said):
    ana, bo, eva = join(rooms, "Ana"), join(rooms, "Bo"), join(rooms, "Eva")
    rooms.cut(ana.room, ana.you, NOW)
    reports(bo, [ana], "reconnecting")
    if said:
        reports(eva, [ana], said)
    assert rooms.expire(NOW + GRACE - 0.1) == []
    assert [gone.who for gone in rooms.expire(NOW + GRACE)] == [ana.you]


def test_word_of_somebody_who_is_cut_off_as_well_doesn_t_count(rooms):
    ana, bo = join(rooms, "Ana"), join(rooms, "Bo")
    for one, other in ((ana, bo), (bo, ana)):
        reports(one, [other], "reconnecting")
    for each in (ana, bo):
        rooms.cut(each.room, each.you, NOW)
    assert rooms.expire(NOW + GRACE - 0.1) == []


def test_an_empty_room_is_forgotten_with_its_chat(rooms):
    ana = join(rooms, "Ana")
    ana.room.handle(ana.you, m.Chat(m.ParticipantId("c"), "hola"), NOW)
    rooms.leave(ana.room, ana.you)
    assert rooms.find(ROOM) is None
    assert join(rooms, "Bo").deliveries[0].message.chat == ()


def test_an_ended_room_lets_nobody_in_again(rooms):
    ana, bo = join(rooms, "Ana"), join(rooms, "Bo")
    gone = rooms.end(ROOM, NOW)
    assert [departure.who for departure in gone] == [ana.you, bo.you]
    assert all(departure.deliveries[0].to == departure.who for departure in gone)
    assert refusal(lambda: join(rooms, "Eva")) is ErrorCode.ROOM_NOT_FOUND
    rooms.expire(NOW + 3600)
    assert join(rooms, "Eva")  # no token of before is good any more


# -- inside


def test_a_signal_goes_to_one_with_the_senders_name_on_it(rooms):
    ana, bo = join(rooms, "Ana"), join(rooms, "Bo")
    join(rooms, "Eva")
    body = {"anything": [1, None]}
    assert ana.room.handle(ana.you, m.Signal(bo.you, 2, body), NOW) == [
        Delivery(bo.you, m.Signaled(ana.you, 2, body))
    ]


@pytest.mark.parametrize("to", ["id1", "nobody"])
def test_a_signal_to_nobody_else_is_refused(rooms, to):
    ana = join(rooms, "Ana")
    signal = m.Signal(m.ParticipantId(to), 1, {})
    refused = refusal(lambda: ana.room.handle(ana.you, signal, NOW))
    assert refused is ErrorCode.NO_SUCH_PEER


def test_what_does_not_change_is_not_told(rooms):
    ana = join(rooms, "Ana")
    join(rooms, "Bo")
    assert ana.room.handle(ana.you, m.SetHand(False), NOW) == []


def test_an_unknown_reaction_is_refused(rooms):
    ana = join(rooms, "Ana")
    refused = refusal(lambda: ana.room.handle(ana.you, m.React("<b>"), NOW))
    assert refused is ErrorCode.BAD_REQUEST


def test_chat_without_words_is_refused(rooms):
    ana = join(rooms, "Ana")
    chat = m.Chat(m.ParticipantId("c"), " \n")
    refused = refusal(lambda: ana.room.handle(ana.you, chat, NOW))
    assert refused is ErrorCode.BAD_REQUEST


def test_a_newcomer_sees_the_last_fifty_lines(rooms):
    ana = join(rooms, "Ana")
    for number in range(60):
        chat = m.Chat(m.ParticipantId(f"c{number}"), f"line {number}")
        ana.room.handle(ana.you, chat, NOW + number)
    tail = join(rooms, "Bo").deliveries[0].message.chat
    assert [line.text for line in tail] == [f"line {n}" for n in range(10, 60)]


@pytest.mark.parametrize("char", ["x", "\u00e9", "\U0001f600", "\x01", '"', "x\n"])
def test_a_joined_never_outgrows_one_message(rooms, char):
    first = join(rooms, "a" * 64)
    for number in range(6):
        join(rooms, "\U0001f600" * 63 + str(number))
    for number in range(60):
        chat = m.Chat(m.ParticipantId(f"c{number}" + "c" * 60), (char * 2000)[:2000])
        first.room.handle(first.you, chat, NOW)
    joined = join(rooms, "Bo").deliveries[0].message
    assert joined.chat
    assert len(TO_CLIENT.encode(joined).encode()) < MAX_MESSAGE


def test_ids_of_chat_are_remembered_up_to_a_bound(rooms):
    ana = join(rooms, "Ana")

    def said(number: int) -> int:
        chat = m.Chat(m.ParticipantId(f"c{number}"), "x")
        return len(ana.room.handle(ana.you, chat, NOW))

    assert [said(n) for n in range(256)] == [1] * 256
    assert said(0) == 0
    assert said(256) == 1
    assert said(0) == 1


# -- hosts


def ask(rooms: Rooms, host: Admission, message: m.HostMessage) -> Outcome:
    return rooms.handle(host.room, host.you, message, NOW)


def test_without_a_waiting_room_nobody_waits_but_who_was_removed(rooms):
    ana, bo = join(rooms, "Ana"), join(rooms, "Bo")
    ask(rooms, ana, m.Remove(bo.you))
    ask(rooms, ana, m.SetWaitingRoom(True))
    again, eva = join(rooms, "Bo"), join(rooms, "Eva")
    outcome = ask(rooms, ana, m.SetWaitingRoom(False))
    assert outcome.admitted == [eva.you]
    assert list(ana.room.members) == [ana.you, eva.you]
    assert list(ana.room.waiting) == [again.you]


def test_nobody_takes_out_a_second_seat_of_their_own(rooms):
    ana, second = join(rooms, "Ana"), join(rooms, "Ana")
    for message in (m.Remove(second.you), m.Ban(second.you)):
        refused = refusal(functools.partial(ask, rooms, ana, message))
        assert refused is ErrorCode.FORBIDDEN


def test_who_is_longest_there_and_present_inherits(rooms):
    ana, bo, eva = (join(rooms, name) for name in ("Ana", "Bo", "Eva"))
    rooms.cut(bo.room, bo.you, NOW)
    rooms.leave(ana.room, ana.you)
    assert ana.room.hosts() == [eva.you]


# -- whatever happens

_people = st.sampled_from("abcdefghij")
_steps = st.lists(
    st.one_of(
        st.tuples(st.just("join"), _people),
        st.tuples(st.just("leave"), _people),
        st.tuples(st.just("cut"), _people),
        st.tuples(st.just("resume"), _people),
        st.tuples(st.just("wait"), st.floats(0, 20)),
        st.tuples(st.just("end"), st.none()),
        st.tuples(
            st.just("say"),
            st.tuples(
                _people,
                st.sampled_from(
                    [
                        m.SetHand(True),
                        m.SetMedia(m.MediaState(screen=True)),
                        m.React("👍"),
                        m.Chat(m.ParticipantId("c"), "x"),
                        m.Signal(m.ParticipantId("id1"), 1, {}),
                    ]
                ),
            ),
        ),
    ),
    max_size=60,
)


class Watched:
    """Rooms, and what each person in them must believe from what they were told."""

    def __init__(self) -> None:
        self.rooms = make_rooms()
        self.now = NOW
        self.stays: dict[str, Admission] = {}
        self.seen: dict[m.ParticipantId, dict[m.ParticipantId, m.ParticipantInfo]] = {}
        self.gone: set[m.ParticipantId] = set()

    def tell(self, deliveries: list[Delivery]) -> None:
        for to, message in deliveries:
            assert to not in self.gone
            seen = self.seen.setdefault(to, {})
            match message:
                case m.Joined(_, _, participants):
                    seen.clear()
                    seen.update({each.id: each for each in participants})
                case m.ParticipantJoined(who):
                    assert who.id not in seen
                    seen[who.id] = who
                case m.ParticipantChanged(who) if who.id != to:
                    assert who.id in seen
                    seen[who.id] = who
                case m.ParticipantLeft(who):
                    assert seen.pop(who, None) or who == to
                case m.Signaled(who) | m.Reacted(who):
                    assert who in seen or who == to

    def depart(self, departures: list[Departure]) -> None:
        for who, _, deliveries, _ in departures:
            assert who not in self.gone
            self.tell(deliveries)
            self.gone.add(who)
            self.seen.pop(who, None)
            self.stays = {n: a for n, a in self.stays.items() if a.you != who}

    def step(self, verb: str, what: object) -> None:
        stay = self.stays.get(what) if isinstance(what, str) else None
        match verb:
            case "join" if stay is None:
                self.stays[what] = self.rooms.join(ROOM, Entry(what, what), made())
                self.tell(self.stays[what].deliveries)
            case "leave" if stay:
                self.depart([self.rooms.leave(stay.room, stay.you)])
            case "cut" if stay and info(stay).presence is Presence.PRESENT:
                self.tell(self.rooms.cut(stay.room, stay.you, self.now))
            case "resume" if stay:
                back = self.rooms.resume(ROOM, stay.you, Entry(what, what))
                self.tell(back.deliveries)
            case "wait":
                self.now += what
                self.depart(self.rooms.expire(self.now))
            case "end":
                self.depart(self.rooms.end(ROOM, self.now))
            case "say" if what[0] in self.stays:
                stay = self.stays[what[0]]
                self.tell(stay.room.handle(stay.you, what[1], self.now))


@given(_steps)
def test_everyone_always_knows_the_room_as_it_is(steps):
    watched = Watched()
    for verb, what in steps:
        try:
            watched.step(verb, what)
        except Refused as refused:
            assert refused.code in (
                ErrorCode.ROOM_FULL,
                ErrorCode.ROOM_NOT_FOUND,
                ErrorCode.NO_SUCH_PEER,
            )
        room = watched.rooms.find(ROOM)
        members = room.members if room else {}
        assert len(members) <= 8
        assert {stay.you for stay in watched.stays.values()} == set(members)
        for who in members:
            others = {i: each.info for i, each in members.items() if i != who}
            assert watched.seen[who] == others


def test_what_a_room_says_can_be_said_on_the_wire(rooms):
    ana, bo = join(rooms, "Ana"), join(rooms, "Bo")
    for _, message in [*ana.deliveries, *bo.deliveries]:
        assert TO_CLIENT.from_plain(to_plain(message)) == message


# -- who reaches whom


DOWN = functools.partial(m.LinkReport, state=Reach.UNREACHABLE, trying=Attempt.ANEW)


def report(rooms: Rooms, who: Admission, *links: m.LinkReport) -> list[Delivery]:
    return rooms.handle(who.room, who.you, m.ReportLinks(links), NOW).deliveries


def test_the_others_hear_whom_somebody_reaches(rooms):
    ana, bo, eva = (join(rooms, name) for name in ("Ana", "Bo", "Eva"))
    links = (DOWN(bo.you), m.LinkReport(eva.you, Reach.CONNECTED))
    changed = m.LinksChanged(ana.you, links)
    assert report(rooms, ana, *links) == [
        Delivery(bo.you, changed),
        Delivery(eva.you, changed),
    ]


def test_saying_the_same_again_is_no_news(rooms):
    ana, bo = join(rooms, "Ana"), join(rooms, "Bo")
    report(rooms, ana, DOWN(bo.you))
    assert report(rooms, ana, DOWN(bo.you)) == []


def test_a_link_to_oneself_or_to_nobody_is_left_out(rooms):
    ana, bo = join(rooms, "Ana"), join(rooms, "Bo")
    told = report(rooms, ana, DOWN(ana.you), DOWN("nobody"), DOWN(bo.you))
    assert told == [Delivery(bo.you, m.LinksChanged(ana.you, (DOWN(bo.you),)))]


def test_of_two_words_on_one_link_the_last_counts(rooms):
    ana, bo = join(rooms, "Ana"), join(rooms, "Bo")
    up = m.LinkReport(bo.you, Reach.CONNECTED)
    told = report(rooms, ana, DOWN(bo.you), up)
    assert told == [Delivery(bo.you, m.LinksChanged(ana.you, (up,)))]


def test_a_newcomer_hears_of_every_link_that_was_told_of(rooms):
    ana, bo, eva = (join(rooms, name) for name in ("Ana", "Bo", "Eva"))
    report(rooms, ana, DOWN(bo.you), DOWN(eva.you))
    rooms.leave(eva.room, eva.you)
    gus = join(rooms, "Gus")
    mine = [each.message for each in gus.deliveries if each.to == gus.you]
    assert mine[1:] == [m.LinksChanged(ana.you, (DOWN(bo.you),))]


def test_who_comes_back_hears_of_the_links_anew(rooms):
    ana, bo = join(rooms, "Ana"), join(rooms, "Bo")
    report(rooms, ana, DOWN(bo.you))
    rooms.cut(bo.room, bo.you, NOW)
    back = rooms.resume(bo.room.id, bo.you, Entry("bo", "Bo"))
    assert Delivery(bo.you, m.LinksChanged(ana.you, (DOWN(bo.you),))) in back.deliveries
