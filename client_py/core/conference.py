"""The driver: performs what the session wants, and tells it what happened.

One inbox, drained in order and at once. Performing never waits: what takes time
runs in a task of its own and comes back as an event. So a gesture reaches the
platform in the same turn of the loop, which browsers ask of a screen share.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from random import Random

from client_py.core import effect as do, event as e
from client_py.core.errors import MediaError, NegotiationError, SignalingError
from client_py.core.history import History
from client_py.core.keeper import Forgetful, Keeper
from client_py.core.monitor import LOOKS, Monitor
from client_py.core.peer import Peer
from client_py.core.ports import CaptureRequest, Platform, Track
from client_py.core.report import EVERY
from client_py.core.sealing import Sealing
from client_py.core.session import Session
from client_py.core.slot import Slot
from client_py.core.speaker import listen
from client_py.core.state import Snapshot
from client_py.core.tasks import Tasks
from client_py.core.wire import Wire
from e2ee.backend import Identity
from e2ee.room import new_secret
from protocol.messages import ParticipantId

log = logging.getLogger("tertulia.conference")

LEVELS = 0.4  # seconds between two looks at the audio levels
LOOKS_A_REPORT = round(EVERY / LOOKS)


class Conference:
    """One person's place in calls. ``run`` it in a task; ``post`` what is asked.

    ``publish`` gets each new snapshot. It is called in the middle of ``post``.
    """

    def __init__(
        self,
        platform: Platform,
        publish: Callable[[Snapshot], None],
        random: Random | None = None,
    ) -> None:
        self._platform = platform
        self._publish = publish
        self._session = Session(
            (random or Random()).random,
            platform.agent,
            encrypts=platform.crypto is not None,
        )
        self._sealing: Sealing | None = None
        crypto = platform.crypto
        self._keeper = platform.keeper or (Forgetful(crypto) if crypto else None)
        self._inbox: deque[e.Event] = deque()
        self._draining = False
        self._peers: dict[ParticipantId, tuple[Peer, set[asyncio.Task[None]]]] = {}
        self._monitor = Monitor()
        self._looks = 0
        self._open: dict[Slot, Track] = {}
        self._published: dict[Slot, Track] = {}
        self._starting: dict[Slot, asyncio.Task[None]] = {}
        self._tasks = Tasks()
        self._wire = Wire(platform.signaling, self.post, self._tasks)
        self.snapshot = self._session.snapshot

    async def run(self) -> None:
        """Watch devices, levels and links until cancelled; then let go of all."""
        self._platform.media.watch(self.post)
        self._platform.signaling.watch(lambda sign: self.post(e.Woken(sign)))
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_again_and_again(LEVELS, self._measure_levels))
                group.create_task(_again_and_again(LOOKS, self._look_at_links))
        finally:
            self.post(e.Leave())
            for slot in {*self._open, *self._starting}:
                self._stop(slot)  # a lobby's picture of oneself, too
            self._platform.signaling.close()
            self._platform.signaling.watch(None)
            await self._tasks.end()

    def post(self, event: e.Event) -> None:
        """Let this happen. Events are handled one after the other, in order."""
        self._inbox.append(event)
        if self._draining:
            return
        self._draining = True
        opened = False
        try:
            while self._inbox:
                event = self._inbox.popleft()
                opened |= isinstance(event, e.SourceStarted)
                for effect in self._session.handle(event):
                    self._perform(effect)
        finally:
            self._draining = False
        snapshot = self._session.snapshot
        # A source that is open may be another one than before: its picture is new.
        if snapshot != self.snapshot or opened:
            self.snapshot = snapshot
            try:
                self._publish(snapshot)
            except Exception:  # a call goes on, whatever can't be drawn of it
                log.exception("= a snapshot can't be shown")

    def history(self, who: ParticipantId) -> History | None:
        """Return what the link to somebody was like for the last two minutes."""
        return self._monitor.history(who)

    # -- effects

    def _perform(self, effect: do.Effect) -> None:
        match effect:
            case do.Send(message):
                self._wire.say(message)
            case do.Deliver(who, message):
                if who in self._peers:
                    self._peers[who][0].deliver(message)
            case do.OpenPeer():
                self._open_peer(effect)
            case do.UseServers(servers):
                for peer, _ in self._peers.values():
                    peer.use_servers(servers)
            case do.RestartIce(who):
                self._peers[who][0].restart_ice()
            case do.RenewKeys(reason):
                for peer, _ in self._peers.values():
                    peer.renew_keys(reason)
            case do.Compare(who, match, code):
                if who in self._peers:
                    self._peers[who][0].compare(match, code)
            case do.HoldBack(who, held):
                self._peers[who][0].hold_back(held)
                if held:
                    self._platform.media.stop_playing(who)
            case do.Recall(room):
                self._recall(room)
            case do.Remember(room, key, name) if self._keeper is not None:
                self._keeper.remember(room, key, name)
                self._tasks.spawn(self._recall_others(room, self._keeper))
            case do.Tell(who, word):
                if who in self._peers:
                    self._peers[who][0].tell(word)
            case do.Shape(who, shape):
                if who in self._peers:
                    self._peers[who][0].shape(shape)
            case do.ClosePeer(who):
                self._close_peer(who)
            case do.Publish(slot):
                self._published[slot] = self._open[slot]
                self._replace(slot, self._open[slot])
            case do.Unpublish(slot):
                self._published.pop(slot, None)
                self._replace(slot, None)
            case do.StartSource():
                self._start(effect)
            case do.StopSource(slot):
                self._stop(slot)
            case do.PlayThrough(device):
                self._platform.media.play_through(device)
            case do.PickOutput():
                self._platform.media.pick_output()
            case do.ResumePlayback():
                self._platform.media.resume_playback()
            case do.After(seconds, event):
                self._wait(seconds, event)
            case do.MakeRoom(e2ee):
                self._tasks.spawn(self._make_room(e2ee))
            case do.Connect(room, passcode):
                self._wire.connect(room, passcode)
            case do.Disconnect():
                self._wire.hang_up()
            case do.Probe():
                self._wire.probe()

    def _open_peer(self, link: do.OpenPeer) -> None:
        try:
            peer = Peer(
                link,
                self._platform.peer_connection,
                self._published,
                self.post,
                self._platform.media.play,
                self._sealing if link.terms else None,
            )
        except NegotiationError as error:
            log.warning("= no connection to %s: %s", link.participant, error)
            failed = e.PeerChanged(link.participant, link.generation, "failed")
            self.post(failed)
            return
        self._peers[link.participant] = peer, {self._tasks.spawn(peer.run())}
        self._monitor.watch(link.participant, peer.get_stats)

    def _recall(self, room: str) -> None:
        crypto = self._platform.crypto
        assert crypto is not None and self._keeper is not None
        crypto.prepare()
        identity = asyncio.ensure_future(self._keeper.identity(room))
        identity.add_done_callback(self._got_identity)
        self._sealing = Sealing(crypto, identity)
        self._tasks.spawn(self._recall_others(room, self._keeper))

    def _got_identity(self, asked: asyncio.Future[Identity]) -> None:
        if not asked.cancelled() and (error := asked.exception()):
            log.warning("= no key to sign with can be had: %s", error)
            self.post(e.CurvesMissing())

    async def _recall_others(self, room: str, keeper: Keeper) -> None:
        self.post(e.DevicesRecalled(await keeper.known(room)))

    def _close_peer(self, who: ParticipantId) -> None:
        if who in self._peers:
            peer, tasks = self._peers.pop(who)
            peer.close()
            for task in tasks:
                task.cancel()
            self._monitor.leave(who)
            self._platform.media.stop_playing(who)

    def _wait(self, seconds: float, event: e.Event) -> None:
        async def wait() -> None:
            await asyncio.sleep(seconds)
            self.post(event)

        waiting = self._tasks.spawn(wait())
        match event:
            case e.RecoveryDue(who) | e.RenewalDue(who) if who in self._peers:
                _, tasks = self._peers[who]
                tasks.add(waiting)  # what is due of a link ends with the link
                waiting.add_done_callback(tasks.discard)

    def _replace(self, slot: Slot, track: Track | None) -> None:
        for peer, _ in self._peers.values():
            peer.replace_track(slot, track)

    def _start(self, effect: do.StartSource) -> None:
        slot = effect.slot
        if slot in self._starting:
            self._starting.pop(slot).cancel()
        request = CaptureRequest(slot, effect.device, effect.quality)
        tracks = self._platform.media.start(request)

        async def wait() -> None:
            try:
                opened = await tracks
            except MediaError as error:
                del self._starting[slot]
                self.post(e.SourceFailed(slot, error.problem))
                return
            del self._starting[slot]
            self._open.update(opened)
            self.post(e.SourceStarted(slot, tuple(opened)))

        self._starting[slot] = self._tasks.spawn(wait())

    def _stop(self, slot: Slot) -> None:
        if slot in self._starting:
            self._starting.pop(slot).cancel()
        self._open.pop(slot, None)
        if slot is Slot.SCREEN:
            self._open.pop(Slot.SCREEN_AUDIO, None)
        self._platform.media.stop(slot)

    # -- signaling

    async def _make_room(self, e2ee: bool) -> None:
        try:
            room = await self._platform.signaling.create_room(e2ee=e2ee)
            crypto = self._platform.crypto
            secret = new_secret(crypto.random) if crypto and e2ee else ""
            self.post(e.EnterLobby(room, secret))
        except SignalingError as error:
            self.post(e.AdmissionFailed(error.problem))

    # -- what goes on by itself

    async def _measure_levels(self) -> None:
        people, levels = self.snapshot.participants, {}
        mine = self._platform.media.level()
        if len(people) > 1:
            levels = await listen(people[1:], self._audio_level)
            levels[people[0].id] = mine or 0.0
        elif not self.snapshot.microphone.state.open:
            return
        now = asyncio.get_running_loop().time()
        self.post(e.LevelsMeasured(levels, now, mine))

    async def _audio_level(self, who: ParticipantId) -> float:
        if who not in self._peers:
            raise NegotiationError("the connection is closed")
        return await self._peers[who][0].audio_level()

    async def _look_at_links(self) -> None:
        self.post(e.LinksLooked(await self._monitor.look()))
        self._looks += 1
        if self._looks % LOOKS_A_REPORT == 0 and (report := self._monitor.report()):
            self._wire.say(report)


async def _again_and_again(seconds: float, look: Callable[[], Awaitable[None]]) -> None:
    """Look so often; what a look can't do costs that look, and not the call."""
    while True:
        await asyncio.sleep(seconds)
        try:
            await look()
        except Exception:
            log.exception("= a look has failed")
