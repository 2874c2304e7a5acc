"""Peer connections in memory, with the signaling states of W3C WebRTC §4.3.

A ``FakeNetwork`` is a ``PeerConnectionFactory``. Descriptions are small JSON texts
by which two connections of one network find each other. Everything that a
platform does later happens here in a later turn of the loop, in order; nothing
waits for a clock.
"""

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count, repeat
from typing import Any

from client_py.core.encoding import Encoding
from client_py.core.errors import NegotiationError
from client_py.core.picture import Identity
from client_py.core.ports import (
    CandidateGathered,
    ConnectionStateChanged,
    LinkStats,
    NegotiationNeeded,
    PeerEvent,
    TrackReceived,
)
from client_py.core.slot import Slot
from e2ee.suite import Suite
from protocol.messages import Candidate, Description, IceServer

KINDS = [slot.kind for slot in Slot]


@dataclass(eq=False)
class FakeTrack:
    """A local track that shows ``name``, one frame each time the network flows."""

    kind: str
    name: str
    frames: Iterator[int] = field(default_factory=count)


@dataclass(eq=False)
class FakeRemoteTrack:
    """What came through a slot, in order."""

    kind: str
    received: list[Identity] = field(default_factory=list)


class FakeNetwork:
    """Makes the connections of a test, and is what lies between them.

    ``rollback`` False makes them like aiortc's. ``turns`` says how many turns of
    the loop each operation takes; ``refuse`` names operations that fail, each once,
    whoever does them next, and ``surprise`` those that fail as nobody foresees.
    """

    def __init__(
        self,
        *,
        rollback: bool = True,
        candidates: int = 2,
        turns: Iterator[int] | None = None,
    ) -> None:
        self.rollback = rollback
        self.candidates = candidates
        self.turns = repeat(0) if turns is None else turns
        self.refuse: list[str] = []
        self.surprise: list[str] = []
        self.connections: list[FakePeerConnection] = []

    def __call__(
        self,
        *,
        initiator: bool,
        ice_servers: tuple[IceServer, ...],
        emit: Callable[[PeerEvent], None],
        sealed: bool = False,
    ) -> "FakePeerConnection":
        self.attempt("connect")
        made = FakePeerConnection(self, len(self.connections), initiator, emit)
        made.frames = FakeFrames() if sealed else None
        made.ice_servers = ice_servers
        self.connections.append(made)
        return made

    def attempt(self, operation: str) -> None:
        """Fail, where that is asked for."""
        if operation in self.refuse:
            self.refuse.remove(operation)
            raise NegotiationError(f"{operation} was refused")
        if operation in self.surprise:
            self.surprise.remove(operation)
            raise RuntimeError(f"{operation} is a surprise")

    def flow(self, rounds: int = 1) -> None:
        """Carry so many frames of every track that is sent."""
        for _ in range(rounds):
            for connection in self.connections:
                connection.transmit()


class FakeFrames:
    """Takes note of the keys of one connection's frames."""

    def __init__(self) -> None:
        self.sending: list[tuple[int, bytes]] = []
        self.receiving: list[tuple[int, bytes]] = []
        self.stopped = False

    async def send_under(self, generation: int, suite: Suite, base_key: bytes) -> None:
        self.sending.append((generation, base_key))

    async def receive_under(
        self, generation: int, suite: Suite, base_key: bytes, using: int = -1
    ) -> None:
        self.receiving.append((generation, base_key))

    def stop_sending(self) -> None:
        self.stopped = True


class FakePeerConnection:
    """One end. ``trail`` keeps the signaling states it went through."""

    def __init__(
        self,
        network: FakeNetwork,
        number: int,
        initiator: bool,
        emit: Callable[[PeerEvent], None],
    ) -> None:
        self.ice_servers: tuple[IceServer, ...] = ()
        self.frames: FakeFrames | None = None
        self.trail = ["stable"]
        self.connection_state = "new"
        self.sending: dict[Slot, FakeTrack] = {}
        self.remote_tracks: dict[Slot, FakeRemoteTrack] = {}
        self.levels: dict[Slot, float] = {}
        self.shapes: dict[Slot, Encoding] = {}
        self.stats = LinkStats(timestamp=0.0)
        self._network = network
        self._number = number
        self._emit = emit
        self._has_slots = initiator
        self._needed = False  # W3C's [[NegotiationNeeded]]
        self._offers = count()
        self._ice_generation = 0
        self._gathered = -1
        self._offered: dict[str, Any] | None = None  # pendingLocalDescription
        self._remote: dict[str, Any] | None = None
        self._negotiated = False
        self._remote_candidates = 0
        self._trickle_ended = False
        if initiator:
            self.need_negotiation()

    # -- the port

    @property
    def signaling_state(self) -> str:
        return self.trail[-1]

    async def set_local_description(self) -> Description:
        await self._begin("set_local_description")
        if not self._has_slots:
            raise NegotiationError("there is nothing to describe")
        if self.signaling_state == "have-remote-offer":
            assert self._remote is not None
            plain = self._describe(answers=self._remote["offer"])
            self._become("stable")
            self._settled()
            kind: Any = "answer"
        else:
            plain = self._offered = self._describe(offer=next(self._offers))
            self._become("have-local-offer")
            kind = "offer"
        if self._gathered < self._ice_generation:
            self._gathered = self._ice_generation
            self._later(self._gather)
        return Description(kind, json.dumps(plain))

    async def set_remote_description(self, description: Description) -> None:
        await self._begin("set_remote_description")
        remote = _parsed(description.sdp)
        if description.kind == "offer":
            self._take_offer(remote)
        else:
            self._take_answer(remote)
        for slot in Slot:
            if slot not in self.remote_tracks:
                track = self.remote_tracks[slot] = FakeRemoteTrack(slot.kind)
                self._emit(TrackReceived(slot, track))

    async def add_ice_candidate(self, candidate: Candidate) -> None:
        await self._begin("add_ice_candidate")
        if self._remote is None:
            raise NegotiationError("a candidate before the remote description")
        if candidate.username_fragment not in ("", self._remote["ufrag"]):
            raise NegotiationError("a candidate of another description")
        if self._trickle_ended:
            raise NegotiationError("a candidate after the end of candidates")
        if candidate.candidate:
            if not candidate.candidate.startswith("candidate:"):
                raise NegotiationError("not a candidate")
            self._remote_candidates += 1
        else:
            self._trickle_ended = True
        self._connect()

    async def replace_track(self, slot: Slot, track: FakeTrack | None) -> None:
        await self._begin("replace_track")
        if track is None:
            self.sending.pop(slot, None)
            return
        if track.kind != slot.kind:
            raise NegotiationError(f"a track of {track.kind} in {slot.word}")
        self.sending[slot] = track

    def use_ice_servers(self, servers: tuple[IceServer, ...]) -> None:
        if self.signaling_state != "closed":
            self.ice_servers = servers

    async def shape(self, slot: Slot, encoding: Encoding) -> None:
        await self._begin("shape")
        self.shapes[slot] = encoding

    async def audio_level(self, slot: Slot) -> float:
        self._network.attempt("audio_level")
        return self.levels.get(slot, 0.0)

    async def get_stats(self) -> LinkStats:
        await self._begin("get_stats")
        return self.stats

    def close(self) -> None:
        if self.signaling_state == "closed":
            return
        other = self._other()
        self._become("closed")
        if other is not None:
            other.change_connection("disconnected")

    # -- what a test does to it

    def need_negotiation(self) -> None:
        """Want an offer/answer exchange, e.g. to restart ICE."""
        self._needed = True
        if self.signaling_state == "stable":
            self._later(self._announce_need)

    def restart_ice(self) -> None:
        """Do what ``restartIce()`` does, as the port has it."""
        if self.signaling_state == "closed":
            raise NegotiationError("the connection is closed")
        self._ice_generation += 1
        self.need_negotiation()

    @property
    def far_end(self) -> "FakePeerConnection | None":
        """The connection at the other end of the link, once there is one."""
        return self._other()

    def tell(self, event: PeerEvent) -> None:
        """Let the platform tell this."""
        self._later(lambda: self._emit(event))

    def change_connection(self, state: str) -> None:
        """Let ``connectionState`` become this word."""
        if state != self.connection_state and self.signaling_state != "closed":
            self.connection_state = state
            self._later(lambda: self._emit(ConnectionStateChanged(state)))

    def transmit(self) -> None:
        """Send one frame of every track to the other end, if it is connected."""
        other = self._other()
        if other is None or self.connection_state != "connected":
            return
        for slot, track in self.sending.items():
            shape = self.shapes.get(slot, Encoding())
            if not shape.active:
                continue
            frame = Identity(track.name, next(track.frames))
            other.remote_tracks[slot].received.append(frame)
            other.count(slot, shape.height or 360)
            self.stats = replace(self.stats, bytes_sent=self.stats.bytes_sent + 100)

    def count(self, slot: Slot, height: int = 360) -> None:
        """Count one frame of this height that came in a slot."""
        video = slot.kind == "video"
        self.stats = replace(
            self.stats,
            timestamp=self.stats.timestamp + 0.01,
            packets_received=self.stats.packets_received + 1,
            audio_received=self.stats.audio_received + (not video),
            bytes_received=self.stats.bytes_received + 100,
            frames_decoded=self.stats.frames_decoded + video,
            width=height * 16 // 9 if video else self.stats.width,
            height=height if video else self.stats.height,
            connection="direct",
            transport="udp",
        )
        if not video:
            self.levels[slot] = 0.25

    # -- inside

    async def _begin(self, operation: str) -> None:
        for _ in range(next(self._network.turns)):
            await asyncio.sleep(0)
        if self.signaling_state == "closed":
            raise NegotiationError("the connection is closed")
        self._network.attempt(operation)

    def _describe(self, **more: int) -> dict[str, Any]:
        ufrag = f"{self._number}.{self._ice_generation}"
        return {"from": self._number, "ufrag": ufrag, "kinds": KINDS, **more}

    def _take_offer(self, remote: dict[str, Any]) -> None:
        if remote["kinds"] != KINDS or "offer" not in remote:
            raise NegotiationError("not an offer of the four slots")
        if self.signaling_state == "have-local-offer":
            if not self._network.rollback:
                raise NegotiationError("an offer in have-local-offer")
            self._offered = None
            self._become("stable")
        before = self._remote
        self._take_remote(remote)
        if before is not None and before["ufrag"] != remote["ufrag"]:
            # Who is asked to restart ICE does, too (RFC 9429 §5.3.1).
            self._ice_generation = self._gathered + 1
        self._has_slots = True
        self._become("have-remote-offer")

    def _take_answer(self, remote: dict[str, Any]) -> None:
        if self.signaling_state != "have-local-offer":
            raise NegotiationError(f"an answer in {self.signaling_state}")
        assert self._offered is not None
        if remote.get("answers") != self._offered["offer"]:
            raise NegotiationError("an answer to another offer")
        self._offered = None
        self._needed = False
        self._take_remote(remote)
        self._become("stable")
        self._settled()

    def _take_remote(self, remote: dict[str, Any]) -> None:
        if self._remote is None or self._remote["ufrag"] != remote["ufrag"]:
            self._remote_candidates = 0
            self._trickle_ended = False
        self._remote = remote

    def _settled(self) -> None:
        self._negotiated = True
        if self.connection_state == "new":
            self.change_connection("connecting")
        self._connect()
        if self._needed:
            self._later(self._announce_need)

    def _connect(self) -> None:
        other = self._other()
        if other is not None and self._reaches and other._reaches:
            self.change_connection("connected")
            other.change_connection("connected")

    @property
    def _reaches(self) -> bool:
        return self._negotiated and self._remote_candidates > 0

    def _other(self) -> "FakePeerConnection | None":
        if self._remote is None:
            return None
        other = self._network.connections[self._remote["from"]]
        linked = other._remote is not None and other._remote["from"] == self._number
        return other if linked else None

    def _become(self, state: str) -> None:
        self.trail.append(state)

    def _gather(self) -> None:
        ufrag = f"{self._number}.{self._ice_generation}"
        for index in range(self._network.candidates):
            host = f"192.0.2.{self._number + 1} {5000 + index}"
            line = f"candidate:{index} 1 udp 1 {host} typ host"
            self._emit(CandidateGathered(Candidate(line, "0", 0, ufrag)))
        self._emit(CandidateGathered(Candidate("", "0", 0, ufrag)))

    def _announce_need(self) -> None:
        if self._needed and self.signaling_state == "stable":
            self._emit(NegotiationNeeded())

    def _later(self, act: Callable[[], None]) -> None:
        def unless_closed() -> None:
            if self.signaling_state != "closed":
                act()

        asyncio.get_running_loop().call_soon(unless_closed)


def _parsed(sdp: str) -> dict[str, Any]:
    try:
        remote = json.loads(sdp)
    except ValueError:
        remote = None
    if not isinstance(remote, dict) or "ufrag" not in remote:
        raise NegotiationError("not a description")
    return remote
