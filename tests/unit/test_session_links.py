"""What a session tells of its links, and what it shows of everybody's."""

from dataclasses import replace

from client_py.core import effect as do, event as e
from client_py.core.look import Look
from client_py.core.session import Session
from client_py.core.state import Attempt, Cause, Connection, Pair, Phase
from protocol import messages as m
from protocol.links import Reach
from tests.unit.people import ANN, BEN, CAT, ME, info, joined

UP = Look(missed=0, connection="direct", transport="udp")
REPORT = m.LinkReport(ANN, Reach.CONNECTED, connection="direct", transport="udp")
WAITED = m.LinkReport(BEN, Reach.CONNECTING)
DOWN = m.LinkReport(BEN, Reach.RECONNECTING, Attempt.RELAY)


def in_call() -> Session:
    """Return the session of somebody who came in last, connected to Ann alone."""
    ours = Session(lambda: 0.5, "test")
    for event in (
        e.EnterLobby("room"),
        e.Join("Me"),
        e.Admitted("token"),
        e.Heard(joined(ANN, BEN)),
        e.PeerChanged(ANN, 1, "connected"),
    ):
        ours.handle(event)
    return ours


def look(ours: Session) -> list[do.Effect]:
    """Return what is told of the links; what is sent over them is the gallery's."""
    effects = ours.handle(e.LinksLooked({ANN: UP, BEN: Look()}))
    return [each for each in effects if not isinstance(each, do.Shape)]


def pair(ours: Session, one: str, other: str) -> Pair:
    (found,) = [
        each for each in ours.snapshot.pairs if (each.one, each.other) == (one, other)
    ]
    return found


def test_links_are_told_of_when_they_are_looked_at_and_anything_is_new() -> None:
    ours = in_call()
    assert look(ours) == [do.Send(m.ReportLinks((REPORT, WAITED)))]
    assert look(ours) == []


def test_during_a_cut_nothing_is_told_and_afterwards_everything() -> None:
    ours = in_call()
    look(ours)
    ours.handle(e.SocketClosed(1006))
    assert ours.snapshot.phase is Phase.RECONNECTING
    ours.handle(e.PeerChanged(ANN, 1, "disconnected"))
    assert look(ours) == []
    ours.handle(e.Admitted("token"))
    ours.handle(e.Heard(m.Resumed("secret")))
    (said,) = look(ours)
    assert said == do.Send(m.ReportLinks((REPORT, WAITED)))  # UP brought it back


def test_who_is_not_back_at_a_server_that_was_started_anew_is_no_news_to_it() -> None:
    ours = in_call()
    look(ours)
    ours.handle(e.SocketClosed(1006))
    ours.handle(e.Admitted("token"))
    back = replace(joined(ANN, resumed=True), epoch="of the next server")
    ours.handle(e.Heard(back))
    assert [each.id for each in ours.snapshot.participants] == [ME, ANN, BEN]
    assert look(ours) == [do.Send(m.ReportLinks((REPORT,)))]


def test_others_links_are_shown_until_they_go() -> None:
    ours = in_call()
    ours.handle(e.Heard(m.LinksChanged(ANN, (DOWN,))))
    shown = pair(ours, ANN, BEN)
    assert shown == Pair(ANN, BEN, Connection.RECONNECTING, Attempt.RELAY)
    assert shown.broken
    ours.handle(e.Heard(m.ParticipantLeft(ANN, "left")))
    assert [(each.one, each.other) for each in ours.snapshot.pairs] == [(ME, BEN)]


def test_stranger_tells_nothing() -> None:
    ours = in_call()
    ours.handle(e.Heard(m.LinksChanged(CAT, (DOWN,))))
    ours.handle(e.Heard(m.ParticipantJoined(info(CAT))))
    assert not pair(ours, BEN, CAT).broken


def test_room_that_is_told_anew_forgets_what_was_said_before() -> None:
    ours = in_call()
    ours.handle(e.Heard(m.LinksChanged(ANN, (DOWN,))))
    ours.handle(e.SocketClosed(1006))
    ours.handle(e.Admitted("token"))
    ours.handle(e.Heard(joined(ANN, BEN, resumed=True)))
    assert not pair(ours, ANN, BEN).broken


def test_who_is_offline_reads_that_it_is_so() -> None:
    ours = in_call()
    ours.handle(e.PeerChanged(ANN, 1, "disconnected"))
    ours.handle(e.SocketClosed(1006))
    causes = {each.id: each.cause for each in ours.snapshot.participants}
    assert causes == {ME: Cause.NONE, ANN: Cause.OFFLINE, BEN: Cause.OFFLINE}
    ours.handle(e.PeerChanged(ANN, 1, "connected"))
    causes = {each.id: each.cause for each in ours.snapshot.participants}
    assert causes[ANN] is Cause.NONE  # that line holds without the server
