"""Who speaks, from audio levels, without flicker.

Levels come a few times a second. A person begins to speak above one threshold
and ends below a lower one, and only after a pause; the active speaker changes
only when somebody else has spoken on, or the old one has been silent for long.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass

from client_py.core.errors import NegotiationError
from client_py.core.state import Connection, Participant
from protocol.messages import ParticipantId

BEGIN = 0.03  # level 0..1 above which speech begins
END = 0.015  # level below which it may end
PAUSE = 0.8  # seconds of quiet that end it
TAKEOVER = 1.0  # seconds somebody must speak to take over from a speaker
VACANT = 0.3  # seconds somebody must speak when nobody else does


async def listen(
    people: Iterable[Participant], ask: Callable[[ParticipantId], Awaitable[float]]
) -> dict[ParticipantId, float]:
    """Return how loud each of them is, 0..1.

    Nobody is asked about whose microphone is off, or who isn't connected.
    """
    levels: dict[ParticipantId, float] = {}
    for each in people:
        try:
            levels[each.id] = await ask(each.id) if _audible(each) else 0.0
        except NegotiationError:
            levels[each.id] = 0.0  # it was closed just now
    return levels


def _audible(person: Participant) -> bool:
    return person.connection is Connection.CONNECTED and person.media.microphone


@dataclass(slots=True)
class _Voice:
    began: float | None = None
    heard: float = 0.0  # when it was last above END


class SpeakerTracker:
    """Keeps who is speaking and who is the active speaker."""

    def __init__(self) -> None:
        self._voices: dict[ParticipantId, _Voice] = {}
        self.active: ParticipantId | None = None

    @property
    def speaking(self) -> frozenset[ParticipantId]:
        """Everyone who speaks now."""
        return frozenset(
            who for who, voice in self._voices.items() if voice.began is not None
        )

    def update(self, levels: Mapping[ParticipantId, float], now: float) -> None:
        """Take levels 0..1, measured at ``now`` seconds. Who isn't in is gone."""
        for gone in self._voices.keys() - levels.keys():
            del self._voices[gone]
        for who, level in levels.items():
            voice = self._voices.setdefault(who, _Voice())
            if level >= END:
                voice.heard = now
            if voice.began is None:
                if level >= BEGIN:
                    voice.began = now
            elif now - voice.heard > PAUSE:
                voice.began = None
        self._choose(now)

    def _choose(self, now: float) -> None:
        if self.active not in self._voices:
            self.active = None
        talking = self.active is not None and self.active in self.speaking
        patience = TAKEOVER if talking else VACANT
        # The one who began last is who takes the floor.
        candidates = [
            (voice.began, who)
            for who, voice in self._voices.items()
            if voice.began is not None
            and who != self.active
            and now - voice.began >= patience
        ]
        if not candidates:
            return
        if talking:
            assert self.active is not None
            held_since = self._voices[self.active].began
            assert held_since is not None
            candidates = [each for each in candidates if each[0] > held_since]
        if candidates:
            self.active = max(candidates)[1]
