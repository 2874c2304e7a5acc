from dataclasses import replace

import pytest

from client_py.core import effect as do, event as e
from client_py.core.session import Session
from client_py.core.slot import Slot
from client_py.core.state import (
    Connection,
    MediaProblem,
    Notice,
    NoticeKind,
    Participant,
    Phase,
    Problem,
    Reaction,
    SourceState,
)
from client_py.core.wake import Sign
from protocol import messages as m
from protocol.codes import (
    MAX_CHAT,
    MAX_NAME,
    VERSION,
    CloseCode,
    ErrorCode,
    LeaveReason,
    Presence,
)
from tests.unit.people import (
    ANN,
    ANSWER,
    BEN,
    CANDIDATE,
    CAT,
    ICE,
    ME,
    OFFER,
    info,
    joined,
    signal,
    signaled,
)

MIC, CAM, SCREEN, AUDIO = Slot


def session() -> Session:
    return Session(lambda: 0.5, "test")


def after(session: Session, *events: e.Event) -> list[do.Effect]:
    """Handle events; return what the last one wants done."""
    effects: list[do.Effect] = []
    for event in events:
        effects = session.handle(event)
    return effects


def heard(message: m.ServerMessage) -> e.Heard:
    return e.Heard(message)


def joining() -> Session:
    ours = session()
    after(ours, e.EnterLobby("room"), e.Join("Me"), e.Admitted("token"))
    return ours


def in_call(*others: m.ParticipantInfo | m.ParticipantId) -> Session:
    """Return the session of somebody who came in last."""
    ours = joining()
    after(ours, heard(joined(*others)))
    return ours


def reconnecting(*others: m.ParticipantInfo | m.ParticipantId) -> Session:
    ours = in_call(*others)
    after(ours, e.SocketClosed(1006))
    assert ours.snapshot.phase is Phase.RECONNECTING
    return ours


def resume(session: Session, answer: m.Joined) -> list[do.Effect]:
    """Come back in; return what follows from the answer."""
    return after(session, e.Admitted("token"), heard(answer))


def where(session: Session) -> tuple[Phase, Problem]:
    return session.snapshot.phase, session.snapshot.problem


def notices(session: Session) -> list[tuple[NoticeKind, str, str]]:
    return [(n.kind, n.subject, n.detail) for n in session.snapshot.notices]


def hello(**more: object) -> do.Send:
    plain = m.Hello(VERSION, "token", "Me", agent="test")
    return do.Send(replace(plain, **more))  # type: ignore[arg-type]


# -- coming in


def test_person_joins_in_three_steps() -> None:
    ours = session()
    assert ours.handle(e.EnterLobby("room")) == []
    assert where(ours) == (Phase.LOBBY, Problem.NONE)
    assert ours.handle(e.Join(" Me ")) == [do.Connect("room")]
    assert where(ours) == (Phase.JOINING, Problem.NONE)
    assert ours.handle(e.Admitted("token")) == [hello()]
    assert ours.handle(heard(joined(ANN, BEN))) == [
        do.OpenPeer(ANN, 1, True, ICE),
        do.OpenPeer(BEN, 1, True, ICE),
    ]
    assert where(ours) == (Phase.JOINED, Problem.NONE)
    assert ours.snapshot.participants == (
        Participant(ME, "Me", me=True, connection=Connection.CONNECTED),
        Participant(ANN, "Ann"),
        Participant(BEN, "Ben"),
    )


def test_newcomer_is_told_and_waited_for() -> None:
    ours = in_call()
    assert ours.handle(heard(m.ParticipantJoined(info(ANN)))) == [
        do.OpenPeer(ANN, 1, False, ICE)
    ]
    assert notices(ours) == [(NoticeKind.JOINED, "Ann", "")]
    assert ours.handle(signaled(ANN, OFFER)) == [do.Deliver(ANN, OFFER)]
    assert ours.handle(e.PeerSaid(ANN, 1, ANSWER)) == [do.Send(signal(ANN, ANSWER))]


def test_nobody_joins_without_a_room() -> None:
    ours = session()
    assert ours.handle(e.Join("Me")) == []
    assert where(ours) == (Phase.LOBBY, Problem.NONE)


@pytest.mark.parametrize("name", ["", "   ", "\ud83d"])
def test_nameless_person_is_a_guest(name: str) -> None:
    ours = session()
    after(ours, e.EnterLobby("room"), e.Join(name))
    assert ours.handle(e.Admitted("token")) == [hello(name="Guest")]


def test_long_name_is_cut_to_what_a_hello_holds() -> None:
    ours = session()
    after(ours, e.EnterLobby("room"), e.Join("x" * (MAX_NAME + 1)))
    assert ours.handle(e.Admitted("token")) == [hello(name="x" * MAX_NAME)]


def test_second_click_on_join_does_nothing() -> None:
    assert joining().handle(e.Join("Me")) == []
    assert in_call().handle(e.Join("Me")) == []
    assert reconnecting().handle(e.Join("Me")) == []


def test_new_room_is_entered_once_it_is_made() -> None:
    ours = session()
    assert ours.handle(e.CreateRoom(e2ee=False)) == [do.MakeRoom(e2ee=False)]
    assert ours.handle(e.EnterLobby("new")) == []
    assert ours.snapshot.room == "new"


def test_room_that_cannot_be_made_is_told() -> None:
    ours = session()
    assert (
        after(ours, e.CreateRoom(e2ee=False), e.AdmissionFailed(Problem.INTERNAL)) == []
    )
    assert notices(ours) == [(NoticeKind.REFUSED, "create-room", "internal")]
    assert where(ours) == (Phase.LOBBY, Problem.NONE)


@pytest.mark.parametrize("room", ["", "room"])
def test_person_who_has_to_log_in_is_told_before_they_join(room: str) -> None:
    ours = session()
    after(ours, e.EnterLobby(room), e.CreateRoom(e2ee=False))
    ours.handle(e.AdmissionFailed(Problem.LOGIN_REQUIRED))
    assert where(ours) == (Phase.FAILED, Problem.LOGIN_REQUIRED)
    assert notices(ours) == []


def test_server_that_is_away_is_told_after_three_tries_and_tried_on() -> None:
    ours = session()
    after(ours, e.EnterLobby("room"), e.Join("Me"))
    trail = []
    for _ in range(5):
        (due,) = ours.handle(e.AdmissionFailed(Problem.SERVER_UNREACHABLE))
        assert isinstance(due, do.After)
        assert ours.handle(due.event) == [do.Connect("room")]
        trail.append(where(ours))
    assert (
        trail
        == [(Phase.JOINING, Problem.NONE)] * 2
        + [(Phase.FAILED, Problem.SERVER_UNREACHABLE)] * 3
    )
    assert after(ours, e.Admitted("token")) == [hello()]
    after(ours, heard(joined()))
    assert where(ours) == (Phase.JOINED, Problem.NONE)


def test_person_can_leave_a_server_that_is_away() -> None:
    ours = session()
    after(ours, e.EnterLobby("room"), e.Join("Me"))
    for _ in range(3):
        (due,) = ours.handle(e.AdmissionFailed(Problem.SERVER_UNREACHABLE))
    assert isinstance(due, do.After)
    assert ours.handle(e.Leave()) == [do.Send(m.Leave()), do.Disconnect()]
    assert where(ours) == (Phase.LOBBY, Problem.NONE)
    assert ours.handle(due.event) == []
    assert ours.handle(e.Admitted("token")) == []


@pytest.mark.parametrize(
    "problem",
    [
        Problem.ROOM_NOT_FOUND,
        Problem.ROOM_FULL,
        Problem.TOKEN_EXPIRED,
        Problem.LOGIN_REQUIRED,
    ],
)
def test_refused_admission_is_final(problem: Problem) -> None:
    ours = session()
    after(ours, e.EnterLobby("room"), e.Join("Me"))
    assert ours.handle(e.AdmissionFailed(problem)) == [do.Disconnect()]
    assert where(ours) == (Phase.FAILED, problem)


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        (ErrorCode.ROOM_NOT_FOUND, Problem.ROOM_NOT_FOUND),
        (ErrorCode.ROOM_FULL, Problem.ROOM_FULL),
        (ErrorCode.BAD_TOKEN, Problem.TOKEN_EXPIRED),
        (ErrorCode.TOKEN_EXPIRED, Problem.TOKEN_EXPIRED),
        (ErrorCode.VERSION, Problem.PROTOCOL_MISMATCH),
        (ErrorCode.BAD_MESSAGE, Problem.PROTOCOL_MISMATCH),
        (ErrorCode.INTERNAL, Problem.INTERNAL),
    ],
)
def test_refused_hello_says_why(code: ErrorCode, problem: Problem) -> None:
    ours = joining()
    refusal = heard(m.Failed(code, "no", "hello"))
    assert ours.handle(refusal) == [do.Disconnect()]
    assert where(ours) == (Phase.FAILED, problem)


def test_person_may_try_again_after_a_refusal() -> None:
    ours = joining()
    after(ours, heard(m.Failed(ErrorCode.ROOM_FULL, "full", "hello")))
    assert ours.handle(e.Join("Me")) == [do.Connect("room")]
    assert where(ours) == (Phase.JOINING, Problem.NONE)


def test_what_changed_while_coming_in_is_announced() -> None:
    ours = joining()
    after(ours, e.TurnOn(CAM), e.SourceStarted(CAM, (CAM,)))
    assert ours.handle(heard(joined())) == [
        do.Send(m.SetMedia(m.MediaState(camera=True)))
    ]


# -- being cut off and coming back


def test_cut_in_a_call_is_mended_at_once() -> None:
    ours = in_call(ANN)
    assert ours.handle(e.SocketClosed(1006)) == [do.After(0.0, e.RetryDue(2))]
    assert where(ours) == (Phase.RECONNECTING, Problem.NONE)
    assert ours.snapshot.participants[0].connection is Connection.RECONNECTING
    assert ours.handle(e.RetryDue(2)) == [do.Connect("room")]
    assert ours.handle(e.Admitted("token")) == [hello(resume="secret")]
    resumed = replace(joined(ANN, resumed=True), resume="newer")
    assert ours.handle(heard(resumed)) == [do.Send(m.SetHand(False))]
    assert where(ours) == (Phase.JOINED, Problem.NONE)
    after(ours, e.SocketClosed(1006))
    assert ours.handle(e.Admitted("token")) == [hello(resume="newer")]


def test_links_go_on_without_a_server() -> None:
    ours = reconnecting(ANN)
    assert ours.handle(e.PeerChanged(ANN, 1, "connected")) == []
    assert ours.snapshot.participants[1].connection is Connection.CONNECTED
    assert ours.handle(e.TurnOn(MIC)) == [
        do.StartSource(MIC, "", ours.snapshot.quality)
    ]
    assert ours.handle(e.SourceStarted(MIC, (MIC,))) == [
        do.Publish(MIC),
        do.Send(m.SetMedia(m.MediaState(microphone=True))),
    ]


def test_what_is_said_during_the_cut_is_handed_over_once() -> None:
    """The stream keeps it until there is a socket again."""
    ours = reconnecting(ANN, BEN)
    assert ours.handle(e.PeerSaid(ANN, 1, OFFER)) == [do.Send(signal(ANN, OFFER))]
    assert ours.handle(e.RaiseHand(True)) == [do.Send(m.SetHand(True))]
    (said,) = ours.handle(e.Say("during"))
    assert isinstance(said, do.Send)
    assert resume(ours, m.Resumed("newer", ICE)) == []
    assert where(ours) == (Phase.JOINED, Problem.NONE)


def test_emoji_of_the_cut_has_had_its_moment() -> None:
    assert reconnecting(ANN).handle(e.ShowReaction("🎉")) == []


def test_nothing_is_lost_where_the_server_goes_on() -> None:
    ours = in_call(ANN, BEN)
    after(ours, heard(m.ParticipantChanged(info(ANN, hand=True))))
    before = ours.snapshot.participants[1:]
    after(ours, e.SocketClosed(1006))
    assert resume(ours, m.Resumed("newer", ICE)) == []
    assert ours.snapshot.participants[1:] == before
    after(ours, e.SocketClosed(1006))
    assert ours.handle(e.Admitted("token")) == [hello(resume="newer")]


def test_answer_to_no_question_is_no_answer() -> None:
    ours = in_call(ANN)
    assert ours.handle(heard(m.Resumed("newer"))) == []
    after(ours, e.SocketClosed(1006))
    assert ours.handle(e.Admitted("token")) == [hello(resume="secret")]


def test_media_is_said_again_with_the_hello() -> None:
    ours = reconnecting(ANN)
    after(ours, e.TurnOn(MIC), e.SourceStarted(MIC, (MIC,)))
    media = m.MediaState(microphone=True)
    assert ours.handle(e.Admitted("token")) == [hello(resume="secret", media=media)]


# -- a server that was started anew


def anew(*others: m.ParticipantId) -> m.Joined:
    return replace(joined(*others, resumed=True), epoch="another")


def test_links_to_people_who_are_not_back_yet_are_kept() -> None:
    ours = reconnecting(ANN, BEN)
    after(ours, e.PeerChanged(ANN, 1, "connected"), e.PeerChanged(BEN, 1, "connected"))
    assert resume(ours, anew(BEN)) == [
        do.After(15.0, e.AbsenceOver(1)),
        do.Send(m.SetHand(False)),
    ]
    shown = {each.id: each.connection for each in ours.snapshot.participants}
    assert shown[ANN] is Connection.RECONNECTING
    assert shown[BEN] is Connection.CONNECTED
    assert ours.handle(heard(m.ParticipantJoined(info(ANN)))) == []
    shown = {each.id: each.connection for each in ours.snapshot.participants}
    assert shown[ANN] is Connection.CONNECTED
    assert ours.snapshot.notices == ()  # nobody left, nobody came
    assert ours.handle(e.AbsenceOver(1)) == []


def test_who_does_not_come_back_in_the_grace_is_lost() -> None:
    ours = reconnecting(ANN, BEN)
    resume(ours, anew(BEN))
    assert ours.handle(e.AbsenceOver(1)) == [do.ClosePeer(ANN)]
    assert [each.id for each in ours.snapshot.participants] == [ME, BEN]
    (notice,) = ours.snapshot.notices
    assert (notice.kind, notice.subject) == (NoticeKind.LOST, "Ann")


def test_second_restart_begins_a_second_grace() -> None:
    ours = reconnecting(ANN)
    resume(ours, anew())
    after(ours, e.SocketClosed(1006))
    resume(ours, replace(anew(), epoch="a third"))
    assert ours.handle(e.AbsenceOver(1)) == []
    assert ours.handle(e.AbsenceOver(2)) == [do.ClosePeer(ANN)]


def test_who_is_awaited_is_awaited_through_a_cut_of_mine() -> None:
    ours = reconnecting(ANN)
    resume(ours, anew())
    after(ours, e.SocketClosed(1006))
    resume(ours, anew())
    assert [each.id for each in ours.snapshot.participants] == [ME, ANN]


def test_whom_one_does_not_know_after_a_restart_is_asked_who_begins() -> None:
    ours = reconnecting(ANN)
    effects = resume(ours, anew(ANN, BEN))
    assert do.OpenPeer(BEN, 1, False, ICE) in effects
    assert do.Send(m.Signal(BEN, 1, {"type": "renew"})) in effects


def test_signal_that_two_servers_passed_on_is_taken_once() -> None:
    ours = in_call(ANN)
    first = e.Heard(replace(signaled(ANN, OFFER).message, n=3))
    assert ours.handle(first) == [do.Deliver(ANN, OFFER)]
    assert ours.handle(first) == []
    later = e.Heard(replace(signaled(ANN, CANDIDATE).message, n=4))
    assert ours.handle(later) == [do.Deliver(ANN, CANDIDATE)]


# -- a good moment to look


def test_whoever_waits_to_knock_knocks_when_woken() -> None:
    ours = reconnecting(ANN)
    assert ours.handle(e.Woken()) == [do.Connect("room")]
    assert ours.handle(e.Woken()) == []  # it is under way
    assert ours.handle(e.RetryDue(2)) == []


def test_try_in_a_network_that_is_gone_is_begun_anew_in_the_next() -> None:
    ours = reconnecting()
    assert ours.handle(e.Woken(Sign.NETWORK)) == [do.Connect("room")]
    assert ours.handle(e.Woken(Sign.NETWORK)) == [do.Connect("room")]


def test_whoever_is_in_looks_whether_the_socket_lives() -> None:
    assert in_call(ANN).handle(e.Woken()) == [do.Probe()]


def test_nobody_is_woken_into_a_call() -> None:
    ours = in_call(ANN)
    after(ours, e.Leave())
    assert ours.handle(e.Woken()) == []


def test_hand_that_was_lowered_during_the_cut_comes_down() -> None:
    ours = in_call(ANN)
    after(ours, e.RaiseHand(True), e.SocketClosed(1006), e.RaiseHand(False))
    assert resume(ours, joined(ANN, resumed=True)) == [do.Send(m.SetHand(False))]
    assert not ours.snapshot.hand


def test_who_came_too_late_begins_anew() -> None:
    ours = reconnecting(ANN, BEN)
    after(ours, e.PeerSaid(ANN, 1, OFFER), e.RaiseHand(True))
    again = joined(BEN, you=CAT)
    assert resume(ours, again) == [
        do.ClosePeer(ANN),
        do.ClosePeer(BEN),
        do.OpenPeer(BEN, 1, True, ICE),
        do.Send(m.SetHand(True)),
    ]
    assert [each.id for each in ours.snapshot.participants] == [CAT, BEN]


def test_chat_without_an_echo_is_said_again_to_a_new_server() -> None:
    ours = in_call(ANN)
    (before,) = ours.handle(e.Say("before"))  # the answer to it is lost
    after(ours, e.SocketClosed(1006))
    assert resume(ours, joined(ANN, resumed=True)) == [do.Send(m.SetHand(False))]
    after(ours, e.SocketClosed(1006))
    assert resume(ours, anew(ANN))[-1] == before


def test_chat_that_was_refused_is_not_said_for_ever() -> None:
    ours = in_call(ANN)
    (first,) = ours.handle(e.Say("too much"))
    (second,) = ours.handle(e.Say("not too much"))
    after(ours, heard(m.Failed(ErrorCode.TOO_MANY, "no", "chat")))
    after(ours, e.SocketClosed(1006))
    effects = resume(ours, anew(ANN))
    assert second in effects
    assert first not in effects


def test_chat_that_the_room_knows_already_is_not_sent_again() -> None:
    ours = in_call(ANN)
    (said,) = ours.handle(e.Say("hola"))
    assert isinstance(said, do.Send)
    assert isinstance(said.message, m.Chat)
    line = m.ChatLine(said.message.id, ME, "Me", "hola", 1.0)
    after(ours, e.SocketClosed(1006))
    answer = joined(ANN, resumed=True, chat=(line,))
    assert resume(ours, answer) == [do.Send(m.SetHand(False))]
    after(ours, heard(m.Chatted(line)))
    assert ours.snapshot.chat == (line,)


@pytest.mark.parametrize("resumed", [True, False])
def test_somebody_in_my_place_ends_it(resumed: bool) -> None:
    ours = reconnecting(ANN) if resumed else in_call(ANN)
    assert ours.handle(e.SocketClosed(CloseCode.ELSEWHERE)) == [
        do.ClosePeer(ANN),
        do.Disconnect(),
    ]
    assert where(ours) == (Phase.LEFT, Problem.ELSEWHERE)


@pytest.mark.parametrize("code", [CloseCode.BAD_MESSAGE, CloseCode.REFUSED])
def test_close_that_is_final_is_a_failure(code: CloseCode) -> None:
    for ours in (joining(), in_call(), reconnecting()):
        assert ours.handle(e.SocketClosed(code)) == [do.Disconnect()]
        assert where(ours) == (Phase.FAILED, Problem.INTERNAL)
        assert ours.handle(e.RetryDue(2)) == []


@pytest.mark.parametrize("code", [each for each in CloseCode if each.retryable])
def test_close_that_is_not_final_is_mended(code: CloseCode) -> None:
    for ours in (joining(), in_call(), reconnecting()):
        (due,) = ours.handle(e.SocketClosed(code))
        assert isinstance(due, do.After)
        assert ours.handle(due.event) == [do.Connect("room")]


def test_server_that_goes_away_is_left_alone_as_long_as_it_asks() -> None:
    ours = in_call()
    assert ours.handle(heard(m.GoingAway(3.0))) == []
    (due,) = ours.handle(e.SocketClosed(CloseCode.DRAINING))
    assert isinstance(due, do.After)
    assert due.seconds == 3.0


def test_server_that_refuses_me_on_my_way_back_ends_it() -> None:
    ours = reconnecting(ANN)
    after(ours, e.Admitted("token"))
    refusal = heard(m.Failed(ErrorCode.ROOM_FULL, "full", "hello"))
    assert ours.handle(refusal) == [do.ClosePeer(ANN), do.Disconnect()]
    assert where(ours) == (Phase.FAILED, Problem.ROOM_FULL)


# -- leaving


def test_person_leaves_a_call() -> None:
    ours = in_call(ANN)
    after(ours, e.TurnOn(CAM), e.SourceStarted(CAM, (CAM,)))
    assert ours.handle(e.Leave()) == [
        do.Send(m.Leave()),
        do.ClosePeer(ANN),
        do.Unpublish(CAM),
        do.StopSource(CAM),
        do.Disconnect(),
    ]
    assert where(ours) == (Phase.LEFT, Problem.NONE)
    assert ours.snapshot.participants == ()
    assert ours.snapshot.active_speaker is None


def test_person_leaves_during_a_cut() -> None:
    ours = reconnecting(ANN)
    assert ours.handle(e.Leave()) == [
        do.Send(m.Leave()),
        do.ClosePeer(ANN),
        do.Disconnect(),
    ]
    assert where(ours) == (Phase.LEFT, Problem.NONE)
    assert ours.handle(e.RetryDue(2)) == []


def test_person_who_leaves_while_coming_in_is_in_the_lobby_again() -> None:
    ours = joining()
    after(ours, e.TurnOn(CAM), e.SourceStarted(CAM, (CAM,)))
    assert ours.handle(e.Leave()) == [do.Send(m.Leave()), do.Disconnect()]
    assert where(ours) == (Phase.LOBBY, Problem.NONE)
    assert ours.snapshot.camera.state is SourceState.LIVE  # the preview goes on
    assert ours.handle(heard(joined(ANN))) == []


def test_leaving_where_one_is_not_does_nothing() -> None:
    ours = in_call()
    after(ours, e.Leave())
    assert ours.handle(e.Leave()) == []
    assert session().handle(e.Leave()) == []


def test_second_call_begins_afresh_with_what_was_on() -> None:
    ours = in_call(ANN)
    after(ours, e.TurnOn(MIC), e.SourceStarted(MIC, (MIC,)), e.RaiseHand(True))
    line = m.ChatLine(ANN, ANN, "Ann", "hola", 1.0)
    after(ours, heard(m.Chatted(line)), e.Say("lost"), e.Leave())
    assert ours.handle(e.Join("Me")) == [
        do.Connect("room"),
        do.StartSource(MIC, "", ours.snapshot.quality),
    ]
    assert ours.handle(e.Admitted("token")) == [hello()]  # nothing to resume
    assert ours.handle(heard(joined(BEN, you=CAT))) == [do.OpenPeer(BEN, 1, True, ICE)]
    assert (ours.snapshot.chat, ours.snapshot.hand) == ((), False)
    assert ours.handle(e.SourceStarted(MIC, (MIC,))) == [
        do.Publish(MIC),
        do.Send(m.SetMedia(m.MediaState(microphone=True))),
    ]


def test_another_lobby_is_entered_through_the_exit() -> None:
    ours = in_call(ANN)
    after(ours, e.TurnOn(MIC), e.SourceStarted(MIC, (MIC,)))
    assert ours.handle(e.EnterLobby("other")) == [
        do.Send(m.Leave()),
        do.ClosePeer(ANN),
        do.Unpublish(MIC),
        do.StopSource(MIC),
        do.Disconnect(),
        do.StartSource(MIC, "", ours.snapshot.quality),
    ]
    assert (ours.snapshot.room, *where(ours)) == ("other", Phase.LOBBY, Problem.NONE)


def test_another_lobby_ends_the_knocking() -> None:
    ours = joining()
    assert ours.handle(e.EnterLobby("other")) == [
        do.Send(m.Leave()),
        do.Disconnect(),
    ]
    assert where(ours) == (Phase.LOBBY, Problem.NONE)


@pytest.mark.parametrize(
    ("reason", "problem"),
    [
        (LeaveReason.REMOVED, Problem.REMOVED),
        (LeaveReason.ELSEWHERE, Problem.ELSEWHERE),
        (LeaveReason.ENDED, Problem.NONE),
        (LeaveReason.LEFT, Problem.NONE),
        (LeaveReason.LOST, Problem.NONE),
    ],
)
def test_server_shows_me_out(reason: LeaveReason, problem: Problem) -> None:
    ours = in_call(ANN)
    assert ours.handle(heard(m.ParticipantLeft(ME, reason))) == [
        do.ClosePeer(ANN),
        do.Disconnect(),
    ]
    assert where(ours) == (Phase.LEFT, problem)


# -- the others


@pytest.mark.parametrize(
    ("reason", "kind"),
    [(LeaveReason.LEFT, NoticeKind.LEFT), (LeaveReason.LOST, NoticeKind.LOST)],
)
def test_who_leaves_is_told_once(reason: LeaveReason, kind: NoticeKind) -> None:
    ours = in_call(ANN)
    gone = heard(m.ParticipantLeft(ANN, reason))
    assert ours.handle(gone) == [do.ClosePeer(ANN)]
    assert ours.handle(gone) == []
    assert notices(ours) == [(kind, "Ann", "")]


def test_hands_and_shares_are_told_when_they_begin_and_end() -> None:
    ours = in_call(ANN)
    sharing = m.MediaState(screen=True)
    for now in (
        info(ANN, hand=True),
        info(ANN, hand=True, media=sharing),
        info(ANN, media=sharing, presence=Presence.RECONNECTING),
        info(ANN),
    ):
        assert ours.handle(heard(m.ParticipantChanged(now))) == []
    assert notices(ours) == [
        (NoticeKind.HAND, "Ann", ""),
        (NoticeKind.SHARING, "Ann", ""),
        (NoticeKind.SHARE_ENDED, "Ann", ""),
    ]


@pytest.mark.parametrize("code", [ErrorCode.RESUME_DENIED, ErrorCode.TOO_MANY])
def test_person_whose_seat_or_turn_is_gone_asks_for_a_new_one(code: ErrorCode) -> None:
    ours = in_call(ANN)
    after(ours, e.SocketClosed(1006), e.Admitted("token"))
    refusal = heard(m.Failed(code, "no", "hello"))
    *effects, due = ours.handle(refusal)
    assert effects == [do.Disconnect()]
    assert isinstance(due, do.After)
    assert ours.handle(due.event) == [do.Connect("room")]
    (hello,) = ours.handle(e.Admitted("token"))
    assert isinstance(hello, do.Send)
    assert isinstance(hello.message, m.Hello)
    assert hello.message.resume == ""


def test_name_is_the_one_that_the_server_gives_me() -> None:
    ours = in_call()
    after(ours, heard(m.ParticipantChanged(replace(info(ME), name="Me (2)"))))
    assert ours.snapshot.name == "Me (2)"
    assert ours.snapshot.participants[0].name == "Me (2)"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"type": "nonsense"},
        {"type": 1},
        {"type": ["offer"]},
        {"type": "description"},
        {"type": "description", "kind": "rollback", "sdp": ""},
        {"type": "description", "kind": "offer", "sdp": "x" * 50_000},
        {"type": "description", "kind": "offer", "sdp": {"v": 0}},
        {"type": "candidate", "candidate": "x", "sdp_m_line_index": -1},
        {"type": "candidate", "candidate": None},
        {"type": "renew", "more": True},
        {"type": "joined", "you": "me"},
        {"nested": {"a": [[[{"b": 1}]]]}},
    ],
)
def test_nonsense_of_a_peer_is_dropped(body: dict[str, object]) -> None:
    ours = in_call(ANN)
    before = ours.snapshot
    assert ours.handle(heard(m.Signaled(ANN, 1, body))) == []
    assert ours.snapshot == before


# -- saying things


def test_line_of_chat_stands_once_it_comes_back() -> None:
    ours = in_call(ANN)
    (sent,) = ours.handle(e.Say("  hola \n"))
    assert isinstance(sent, do.Send)
    assert isinstance(sent.message, m.Chat)
    assert (sent.message.text, ours.snapshot.chat) == ("hola", ())
    line = m.ChatLine(sent.message.id, ME, "Me", "hola", 1.0)
    after(ours, heard(m.Chatted(line)), heard(m.Chatted(line)))
    assert ours.snapshot.chat == (line,)


@pytest.mark.parametrize("text", ["", "  \n\t ", "\udc00"])
def test_nothing_is_not_said(text: str) -> None:
    assert in_call().handle(e.Say(text)) == []


def test_line_is_cut_to_what_a_message_holds() -> None:
    (sent,) = in_call().handle(e.Say("\ud83d" + "x" * 3000))
    assert isinstance(sent, do.Send)
    assert isinstance(sent.message, m.Chat)
    assert sent.message.text == "x" * MAX_CHAT


def test_reactions_come_and_go() -> None:
    ours = in_call(ANN)
    assert ours.handle(e.ShowReaction("🎉")) == [do.Send(m.React("🎉"))]
    assert ours.handle(heard(m.Reacted(ANN, "👍"))) == []
    assert ours.snapshot.reactions == (Reaction(1, ANN, "👍"),)


def test_hand_goes_up_and_down() -> None:
    ours = in_call()
    assert ours.handle(e.RaiseHand(True)) == [do.Send(m.SetHand(True))]
    assert ours.snapshot.participants[0].hand
    assert ours.handle(e.RaiseHand(False)) == [do.Send(m.SetHand(False))]
    assert not ours.snapshot.participants[0].hand


@pytest.mark.parametrize(
    "gesture", [e.Say("hola"), e.ShowReaction("👍"), e.RaiseHand(True)]
)
def test_nobody_hears_who_is_outside(gesture: e.Gesture) -> None:
    ours = session()
    assert ours.handle(gesture) == []
    assert joining().handle(gesture) == []
    assert not ours.snapshot.hand


def test_refusal_is_told_unless_somebody_just_left() -> None:
    ours = in_call()
    after(ours, heard(m.Failed(ErrorCode.TOO_MANY, "slow down", "chat")))
    after(ours, heard(m.Failed(ErrorCode.NO_SUCH_PEER, "who?", "signal")))
    assert notices(ours) == [(NoticeKind.REFUSED, "chat", "too_many")]
    assert where(ours) == (Phase.JOINED, Problem.NONE)


# -- media and voices


def test_sources_are_announced_in_a_call_alone() -> None:
    ours = session()
    after(ours, e.EnterLobby("room"), e.TurnOn(MIC))
    assert ours.handle(e.SourceStarted(MIC, (MIC,))) == [do.Publish(MIC)]
    after(ours, e.Join("Me"), e.Admitted("token"), heard(joined()))
    assert ours.handle(e.TurnOff(MIC)) == [
        do.Unpublish(MIC),
        do.Send(m.SetMedia(m.MediaState())),
    ]


def test_hello_says_what_is_on() -> None:
    ours = session()
    after(ours, e.EnterLobby("room"), e.TurnOn(MIC), e.SourceStarted(MIC, (MIC,)))
    after(ours, e.Join("Me"))
    assert ours.handle(e.Admitted("token")) == [
        hello(media=m.MediaState(microphone=True))
    ]


def test_loudest_voice_is_the_active_speaker() -> None:
    on = m.MediaState(microphone=True)
    ours = in_call(info(ANN, media=on), BEN)
    for step in range(5):
        levels = {ME: 0.0, ANN: 0.5, BEN: 0.0}
        assert ours.handle(e.LevelsMeasured(levels, step / 5)) == []
    assert ours.snapshot.active_speaker == ANN
    assert [each.speaking for each in ours.snapshot.participants] == [
        False,
        True,
        False,
    ]


def test_muted_people_do_not_speak_whatever_their_level() -> None:
    ours = in_call(ANN)  # muted, as I am
    for step in range(20):
        after(ours, e.LevelsMeasured({ME: 0.5, ANN: 0.5}, step / 5))
    assert ours.snapshot.active_speaker is None
    assert not any(each.speaking for each in ours.snapshot.participants)


def test_who_left_is_not_the_active_speaker() -> None:
    ours = in_call(info(ANN, media=m.MediaState(microphone=True)))
    for step in range(5):
        after(ours, e.LevelsMeasured({ME: 0.0, ANN: 0.5}, step / 5))
    after(ours, heard(m.ParticipantLeft(ANN, LeaveReason.LEFT)))
    assert ours.snapshot.active_speaker is None


def test_problem_of_a_device_is_told() -> None:
    ours = session()
    after(ours, e.TurnOn(CAM), e.SourceFailed(CAM, MediaProblem.DENIED))
    assert ours.snapshot.notices == (
        Notice(1, NoticeKind.MEDIA_PROBLEM, "camera", "permission-denied"),
    )
