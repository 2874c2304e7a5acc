"""What comes through somebody's links, by their browser's own count."""

import time
from dataclasses import dataclass

from client_py.testing import Participant

_COUNTS = """
async () => {
  const sum = { at: performance.now() / 1000, frames: 0, bytes: 0, samples: 0,
                concealed: 0, height: 0 };
  for (const connection of window.connections) {
    if (connection.connectionState !== "connected") continue;
    for (const each of (await connection.getStats()).values()) {
      if (each.type !== "inbound-rtp") continue;
      sum.bytes += each.bytesReceived ?? 0;
      sum.frames += each.framesDecoded ?? 0;
      sum.height = Math.max(sum.height, each.frameHeight ?? 0);
      sum.samples += each.totalSamplesReceived ?? 0;
      sum.concealed += each.concealedSamples ?? 0;
    }
  }
  return sum;
}
"""

#: The longest time in which no picture was decoded since somebody asked before.
_WATCH = """
() => {
  let last = null, at = 0, longest = 0;
  const look = async () => {
    let frames = 0;
    for (const connection of window.connections)
      if (connection.connectionState !== "closed")
        for (const each of (await connection.getStats()).values())
          if (each.type === "inbound-rtp") frames += each.framesDecoded ?? 0;
    const now = performance.now();
    if (frames !== last) [last, at] = [frames, now];
    longest = Math.max(longest, now - at);
    setTimeout(look, 50);
  };
  look();
  window.longestGap = () => [longest, longest = 0][0] / 1000;
}
"""

_GLANCE = 1.0  # seconds


@dataclass(frozen=True, slots=True)
class Counts:
    """What came so far, of all links together."""

    at: float  # seconds
    frames: int  # pictures decoded
    bytes: int
    samples: int  # of sound, at its own rate
    concealed: int  # of these, made up
    height: int  # of the tallest picture


@dataclass(frozen=True, slots=True)
class Reception:
    """What came within some seconds."""

    rate: float  # pictures a second
    kbits: float  # a second
    concealed: float  # share of the sound that was made up
    height: int

    @property
    def words(self) -> str:
        """Return it for a record."""
        return (
            f"{self.rate:.1f} fps, {self.kbits:.0f} kbit/s, {self.height}p,"
            f" {100 * self.concealed:.1f} % concealed"
        )


def watch(*people: Participant) -> None:
    """Watch for gaps from now on; there is one link."""
    for person in people:
        person.page.evaluate(_WATCH)


def longest_gap(*people: Participant) -> float:
    """Return the longest gap of anybody's since this was asked before, in seconds."""
    return max(person.page.evaluate("() => window.longestGap()") for person in people)


def drawn(person: Participant) -> int:
    """Return the number of the picture that somebody shows just now."""
    return _last(person, person, 0)


def expect_newer(
    person: Participant, other: Participant, than: int, within: float
) -> None:
    """Wait until somebody sees a picture that the other drew after that number."""
    end = time.monotonic() + within
    last = 0
    while last <= than:
        assert time.monotonic() < end, f"{person} sees {last} of {other}, not {than}"
        last = _last(person, other, last)


def _last(person: Participant, other: Participant, otherwise: int) -> int:
    video = person.tile(other).locator("video")
    seen = [each for each in person.look(video, 2, _GLANCE).pictures if each]
    return seen[-1].count if seen else otherwise


def counts(person: Participant) -> Counts:
    """Return what somebody received so far."""
    return Counts(**person.page.evaluate(_COUNTS))


def receive(person: Participant, seconds: float) -> Reception:
    """Return what somebody receives in the next seconds."""
    before = counts(person)
    person.page.wait_for_timeout(1000 * seconds)
    after = counts(person)
    took = after.at - before.at
    return Reception(
        (after.frames - before.frames) / took,
        (after.bytes - before.bytes) * 8 / 1000 / took,
        (after.concealed - before.concealed) / max(1, after.samples - before.samples),
        after.height,
    )
