"""PeerConnection over aiortc, and what aiortc doesn't do.

It has no rollback, no ICE restart and no "disconnected", and gathers before it
describes: all candidates are in the description. So it offers as the initiator
only, and calls an offer that restarts ICE one that it can't take.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any, cast

from aiortc import (
    RTCBundlePolicy,
    RTCConfiguration,
    RTCIceServer,
    RTCRtpCodecCapability,
    RTCRtpSender,
    RTCSessionDescription,
)
from aiortc.rtcicetransport import parse_stun_turn_uri
from aiortc.sdp import SessionDescription, candidate_from_sdp

from client_py.core.encoding import Encoding
from client_py.core.errors import NegotiationError
from client_py.core.ports import (
    CandidateGathered,
    ConnectionStateChanged,
    LinkStats,
    NegotiationNeeded,
    PeerEvent,
    TrackReceived,
)
from client_py.core.slot import Slot
from client_py.core.tasks import Tasks
from client_py.headless.connection import Connection
from client_py.headless.frames import FrameLink
from client_py.headless.sink import Incoming
from client_py.headless.source import Feed, Source
from protocol.messages import Candidate, Description, IceServer

log = logging.getLogger("tertulia.headless.rtc")

_KINDS = [slot.kind for slot in Slot]
_CODECS = {"audio": ("audio/opus",), "video": ("video/VP8", "video/rtx")}
_HIDDEN = ".local"  # the domain of mDNS (RFC 6762)
_TIMES = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
_WORDS = {"closed": "disconnected"}
_RATES = {"audio": 48000, "video": 90000}  # Hz, of the RTP clocks


class Connections:
    """Makes peer connections, and waits for those that were closed.

    ``frames`` makes what the frames of an encrypted one go through.
    """

    def __init__(self, frames: Callable[[], FrameLink] = FrameLink) -> None:
        self._frames = frames
        self._closing = Tasks()
        self.made = 0  # in all, so that nobody makes one anew unseen

    def __call__(
        self,
        *,
        initiator: bool,
        ice_servers: tuple[IceServer, ...],
        emit: Callable[[PeerEvent], None],
        sealed: bool = False,
    ) -> "HeadlessPeerConnection":
        self.made += 1
        link = self._frames() if sealed else None
        return HeadlessPeerConnection(
            ice_servers, emit, self._closing, link, initiator=initiator
        )

    async def settle(self) -> None:
        """Wait until all that was closed is gone."""
        await self._closing.settle()


class HeadlessPeerConnection:
    """An ``aiortc.RTCPeerConnection`` with the four slots."""

    def __init__(
        self,
        ice_servers: tuple[IceServer, ...],
        emit: Callable[[PeerEvent], None],
        closing: Tasks,
        frames: FrameLink | None = None,
        *,
        initiator: bool,
    ) -> None:
        self.frames = frames
        self._guarded = False
        self._initiator = initiator
        self._emit = emit
        self._closing = closing
        self._closed = False
        self._remote_ufrag = ""
        self._hiding = False
        self._gathered = False
        self._feeds = {slot: Feed(slot.kind) for slot in Slot}
        self._incoming: dict[Slot, Incoming] = {}
        self._pc = Connection(
            RTCConfiguration(
                iceServers=_known(ice_servers), bundlePolicy=RTCBundlePolicy.MAX_BUNDLE
            )
        )
        self._pc.on("connectionstatechange", self._connection_changed)
        if initiator:
            for slot in Slot:
                transceiver = self._pc.addTransceiver(self._feeds[slot])
                transceiver.setCodecPreferences(_codecs(slot.kind))
            self._guard()
            asyncio.get_running_loop().call_soon(self._tell, NegotiationNeeded())

    def _guard(self) -> None:
        if self.frames is not None and not self._guarded:
            self._guarded = True
            for slot, made in zip(Slot, self._pc.getTransceivers(), strict=True):
                self.frames.guard(slot, made.sender, made.receiver)

    @property
    def signaling_state(self) -> str:
        return "closed" if self._closed else str(self._pc.signalingState)

    async def set_local_description(self) -> Description:
        """Make and set the implicit offer or answer, and return it."""
        self._check_open()
        if not self._initiator and self.signaling_state != "have-remote-offer":
            raise NegotiationError("only the initiator offers")
        try:
            await self._pc.setLocalDescription()
        except Exception as error:
            raise _refusal(error) from error
        self._check_open()
        local = self._pc.localDescription
        if not self._gathered:
            self._gathered = True
            self._tell(CandidateGathered(Candidate("", "0", 0)))
        return Description(cast(Any, local.type), _without_times(local.sdp))

    async def set_remote_description(self, description: Description) -> None:
        """Set an answer, or an offer in stable; adopt the slots of the first."""
        self._check_open()
        sdp = self._without_hidden(description.sdp)
        ufrag = _ufrag(sdp)
        if self._remote_ufrag not in ("", ufrag):
            raise NegotiationError("aiortc can't restart ICE")
        try:
            await self._pc.setRemoteDescription(
                RTCSessionDescription(sdp, description.kind)
            )
        except Exception as error:
            raise _refusal(error) from error
        self._check_open()
        self._remote_ufrag = ufrag
        self._adopt()

    async def add_ice_candidate(self, candidate: Candidate) -> None:
        """Add a remote candidate; the empty one ends the trickle."""
        self._check_open()
        if not self._remote_ufrag:
            raise NegotiationError("a candidate before the remote description")
        if candidate.username_fragment not in ("", self._remote_ufrag):
            raise NegotiationError("a candidate of another description")
        if not candidate.candidate:
            if not self._hiding:
                await self._pc.addIceCandidate(None)
            return
        try:
            parsed = candidate_from_sdp(candidate.candidate.removeprefix("candidate:"))
        except (AssertionError, ValueError) as error:
            raise NegotiationError("not a candidate") from error
        if parsed.ip.endswith(_HIDDEN):
            self._hiding = True
            return
        parsed.sdpMid = candidate.sdp_mid
        parsed.sdpMLineIndex = candidate.sdp_m_line_index
        try:
            await self._pc.addIceCandidate(parsed)
        except Exception as error:
            raise _refusal(error) from error

    async def replace_track(self, slot: Slot, track: Source | None) -> None:
        """Send this source, or nothing, in a slot."""
        self._check_open()
        if track is not None and track.kind != slot.kind:
            raise NegotiationError(f"a track of {track.kind} in {slot.word}")
        self._feeds[slot].take_from(track)

    def use_ice_servers(self, servers: tuple[IceServer, ...]) -> None:
        """Do nothing: aiortc gathers once, and restarts no ICE."""

    def restart_ice(self) -> None:
        """Refuse: aiortc takes no new credentials for an old connection."""
        raise NegotiationError("ICE can't be restarted here")

    async def shape(self, slot: Slot, encoding: Encoding) -> None:
        """Send pictures of this size, or none; aiortc minds the bitrate itself."""
        self._feeds[slot].shape(encoding)

    async def audio_level(self, slot: Slot) -> float:
        """Return the level 0..1 of what is heard in a slot just now."""
        return self._incoming[slot].level if slot in self._incoming else 0.0

    async def get_stats(self) -> LinkStats:
        """Return the totals of what was carried. Freezes are not counted."""
        self._check_open()
        report = (await self._pc.getStats()).values()
        inbound = [each for each in report if each.type == "inbound-rtp"]
        sound = [each for each in inbound if each.kind == "audio"]
        trips = [
            each.roundTripTime
            for each in report
            if each.type == "remote-inbound-rtp" and each.roundTripTime is not None
        ]
        return LinkStats(
            timestamp=time.monotonic(),
            packets_received=sum(each.packetsReceived for each in inbound),
            packets_lost=sum(each.packetsLost for each in inbound),
            bytes_received=sum(
                each.bytesReceived for each in report if each.type == "transport"
            ),
            frames_decoded=sum(
                each.frames for each in self._incoming.values() if each.kind == "video"
            ),
            jitter=max(
                (each.jitter / _RATES[each.kind] for each in inbound), default=0.0
            ),
            round_trip_time=max(trips, default=0.0),
            bytes_sent=sum(
                each.bytesSent for each in report if each.type == "transport"
            ),
            width=max((each.width for each in self._incoming.values()), default=0),
            height=max((each.height for each in self._incoming.values()), default=0),
            connection=self._pc.way[0],
            transport=self._pc.way[1],
            audio_received=sum(each.packetsReceived for each in sound),
            audio_lost=sum(each.packetsLost for each in sound),
            came=self.frames.came if self.frames else (),
        )

    def close(self) -> None:
        """End it and emit nothing more. Idempotent."""
        if self._closed:
            return
        self._closed = True
        for feed in self._feeds.values():
            feed.stop()
        self._closing.spawn(self._pc.close())

    def _without_hidden(self, sdp: str) -> str:
        """Leave out the addresses that a browser hides behind mDNS.

        Its own checks will tell them. The end of candidates goes too: aiortc would
        give up at once when there is nothing to try.
        """
        lines = sdp.splitlines(keepends=True)
        shown = [line for line in lines if f"{_HIDDEN} " not in line]
        if len(shown) == len(lines):
            return sdp
        self._hiding = True
        return "".join(line for line in shown if "end-of-candidates" not in line)

    def _adopt(self) -> None:
        self._guard()
        for slot, transceiver in zip(Slot, self._pc.getTransceivers(), strict=True):
            if not self._initiator:
                transceiver.sender.replaceTrack(self._feeds[slot])
                transceiver.direction = "sendrecv"
            track = transceiver.receiver.track
            if track is not None and slot not in self._incoming:
                self._incoming[slot] = Incoming(track)
                self._tell(TrackReceived(slot, self._incoming[slot]))

    def _connection_changed(self) -> None:
        state = self._pc.connectionState
        # aiortc closes itself when the other side closed: W3C keeps that word for
        # what this side does.
        self._tell(ConnectionStateChanged(_WORDS.get(state, state)))

    def _tell(self, event: PeerEvent) -> None:
        if not self._closed:
            self._emit(event)

    def _check_open(self) -> None:
        if self.signaling_state == "closed":
            raise NegotiationError("the connection is closed")


def _codecs(kind: str) -> list[RTCRtpCodecCapability]:
    capabilities = RTCRtpSender.getCapabilities(kind).codecs
    return [each for each in capabilities if each.mimeType in _CODECS[kind]]


def _known(servers: tuple[IceServer, ...]) -> list[RTCIceServer]:
    """Return the servers that aiortc can use; it takes the first of each kind."""
    known = []
    for server in servers:
        for url in server.urls:
            try:
                parse_stun_turn_uri(url)
            except ValueError:
                log.info("= an ICE server is left out: %s", url)
                continue
            known.append(RTCIceServer(url, server.username, server.credential))
    return known


def _without_times(sdp: str) -> str:
    """Ask for no times of sending, of which aiortc makes an estimate for the other end.

    It takes how late this process gets to read for a way that fills up: over loopback
    a browser was told to send 30 kbit/s. Without it browsers go by what is lost.
    """
    lines = sdp.splitlines(keepends=True)
    return "".join(line for line in lines if _TIMES not in line)


def _ufrag(sdp: str) -> str:
    """Return the ICE user name of a description of the four slots."""
    try:
        media = SessionDescription.parse(sdp).media
    except Exception as error:  # aiortc's parser raises whatever it stumbles upon
        raise _refusal(error) from error
    if [each.kind for each in media] != _KINDS:
        raise NegotiationError("not a description of the four slots")
    ice = media[0].ice
    if ice is None or not ice.usernameFragment:
        raise NegotiationError("a description without ICE credentials")
    return ice.usernameFragment


def _refusal(error: Exception) -> NegotiationError:
    return NegotiationError(f"{type(error).__name__}: {error}")
