"""My end of one link: perfect negotiation over a serial inbox.

W3C's perfect negotiation (WebRTC §10.7) needs flags because its handlers
interleave. Here one task takes one thing at a time, in order, so that nothing can
happen between a check and what follows from it; only ``_ignoring`` is left.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from client_py.core.effect import OpenPeer
from client_py.core.errors import NegotiationError, SealError
from client_py.core.introduction import name_of
from client_py.core.link_event import (
    PeerChanged,
    PeerEvent as Posted,
    PeerForged,
    PeerGathered,
    PeerHinted,
    PeerSaid,
    PeerSecured,
    PeerSpoke,
)
from client_py.core.ports import (
    CandidateGathered,
    CandidateRefused,
    CipherLost,
    ConnectionStateChanged,
    LinkStats,
    NegotiationNeeded,
    PeerConnectionFactory,
    PeerEvent,
    RelayGathered,
    Track,
    TrackReceived,
    Unopened,
    Unprotected,
)
from client_py.core.sealing import Seal, Sealing
from client_py.core.sending import Sending, at_once
from client_py.core.slot import Slot
from client_py.core.state import Encryption, NoticeKind
from client_py.core.terms import SafetyCode
from client_py.core.uplink import Shape
from client_py.core.verdict import Gathered
from client_py.core.wish import (
    Compared,
    Due,
    Grow,
    Replace,
    Reshape,
    Restart,
    Tell,
    Wish,
)
from e2ee.rotation import Reason
from e2ee.verification import Verdict
from protocol.messages import (
    Aside,
    Candidate,
    Description,
    IceServer,
    ParticipantId,
    Pausing,
    PeerMessage,
    Renew,
    Watching,
    Word,
)

log = logging.getLogger("tertulia.peer")

_PASSED_BY = {Unprotected: NoticeKind.UNPROTECTED, Unopened: NoticeKind.UNOPENED}
_Taken = PeerEvent | PeerMessage | Wish


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
        post: Callable[[Posted], None],
        play: Callable[[ParticipantId, Slot, Track], None],
        sealing: Sealing | None = None,
    ) -> None:
        self._link = link
        self._post = post
        self._play = play
        self._inbox: asyncio.Queue[_Taken] = asyncio.Queue()
        self._ignoring = False
        self._received: dict[Slot, Track] = {}
        self._gathered = Gathered()
        self._pc = connect(
            initiator=link.initiator,
            ice_servers=link.ice_servers,
            emit=self._inbox.put_nowait,
            sealed=link.terms is not None,
        )
        loop = asyncio.get_running_loop()
        self._seal: Seal | None = None
        self._secured = Encryption.OFF
        self._due: asyncio.TimerHandle | None = None
        if link.terms is not None:
            if sealing is None:
                raise AssertionError("an encrypted link without cryptography")
            assert self._pc.frames is not None, "it was made sealed"
            self._seal = Seal(
                sealing.crypto,
                sealing.identity,
                link.terms,
                link.generation,
                self._pc.frames,
                loop.time,
            )
        # Asked for here and not in the task: a page draws its new screen first,
        # and the offer would wait for that. Tracks need no offer of their own. The
        # other end thinks about the first word while the offer is made.
        self._greeting = at_once(self._greet()) if self._seal is not None else None
        self._offer = (
            asyncio.ensure_future(self._pc.set_local_description())
            if link.initiator
            else None
        )
        # An offer or an answer that is lost with a socket fails nothing by itself.
        self._deadline = (
            loop.call_later(link.patience, self._changed, "failed")
            if link.initiator
            else None
        )
        self._sending = Sending(self._pc, self._attempt)
        for slot, track in tracks.items():
            self.replace_track(slot, track)

    def deliver(self, message: PeerMessage) -> None:
        """Take what the other end said."""
        self._inbox.put_nowait(message)

    def replace_track(self, slot: Slot, track: Track | None) -> None:
        """Send this track, or nothing, in a slot."""
        self._inbox.put_nowait(Replace(slot, track))

    def restart_ice(self) -> None:
        """Look for another way. Where that can't be done, the link has failed."""
        self._inbox.put_nowait(Restart())

    def use_servers(self, servers: tuple[IceServer, ...]) -> None:
        """Have the connection use these whenever it gathers candidates again."""
        self._pc.use_ice_servers(servers)

    def renew_keys(self, reason: Reason) -> None:
        """Send under another key soon; the link stays as it is."""
        if self._seal is not None:
            self._seal.renew(reason)
            self._inbox.put_nowait(Due())

    def compare(self, match: bool, code: SafetyCode | None) -> None:
        """Tell the other end whether the person finds the codes the same."""
        self._inbox.put_nowait(Compared(match, code))

    def hold_back(self, held: bool) -> None:
        """Send no track and play none, whatever there is, or do so again."""
        self._sending.hold(held=held)
        for slot, track in self._received.items():
            if not held:
                self._play(self._who, slot, track)

    def shape(self, shape: Shape) -> None:
        """Send pictures like this, as soon as the first ones have grown."""
        self._inbox.put_nowait(Reshape(shape))

    def tell(self, word: Aside) -> None:
        """Tell the other end something beside what makes the link."""
        self._inbox.put_nowait(Tell(word))

    async def audio_level(self) -> float:
        """Return how loud the participant's microphone is heard."""
        return await self._pc.audio_level(Slot.MICROPHONE)

    async def get_stats(self) -> LinkStats:
        """Return the totals of what was received."""
        return await self._pc.get_stats()

    def close(self) -> None:
        """End the connection, also if ``run`` never began. Idempotent."""
        for asked in (self._offer, self._greeting):
            if asked is not None:
                asked.cancel()
        for timer in (self._deadline, self._due):
            if timer is not None:
                timer.cancel()
        self._sending.close()
        if self._seal is not None:
            self._seal.close()
        self._pc.close()

    async def run(self) -> None:
        """Negotiate until cancelled; then close the connection."""
        try:
            await self._attempt(self._begin())
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
        except SealError as error:
            log.warning("= %s isn't trusted: %s", self._who, error)
            self._end(None)
            self._changed("untrusted")
        except Exception:  # what nobody foresaw must not pass for a link that stands
            log.exception("= the link to %s has failed", self._who)
            self._changed("failed")

    async def _begin(self) -> None:
        if self._greeting is not None:
            await self._greeting
        if self._offer is not None:
            await self._say(await self._offer)

    async def _greet(self) -> None:
        assert self._seal is not None
        self._send(await self._seal.begin())

    @property
    def _who(self) -> ParticipantId:
        return self._link.participant

    async def _take(self, event: _Taken) -> None:
        match event:
            case Restart():
                self._pc.restart_ice()
            case Due() if self._seal is not None:
                self._send(await self._seal.tick())
                self._look_after_keys()
            case Compared(match, code) if self._seal is not None:
                self._send(await self._seal.compare(match, code))
                self._look_at_verdict()
            case Unprotected(slot) | Unopened(slot):
                # Another connection would be no better: it is the browser.
                log.warning("= plain frames of %s, with %s", slot.word, self._who)
                self._end(_PASSED_BY[type(event)])
            case CipherLost():
                raise SealError("nothing encrypts any more")
            case Replace(slot, track):
                self._sending.replace(slot, track)
            case NegotiationNeeded():
                # In any other state the platform asks again once it is stable.
                if self._pc.signaling_state == "stable":
                    await self._say(await self._pc.set_local_description())
            case CandidateGathered(candidate):
                if not candidate.candidate:
                    self._gather(replace(self._gathered, finished=True))
                await self._say(candidate)
            case RelayGathered(transport):
                self._gather(self._gathered.with_relay(transport))
            case CandidateRefused(url, code):
                self._gather(self._gathered.with_refusal(url, code))
            case ConnectionStateChanged(state):
                if state == "connected":
                    if self._deadline is not None:
                        self._deadline.cancel()
                    self._sending.grow_soon(partial(self._inbox.put_nowait, Grow()))
                self._changed(state)
            case TrackReceived(slot, track):
                self._received[slot] = track
                if not self._sending.held:
                    self._play(self._who, slot, track)
            case Reshape(shape):
                await self._sending.reshape(shape)
            case Grow():
                await self._sending.grow()
            case Tell(word):
                await self._say(word)
            case Renew():
                raise AssertionError("the roster answers a renewal")
            case _ if isinstance(event, PeerMessage):
                await self._hear(event)

    def _gather(self, gathered: Gathered) -> None:
        if gathered != self._gathered:
            self._gathered = gathered
            self._post(PeerGathered(self._who, self._link.generation, gathered))

    async def _hear(self, message: PeerMessage) -> None:
        if self._seal is None:
            await self._heed(message)
            return
        taken = await self._seal.hear(message)
        if taken.forged:
            self._post(PeerForged(self._who))
        self._send(taken.answers)
        if self._seal.secrets is not None and self._secured is Encryption.OFF:
            self._secure(Encryption.ON)
            # Who may be somebody else is held back by now: nothing was told them.
            trusted = not self._sending.held
            self._send(await self._seal.said_meanwhile(trusted=trusted))
        self._look_at_verdict()
        self._look_after_keys()
        for word in taken.words:
            await self._heed(word)

    async def _heed(self, message: PeerMessage) -> None:
        match message:
            case Description():
                await self._describe(message)
            case Candidate():
                await self._add(message)
            case Watching() | Pausing() as hint:
                self._post(PeerHinted(self._who, self._link.generation, hint))
            case _ if isinstance(message, Word):
                self._post(PeerSpoke(self._who, self._link.generation, message))

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
        await self._say(await self._pc.set_local_description())

    async def _add(self, candidate: Candidate) -> None:
        try:
            await self._pc.add_ice_candidate(candidate)
        except NegotiationError as error:
            # Candidates of an offer that was ignored fit nothing, by design; one
            # that is malformed costs its own path and no other.
            if not self._ignoring:
                log.info("< a candidate of %s was refused: %s", self._who, error)

    def _look_after_keys(self) -> None:
        """Come back when the keys are to be looked at again."""
        if self._due is not None:
            self._due.cancel()
            self._due = None
        if self._seal is not None and (due := self._seal.due) is not None:
            loop = asyncio.get_running_loop()
            wait = max(0.0, due - loop.time())  # Pyodide refuses what is past
            self._due = loop.call_later(wait, self._inbox.put_nowait, Due())

    def _look_at_verdict(self) -> None:
        assert self._seal is not None
        match self._seal.verdict:
            case Verdict.VERIFIED:
                self._secure(Encryption.VERIFIED)
            case Verdict.MISMATCH:
                self._end(NoticeKind.MISMATCH)

    def _end(self, why: NoticeKind | None) -> None:
        assert self._seal is not None, "only a seal is broken"
        self._seal.stop_sending()
        self._secure(Encryption.FAILED, why)

    def _secure(self, encryption: Encryption, ended: NoticeKind | None = None) -> None:
        if self._seal is None or encryption is self._secured:
            return
        self._secured = encryption
        secrets = self._seal.secrets
        theirs = secrets.peer_identity if secrets else b""
        who, generation, code = self._who, self._link.generation, self._seal.code
        mine = self._seal.mine
        name = name_of(secrets.peer_introduction) if secrets else ""
        self._post(
            PeerSecured(who, generation, encryption, mine, theirs, code, ended, name)
        )

    async def _say(self, message: PeerMessage) -> None:
        if self._seal is None:
            self._send([message])
        else:
            self._send(await self._seal.say(message))

    def _send(self, messages: list[PeerMessage]) -> None:
        for message in messages:
            self._post(PeerSaid(self._who, self._link.generation, message))

    def _changed(self, state: str) -> None:
        self._post(PeerChanged(self._who, self._link.generation, state))
