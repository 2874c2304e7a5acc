"""My end of one link: perfect negotiation over a serial inbox.

W3C's perfect negotiation (WebRTC §10.7) needs flags because its handlers
interleave. Here one task takes one thing at a time, in order, so that nothing can
happen between a check and what follows from it; only ``_ignoring`` is left.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from client_py.core.effect import OpenPeer
from client_py.core.errors import NegotiationError
from client_py.core.event import PeerChanged, PeerSaid
from client_py.core.ports import (
    CandidateGathered,
    ConnectionStateChanged,
    LinkStats,
    NegotiationNeeded,
    PeerConnectionFactory,
    PeerEvent,
    Track,
    TrackReceived,
)
from client_py.core.slot import Slot
from protocol.messages import (
    Candidate,
    Description,
    IceServer,
    ParticipantId,
    PeerMessage,
    Renew,
)

log = logging.getLogger("tertulia.peer")

SMALL = 1.0  # seconds for which a new connection sends a small picture
PATIENCE = 15.0  # seconds in which the first exchange has to make a connection


@dataclass(frozen=True, slots=True)
class _Replace:
    """Send another track, or none, in a slot."""

    slot: Slot
    track: Track | None


@dataclass(frozen=True, slots=True)
class _Restart:
    """Restart ICE."""


class Peer:
    """One link to one participant. ``run`` it in a task; cancel the task to end it.

    ``post`` gets ``PeerSaid`` and ``PeerChanged``; ``play`` gets the other side's
    tracks as they come.
    """

    def __init__(
        self,
        link: OpenPeer,
        connect: PeerConnectionFactory,
        tracks: Mapping[Slot, Track],
        post: Callable[[PeerSaid | PeerChanged], None],
        play: Callable[[ParticipantId, Slot, Track], None],
    ) -> None:
        self._link = link
        self._post = post
        self._play = play
        self._inbox: asyncio.Queue[PeerEvent | PeerMessage | _Replace | _Restart] = (
            asyncio.Queue()
        )
        self._ignoring = False
        self._pc = connect(
            initiator=link.initiator,
            ice_servers=link.ice_servers,
            emit=self._inbox.put_nowait,
        )
        # Asked for here and not in the task: a page draws its new screen first,
        # and the offer would wait for that. Tracks need no offer of their own.
        self._offer = (
            asyncio.ensure_future(self._pc.set_local_description())
            if link.initiator
            else None
        )
        # An offer or an answer that is lost with a socket fails nothing by itself.
        self._deadline = (
            asyncio.get_running_loop().call_later(PATIENCE, self._changed, "failed")
            if link.initiator
            else None
        )
        self._growth: asyncio.TimerHandle | None = None
        for slot, track in tracks.items():
            self.replace_track(slot, track)

    def deliver(self, message: PeerMessage) -> None:
        """Take what the other end said."""
        self._inbox.put_nowait(message)

    def replace_track(self, slot: Slot, track: Track | None) -> None:
        """Send this track, or nothing, in a slot."""
        self._inbox.put_nowait(_Replace(slot, track))

    def restart_ice(self) -> None:
        """Look for another way. Where that can't be done, the link has failed."""
        self._inbox.put_nowait(_Restart())

    def use_servers(self, servers: tuple[IceServer, ...]) -> None:
        """Have the connection use these whenever it gathers candidates again."""
        self._pc.use_ice_servers(servers)

    def audio_level(self) -> float:
        """Return how loud the participant's microphone is heard just now."""
        return self._pc.audio_level(Slot.MICROPHONE)

    async def get_stats(self) -> LinkStats:
        """Return the totals of what was received."""
        return await self._pc.get_stats()

    def close(self) -> None:
        """End the connection, also if ``run`` never began. Idempotent."""
        if self._offer is not None:
            self._offer.cancel()
        self._be_patient()
        if self._growth is not None:
            self._growth.cancel()
        self._pc.close()

    async def run(self) -> None:
        """Negotiate until cancelled; then close the connection."""
        try:
            await self._attempt(self._make_offer())
            while True:
                await self._attempt(self._take(await self._inbox.get()))
        finally:
            self.close()

    async def _attempt(self, step: Coroutine[Any, Any, None]) -> None:
        try:
            await step
        except NegotiationError as error:
            log.warning("= %s can't be negotiated: %s", self._who, error)
            self._changed("failed")

    async def _make_offer(self) -> None:
        if self._offer is not None:
            self._say(await self._offer)

    @property
    def _who(self) -> ParticipantId:
        return self._link.participant

    async def _take(self, event: PeerEvent | PeerMessage | _Replace | _Restart) -> None:
        match event:
            case _Restart():
                self._pc.restart_ice()
            case _Replace(slot, track):
                await self._pc.replace_track(slot, track)
            case NegotiationNeeded():
                # In any other state the platform asks again once it is stable.
                if self._pc.signaling_state == "stable":
                    self._say(await self._pc.set_local_description())
            case CandidateGathered(candidate):
                self._say(candidate)
            case Description():
                await self._describe(event)
            case Candidate():
                await self._add(event)
            case ConnectionStateChanged(state):
                if state == "connected":
                    self._be_patient()
                    self._grow()
                self._changed(state)
            case TrackReceived(slot, track):
                self._play(self._who, slot, track)
            case Renew():
                raise AssertionError("the roster answers a renewal")

    def _grow(self) -> None:
        if self._growth is None:
            loop = asyncio.get_running_loop()
            self._growth = loop.call_later(SMALL, self._pc.enlarge)

    async def _describe(self, description: Description) -> None:
        collision = self._pc.signaling_state != "stable"
        if description.kind == "answer":
            if self._pc.signaling_state == "have-local-offer":
                await self._pc.set_remote_description(description)
            return  # otherwise it answers an offer that was rolled back
        # The initiator is the impolite one: its own offer stands.
        self._ignoring = self._link.initiator and collision
        if self._ignoring:
            return
        await self._pc.set_remote_description(description)
        self._say(await self._pc.set_local_description())

    async def _add(self, candidate: Candidate) -> None:
        try:
            await self._pc.add_ice_candidate(candidate)
        except NegotiationError as error:
            # Candidates of an offer that was ignored fit nothing, by design; one
            # that is malformed costs its own path and no other.
            if not self._ignoring:
                log.info("< a candidate of %s was refused: %s", self._who, error)

    def _be_patient(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()

    def _say(self, message: PeerMessage) -> None:
        self._post(PeerSaid(self._who, self._link.generation, message))

    def _changed(self, state: str) -> None:
        self._post(PeerChanged(self._who, self._link.generation, state))
