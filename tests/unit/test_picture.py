"""The drawn identity: it survives what a codec does, and never lies."""

import random

import pytest
from hypothesis import given, strategies as st

from client_py.core.picture import (
    COLUMNS,
    ROWS,
    Identity,
    cells,
    fit,
    read,
    runs,
    screen,
    tone,
)

PEOPLE = (
    "Ada", "Alan", "Alice", "Anna", "Ben", "Bob", "Carol", "Claude", "Dan", "Dave",
    "Dora", "Edsger", "Emmy", "Erin", "Eve", "Frank", "Fred", "Grace", "Hal", "Hedy",
    "Ida", "Ivan", "Joan", "Judy", "Ken", "Linus", "Mallory", "Niaj", "Olivia",
)  # fmt: skip

names = st.text(max_size=30)
counts = st.integers(min_value=0, max_value=2**24 - 1)


def luma(
    name: str, count: int, low: float = 16.0, high: float = 235.0
) -> list[list[float]]:
    """Return what a perfect camera would sample."""
    return [[high if cell else low for cell in row] for row in cells(name, count)]


def blurred(samples: list[list[float]], weight: float) -> list[list[float]]:
    """Return samples into which each of the four neighbours leaks by ``weight``."""

    def at(row: int, column: int) -> float:
        return samples[min(max(row, 0), ROWS - 1)][min(max(column, 0), COLUMNS - 1)]

    return [
        [
            at(r, c) * (1 - 4 * weight)
            + weight * (at(r - 1, c) + at(r + 1, c) + at(r, c - 1) + at(r, c + 1))
            for c in range(COLUMNS)
        ]
        for r in range(ROWS)
    ]


@given(names, counts)
def test_a_picture_says_whose_it_is_and_which_one(name: str, count: int) -> None:
    assert read(luma(name, count)) == Identity(fit(name), count)


@given(names, counts, st.integers(), st.floats(0.0, 0.07))
def test_noise_and_blur_do_no_harm(
    name: str, count: int, seed: int, weight: float
) -> None:
    noise = random.Random(seed)
    soft = blurred(luma(name, count), weight)
    samples = [[sample + noise.uniform(-25, 25) for sample in row] for row in soft]

    assert read(samples) == Identity(fit(name), count)


@given(names, counts, st.floats(0, 100), st.floats(10, 100))
def test_neither_brightness_nor_contrast_matters(
    name: str, count: int, low: float, contrast: float
) -> None:
    assert read(luma(name, count, low, low + contrast)) == Identity(fit(name), count)


@given(st.lists(st.lists(st.floats(), max_size=COLUMNS), max_size=ROWS))
def test_no_samples_make_it_raise(samples: list[list[float]]) -> None:
    assert read(samples) is None


@given(
    st.lists(
        st.lists(st.floats(0, 255), min_size=COLUMNS, max_size=COLUMNS),
        min_size=ROWS,
        max_size=ROWS,
    )
)
def test_a_stray_picture_says_nothing(samples: list[list[float]]) -> None:
    assert read(samples) is None


@given(names, counts, st.integers(0, ROWS - 1), st.integers(0, COLUMNS - 1))
def test_one_wrong_cell_is_noticed(
    name: str, count: int, row: int, column: int
) -> None:
    samples = luma(name, count)
    samples[row][column] = 251.0 - samples[row][column]

    assert read(samples) is None


@given(names)
def test_the_count_goes_round(name: str) -> None:
    assert cells(name, 2**24 + 5) == cells(name, 5)


@given(names, counts)
def test_the_runs_cover_exactly_the_white_cells(name: str, count: int) -> None:
    grid = cells(name, count)
    covered = {
        (run.row, run.column + offset)
        for run in runs(grid)
        for offset in range(run.length)
    }

    assert covered == {
        (row, column)
        for row in range(ROWS)
        for column in range(COLUMNS)
        if grid[row][column]
    }


@given(names)
def test_a_long_name_is_cut_between_characters(name: str) -> None:
    assert len(fit(name).removesuffix("·screen").encode()) <= 15
    assert fit(fit(name)) == fit(name)


@pytest.mark.parametrize("name", ["Ada", "Łukasz", "李小龍", "👩‍🚀 Sally", "x" * 40])
def test_a_screen_has_a_name_of_its_own(name: str) -> None:
    shown = read(luma(screen(name), 1))

    assert shown is not None
    assert shown.name.endswith("·screen")
    assert name.startswith(shown.name.removesuffix("·screen"))


@given(names)
def test_a_tone_is_in_the_band_of_a_voice(name: str) -> None:
    assert 300 <= tone(name) <= 3000


def test_people_in_tests_sound_different() -> None:
    tones = {tone(person): person for person in PEOPLE}

    assert len(tones) == len(PEOPLE)
