"""The shape of two minutes."""

from client_py.browser.graph import Graph, graph
from client_py.core.history import Reading


def test_no_reading_draws_nothing() -> None:
    assert graph(()) == Graph("", "", "", 50_000.0)


def test_newest_reading_is_at_the_right_edge_and_the_most_at_the_top() -> None:
    drawn = graph(
        (
            Reading(10.0, down=100_000.0, up=0.0),
            Reading(11.0, down=200_000.0, up=50_000.0),
        )
    )
    assert drawn == Graph(
        down="M297.5 32.0L300.0 0.0",
        up="M297.5 64.0L300.0 48.0",
        loss="",
        top=200_000.0,
    )


def test_time_without_a_connection_is_a_gap() -> None:
    drawn = graph((Reading(0.0), Reading(1.0), Reading(5.0)))
    assert drawn.down == "M287.5 64.0L290.0 64.0M300.0 64.0"


def test_loss_rises_from_the_floor_and_fills_the_height_at_a_tenth() -> None:
    drawn = graph((Reading(0.0, loss=0.05), Reading(1.0), Reading(2.0, loss=0.5)))
    assert drawn.loss == "M295.0 64V32.0M300.0 64V0.0"


def test_what_is_older_than_the_graph_is_left_out() -> None:
    drawn = graph((Reading(0.0, loss=1.0), Reading(121.0)))
    assert (drawn.down, drawn.loss) == ("M300.0 64.0", "")
