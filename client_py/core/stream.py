"""The numbers of one stay: what I said and may be lost, what I heard already.

Sans-I/O. ``say`` numbers a message and keeps it until the server acknowledges it;
``hear`` tells what is new from what comes again. Between two connections nothing
leaves: what is said meanwhile waits here, and goes in order with ``go_on``.
"""

from collections import deque
from dataclasses import replace
from enum import Enum
from typing import Final

from protocol.messages import (
    ClientMessage,
    Hello,
    Joined,
    Leave,
    Ping,
    React,
    ReportLinks,
    ReportStats,
    Resumed,
)
from protocol.numbering import Numbers

ACKNOWLEDGE_AFTER: Final = 64  # messages heard without a word of mine
KEPT: Final = 256  # messages of mine that the server hasn't acknowledged

Outgoing = tuple[ClientMessage, Numbers]


class Verdict(Enum):
    """What a number says of the message that carries it."""

    NEW = "new"
    AGAIN = "again"
    GAP = "gap"


class _Place(Enum):
    """Where the connection has brought me."""

    OUTSIDE = "outside"  # nothing has been answered yet
    WAITING = "waiting"  # for a host's word: nothing counts, but I am there
    INSIDE = "inside"


class Stream:
    """Numbers in both directions. Lives as long as the client."""

    def __init__(self) -> None:
        self._kept: deque[tuple[int, ClientMessage]] = deque()
        self._number = 0  # the last one given to a message of mine
        self._epoch = ""
        self._seq = 0  # the last one heard
        self._told = 0  # the last one acknowledged
        self._asked = 0  # the number of mine at the last ping
        self._place = _Place.OUTSIDE
        self._lost = False  # something of mine is gone: no coming back as the same

    @property
    def owes(self) -> bool:
        """Whether a ping is due: to acknowledge, or to be acknowledged."""
        return self._place is _Place.INSIDE and (
            self._seq - self._told >= ACKNOWLEDGE_AFTER
            or (
                len(self._kept) >= ACKNOWLEDGE_AFTER
                and self._number - self._asked >= ACKNOWLEDGE_AFTER
            )
        )

    def say(self, message: ClientMessage) -> Outgoing | None:
        """Return what to send now, if anything."""
        match message:
            case Hello():
                return self._hello(message), Numbers()
            case Leave():
                return message, Numbers()
            case Ping():
                if self._place is _Place.OUTSIDE:
                    return None  # any word says that the server's answer arrived
                if self._place is _Place.WAITING:
                    return message, Numbers()
                self._asked = self._number
                return message, self._stamp(0)
            case ReportStats() | ReportLinks():
                # What was measured is old after a cut: it is not kept, nor numbered.
                inside = self._place is _Place.INSIDE
                return (message, self._stamp(0)) if inside else None
        self._number += 1
        if len(self._kept) >= KEPT:
            self._lost = True
            self._kept.clear()
        self._kept.append((self._number, message))
        inside = self._place is _Place.INSIDE
        return (message, self._stamp(self._number)) if inside else None

    def hear(self, numbers: Numbers) -> Verdict:
        """Take the numbers of a message that came."""
        if not numbers.number or self._place is not _Place.INSIDE:
            return Verdict.NEW  # before the door it belongs to the connection
        self._forget(numbers.ack)
        if numbers.number <= self._seq:
            return Verdict.AGAIN
        if numbers.number > self._seq + 1:
            return Verdict.GAP
        self._seq = numbers.number
        return Verdict.NEW

    def cut(self) -> None:
        """The connection is gone."""
        self._place = _Place.OUTSIDE

    def wait(self) -> None:
        """The server has a place for me before the door."""
        if self._place is _Place.OUTSIDE:
            self._place = _Place.WAITING

    def go_on(self, answer: Joined | Resumed) -> list[Outgoing]:
        """The server let me in, or back in. Return what it hasn't heard yet."""
        self._place = _Place.INSIDE
        if isinstance(answer, Joined):
            if not answer.resumed:
                self._kept.clear()
                self._number, self._asked, self._lost = 0, 0, False
            elif answer.epoch != self._epoch:
                # A server that was started anew: the moment of an emoji is over.
                kept = [each for each in self._kept if not isinstance(each[1], React)]
                self._kept = deque(kept)
            self._epoch, self._seq = answer.epoch, answer.last_seq
        self._forget(answer.heard)
        return [(message, self._stamp(number)) for number, message in self._kept]

    def _hello(self, hello: Hello) -> Hello:
        if self._lost:
            return replace(hello, resume="")
        if not hello.resume:
            return hello
        return replace(hello, epoch=self._epoch, last_seq=self._seq)

    def _stamp(self, number: int) -> Numbers:
        self._told = self._seq
        return Numbers(number, self._seq)

    def _forget(self, heard: int) -> None:
        while self._kept and self._kept[0][0] <= heard:
            self._kept.popleft()
