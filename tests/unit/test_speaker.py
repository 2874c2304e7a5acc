"""Levels go in several times a second; the trail of who speaks comes out."""

from itertools import groupby

import pytest

from client_py.core.errors import NegotiationError
from client_py.core.speaker import (
    BEGIN,
    END,
    PAUSE,
    TAKEOVER,
    VACANT,
    SpeakerTracker,
    listen,
)
from client_py.core.state import Connection, Participant
from protocol.messages import MediaState, ParticipantId

ANN, BEN, CAT = (ParticipantId(each) for each in ("ann", "ben", "cat"))
STEP = 0.2  # seconds

LOUD, SOFT, QUIET = 0.2, (BEGIN + END) / 2, 0.0


class Room:
    """Voices and a clock."""

    def __init__(self) -> None:
        self.tracker = SpeakerTracker()
        self.step = 5000  # a clock does not begin at nought
        self.speaking: list[frozenset[ParticipantId]] = []
        self.active: list[ParticipantId | None] = []

    def hear(self, seconds: float, **levels: float) -> None:
        """Hear these levels for so long."""
        for _ in range(round(seconds / STEP)):
            self.step += 1
            people = {ParticipantId(who): level for who, level in levels.items()}
            self.tracker.update(people, self.step * STEP)
            self.speaking.append(self.tracker.speaking)
            self.active.append(self.tracker.active)

    @property
    def floor(self) -> list[ParticipantId | None]:
        """Who had it, one after the other."""
        return [who for who, _ in groupby(self.active)]


@pytest.mark.parametrize(
    ("levels", "spoke"),
    [
        ([QUIET, QUIET], [0, 0]),
        ([LOUD, LOUD], [1, 1]),
        ([BEGIN, BEGIN], [1, 1]),
        ([SOFT, SOFT], [0, 0]),  # not loud enough to begin
        ([LOUD, SOFT, SOFT, SOFT, SOFT, SOFT, SOFT], [1] * 7),  # enough to go on
        ([LOUD, END, END, END, END, END, END], [1] * 7),
        # 0.8 s of quiet are a breath, more is the end.
        ([LOUD, QUIET, QUIET, QUIET, QUIET, QUIET], [1, 1, 1, 1, 1, 0]),
        ([LOUD, QUIET, QUIET, QUIET, LOUD, QUIET, QUIET, QUIET], [1] * 8),
    ],
)
def test_speech_has_two_thresholds_and_a_pause(
    levels: list[float], spoke: list[int]
) -> None:
    room = Room()
    for level in levels:
        room.hear(STEP, ann=level)
    assert [int(ANN in each) for each in room.speaking] == spoke


def test_alternating_levels_do_not_flicker() -> None:
    room = Room()
    for _ in range(50):
        room.hear(STEP, ann=LOUD, ben=QUIET)
        room.hear(STEP, ann=QUIET, ben=LOUD)
    assert [who for who, _ in groupby(room.speaking)] == [
        frozenset({ANN}),
        frozenset({ANN, BEN}),
    ]
    assert room.floor == [None, ANN, BEN]


def test_floor_is_taken_after_a_moment_when_nobody_has_it() -> None:
    room = Room()
    room.hear(1, ann=LOUD, ben=QUIET)
    taken = room.active.index(ANN)
    assert (taken - 1) * STEP < VACANT <= taken * STEP
    assert room.floor == [None, ANN]


def test_silence_leaves_the_floor_with_who_spoke_last() -> None:
    room = Room()
    room.hear(2, ann=LOUD, ben=QUIET)
    room.hear(60, ann=QUIET, ben=QUIET)
    assert room.floor == [None, ANN]
    assert room.tracker.speaking == frozenset()


def test_takeover_needs_a_second_of_speech() -> None:
    room = Room()
    room.hear(5, ann=LOUD, ben=QUIET)
    room.hear(TAKEOVER, ann=LOUD, ben=LOUD)
    assert room.tracker.active == ANN
    room.hear(STEP, ann=LOUD, ben=LOUD)
    assert room.tracker.active == BEN


def test_word_of_assent_does_not_take_the_floor() -> None:
    room = Room()
    room.hear(5, ann=LOUD, ben=QUIET)
    room.hear(STEP, ann=LOUD, ben=LOUD)
    room.hear(5, ann=LOUD, ben=QUIET)
    assert room.floor == [None, ANN]


def test_floor_does_not_go_back_while_both_talk_on() -> None:
    room = Room()
    room.hear(5, ann=LOUD, ben=QUIET)
    room.hear(20, ann=LOUD, ben=LOUD)
    assert room.floor == [None, ANN, BEN]


def test_floor_goes_back_when_the_first_begins_anew() -> None:
    room = Room()
    room.hear(5, ann=LOUD, ben=QUIET)
    room.hear(5, ann=LOUD, ben=LOUD)
    room.hear(PAUSE + 2 * STEP, ann=QUIET, ben=LOUD)
    room.hear(5, ann=LOUD, ben=LOUD)
    assert room.floor == [None, ANN, BEN, ANN]


def test_who_has_talked_all_along_follows_who_stops() -> None:
    room = Room()
    room.hear(5, ann=LOUD, ben=LOUD)
    first, second = (BEN, ANN) if room.tracker.active == BEN else (ANN, BEN)
    assert room.floor == [None, first]
    room.hear(PAUSE + 2 * STEP, **{first: QUIET, second: LOUD})
    assert room.floor == [None, first, second]


def test_who_is_gone_neither_speaks_nor_has_the_floor() -> None:
    room = Room()
    room.hear(5, ann=LOUD, ben=QUIET)
    room.hear(STEP, ben=QUIET)
    assert (room.tracker.speaking, room.tracker.active) == (frozenset(), None)
    room.hear(STEP, ann=QUIET, ben=QUIET)  # a namesake begins anew
    assert room.tracker.speaking == frozenset()


def test_newest_voice_gets_a_floor_that_becomes_free() -> None:
    room = Room()
    room.hear(5, ann=LOUD, ben=QUIET, cat=QUIET)
    room.hear(0.4, ann=LOUD, ben=LOUD, cat=QUIET)
    room.hear(0.4, ann=LOUD, ben=LOUD, cat=LOUD)
    room.hear(STEP, ben=LOUD, cat=LOUD)
    assert room.floor == [None, ANN, CAT]


def test_nobody_here_is_no_speaker() -> None:
    room = Room()
    room.hear(1)
    assert (room.tracker.speaking, room.tracker.active) == (frozenset(), None)


def someone(name, *, microphone=True, connected=True):
    return Participant(
        ParticipantId(name),
        name,
        media=MediaState(microphone=microphone),
        connection=Connection.CONNECTED if connected else Connection.CONNECTING,
    )


class Asked:
    """Says how loud somebody is, and keeps whom it was asked about."""

    def __init__(self, **levels):
        self.levels = levels
        self.names = []

    async def __call__(self, who):
        self.names.append(who)
        if who not in self.levels:
            raise NegotiationError("the connection is closed")
        return self.levels[who]


async def test_nobody_is_asked_about_whose_microphone_is_off_or_who_is_not_connected():
    ask = Asked(a=0.5)
    muted = someone("b", microphone=False)
    far = someone("c", connected=False)
    heard = await listen([someone("a"), muted, far], ask)
    assert heard == {"a": 0.5, "b": 0.0, "c": 0.0}
    assert ask.names == ["a"]


async def test_a_connection_that_is_closed_silences_no_other():
    heard = await listen(map(someone, "abc"), Asked(a=0.5, c=0.25))
    assert heard == {"a": 0.5, "b": 0.0, "c": 0.25}
