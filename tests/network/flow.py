"""What goes from whom to whom in a call, by the browsers' own count."""

from dataclasses import dataclass
from typing import Any

from client_py.testing import Participant

#: An SSRC is random: what two pages count under the same one is the same stream.
_STREAMS = """
async () => {
  const out = [], arrived = [];
  for (const connection of window.connections) {
    if (connection.connectionState !== "connected") continue;
    for (const each of (await connection.getStats()).values()) {
      if (each.type === "outbound-rtp") out.push(each.ssrc);
      if (each.type === "inbound-rtp")
        arrived.push([each.ssrc, {
          kind: each.kind, at: each.timestamp / 1000, packets: each.packetsReceived,
          lost: each.packetsLost, bytes: each.bytesReceived,
          frames: each.framesDecoded ?? 0, height: each.frameHeight ?? 0,
        }]);
    }
  }
  return [out, arrived];
}
"""

#: Looks when a packet of sound came last, of each stream by its own.
_LISTEN = """
() => {
  const seen = new Map();
  const look = async () => {
    for (const connection of window.connections) {
      if (connection.connectionState !== "connected") continue;
      for (const each of (await connection.getStats()).values()) {
        if (each.type !== "inbound-rtp" || each.kind !== "audio") continue;
        const at = each.lastPacketReceivedTimestamp;
        if (!at) continue;
        const stream = seen.get(each.ssrc) ?? { at, longest: 0 };
        stream.longest = Math.max(stream.longest, each.timestamp - stream.at);
        stream.at = at;
        seen.set(each.ssrc, stream);
      }
    }
    setTimeout(look, 50);
  };
  look();
  window.longestSilence = () => {
    const longest = Math.max(0, ...[...seen.values()].map(each => each.longest));
    for (const each of seen.values()) each.longest = 0;
    return longest;
  };
}
"""


@dataclass(frozen=True, slots=True)
class Stream:
    """What came of one stream so far."""

    kind: str  # audio or video
    at: float  # seconds, by the receiver's clock
    packets: int
    lost: int
    bytes: int
    frames: int  # decoded
    height: int


@dataclass(frozen=True, slots=True)
class Flow:
    """What came of somebody's sound and picture within some seconds."""

    rate: float  # pictures a second
    kbits: float  # of picture, a second
    height: int
    lost: float  # share of the packets of sound

    @property
    def detail(self) -> float:
        """How much it shows, in time and space: browsers choose of which there is less.

        Up to a factor, the pixels of a second.
        """
        return self.rate * self.height**2

    def __str__(self) -> str:
        return (
            f"{self.rate:.1f} fps {self.kbits:.0f} kbit/s {self.height}p"
            f" {100 * self.lost:.1f} % of sound lost"
        )


Flows = dict[tuple[str, str], Flow]  # by the names of sender and receiver


def flows(people: list[Participant], seconds: float) -> Flows:
    """Return what everybody receives from everybody in the next seconds."""
    before = _streams(people)
    people[0].page.wait_for_timeout(1000 * seconds)
    after = _streams(people)
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for (sender, receiver, ssrc), now in after.items():
        then = before[sender, receiver, ssrc]
        if now.packets == then.packets:
            continue  # a shared screen that nobody shares
        parts = found.setdefault((sender, receiver), {})
        if now.kind == "audio":
            lost = now.lost - then.lost
            parts["lost"] = lost / (lost + now.packets - then.packets)
            continue
        took = now.at - then.at
        parts["rate"] = (now.frames - then.frames) / took
        parts["kbits"] = (now.bytes - then.bytes) * 8 / 1000 / took
        parts["height"] = now.height
    return {who: Flow(**parts) for who, parts in found.items()}


def listen(*people: Participant) -> None:
    """Watch for gaps in what they hear from now on."""
    for person in people:
        person.page.evaluate(_LISTEN)


def longest_silence(*people: Participant) -> float:
    """Return the longest time without a packet of somebody's sound, in seconds."""
    each = [person.page.evaluate("() => window.longestSilence()") for person in people]
    return max(each) / 1000


def _streams(people: list[Participant]) -> dict[tuple[str, str, int], Stream]:
    told = {person.name: person.page.evaluate(_STREAMS) for person in people}
    of = {ssrc: name for name, (out, _) in told.items() for ssrc in out}
    return {
        (of[ssrc], receiver, ssrc): Stream(**counts)
        for receiver, (_, arrived) in told.items()
        for ssrc, counts in arrived
        if ssrc in of
    }
