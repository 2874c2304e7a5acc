"""What runs in the page for the contract's tests: the real ports, in plain data.

``answer`` is its only door. Things have numbers that the test gives them. Each
answer brings what every thing emitted since the test last knew.
"""

import asyncio
import gc
import json
import traceback
from collections.abc import Awaitable
from dataclasses import astuple
from typing import Any

from js import Event, document, localStorage

from client_py.browser.connections import BrowserPeerConnections
from client_py.browser.dom import live_proxies
from client_py.browser.media import BrowserMedia
from client_py.browser.socket import BrowserSignaling
from client_py.browser.synthetic import SyntheticCapture
from client_py.core.encoding import Encoding
from client_py.core.errors import MediaError, NegotiationError, SignalingError
from client_py.core.ports import CaptureRequest, TrackReceived
from client_py.core.slot import Slot
from client_py.core.state import CaptureQuality, MediaProblem
from protocol.messages import Candidate, Description, IceServer

_SLOT = {"audio": Slot.MICROPHONE, "video": Slot.CAMERA}


class Thing:
    """Something that emits."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.events: list[Any] = []
        self._emitted = asyncio.Event()

    def emit(self, event: Any) -> None:
        plain = [type(event).__name__, *_plain(event)]
        self.events.append(plain)
        self._emitted.set()

    async def emitted(self, known: int) -> None:
        """Wait until there are more events than are known."""
        while len(self.events) <= known:
            self._emitted.clear()
            await self._emitted.wait()

    def end(self) -> None:
        """Let go of everything."""


class End(Thing):
    """One end of a link, and what is seen of the other one."""

    def __init__(self, number: int, initiator: bool) -> None:
        super().__init__(number)
        self._who = f"other-than-{number}"
        self._seen = BrowserMedia(SyntheticCapture("nobody"))
        self._received: dict[Slot, Any] = {}
        self._sent: list[Any] = []
        self._videos: list[Any] = []
        self.pc = _connections(initiator=initiator, ice_servers=(), emit=self.emit)

    def emit(self, event: Any) -> None:
        super().emit(event)
        if isinstance(event, TrackReceived):
            self._received[event.slot] = event.track
            self._seen.play(self._who, event.slot, event.track)

    async def signaling_state(self) -> str:
        return self.pc.signaling_state

    async def set_local_description(self) -> list[str]:
        made = await self.pc.set_local_description()
        return [made.kind, made.sdp]

    async def set_remote_description(self, *description: Any) -> None:
        await self.pc.set_remote_description(Description(*description))

    async def add_ice_candidate(self, *candidate: Any) -> None:
        await self.pc.add_ice_candidate(Candidate(*candidate))

    async def send(self, slot: int, kind: str, name: str | None) -> None:
        track = None
        if name is not None:
            track = await _source(kind, name)
            self._sent.append(track)
        await self.pc.replace_track(Slot(slot), track)

    async def close_over(self, step: str) -> None:
        """Take a step, close before anything came of it, and await it."""
        camera = await _source("video", "anyone")
        self._sent.append(camera)
        taken: Awaitable[Any]
        if step == "describe":
            taken = self.pc.set_local_description()
        elif step == "send":
            taken = asyncio.ensure_future(self.pc.replace_track(Slot.CAMERA, camera))
            await asyncio.sleep(0)  # the browser was asked
        else:
            taken = asyncio.ensure_future(self.pc.get_stats())
            await asyncio.sleep(0)
        self.pc.close()
        await taken

    async def frames(self, slot: int) -> int:
        """Return how many pictures or packets of sound came."""
        count = 0
        for receiver in self.pc._pc.getReceivers():
            if receiver.track.id == self._received[Slot(slot)].id:
                for stats in (await receiver.getStats()).values():
                    if stats.type == "inbound-rtp":
                        video = stats.kind == "video"
                        count += (
                            stats.framesReceived if video else stats.packetsReceived
                        )
        return count

    async def show(self, slot: int) -> str:
        """Return the selector of the element that shows or sounds a slot."""
        if Slot(slot).kind == "audio":
            word = Slot(slot).word
            return f'audio[data-participant="{self._who}"][data-slot="{word}"]'
        name = f"video-{self.number}-{slot}"
        if not document.getElementById(name):
            video = document.createElement("video")
            video.id, video.muted, video.autoplay = name, True, True
            video.srcObject = self._seen.stream(self._who, Slot(slot))
            document.body.append(video)
            self._videos.append(video)
        return f"#{name}"

    async def use_ice_server(
        self, urls: list[str], username: str, credential: str
    ) -> str:
        """Return the user name that the connection goes by now."""
        self.pc.use_ice_servers((IceServer(tuple(urls), username, credential),))
        if self.pc.signaling_state == "closed":
            return ""
        return str(self.pc._pc.getConfiguration().iceServers[0].username)

    async def restart_ice(self) -> None:
        self.pc.restart_ice()

    async def audio_level(self, slot: int) -> float:
        return await self.pc.audio_level(Slot(slot))

    async def shape(self, slot: int, *encoding: Any) -> None:
        await self.pc.shape(Slot(slot), Encoding(*encoding))

    async def get_stats(self) -> list[Any]:
        return list(astuple(await self.pc.get_stats()))

    async def close(self) -> None:
        before = len(self.events)
        self.pc.close()
        assert len(self.events) == before, "close emitted something"

    def end(self) -> None:
        self.pc.close()
        self._seen.stop_playing(self._who)
        for video in self._videos:
            video.srcObject = None
            video.remove()
        for track in self._sent:
            track.stop()


class Media(Thing):
    """The sources of one person."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self._media = BrowserMedia(_Devices("Ada"))
        self._tracks: dict[Slot, Any] = {}

    async def watch(self) -> None:
        self._media.watch(self.emit)
        _keep()  # it goes on to listen for devices

    async def start(self, *request: Any) -> list[list[Any]]:
        opened = await self._media.start(_request(*request))
        self._tracks.update(opened)
        return [[slot, track.kind, track.id] for slot, track in opened.items()]

    async def start_and_stop(self, *request: Any) -> None:
        """Start, await nothing and stop."""
        self._media.start(_request(*request))
        self._media.stop(_request(*request).slot)

    async def stop(self, slot: int) -> None:
        self._media.stop(Slot(slot))

    async def level(self) -> float | None:
        return self._media.level()

    async def dispatch(self, slot: int, event: str) -> None:
        """Let the browser tell something of a source's track."""
        if Slot(slot) in self._tracks:
            self._tracks[Slot(slot)].dispatchEvent(Event.new(event))

    async def sound(self) -> None:
        """Wait until my own microphone is heard."""
        for _ in range(500):
            if (self._media.level() or 0.0) > 0.1:
                break
            await asyncio.sleep(0.01)  # as samples come

    async def stop_playing(self, participant: str) -> None:
        self._media.stop_playing(participant)

    async def play_through(self, device: str) -> None:
        self._media.play_through(device)

    def end(self) -> None:
        for slot in Slot:
            self._media.stop(slot)


class _Devices(SyntheticCapture):
    """A person's devices, of which one is gone."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._sounds = False

    async def open(self, request: CaptureRequest) -> Any:
        if request.device == "gone":
            raise MediaError(MediaProblem.NOT_FOUND)
        if request.slot is not Slot.CAMERA and not self._sounds:
            self._sounds = True
            _keep()  # its tones wait for a click
        return await super().open(request)


class Signaling(Thing):
    """The way to the server."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self._signaling = BrowserSignaling(None)

    async def create_room(self) -> str:
        return await self._signaling.create_room()

    async def admit(self, room: str) -> str:
        return await self._signaling.admit(room)

    async def connect(self, ear: int) -> None:
        await self._signaling.connect(_things.setdefault(ear, Thing(ear)).emit)

    async def send(self, text: str) -> None:
        self._signaling.send(text)

    async def close(self) -> None:
        self._signaling.close()

    def end(self) -> None:
        self._signaling.close()
        localStorage.clear()


_KINDS = {"end": End, "media": Media, "signaling": Signaling}

_connections = BrowserPeerConnections()
_things: dict[int, Any] = {}
_tones: dict[str, SyntheticCapture] = {}
_asked: dict[int, asyncio.Task[Any]] = {}
_kept = 0  # proxies that live as long as the page, by design


async def answer(text: str) -> str:
    """Do what is asked; tell what came of it, and what was emitted."""
    ask = json.loads(text)
    task = _asked[ask["id"]] = asyncio.ensure_future(_do(**ask["what"]))
    said: dict[str, Any] = {}
    try:
        said["value"] = await task
    except asyncio.CancelledError:
        said["refused"] = ["CancelledError", ""]
    except NegotiationError as error:
        said["refused"] = ["NegotiationError", str(error)]
    except (MediaError, SignalingError) as error:
        said["refused"] = [type(error).__name__, error.problem]
    except BaseException:
        said["refused"] = ["AssertionError", traceback.format_exc()]
    del _asked[ask["id"]]
    known = {int(number): count for number, count in ask["known"].items()}
    said["events"] = [
        [number, known.get(number, 0), thing.events[known.get(number, 0) :]]
        for number, thing in _things.items()
    ]
    return json.dumps(said)


def cancel(number: int) -> None:
    """Cancel what was asked under this number."""
    if number in _asked:
        _asked[number].cancel()


async def _do(on: int, do: str, arguments: list[Any]) -> Any:
    if do == "make":
        kind, *rest = arguments
        _things[on] = _KINDS[kind](on, *rest)
        return None
    if do == "settle":
        return await _settle()
    return await getattr(_things[on], do)(*arguments)


async def _settle() -> int:
    """Let go of everything; return how many proxies are left that nobody owns."""
    for thing in _things.values():
        thing.end()
    _things.clear()
    gc.collect()
    # A canvas whose track was stopped learns of it with its next picture.
    for _ in range(100):
        if live_proxies() == _kept:
            break
        await asyncio.sleep(0.02)
    return live_proxies() - _kept


async def _source(kind: str, name: str) -> Any:
    capture = SyntheticCapture(name)
    if kind == "audio":
        if name not in _tones:
            _tones[name] = capture
            _keep()  # its tones wait for a click
        capture = _tones[name]
    request = CaptureRequest(_SLOT[kind], quality=CaptureQuality.LOW)
    return (await capture.open(request))[request.slot]


def _request(slot: int, device: str, quality: str) -> CaptureRequest:
    return CaptureRequest(Slot(slot), device, CaptureQuality(quality))


def _keep() -> None:
    global _kept
    _kept += 1


def _plain(event: Any) -> list[Any]:
    if isinstance(event, TrackReceived):
        return [event.slot]  # the track stays here
    return list(astuple(event))
