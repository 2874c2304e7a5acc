"""What one link's way carries of my pictures, judged look by look."""

from typing import Final

from client_py.core.encoding import AUDIO, CAMERA
from client_py.core.outgoing import Outgoing
from client_py.core.pace import Pace, Sign, Step
from protocol.messages import Watching

_LOSS: Final = 0.15  # of the packets; less than this codecs and retransmission bear
_DIRE_LOSS: Final = 0.3
_QUEUE: Final = 0.3  # seconds above the shortest trip: something fills up
_DIRE_QUEUE: Final = 1.0
_FEW: Final = 20  # packets that say nothing of loss
_STARVED: Final = 0.8  # of what is meant to be sent
_USED: Final = 0.7  # of what is available: else it is the picture that needs less
_RISING: Final = 1.02  # a new way's estimate that still rises is no sign of anything
_SLOW: Final = 0.7  # of the frames that should be encoded
_BUSY: Final = 0.6  # of the time spent on encoding one camera for one link
_LAST: Final = 5  # dire looks in a row before a picture goes: a machine may gasp

#: All that there is, to somebody who said nothing yet.
EVERYTHING: Final = Watching(camera=4320, screen=4320)


class Line:
    """One link of mine. ``limit`` says how many rungs of ``CAMERA`` its way carries."""

    def __init__(self) -> None:
        self.watching = EVERYTHING
        self.limit = len(CAMERA)
        self.sent = 0.0  # bit/s between the last two looks
        self.sign = Sign.GOOD
        self.dire = False
        self.busy = False
        self._dire = 0  # looks in a row
        self._before: Outgoing | None = None
        self._shortest = 0.0
        self._ramping = True  # until the estimate first stops to rise
        self._pace = Pace()

    def look(self, now: Outgoing, meant: float, rate: int) -> None:
        """Take a look: ``meant`` is the bit/s that should go, ``rate`` the frames/s.

        Neither counts what isn't sent at all.
        """
        before, self._before = self._before, now
        if before is None or now.timestamp <= before.timestamp or _anew(before, now):
            # Nothing is known of a way that is new.
            self.sign, self.dire, self.busy = Sign.GOOD, False, False
            self._shortest, self._ramping = now.trip, True
            return
        seconds = now.timestamp - before.timestamp
        self.sent = 8 * (now.size - before.size) / seconds
        if now.trip:
            self._shortest = min(self._shortest or now.trip, now.trip)
        self._ramping &= now.available >= _RISING * before.available
        loss = _loss(before, now)
        queue = now.trip - self._shortest
        video = meant > AUDIO
        starved = video and not self._ramping and self._starved(now, meant)
        bad = loss >= _LOSS or queue >= _QUEUE or starved
        self.dire = bad and (
            loss >= _DIRE_LOSS
            or queue >= _DIRE_QUEUE
            or (starved and now.available < AUDIO + CAMERA[0].bitrate / 2)
        )
        self.busy = not bad and _is_busy(before, now, seconds, rate)
        self.sign = Sign.BAD if bad else self._room(now) if video else Sign.GOOD

    def step(self, used: int) -> None:
        """Follow the look that was taken last; so many rungs are sent just now."""
        self._dire = self._dire + 1 if self.dire else 0
        match self._pace.take(self.sign, rises=used >= self.limit < len(CAMERA)):
            case Step.UP:
                self.limit += 1
                self._ramping = True
            case Step.DOWN if used > 1 or (used and self._dire >= _LAST):
                # From what was sent: what seemed free above it means nothing.
                self.limit = min(self.limit, used) - 1

    def _starved(self, now: Outgoing, meant: float) -> bool:
        lacking = 0 < now.available < _STARVED * meant
        return lacking and self.sent >= _USED * now.available

    def _room(self, now: Outgoing) -> Sign:
        if self.limit == len(CAMERA):
            return Sign.GOOD
        higher = AUDIO + CAMERA[self.limit].bitrate
        return Sign.ROOM if now.available >= higher else Sign.GOOD


def _anew(before: Outgoing, now: Outgoing) -> bool:
    return now.size < before.size or now.packets < before.packets


def _loss(before: Outgoing, now: Outgoing) -> float:
    packets = now.packets - before.packets
    return max(0, now.lost - before.lost) / packets if packets >= _FEW else 0.0


def _is_busy(before: Outgoing, now: Outgoing, seconds: float, rate: int) -> bool:
    """Say whether the machine can't encode as much as it should.

    Where the platform names no reason (Firefox), frames that are missing while the
    encoder has hardly a pause are the sign.
    """
    if now.limited:
        return now.limited == "cpu"
    frames = now.frames - before.frames
    due = min(rate, now.source_rate) * seconds
    encoding = (now.encode_time - before.encode_time) / seconds
    return 0 < frames < _SLOW * due and encoding > _BUSY
