"""When a step is taken: quickly down, slowly up."""

from client_py.core.pace import LONGEST, PATIENCE, Pace, Sign, Step

BAD, GOOD, ROOM = Sign
DOWN, STAY, UP = Step


def steps(pace: Pace, *signs: Sign) -> list[Step]:
    return [pace.take(each) for each in signs]


def looks_to_rise(pace: Pace, sign: Sign = GOOD) -> int:
    """Return how many looks of a sign it takes to rise."""
    count = 1
    while pace.take(sign) is not UP:
        count += 1
    return count


def test_two_bad_looks_in_a_row_lower() -> None:
    assert steps(Pace(), BAD, BAD, BAD, BAD) == [STAY, DOWN, STAY, DOWN]


def test_bad_look_alone_changes_nothing() -> None:
    assert steps(Pace(), BAD, GOOD, BAD, GOOD, BAD) == [STAY] * 5


def test_good_looks_raise_after_a_while() -> None:
    pace = Pace()
    assert looks_to_rise(pace) == looks_to_rise(pace) == PATIENCE


def test_bad_look_makes_the_rise_wait_anew() -> None:
    pace = Pace()
    steps(pace, *[GOOD] * (PATIENCE - 1), BAD)
    assert looks_to_rise(pace) == PATIENCE


def test_measured_room_raises_at_once_but_not_on_a_single_look() -> None:
    assert steps(Pace(), ROOM, ROOM, GOOD, ROOM, ROOM, ROOM) == [*[STAY] * 5, UP]


def test_nothing_rises_where_there_is_nothing_to_rise_to() -> None:
    pace = Pace()
    assert {pace.take(ROOM, rises=False) for _ in range(100)} == {STAY}
    assert pace.take(GOOD) is UP


def test_rise_that_failed_is_tried_again_later_and_later() -> None:
    pace, waited = Pace(), []
    for _ in range(5):
        waited.append(looks_to_rise(pace))
        steps(pace, BAD, BAD)
    assert waited == [PATIENCE, 2 * PATIENCE, 4 * PATIENCE, LONGEST, LONGEST]


def test_rise_that_held_makes_the_next_one_quick_again() -> None:
    pace = Pace()
    looks_to_rise(pace)
    steps(pace, BAD, BAD)
    looks_to_rise(pace)
    for _ in range(40):
        pace.take(GOOD, rises=False)
    steps(pace, BAD, BAD)
    assert looks_to_rise(pace) == PATIENCE


def test_fall_without_a_rise_before_costs_no_patience() -> None:
    pace = Pace()
    steps(pace, BAD, BAD, BAD, BAD)
    assert looks_to_rise(pace) == PATIENCE
