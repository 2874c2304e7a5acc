"""A platform as the promises see it: all in words that cross a process.

Everything is awaited, tracks are named by what they show, events are plain data:
a platform may be in another process, as the page is (``browser_stack``).
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Protocol

from client_py.core.encoding import Encoding
from client_py.core.ports import (
    CandidateGathered,
    ConnectionStateChanged,
    LinkStats,
    PeerConnection,
    PeerEvent,
    Track,
    TrackReceived,
)
from client_py.core.slot import Slot
from client_py.core.tasks import Tasks
from client_py.headless.media import HeadlessMedia
from client_py.headless.rtc import Connections
from client_py.headless.source import Drawing, Source, Tone
from protocol.messages import Candidate, Description, IceServer, ParticipantId
from tests.contract.fakes import FakeNetwork, FakeRemoteTrack, FakeTrack

PATIENCE = 10.0  # seconds
FRAMES = 5  # enough to tell that pictures move
_OTHER = ParticipantId("other")


class End(Protocol):
    """One end of a link: the port, awaited, and what came out of it."""

    @property
    def events(self) -> list[PeerEvent]:
        """Everything emitted so far, in order."""

    async def until(self, fulfilled: Callable[[list[PeerEvent]], bool]) -> None:
        """Wait until the events fulfil this."""

    async def signaling_state(self) -> str: ...
    async def set_local_description(self) -> Description: ...
    async def set_remote_description(self, description: Description) -> None: ...
    async def add_ice_candidate(self, candidate: Candidate) -> None: ...
    async def audio_level(self, slot: Slot) -> float: ...
    async def use_ice_server(self, server: IceServer) -> None: ...
    async def restart_ice(self) -> None: ...
    async def shape(self, slot: Slot, encoding: Encoding) -> None: ...
    async def get_stats(self) -> LinkStats: ...
    async def close(self) -> None: ...

    async def close_over(self, step: str) -> None:
        """Describe, send or measure, close in the same turn, and await the step."""

    async def send(self, slot: Slot, name: str | None) -> None:
        """Replace the track of a slot by one that shows ``name``, or by none."""

    async def send_kind(self, slot: Slot, kind: str) -> None:
        """Replace the track of a slot by one of this kind."""

    async def frames(self, slot: Slot) -> int:
        """Return how many frames came in a slot so far."""

    async def shows(self, slot: Slot, name: str) -> None:
        """Wait until new frames of ``name`` came in a slot, ``FRAMES`` of a picture."""


class Stack(Protocol):
    """A platform's connections."""

    #: Whether a remote offer rolls a local one back, and a responder may offer.
    rollback: bool

    def kinds(self, description: Description) -> list[str]:
        """Return the kinds of a description's m-lines."""

    def spoil(self, offer: Description, how: str) -> Description:
        """Return an offer that lacks, swaps or rejects slots."""

    async def connection(self, *, initiator: bool) -> End:
        """Make one end."""


class _LocalEnd:
    """An end in this process."""

    def __init__(self, make: Callable[[str, str], Track]) -> None:
        self.pc: PeerConnection
        self.events: list[PeerEvent] = []
        self._make = make
        self._emitted = asyncio.Event()

    def emit(self, event: PeerEvent) -> None:
        self.events.append(event)
        self._emitted.set()
        if isinstance(event, TrackReceived):
            self.received(event.slot, event.track)

    def received(self, slot: Slot, track: Track) -> None:
        raise NotImplementedError

    async def until(self, fulfilled: Callable[[list[PeerEvent]], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not fulfilled(self.events):
                self._emitted.clear()
                await self._emitted.wait()

    async def signaling_state(self) -> str:
        return self.pc.signaling_state

    async def set_local_description(self) -> Description:
        return await self.pc.set_local_description()

    async def set_remote_description(self, description: Description) -> None:
        await self.pc.set_remote_description(description)

    async def add_ice_candidate(self, candidate: Candidate) -> None:
        await self.pc.add_ice_candidate(candidate)

    async def audio_level(self, slot: Slot) -> float:
        return await self.pc.audio_level(slot)

    async def use_ice_server(self, server: IceServer) -> None:
        self.pc.use_ice_servers((server,))

    async def restart_ice(self) -> None:
        self.pc.restart_ice()

    async def shape(self, slot: Slot, encoding: Encoding) -> None:
        await self.pc.shape(slot, encoding)

    async def get_stats(self) -> LinkStats:
        return await self.pc.get_stats()

    async def close(self) -> None:
        before = len(self.events)
        self.pc.close()
        assert len(self.events) == before, "close emitted something"

    async def close_over(self, step: str) -> None:
        steps: dict[str, Callable[[], Awaitable[object]]] = {
            "describe": self.pc.set_local_description,
            "send": lambda: self.pc.replace_track(
                Slot.CAMERA, self._make("video", "anyone")
            ),
            "measure": self.pc.get_stats,
        }
        taken = asyncio.ensure_future(steps[step]())
        self.pc.close()
        await taken

    async def send(self, slot: Slot, name: str | None) -> None:
        track = None if name is None else self._make(slot.kind, name)
        await self.pc.replace_track(slot, track)

    async def send_kind(self, slot: Slot, kind: str) -> None:
        await self.pc.replace_track(slot, self._make(kind, "anyone"))


class _FakeEnd(_LocalEnd):
    def __init__(self, network: FakeNetwork) -> None:
        super().__init__(FakeTrack)
        self._network = network
        self._tracks: dict[Slot, FakeRemoteTrack] = {}

    def received(self, slot: Slot, track: Track) -> None:
        self._tracks[slot] = track

    async def frames(self, slot: Slot) -> int:
        return len(self._tracks[slot].received)

    async def shows(self, slot: Slot, name: str) -> None:
        before = len(self._tracks[slot].received)
        self._network.flow(FRAMES)
        shown = [frame.name for frame in self._tracks[slot].received[before:]]
        assert shown == [name] * FRAMES


class HeadlessEnd(_LocalEnd):
    """An end over aiortc, and what is seen of the other one."""

    def __init__(self, make: Callable[[str, str], Track]) -> None:
        super().__init__(make)
        self.seen = HeadlessMedia("nobody")
        self.tracks: dict[Slot, Track] = {}

    def received(self, slot: Slot, track: Track) -> None:
        self.tracks[slot] = track
        self.seen.play(_OTHER, slot, track)

    async def frames(self, slot: Slot) -> int:
        sink = self.seen.sinks.get((_OTHER, slot))
        return sink.frames if sink else 0

    async def shows(self, slot: Slot, name: str) -> None:
        if slot.kind == "video":
            await self.seen.sees(_OTHER, name, slot=slot, frames=FRAMES)
        else:
            await self.seen.hears(_OTHER, name, slot=slot)


class FakeStack:
    """The fakes, which have rollback as browsers do."""

    rollback = True

    def __init__(self) -> None:
        self._network = FakeNetwork()

    def kinds(self, description: Description) -> list[str]:
        kinds: list[str] = json.loads(description.sdp)["kinds"]
        return kinds

    def spoil(self, offer: Description, how: str) -> Description:
        plain = json.loads(offer.sdp)
        audio, video, *rest = plain["kinds"]
        plain["kinds"] = {
            "lack": [audio, video],
            "swap": [video, audio, *rest],
            "reject": [audio, "", *rest],
        }[how]
        return Description("offer", json.dumps(plain))

    async def connection(self, *, initiator: bool) -> End:
        end = _FakeEnd(self._network)
        end.pc = self._network(initiator=initiator, ice_servers=(), emit=end.emit)
        return end


class HeadlessStack:
    """aiortc, over the addresses of this machine."""

    rollback = False

    def __init__(self) -> None:
        self._connections = Connections()
        self._ends: list[HeadlessEnd] = []
        self._sources: list[asyncio.Task[None]] = []
        self._tasks = Tasks()

    def kinds(self, description: Description) -> list[str]:
        return sdp_kinds(description)

    def spoil(self, offer: Description, how: str) -> Description:
        return spoilt_sdp(offer, how)

    async def connection(self, *, initiator: bool) -> HeadlessEnd:
        end = HeadlessEnd(self.source)
        end.pc = self._connections(initiator=initiator, ice_servers=(), emit=end.emit)
        self._ends.append(end)
        return end

    def source(self, kind: str, name: str) -> Source:
        """Return a running source."""
        made: Source = Tone(name) if kind == "audio" else Drawing(name, (320, 180))
        self._sources.append(self._tasks.spawn(made.run()))
        return made

    async def close(self) -> None:
        """Close what the test left open."""
        for task in self._sources:
            task.cancel()
        for end in self._ends:
            end.pc.close()
            await end.seen.close()
        await self._connections.settle()
        await self._tasks.settle()


@asynccontextmanager
async def fake_stack() -> AsyncIterator[Stack]:
    """Yield the fakes."""
    yield FakeStack()


@asynccontextmanager
async def headless_stack() -> AsyncIterator[HeadlessStack]:
    """Yield aiortc; leave nothing behind."""
    stack = HeadlessStack()
    try:
        yield stack
    finally:
        await stack.close()


def sdp_kinds(description: Description) -> list[str]:
    """Return the kinds of the m-lines."""
    return re.findall(r"^m=(\w+)", description.sdp, re.MULTILINE)


def spoilt_sdp(offer: Description, how: str) -> Description:
    """Return an offer that lacks, swaps or rejects slots, else as it should be."""
    session, audio, video, *rest = re.split(r"(?m)^(?=m=)", offer.sdp)
    rejected = re.sub(r"^m=video \d+", "m=video 0", video)
    media = {
        "lack": [audio, video],
        "swap": [video, audio, *rest],
        "reject": [audio, rejected, *rest],
    }[how]
    mids = [re.findall(r"(?m)^a=mid:(\S+)", each)[0] for each in media]
    if how == "reject":
        del mids[1]
    group = "a=group:BUNDLE " + " ".join(mids)
    session = re.sub(r"(?m)^a=group:BUNDLE [^\r\n]*", group, session)
    return Description("offer", session + "".join(media))


async def negotiate(alice: End, bob: End) -> None:
    """Let ``alice`` offer and ``bob`` answer."""
    await bob.set_remote_description(await alice.set_local_description())
    await alice.set_remote_description(await bob.set_local_description())


async def trickle(one: End, other: End, first: int = 0) -> None:
    """Carry candidates of one end to the other, all from the ``first`` on."""
    await one.until(
        lambda events: Candidate("") in map(_bare, candidates(events)[first:])
    )
    for candidate in candidates(one.events)[first:]:
        await other.add_ice_candidate(candidate)


async def connect(alice: End, bob: End) -> None:
    """Negotiate, trickle and wait until both ends are connected."""
    await negotiate(alice, bob)
    await trickle(alice, bob)
    await trickle(bob, alice)
    for end in (alice, bob):
        await end.until(lambda events: "connected" in states(events))


@asynccontextmanager
async def connected_pair(stack: Stack) -> AsyncIterator[tuple[End, End]]:
    """Yield the initiator's and the responder's end of a link."""
    alice = await stack.connection(initiator=True)
    bob = await stack.connection(initiator=False)
    await connect(alice, bob)
    yield alice, bob
    await alice.close()
    await bob.close()


def candidates(events: list[PeerEvent]) -> list[Candidate]:
    """Return the candidates among events."""
    return [each.candidate for each in events if isinstance(each, CandidateGathered)]


def states(events: list[PeerEvent]) -> list[str]:
    """Return the trail of connection states."""
    return [each.state for each in events if isinstance(each, ConnectionStateChanged)]


def slots(events: list[PeerEvent]) -> list[Slot]:
    """Return the slots whose tracks were received, in order."""
    return [each.slot for each in events if isinstance(each, TrackReceived)]


def _bare(candidate: Candidate) -> Candidate:
    return Candidate(candidate.candidate)
