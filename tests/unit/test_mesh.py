"""Who reaches whom, by what both ends of every pair say."""

import pytest

from client_py.core import effect as do
from client_py.core.mesh import Mesh
from client_py.core.state import Connection, Pair
from protocol.links import Attempt, Reach
from protocol.messages import LinkReport, LinksChanged, ReportLinks
from tests.unit.people import ANN, BEN, ME

UP = LinkReport(ANN, Reach.CONNECTED, connection="direct", transport="udp")
ROOM = (ME, ANN, BEN)
NOBODY: frozenset[str] = frozenset()


def said(state: Reach, trying: Attempt = Attempt.NOTHING) -> LinkReport:
    return LinkReport(BEN, state, trying)


def test_what_is_new_of_my_links_is_told_once() -> None:
    mesh = Mesh()
    assert mesh.tell(()) == []
    assert mesh.tell((UP,)) == [do.Send(ReportLinks((UP,)))]
    assert mesh.tell((UP,)) == []
    assert mesh.tell(()) == [do.Send(ReportLinks(()))]


@pytest.mark.parametrize("again", [Mesh.enter, Mesh.go_on])
def test_who_comes_in_or_back_tells_everything(again) -> None:
    mesh = Mesh()
    mesh.tell((UP,))
    again(mesh)
    assert mesh.tell((UP,)) == [do.Send(ReportLinks((UP,)))]


def test_every_pair_is_there_in_the_order_of_people() -> None:
    pairs = Mesh().pairs(ROOM, (UP,), NOBODY)
    assert [(each.one, each.other) for each in pairs] == [
        (ME, ANN),
        (ME, BEN),
        (ANN, BEN),
    ]
    assert Mesh().pairs((ME,), (), NOBODY) == ()


CONNECTING, CONNECTED, RECONNECTING, UNREACHABLE = Reach


@pytest.mark.parametrize(
    ("ann", "ben", "state", "attempt"),
    [
        ((CONNECTED,), (CONNECTED,), "connected", "nothing"),
        ((CONNECTED,), (CONNECTING,), "connecting", "nothing"),
        ((CONNECTED,), None, "connected", "nothing"),
        (None, None, "connecting", "nothing"),
        ((CONNECTED,), (RECONNECTING, Attempt.WAIT), "reconnecting", "wait"),
        ((UNREACHABLE, Attempt.ANEW), (CONNECTED,), "unreachable", "anew"),
        (
            (RECONNECTING, Attempt.WAIT),
            (UNREACHABLE, Attempt.RELAY),
            "unreachable",
            "relay",
        ),
        ((CONNECTING, Attempt.WAY), (RECONNECTING,), "connecting", "way"),
        ((UNREACHABLE,), (CONNECTED,), "unreachable", "nothing"),
    ],
)
def test_worse_of_two_ends_is_believed(ann, ben, state, attempt) -> None:
    mesh = Mesh()
    if ann:
        mesh.hear(LinksChanged(ANN, (LinkReport(BEN, *ann),)))
    if ben:
        mesh.hear(LinksChanged(BEN, (LinkReport(ANN, *ben),)))
    *_, pair = mesh.pairs(ROOM, (), NOBODY)
    assert pair == Pair(ANN, BEN, Connection(state), Attempt(attempt))
    assert pair.broken is (attempt != "nothing" or state == "unreachable")


def test_way_is_the_one_that_an_end_knows() -> None:
    mesh = Mesh()
    mesh.hear(LinksChanged(ANN, (LinkReport(ME, Reach.CONNECTED),)))
    (pair,) = mesh.pairs((ME, ANN), (UP,), NOBODY)
    assert (pair.connection, pair.transport) == ("direct", "udp")
    mesh.hear(LinksChanged(ANN, (LinkReport(ME, Reach.CONNECTED, connection="relay"),)))
    (pair,) = mesh.pairs((ME, ANN), (LinkReport(ANN, Reach.CONNECTED),), NOBODY)
    assert pair.connection == "relay"


def test_what_they_say_of_their_line_to_me_counts() -> None:
    mesh = Mesh()
    mesh.hear(LinksChanged(ANN, (LinkReport(ME, Reach.UNREACHABLE, Attempt.ANEW),)))
    (pair,) = mesh.pairs((ME, ANN), (UP,), NOBODY)
    assert pair.broken


def test_what_they_say_of_my_line_does_not() -> None:
    mesh = Mesh()
    mesh.hear(LinksChanged(ME, (LinkReport(ANN, Reach.UNREACHABLE, Attempt.ANEW),)))
    mesh.hear(LinksChanged(ANN, (LinkReport(ME, Reach.CONNECTED),)))
    (pair,) = mesh.pairs((ME, ANN), (UP,), NOBODY)
    assert not pair.broken


def test_somebody_who_is_away_breaks_no_pair() -> None:
    mesh = Mesh()
    mesh.hear(LinksChanged(ANN, (said(Reach.UNREACHABLE, Attempt.ANEW),)))
    *_, pair = mesh.pairs(ROOM, (), frozenset({BEN}))
    assert pair == Pair(ANN, BEN, Connection.RECONNECTING)
    assert not pair.broken


@pytest.mark.parametrize("forget", [lambda mesh: mesh.forget(ANN), Mesh.enter])
def test_what_somebody_said_goes_with_them(forget) -> None:
    mesh = Mesh()
    mesh.hear(LinksChanged(ANN, (said(Reach.UNREACHABLE, Attempt.ANEW),)))
    forget(mesh)
    *_, pair = mesh.pairs(ROOM, (), NOBODY)
    assert not pair.broken
