"""What is tried, in which order, when a link is in trouble."""

import pytest
from hypothesis import given, strategies as st

from client_py.core.recovery import Happening, Recovery, Stage, Step, patience

(
    CONNECTED,
    DISCONNECTED,
    FAILED,
    SILENT,
    HEARD,
    UNTRUSTED,
    OVERDUE,
    WOKEN,
    MOVED,
    BACK,
    AWAITED,
) = Happening


@pytest.mark.parametrize(
    ("happenings", "steps", "stage"),
    [
        ([CONNECTED], "nothing", "steady"),
        ([DISCONNECTED], "nothing", "new"),
        ([FAILED], "replace", "given up"),
        ([FAILED, FAILED], "replace nothing", "given up"),
        ([CONNECTED, DISCONNECTED], "nothing watch", "shaken"),
        ([CONNECTED, DISCONNECTED, CONNECTED], "nothing watch nothing", "steady"),
        ([CONNECTED, DISCONNECTED, OVERDUE], "nothing watch restart", "restarted"),
        ([CONNECTED, DISCONNECTED, WOKEN], "nothing watch restart", "restarted"),
        ([CONNECTED, DISCONNECTED, FAILED], "nothing watch restart", "restarted"),
        ([CONNECTED, SILENT], "nothing watch", "shaken"),
        ([CONNECTED, SILENT, HEARD], "nothing watch nothing", "steady"),
        ([CONNECTED, SILENT, DISCONNECTED], "nothing watch nothing", "shaken"),
        ([CONNECTED, SILENT, OVERDUE], "nothing watch restart", "restarted"),
        ([CONNECTED, FAILED, HEARD], "nothing restart nothing", "steady"),
        ([CONNECTED, FAILED, SILENT], "nothing restart nothing", "restarted"),
        ([CONNECTED, HEARD], "nothing nothing", "steady"),
        ([SILENT, HEARD], "nothing nothing", "new"),
        ([CONNECTED, FAILED], "nothing restart", "restarted"),
        ([CONNECTED, FAILED, CONNECTED], "nothing restart nothing", "steady"),
        ([CONNECTED, FAILED, FAILED], "nothing restart replace", "given up"),
        ([CONNECTED, FAILED, OVERDUE], "nothing restart replace", "given up"),
        ([CONNECTED, FAILED, WOKEN], "nothing restart nothing", "restarted"),
        ([UNTRUSTED], "replace", "given up"),
        ([CONNECTED, UNTRUSTED, FAILED], "nothing replace nothing", "given up"),
        ([CONNECTED, WOKEN], "nothing nothing", "steady"),
        ([MOVED], "renew", "given up"),
        ([WOKEN], "nothing", "new"),
        ([FAILED, WOKEN], "replace renew", "given up"),
        ([FAILED, MOVED, BACK], "replace renew renew", "given up"),
        ([FAILED, CONNECTED, HEARD], "replace nothing nothing", "given up"),
        ([CONNECTED, BACK], "nothing nothing", "steady"),
        ([CONNECTED, MOVED], "nothing restart", "restarted"),
        ([CONNECTED, MOVED, MOVED], "nothing restart restart", "restarted"),
        ([CONNECTED, MOVED, HEARD], "nothing restart nothing", "steady"),
        ([CONNECTED, SILENT, MOVED], "nothing watch restart", "restarted"),
        ([CONNECTED, OVERDUE], "nothing nothing", "steady"),
    ],
)
def test_a_link_is_mended_before_it_is_replaced(
    happenings: list[Happening], steps: str, stage: str
) -> None:
    recovery = Recovery()
    assert [recovery.take(each).value for each in happenings] == steps.split()
    assert recovery.stage.value == stage


def test_the_other_end_can_give_a_link_up_once() -> None:
    recovery = Recovery()
    recovery.take(CONNECTED)
    assert [recovery.give_up(), recovery.give_up()] == [True, False]
    assert recovery.take(FAILED) is Step.NOTHING


@pytest.mark.parametrize(
    ("happenings", "steps", "stage"),
    [
        ([FAILED], "nothing", "held"),
        ([CONNECTED, FAILED, FAILED, OVERDUE], "nothing " * 4, "held"),
        ([CONNECTED, FAILED, CONNECTED], "nothing " * 3, "steady"),
        ([CONNECTED, FAILED, HEARD], "nothing " * 3, "steady"),
        (
            [CONNECTED, SILENT, OVERDUE, BACK],
            "nothing watch nothing restart",
            "restarted",
        ),
        ([CONNECTED, FAILED, AWAITED], "nothing nothing watch", "shaken"),
        ([CONNECTED, MOVED, OVERDUE], "nothing restart nothing", "held"),
        ([CONNECTED, FAILED, MOVED], "nothing nothing restart", "restarted"),
        ([CONNECTED, UNTRUSTED], "nothing replace", "given up"),
    ],
)
def test_a_link_is_held_while_words_do_not_reach_the_other_end(
    happenings: list[Happening], steps: str, stage: str
) -> None:
    recovery = Recovery()
    taken = [recovery.take(each, reached=False).value for each in happenings]
    assert taken == steps.split()
    assert recovery.stage.value == stage


def test_each_try_is_given_twice_the_time_of_the_one_before_up_to_a_minute() -> None:
    given_time = [patience(failures) for failures in (0, 1, 2, 3, 10_000)]
    assert given_time == [15.0, 30.0, 60.0, 60.0, 60.0]


@given(st.lists(st.tuples(st.sampled_from(Happening), st.booleans())))
def test_each_stage_has_a_number_of_its_own_and_the_end_comes_once(
    happenings: list[tuple[Happening, bool]],
) -> None:
    recovery = Recovery()
    serials, over = [0], False
    for each, reached in happenings:
        before = recovery.stage
        step = recovery.take(each, reached=reached)
        assert step is not Step.REPLACE or not over
        over |= recovery.stage is Stage.GIVEN_UP
        assert over is (recovery.stage is Stage.GIVEN_UP)
        anew = recovery.stage is not before or step is Step.RESTART
        serials.append(recovery.serial)
        assert serials[-1] == serials[-2] + anew
