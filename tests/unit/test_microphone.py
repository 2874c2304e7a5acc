import pytest

from client_py.core.microphone import (
    LULL,
    MOMENT,
    REMIND,
    SILENCE,
    Heard,
    MicrophoneWatch,
)
from client_py.core.speaker import BEGIN, END, PAUSE
from client_py.core.state import SourceState

LIVE, SILENT, MUTED = SourceState.LIVE, SourceState.SILENT, SourceState.MUTED
STEP = 0.5  # seconds between two levels
FAINT = 1e-6  # what no microphone goes without

Levels = list[float | None]


def hear(
    watch: MicrophoneWatch, state: SourceState, levels: Levels
) -> dict[float, Heard]:
    """Return what was news, by the second at which it was."""
    news = {}
    for number, level in enumerate(levels):
        if (heard := watch.hear(state, level, number * STEP)) is not Heard.NOTHING:
            news[number * STEP] = heard
    return news


def steps(seconds: float) -> int:
    return int(seconds / STEP) + 1


@pytest.mark.parametrize(
    ("levels", "news"),
    [
        ([0.0] * steps(SILENCE), {SILENCE: Heard.SILENCE}),
        ([0.0] * (steps(SILENCE) - 1), {}),
        ([FAINT] * steps(LULL), {}),  # a quiet room
        ([None] * steps(LULL), {}),  # nobody knows
        ([0.0, *[None] * steps(LULL)], {}),
        ([FAINT, *[0.0] * steps(SILENCE)], {}),  # a filter, between two words
        ([FAINT, *[0.0] * steps(LULL)], {LULL + STEP: Heard.LULL}),
        ([*[0.0] * (steps(SILENCE) - 1), FAINT, *[0.0] * (steps(LULL) - 1)], {}),
    ],
)
def test_microphone_without_a_sound_is_noticed(
    levels: Levels, news: dict[float, Heard]
) -> None:
    assert hear(MicrophoneWatch(), LIVE, levels) == news


def test_another_microphone_is_listened_to_anew() -> None:
    watch = MicrophoneWatch()
    assert hear(watch, LIVE, [0.1]) == {}
    watch.opened()
    assert hear(watch, LIVE, [0.0] * steps(SILENCE)) == {SILENCE: Heard.SILENCE}


@pytest.mark.parametrize(
    ("levels", "news"),
    [([0.0, None, 0.0], {}), ([0.0, FAINT], {STEP: Heard.SOUND})],
)
def test_silent_microphone_is_heard_again(
    levels: Levels, news: dict[float, Heard]
) -> None:
    assert hear(MicrophoneWatch(), SILENT, levels) == news


@pytest.mark.parametrize(
    ("levels", "news"),
    [
        ([BEGIN] * steps(MOMENT), {MOMENT: Heard.TALK}),
        ([BEGIN, END, BEGIN], {MOMENT: Heard.TALK}),  # between two words
        ([BEGIN, 0.0, BEGIN, 0.0, BEGIN], {}),  # coughs, too far apart
        ([END] * steps(REMIND), {}),
        ([0.0] * steps(LULL), {}),
        ([BEGIN] * steps(REMIND), {MOMENT: Heard.TALK}),
        (
            [BEGIN] * steps(REMIND + MOMENT),
            {MOMENT: Heard.TALK, REMIND + MOMENT: Heard.TALK},
        ),
    ],
)
def test_talking_while_muted_is_noticed_and_not_again_at_once(
    levels: Levels, news: dict[float, Heard]
) -> None:
    assert PAUSE < 2 * STEP
    assert hear(MicrophoneWatch(), MUTED, levels) == news


@pytest.mark.parametrize(
    "state", [SourceState.OFF, SourceState.STARTING, SourceState.FAILED]
)
def test_nothing_is_heard_of_what_is_not_open(state: SourceState) -> None:
    watch = MicrophoneWatch()
    assert hear(watch, state, [0.0] * steps(LULL)) == {}
    assert hear(watch, state, [1.0] * steps(LULL)) == {}
