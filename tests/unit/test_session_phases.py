"""Everything may happen in every phase; nothing raises, nothing is left behind."""

import json
from dataclasses import replace
from random import Random
from typing import get_args

import pytest

from client_py.core import effect as do, event as e
from client_py.core.look import Look
from client_py.core.session import Session
from client_py.core.slot import Slot
from client_py.core.state import (
    CaptureQuality,
    Device,
    Encryption,
    MediaProblem,
    Phase,
    Problem,
    Quality,
)
from client_py.core.verdict import Gathered
from protocol import messages as m
from protocol.codec import Codec, to_plain
from protocol.codes import CloseCode, ErrorCode, LeaveReason, Presence, Role, Wish
from protocol.links import Attempt, Reach
from tests.unit.people import (
    ANN,
    ANSWER,
    BEN,
    CANDIDATE,
    CAT,
    ME,
    OFFER,
    RENEW,
    info,
    joined,
    signaled,
)

MIC, CAM, SCREEN, AUDIO = Slot
TO_SERVER: Codec[m.ClientMessage] = Codec(m.ClientMessage, json.loads, json.dumps)

ENTER: list[e.Event] = [e.EnterLobby("room"), e.Join("Me")]
IN: list[e.Event] = [*ENTER, e.Admitted("token"), e.Heard(joined(ANN, BEN))]
AWAY = e.AdmissionFailed(Problem.SERVER_UNREACHABLE)

QUEUE = m.Waiting((m.Newcomer(CAT, "Cat"),))

PLACES: dict[str, tuple[Phase, list[e.Event]]] = {
    "no room": (Phase.LOBBY, []),
    "lobby": (Phase.LOBBY, [e.EnterLobby("room")]),
    "connecting": (Phase.JOINING, ENTER),
    "said hello": (Phase.JOINING, [*ENTER, e.Admitted("token")]),
    "waiting": (Phase.WAITING, [*ENTER, e.Admitted("token"), e.Heard(QUEUE)]),
    "waiting anew": (Phase.WAITING, [*IN, e.SocketClosed(1006), e.Heard(QUEUE)]),
    "asked for a passcode": (
        Phase.LOBBY,
        [*ENTER, e.AdmissionFailed(Problem.PASSCODE_REQUIRED)],
    ),
    "host": (
        Phase.JOINED,
        [
            *ENTER,
            e.Admitted("token"),
            e.Heard(replace(joined(ANN, BEN), role=Role.HOST)),
            e.Heard(QUEUE),
        ],
    ),
    "alone": (Phase.JOINED, [*ENTER, e.Admitted("token"), e.Heard(joined())]),
    "joined": (Phase.JOINED, IN),
    "on air": (
        Phase.JOINED,
        [
            *IN,
            e.TurnOn(MIC),
            e.SourceStarted(MIC, (MIC,)),
            e.TurnOn(SCREEN),
            e.SourceStarted(SCREEN, (SCREEN, AUDIO)),
            e.RaiseHand(True),
            e.Say("hola"),
        ],
    ),
    "cut": (Phase.RECONNECTING, [*IN, e.SocketClosed(1006)]),
    "cut, said hello": (
        Phase.RECONNECTING,
        [*IN, e.SocketClosed(1006), e.RetryDue(2), e.Admitted("token")],
    ),
    "left": (Phase.LEFT, [*IN, e.Leave()]),
    "elsewhere": (Phase.LEFT, [*IN, e.SocketClosed(CloseCode.ELSEWHERE)]),
    "refused": (Phase.FAILED, [*ENTER, e.AdmissionFailed(Problem.ROOM_FULL)]),
    "server away": (Phase.FAILED, [*ENTER, AWAY, AWAY, AWAY]),
}

GESTURES: list[e.Event] = [
    e.CreateRoom(),
    e.EnterLobby(""),
    e.EnterLobby("other"),
    e.Join("Me"),
    e.Join(""),
    e.Leave(),
    e.Say("hola"),
    e.Say(""),
    e.ShowReaction("👍"),
    e.ShowReaction("no emoji at all"),
    e.RaiseHand(True),
    e.RaiseHand(False),
    e.Join("Me", "passcode"),
    *(
        e.Moderate(kind(who))
        for kind in (m.Mute, m.StopShare, m.Remove, m.Ban, m.HandOver, m.Admit)
        for who in (ANN, CAT)
    ),
    e.Moderate(m.Lock(True)),
    e.Moderate(m.EndForAll()),
]

SOURCES: list[e.Event] = [
    *(kind(slot) for kind in (e.TurnOn, e.TurnOff, e.SourceEnded) for slot in Slot),
    *(kind(slot) for kind in (e.SourceInterrupted, e.SourceResumed) for slot in Slot),
    *(e.InterruptionLasts(slot, 1) for slot in Slot),
    *(e.ChooseDevice(slot, "usb") for slot in Slot),
    *(e.SourceStarted(slot, (slot,)) for slot in Slot),
    *(e.SourceFailed(slot, problem) for slot in Slot for problem in MediaProblem),
    e.SourceStarted(SCREEN, (SCREEN, AUDIO)),
    e.ChooseOutput("headset"),
    e.OutputFailed("headset"),
    e.PickOutput(),
    e.ChooseQuality(CaptureQuality.HD),
    e.AllowPlayback(),
    e.PlaybackBlocked(True),
    e.DevicesChanged((Device("usb", "audioinput", "USB"),)),
]

SIGNALING: list[e.Event] = [
    e.Admitted("token"),
    *(e.AdmissionFailed(problem) for problem in Problem),
    *(e.SocketClosed(code) for code in (*CloseCode, 1005, 1006, 4999)),
    *(e.RetryDue(attempt) for attempt in range(-1, 5)),
    e.Woken(),
    e.Settled(),
    *(e.AbsenceOver(serial) for serial in range(3)),
]

PEOPLE = (ME, ANN, CAT)  # me, somebody who is here, somebody who is not

STATES = ("new", "connected", "disconnected", "failed", "closed")

LINKS: list[e.Event] = [
    *(e.PeerSaid(who, each, OFFER) for who in PEOPLE for each in range(3)),
    *(e.PeerSaid(who, each, CANDIDATE) for who in PEOPLE for each in range(3)),
    *(
        e.PeerChanged(who, each, state)
        for who in PEOPLE
        for each in range(3)
        for state in STATES
    ),
    *(e.PeerForged(who) for who in PEOPLE),
    *(e.RecoveryDue(who, each, each) for who in PEOPLE for each in range(3)),
    *(e.RenewalDue(who, each) for who in PEOPLE for each in range(3)),
    *(
        e.PeerSecured(who, each, state, b"me", b"them")
        for who in PEOPLE
        for each in range(3)
        for state in Encryption
    ),
    *(e.CompareCodes(who, match, None) for who in PEOPLE for match in (True, False)),
    *(e.AcceptDevice(who, None) for who in PEOPLE),
    e.CurvesMissing(),
    *(
        e.PeerGathered(who, each, Gathered(refused=frozenset({401})))
        for who in PEOPLE
        for each in range(3)
    ),
    *(
        e.LinksLooked(dict.fromkeys(PEOPLE, Look(Quality.LOST, missed)))
        for missed in (None, 0, 3, 9)
    ),
    e.LinksLooked({}),
    e.LevelsMeasured({}, 0.0),
    e.LevelsMeasured(dict.fromkeys(PEOPLE, 1.0), 1.0),
    *(e.LevelsMeasured({}, now, mine) for mine in (0.0, 1.0) for now in (0.0, 60.0)),
]

DOWN = m.LinkReport(ANN, Reach.UNREACHABLE, Attempt.ANEW)
LINE = m.ChatLine(ANN, ANN, "Ann", "hola", 1.0)

SERVER: list[m.ServerMessage] = [
    joined(),
    joined(ANN, resumed=True),
    replace(joined(ANN, resumed=True), epoch="another"),
    m.Resumed("secret"),
    joined(BEN, CAT, chat=(LINE,)),
    joined(you=ANN),
    joined(ANN, ANN, info(BEN, presence=Presence.RECONNECTING)),
    *(m.ParticipantJoined(info(who)) for who in PEOPLE),
    *(m.ParticipantChanged(info(who, hand=True)) for who in PEOPLE),
    *(
        m.ParticipantChanged(info(who, media=m.MediaState(True, True, True, True)))
        for who in PEOPLE
    ),
    *(m.ParticipantLeft(who, reason) for who in PEOPLE for reason in LeaveReason),
    *(
        m.Signaled(who, generation, to_plain(message))
        for who in PEOPLE
        for generation in (0, 1, 2, 2**53 - 1)
        for message in (OFFER, ANSWER, CANDIDATE, RENEW)
    ),
    m.Signaled(ANN, 1, {"type": "hello"}),
    m.Signaled(ANN, 1, {}),
    *(m.LinksChanged(who, (DOWN,)) for who in PEOPLE),
    m.Chatted(LINE),
    m.Reacted(CAT, "👍"),
    m.Reacted(ANN, "x" * 16),
    m.Pong(0),
    m.Waiting(()),
    QUEUE,
    m.RoomChanged(m.Door(locked=True)),
    *(m.Asked(who, wish) for who in PEOPLE for wish in Wish),
    *(m.ParticipantChanged(info(who, role=Role.HOST)) for who in PEOPLE),
    *(
        m.Failed(code, "no", about)
        for code in ErrorCode
        for about in ("", "hello", "x")
    ),
    m.GoingAway(-1.0),
    m.GoingAway(1e308),
    m.IceRenewed(()),
    m.IceRenewed((m.IceServer(("turn:t.example",), "name", "word"),)),
]

WORDS: list[e.Event] = [
    *(e.PeerSpoke(who, n, m.Feeling("x")) for who in PEOPLE for n in (0, 1)),
    e.PeerSpoke(ANN, 1, m.Showing(m.MediaState(True, True, True, True), True)),
    e.PeerSpoke(ANN, 1, m.Written((m.Line(m.Id("a"), "hola", -1e308),), True)),
    e.PeerSpoke(ANN, 1, m.Received((m.Id("a"),))),
    e.PeerSpoke(ANN, 1, m.Seeing((m.Seen(BEN, "no key"), m.Seen(ME, "")), 2**53 - 1)),
    e.PeerSpoke(ANN, 1, m.Seeing((), 0, 1)),
    e.DevicesRecalled({b"": "", b"key": "Ann"}),
]

PICTURES: list[e.Event] = [
    *(e.HideVideo(who, hidden) for who in PEOPLE for hidden in (True, False)),
    e.TilesMeasured({}),
    e.TilesMeasured({ANN: m.Watching(0, 0), CAT: m.Watching(2**53 - 1, 1)}),
    *(e.PeerHinted(who, n, m.Watching(0, 0)) for who in PEOPLE for n in (0, 1)),
    e.PeerHinted(ANN, 1, m.Watching(2**53 - 1, 2**53 - 1)),
    *(e.PeerHinted(ANN, 1, m.Pausing(camera)) for camera in (True, False)),
]

EVENTS: list[e.Event] = [
    *GESTURES,
    *SOURCES,
    *SIGNALING,
    *LINKS,
    *PICTURES,
    *WORDS,
    *(e.Heard(message) for message in SERVER),
]


def arrive(events: list[e.Event]) -> Session:
    session = Session(lambda: 0.5, "test")
    for event in events:
        session.handle(event)
    return session


def test_no_kind_of_event_is_forgotten() -> None:
    assert {type(each) for each in EVENTS} == set(get_args(e.Event))
    assert {type(each) for each in SERVER} == set(get_args(m.ServerMessage))


@pytest.mark.parametrize("place", PLACES)
def test_every_place_is_where_it_says(place: str) -> None:
    phase, path = PLACES[place]
    assert arrive(path).snapshot.phase is phase


@pytest.mark.parametrize("place", PLACES)
def test_everything_may_happen_everywhere(place: str) -> None:
    """``Membership.go`` raises where a phase may not follow another."""
    _, path = PLACES[place]
    for event in EVENTS:
        session = arrive(path)
        effects = session.handle(event)
        assert all(isinstance(each, get_args(do.Effect)) for each in effects), event
        people = session.snapshot.participants
        assert [each.me for each in people] == [True, False, False, False][
            : len(people)
        ]


@pytest.mark.parametrize("place", ["no room", "lobby", "left", "elsewhere", "refused"])
def test_server_and_peers_move_nothing_outside(place: str) -> None:
    phase, path = PLACES[place]
    for event in (*LINKS, *(e.Heard(message) for message in SERVER)):
        session = arrive(path)
        before = session.snapshot
        assert session.handle(event) == [], event
        assert session.snapshot.phase is phase, event
        assert session.snapshot.participants == before.participants, event


@pytest.mark.parametrize("place", ["connecting", "said hello", "cut", "server away"])
def test_only_an_answer_to_the_hello_counts_before_one_is_in(place: str) -> None:
    phase, path = PLACES[place]
    for message in SERVER:
        if isinstance(message, m.Joined | m.Resumed | m.Waiting | m.Failed):
            continue
        session = arrive(path)
        assert session.handle(e.Heard(message)) == [], message
        assert session.snapshot.phase is phase, message


class Driver:
    """Performs effects as ``Conference`` does, and checks that they make sense."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.links: dict[m.ParticipantId, int] = {}
        self.open: set[Slot] = set()
        self.starting: set[Slot] = set()
        self.sent: set[Slot] = set()
        self.timers: list[e.Event] = []

    def handle(self, event: e.Event) -> None:
        if isinstance(event, e.SourceStarted):
            self.starting.discard(event.slot)
            self.open.update(event.slots)
        elif isinstance(event, e.SourceFailed):
            self.starting.discard(event.slot)
        for effect in self.session.handle(event):
            self.perform(effect)
        self.check()

    def perform(self, effect: do.Effect) -> None:
        match effect:
            case do.OpenPeer(who, generation):
                assert who not in self.links, "a link over another"
                self.links[who] = generation
            case do.ClosePeer(who):
                del self.links[who]
            case do.Deliver(who):
                assert who in self.links
            case do.Publish(slot):
                assert slot in self.open
                self.sent.add(slot)
            case do.Unpublish(slot):
                self.sent.discard(slot)
            case do.StartSource(slot):
                self.starting.add(slot)
            case do.StopSource(slot):
                for each in (slot, AUDIO) if slot is SCREEN else (slot,):
                    self.open.discard(each)
                    assert each not in self.sent, "sends what is closed"
                self.starting.discard(slot)
            case do.After(seconds, event):
                assert seconds >= 0
                self.timers.append(event)
            case do.Send(message):
                assert TO_SERVER.decode(TO_SERVER.encode(message)) == message

    def check(self) -> None:
        shown = self.session.snapshot
        others = {each.id for each in shown.participants if not each.me}
        assert others == self.links.keys()
        if shown.phase not in (Phase.JOINED, Phase.RECONNECTING):
            assert not shown.participants
            assert shown.active_speaker is None
        live = {
            slot for slot in (MIC, CAM, SCREEN) if shown.source(slot).state == "live"
        }
        assert live == self.sent - {AUDIO}

    def happen(self, random: Random) -> e.Event:
        """Choose something that can happen now."""
        choices = [
            random.choice(GESTURES),
            random.choice([each for each in SOURCES if not _of_devices(each)]),
            random.choice(SIGNALING),
            random.choice(LINKS),
            e.Heard(random.choice(SERVER)),
            signaled(random.choice(PEOPLE), OFFER, random.randrange(4)),
        ]
        if self.starting:
            slot = random.choice(sorted(self.starting))
            slots = (
                (slot, AUDIO) if slot is SCREEN and random.random() < 0.5 else (slot,)
            )
            choices += [e.SourceStarted(slot, slots)] * 2
            choices.append(e.SourceFailed(slot, random.choice(list(MediaProblem))))
        if self.open - {AUDIO}:
            choices.append(e.SourceEnded(random.choice(sorted(self.open - {AUDIO}))))
        if self.timers:
            choices.append(self.timers.pop(random.randrange(len(self.timers))))
        choices += _FORWARD.get(self.session.snapshot.phase, [])
        return random.choice(choices)


_FORWARD: dict[Phase, list[e.Event]] = {
    Phase.LOBBY: [e.EnterLobby("room"), e.Join("Me")],
    Phase.JOINING: [e.Admitted("token"), e.Heard(joined(ANN, BEN))],
    Phase.RECONNECTING: [e.Admitted("token"), e.Heard(joined(BEN, resumed=True))],
    Phase.WAITING: [e.Heard(joined(ANN, BEN))],
    Phase.LEFT: [e.Join("Me")],
    Phase.FAILED: [e.Join("Me")],
}


def _of_devices(event: e.Event) -> bool:
    """Whether only a platform that was asked can tell it."""
    return isinstance(event, e.SourceStarted | e.SourceFailed | e.SourceEnded)


@pytest.mark.parametrize("seed", range(60))
def test_no_order_of_events_leaves_anything_behind(seed: int) -> None:
    random = Random(seed)
    driver = Driver(Session(random.random, "test"))
    for _ in range(150):
        driver.handle(driver.happen(random))
    driver.handle(e.Leave())
    assert driver.links == {}


def test_a_name_that_no_room_can_have_ends_where_one_may_begin_anew():
    session = Session(Random(1).random, "agent")
    session.handle(e.EnterLobby("abc.", "secret"))
    shown = session.snapshot
    assert (shown.phase, shown.problem) == (Phase.FAILED, Problem.ROOM_NOT_FOUND)
    assert (shown.room, shown.secret) == ("", "")
    session.handle(e.EnterLobby("room"))
    assert session.snapshot.phase is Phase.LOBBY
