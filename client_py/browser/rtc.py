"""``PeerConnection`` over the browser's ``RTCPeerConnection``.

camelCase and JavaScript objects end here. The track of every receiver exists
before any media does, so no ``track`` event is needed: the initiator knows its
receivers at once, the responder as soon as it has taken the first offer.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, NoReturn

from js import MediaStream
from pyodide.ffi import JsException, jsnull, to_js

from client_py.browser.canary import Canaries
from client_py.browser.dom import Listeners
from client_py.browser.frames import FrameLink
from client_py.browser.report import Loudness, read
from client_py.browser.role import keep_role
from client_py.browser.route import relay_transport
from client_py.browser.sender import first_encodings, reshape, shrink
from client_py.browser.stats import encoded, received, totals
from client_py.core.encoding import Encoding
from client_py.core.errors import NegotiationError
from client_py.core.ports import (
    CandidateGathered,
    CandidateRefused,
    CipherLost,
    ConnectionStateChanged,
    LinkStats,
    NegotiationNeeded,
    PeerEvent,
    RelayGathered,
    Track,
    TrackReceived,
    Unopened,
    Unprotected,
)
from client_py.core.probation import Finding, Probation, Send
from client_py.core.slot import Slot
from client_py.core.watch import Watch
from protocol.messages import Candidate, Description, IceServer

log = logging.getLogger("tertulia.browser.rtc")

_END_OF_CANDIDATES = Candidate("")


class Made:
    """A connection, its streams, and its slots if it is the one that offers.

    Nothing listens to it yet. What a spare said before (that it wants to be
    negotiated) nobody heard, and whoever takes it offers anyway.
    """

    def __init__(
        self, connection: Any, link: FrameLink | None, *, offering: bool
    ) -> None:
        self.connection = connection
        self.link = link
        # Tracks of one stream are played in step (RFC 8830 §3): lips and voice.
        person, screen = MediaStream.new(), MediaStream.new()
        self.streams = {
            Slot.MICROPHONE: person,
            Slot.CAMERA: person,
            Slot.SCREEN: screen,
            Slot.SCREEN_AUDIO: screen,
        }
        self.transceivers: dict[Slot, Any] = {}
        for slot in Slot if offering else ():
            made = connection.addTransceiver(
                slot.kind,
                direction="sendrecv",
                streams=to_js([self.streams[slot]]),
                sendEncodings=first_encodings(slot),
            )
            self.transceivers[slot] = made
            if link is not None:
                link.guard(slot, made)


class BrowserPeerConnection:
    """One ``RTCPeerConnection`` with four fixed slots."""

    def __init__(
        self, made: Made, emit: Callable[[PeerEvent], None], canaries: Canaries
    ) -> None:
        self._pc = made.connection
        self.frames = made.link
        self._guarded = bool(made.transceivers)
        self._emit = emit
        self._transceivers = made.transceivers
        self._streams = made.streams
        self._exit, self._entrance = Watch(), Watch()
        self._loudness = {slot: Loudness() for slot in Slot}
        self._canaries = canaries
        self._probation = Probation(sealed=made.link is not None)
        self._asked: set[asyncio.Future[Any]] = set()
        self._adopting: list[asyncio.Future[Any]] = []
        self._listeners = Listeners()
        self._listeners.add(self._pc, "icecandidate", self._got_candidate)
        self._listeners.add(self._pc, "icecandidateerror", self._got_refusal)
        self._listeners.add(self._pc, "connectionstatechange", self._got_state)
        self._listeners.add(self._pc, "negotiationneeded", self._got_need)
        if self.frames is not None:
            self._listeners.add(self._pc, "track", self._got_track)
            self.frames.on_loss = self._lost
            self.frames.on_pass = self._proved
        for slot in self._transceivers:
            self._received(slot)

    # -- negotiation

    @property
    def signaling_state(self) -> str:
        """``RTCPeerConnection.signalingState``."""
        return str(self._pc.signalingState)

    def set_local_description(self) -> Awaitable[Description]:
        """Make and set the implicit offer or answer; it, when awaited."""
        if not self._transceivers:
            return _refuse("there is nothing to describe")
        described = self._pc.setLocalDescription()
        self._asked.add(described)  # before anybody awaits it: a close may be quicker
        return self._described(described)

    async def _described(self, described: asyncio.Future[Any]) -> Description:
        adopting, self._adopting = self._adopting, []
        for each in (*adopting, described):
            await self._settled(each)
        made = self._pc.localDescription
        return Description("offer" if made.type == "offer" else "answer", made.sdp)

    async def set_remote_description(self, description: Description) -> None:
        """Set it; the browser rolls a colliding local offer back by itself."""
        sdp = description.sdp
        if description.kind == "offer":
            agreed = self._pc.currentLocalDescription, self._pc.currentRemoteDescription
            local, remote = (str(each.sdp) if each else "" for each in agreed)
            sdp = keep_role(sdp, local, remote)
        await self._settled(
            self._pc.setRemoteDescription(type=description.kind, sdp=sdp)
        )
        if description.kind == "offer":
            self._check_slots()
        if not self._transceivers:
            self._adopt_slots()

    async def add_ice_candidate(self, candidate: Candidate) -> None:
        """Add a remote candidate; the empty one ends the trickle."""
        self._check_open()
        self._check_described(candidate)
        if not candidate.candidate:
            await self._settled(self._pc.addIceCandidate())
            return
        await self._settled(
            self._pc.addIceCandidate(
                candidate=candidate.candidate,
                sdpMid=candidate.sdp_mid,
                sdpMLineIndex=candidate.sdp_m_line_index,
                usernameFragment=candidate.username_fragment or None,
            )
        )

    async def replace_track(self, slot: Slot, track: Track | None) -> None:
        """Send this track, or nothing, in a slot."""
        self._check_open()
        if track is not None and track.kind != slot.kind:
            raise NegotiationError(f"a track of {track.kind} in {slot.word}")
        self._probation.want(slot, track)
        if slot in self._transceivers:
            await self._settled(self._send(slot))

    def _send(self, slot: Slot) -> Any:
        """Have a sender take what it may send now; what is returned may be awaited."""
        wanted, holder = self._probation.wanted(slot), (self, slot)
        sent: Any = jsnull
        match self._probation.sent(slot):
            case Send.WANTED:
                sent = wanted
            case Send.CANARY:
                sent = self._canaries.take(holder, wanted)
        replaced = self._transceivers[slot].sender.replaceTrack(sent)
        if self._probation.sent(slot) is not Send.CANARY:
            self._canaries.let_go(holder)
        return replaced

    def _proved(self, slot: Slot) -> None:
        """The worker has counted a frame: what comes now may be seen and heard."""
        self._probation.find(slot, Finding.COUNTED)
        if self.frames is not None and slot in self._transceivers:
            self.frames.admit(slot)
            self._send(slot)

    def _lost(self) -> None:
        self._emit(CipherLost())

    def use_ice_servers(self, servers: tuple[IceServer, ...]) -> None:
        """Set them beside what else was configured, which may not change."""
        if self.signaling_state == "closed":
            return
        configuration = self._pc.getConfiguration()
        configuration.iceServers = to_js([ice_server(server) for server in servers])
        try:
            self._pc.setConfiguration(configuration)
        except JsException as error:
            log.warning("= the ICE servers stay as they were: %s", error.name)

    def restart_ice(self) -> None:
        """Want to be negotiated anew, over other ways (W3C §4.4.2)."""
        self._check_open()
        self._pc.restartIce()

    async def shape(self, slot: Slot, encoding: Encoding) -> None:
        """Send the pictures of a slot like this from now on."""
        if self.signaling_state != "closed" and slot in self._transceivers:
            # By the real track's size, also while a canary goes out in its place.
            sender, track = (
                self._transceivers[slot].sender,
                self._probation.wanted(slot),
            )
            await self._settled(reshape(sender, track, slot, encoding))

    async def audio_level(self, slot: Slot) -> float:
        """Return the level of what was played since this was asked last.

        By way of the statistics: ``getSynchronizationSources`` answers at once, but
        stops the page until WebRTC's own thread has a core for that.
        """
        if slot not in self._transceivers:
            return 0.0
        receiver = self._transceivers[slot].receiver
        report = await self._settled(receiver.getStats())
        return self._loudness[slot].take(report)

    async def get_stats(self) -> LinkStats:
        """Return the totals over all that is carried."""
        self._check_open()
        report = read(await self._settled(self._pc.getStats()))
        if self.frames is None:
            return totals(report)
        left = encoded(report, self._transceivers)
        passed = await self.frames.passed()
        for slot in self._exit.look(left, passed.sent):
            if slot in self._transceivers:  # else it was closed meanwhile
                # It leaves without having been through the worker.
                self._probation.find(slot, Finding.PASSED_BY)
                self._send(slot)
                self._emit(Unprotected(slot))
        came = {each.slot: each.total for each in passed.came}
        for slot in self._entrance.look(received(report, self._transceivers), came):
            self._emit(Unopened(slot))
        return replace(totals(report), came=passed.came)

    def close(self) -> None:
        """End it and emit nothing more."""
        self._listeners.close()
        self._pc.close()
        if self.frames is not None:
            self.frames.close()
        for asked in self._asked:  # browsers never settle it now (W3C §4.4.1.2)
            if not asked.done():
                asked.set_exception(NegotiationError("the connection is closed"))
                asked.exception()  # heard, also when nobody waits
        self._transceivers.clear()
        for slot in Slot:
            self._canaries.let_go((self, slot))

    async def _settled(self, asked: asyncio.Future[Any]) -> Any:
        self._asked.add(asked)
        try:
            settled = await asked
        except JsException as error:
            raise NegotiationError(f"{error.name}: {error.message}") from None
        finally:
            self._asked.discard(asked)
        self._check_open()
        return settled

    def _check_open(self) -> None:
        # Browsers go on to answer some of what a closed connection is asked.
        if self.signaling_state == "closed":
            raise NegotiationError("the connection is closed")

    def _check_described(self, candidate: Candidate) -> None:
        # As W3C §4.4.1.8 has it; Chromium takes some that belong to nothing.
        remote = self._pc.remoteDescription
        if not remote:
            raise NegotiationError("a candidate before the remote description")
        fragment = candidate.username_fragment
        if fragment and f"a=ice-ufrag:{fragment}" not in remote.sdp.split():
            raise NegotiationError("a candidate of another description")

    # -- slots

    def _check_slots(self) -> None:
        """Raise unless there are the four slots, all of them in use."""
        kinds = [
            str(each.receiver.track.kind)
            for each in self._pc.getTransceivers()
            if each.direction != "stopped"
        ]
        if kinds != [slot.kind for slot in Slot]:
            raise NegotiationError("not an offer of the four slots")

    def _adopt_slots(self) -> None:
        # What this asks for need not be there for the answer to be made, but for the
        # answer to be given: it takes as long as the answer does.
        for slot, transceiver in zip(Slot, self._pc.getTransceivers(), strict=True):
            transceiver.direction = "sendrecv"
            transceiver.sender.setStreams(self._streams[slot])
            self._transceivers[slot] = transceiver
            if slot is Slot.CAMERA:
                self._adopt(shrink(transceiver.sender))
            if self._probation.wanted(slot) is not None:
                # In the same turn as the adoption: nothing can come between.
                self._adopt(self._send(slot))
            self._received(slot)

    def _adopt(self, asked: asyncio.Future[Any]) -> None:
        self._asked.add(asked)  # before anybody awaits it: a close may be quicker
        self._adopting.append(asked)

    def _received(self, slot: Slot) -> None:
        self._emit(TrackReceived(slot, self._transceivers[slot].receiver.track))

    # -- events, from JavaScript: synchronous, plain values out, nothing kept

    def _got_candidate(self, event: Any) -> None:
        candidate = event.candidate
        if not candidate:  # null, which is not None here
            self._emit(CandidateGathered(_END_OF_CANDIDATES))
        elif str(candidate.tcpType) == "active":
            # It needs a passive one on the other side (RFC 6544 §4.1), which no
            # browser offers: half of all candidates, and each costs a message.
            return
        elif candidate.candidate:  # "" ends one generation; null ends them all
            if str(candidate.type) == "relay":
                self._emit(RelayGathered(relay_transport(candidate)))
            self._emit(
                CandidateGathered(
                    Candidate(
                        candidate.candidate,
                        candidate.sdpMid or "",
                        int(candidate.sdpMLineIndex or 0),
                        candidate.usernameFragment or "",
                    )
                )
            )

    def _got_refusal(self, event: Any) -> None:
        self._emit(CandidateRefused(str(event.url or ""), int(event.errorCode or 0)))

    def _got_state(self, event: Any) -> None:
        self._emit(ConnectionStateChanged(str(self._pc.connectionState)))

    def _got_track(self, event: Any) -> None:
        # The only moment in which Chromium heeds a transform of what an offer made.
        if self.frames is None or self._guarded:
            return
        self._guarded = True
        made = self._pc.getTransceivers()
        if len(made) == len(Slot):  # else it is refused in a moment
            for slot, transceiver in zip(Slot, made, strict=True):
                self.frames.guard(slot, transceiver)

    def _got_need(self, event: Any) -> None:
        self._emit(NegotiationNeeded())


async def _refuse(why: str) -> NoReturn:
    raise NegotiationError(why)


def ice_server(server: IceServer) -> Any:
    """Return a server as the browser takes it."""
    return {
        "urls": list(server.urls),
        **({"username": server.username} if server.username else {}),
        **({"credential": server.credential} if server.credential else {}),
    }
