"""Where I am, and the tries to get in or back in.

                 ┌────▶ WAITING (before the door)
                 ▼         ▼
    LOBBY ──▶ JOINING ──▶ JOINED ◀──▶ RECONNECTING
      ▲ ▲        │ ▲         │              │
      │ └────────┤ │         ▼              │
      │          ▼ │       LEFT ◀───────────┤
      └────── FAILED ◀──────────────────────┘

``state.TRANSITIONS`` is the whole table. While joining, the first tries pass in
silence; then the phase is FAILED, and trying goes on all the same.
"""

from collections.abc import Callable

from client_py.core.backoff import next_delay
from client_py.core.effect import After, Connect, Effect, Probe
from client_py.core.event import RetryDue
from client_py.core.state import TRANSITIONS, Connection, Phase, Problem

_TRIES = 3  # to get in before the person is told that the server is away
_PATIENCE = 60.0  # seconds at most that a server makes us wait


class Membership:
    """The phase of one person, and which attempt at the server this is."""

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        self._tries = 0  # in a row that failed
        self._attempt = 0  # rises for ever: a timer knows the one it is for
        self._pause = 0.0
        self._waiting = False  # for the time to knock again
        self.phase = Phase.LOBBY
        self.problem = Problem.NONE
        self.room = ""
        self.passcode = ""
        self.secret = ""

    @property
    def inside(self) -> bool:
        """Whether I am in the room, even while the socket is gone."""
        return self.phase in (Phase.JOINED, Phase.RECONNECTING)

    @property
    def knocking(self) -> bool:
        """Whether I want in, or back in, and the server may answer."""
        asking = (Phase.JOINING, Phase.WAITING, Phase.RECONNECTING)
        return self.phase in asking or (
            self.phase is Phase.FAILED and self.problem is Problem.SERVER_UNREACHABLE
        )

    @property
    def connection(self) -> Connection:
        """How the server reaches me."""
        away = self.phase is Phase.RECONNECTING
        return Connection.RECONNECTING if away else Connection.CONNECTED

    def go(self, phase: Phase, problem: Problem = Problem.NONE) -> None:
        """Enter a phase that may follow the present one."""
        if phase is not self.phase and phase not in TRANSITIONS[self.phase]:
            raise AssertionError(f"{self.phase} -> {phase}")
        self.phase, self.problem = phase, problem

    def knock(self) -> list[Effect]:
        """Ask to be let in for the first time."""
        self._tries, self._pause = 0, 0.0
        self._attempt += 1
        self._waiting = False
        self.go(Phase.JOINING)
        return [Connect(self.room, self.passcode)]

    def enter(self) -> None:
        """I am in, or back in."""
        if self.phase is Phase.FAILED:
            self.go(Phase.JOINING)
        self.go(Phase.JOINED)

    def stand_by(self) -> None:
        """I have to wait for a host's word."""
        if self.phase is Phase.FAILED:
            self.go(Phase.JOINING)
        self.go(Phase.WAITING)

    def settle(self) -> None:
        """The connection has lasted: the next try may be at once again.

        Not before, or a server that lets everyone in and closes would be asked
        without a pause.
        """
        if self.phase in (Phase.JOINED, Phase.WAITING):
            self._tries = 0

    def wait(self, seconds: float) -> None:
        """The server asks to be left alone for so long once it is gone."""
        self._pause = min(max(seconds, 0.0), _PATIENCE)

    def retry(self) -> list[Effect]:
        """The server was not there, or went away: knock again in a while."""
        if self.phase is Phase.JOINED:
            self.go(Phase.RECONNECTING)
        elif self.phase is Phase.WAITING:
            self.go(Phase.JOINING)
        delay = self._pause + next_delay(self._tries, self._random())
        self._pause = 0.0
        self._tries += 1
        self._attempt += 1
        self._waiting = True
        if self.phase is Phase.JOINING and self._tries >= _TRIES:
            self.go(Phase.FAILED, Problem.SERVER_UNREACHABLE)
        return [After(delay, RetryDue(self._attempt))]

    def retry_due(self, attempt: int) -> list[Effect]:
        """Knock again, unless another attempt overtook this one."""
        if attempt != self._attempt or not self._waiting:
            return []
        return self.hurry()

    def hurry(self, *, anew: bool = False) -> list[Effect]:
        """Knock again now, if I want in and only wait for the time to do so.

        Who is in looks whether the server still hears them. ``anew`` is for another
        network: what failed in the one before tells nothing of it, and a try that is
        under way may be stuck there. Who waits before the door has knocked, and keeps
        their place.
        """
        if anew:
            self._tries = 0
        if self.phase is Phase.JOINED:
            return [Probe()]
        stuck = anew and self.phase is not Phase.WAITING
        if not (self.knocking and (self._waiting or stuck)):
            return []
        self._waiting = False
        return [Connect(self.room, self.passcode)]
