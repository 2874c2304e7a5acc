"""What was recorded of somebody, and what it proves."""

from math import pi, sin

import pytest

from client_py.testing.sight import PITCH_TOLERANCE, RATE, pitch


def tone(hertz: float, seconds: float, loudness: float = 0.5) -> list[int]:
    return [
        round(32767 * loudness * sin(2 * pi * hertz * n / RATE))
        for n in range(int(RATE * seconds))
    ]


@pytest.mark.parametrize("hertz", [400, 1215, 3000])
def test_the_loudest_tone_is_heard(hertz: int) -> None:
    heard = pitch(tone(hertz, 0.5))
    assert heard == pytest.approx(hertz, abs=PITCH_TOLERANCE)


def test_silence_is_no_tone() -> None:
    assert pitch(tone(400, 0.5, loudness=0.001)) == 0.0
    assert pitch([0] * RATE) == 0.0


@pytest.mark.parametrize("seconds", [0, 0.3])
def test_what_could_not_be_recorded_is_not_silence(seconds: float) -> None:
    assert pitch(tone(400, seconds, loudness=0.0)) is None
