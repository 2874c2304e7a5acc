"""The composition root of the page: boot.js calls ``start`` once Python is there."""

import asyncio
import json
from dataclasses import asdict, replace
from typing import Any

import js
from js import document, location, navigator, performance, window

from client_py.browser import preference
from client_py.browser.action import Actions
from client_py.browser.capture import Capture, DeviceCapture
from client_py.browser.checkup import PATH, CheckupDialog
from client_py.browser.connections import BrowserPeerConnections
from client_py.browser.crypto import BrowserCrypto
from client_py.browser.dom import Listeners, live_proxies, references, set_data
from client_py.browser.frames import FrameWorker, can_encrypt
from client_py.browser.gauge import Tiles
from client_py.browser.media import BrowserMedia
from client_py.browser.prober import BrowserProber
from client_py.browser.socket import BrowserSignaling
from client_py.browser.synthetic import SyntheticCapture
from client_py.browser.vault import Vault
from client_py.browser.view import View
from client_py.core import event as e
from client_py.core.address import secret_of
from client_py.core.conference import Conference
from client_py.core.ports import Platform
from client_py.core.slot import Slot
from client_py.core.state import Phase, Snapshot

_SYNTHETIC = ("synthetic", "restless")


class App:
    """Everything that lives as long as the page."""

    def __init__(self) -> None:
        self._boot = js.tertulia.boot
        self._listeners = Listeners()
        self._marked: Phase | None = None
        self._chosen = preference.load()
        self._kept = ""
        self._sources_asked = False
        self._media = BrowserMedia(self._capture())
        frames = FrameWorker(str(self._boot.assets.worker)) if can_encrypt() else None
        self._connections = BrowserPeerConnections(frames)
        crypto = BrowserCrypto() if frames else None
        prober = BrowserProber(self._boot)
        self._checkup = CheckupDialog(prober, str(navigator.userAgent))
        self._conference = Conference(
            Platform(
                signaling=BrowserSignaling(self._boot),
                media=self._media,
                peer_connection=self._connections,
                agent=_agent(),
                crypto=crypto,
                keeper=Vault(crypto) if crypto else None,
            ),
            self._publish,
        )
        self._view = View(
            self._media, self._drawn, self._conference.history, self._measured
        )
        self._actions = Actions(self._conference, self._view, self._checkup)

    def _measured(self, tiles: Tiles) -> None:
        self._conference.post(e.TilesMeasured(tiles))

    def start(self) -> None:
        """Begin, with what was chosen last time and asked for meanwhile."""
        js.tertulia.snapshot = self._listeners.callback(self.snapshot)
        js.tertulia.proxies = self._listeners.callback(live_proxies)
        if _in_test():
            js.tertulia.references = self._listeners.callback(references)
        js.tertulia.tasks = self._listeners.callback(lambda: len(asyncio.all_tasks()))
        self._listeners.add(window, "pagehide", self._got_pagehide)
        self._listeners.add(window, "popstate", self._got_popstate)
        self._actions.listen()
        gestures = list(js.tertulia.early.gestures)
        hurried = any(each.kind == "submit" for each in gestures)
        prepared = self._connections.prepare(self._boot.certificate, hurried=hurried)
        self._tasks = [
            asyncio.ensure_future(self._conference.run()),
            asyncio.ensure_future(self._view.run()),
            asyncio.ensure_future(prepared),
        ]
        self._enter()
        self._view.lobby.show_name()
        set_data(document.body, "ready", "yes")
        if str(location.pathname) == PATH:
            self._checkup.open()
        for each in gestures:
            self._actions.perform(str(each.kind), each.element, str(each.value))

    def snapshot(self) -> Any:
        """Return the snapshot as a JavaScript object, a copy."""
        shown = replace(self._conference.snapshot, secret="")
        return js.JSON.parse(json.dumps(asdict(shown)))

    def _capture(self) -> Capture:
        asked = str(js.URLSearchParams.new(location.search).get("media") or "")
        kind, _, name = asked.partition(":")
        if _in_test() and kind in _SYNTHETIC:
            return SyntheticCapture(name, restless=kind == "restless")
        return DeviceCapture(self._boot)

    def _enter(self) -> None:
        post, chosen = self._conference.post, self._chosen
        post(e.ChooseQuality(chosen.quality))
        microphone, camera, output = chosen.microphone, chosen.camera, chosen.output
        post(e.ChooseDevice(Slot.MICROPHONE, microphone.id, microphone.label))
        post(e.ChooseDevice(Slot.CAMERA, camera.id, camera.label))
        if output.id:
            post(e.ChooseOutput(output.id, output.label))
        post(_lobby_here())

    def _open_sources(self) -> None:
        if self._chosen.microphone_on:
            self._conference.post(e.TurnOn(Slot.MICROPHONE))
        if self._chosen.camera_on:
            self._conference.post(e.TurnOn(Slot.CAMERA))

    def _publish(self, snapshot: Snapshot) -> None:
        if snapshot.phase is Phase.JOINED and self._marked is not Phase.JOINED:
            performance.mark("tertulia:joined")
        self._marked = snapshot.phase
        self._view.publish(snapshot)
        if snapshot.room and not self._sources_asked:
            # The first room of this page: now devices are of use. At once, so that
            # a gesture finds them on; last, as each of them publishes in its turn.
            self._sources_asked = True
            self._open_sources()

    def _drawn(self, snapshot: Snapshot) -> None:
        # Whoever leaves closes everything, and chose nothing by that.
        if snapshot.room and snapshot.phase not in (Phase.LEFT, Phase.FAILED):
            text = preference.written(snapshot, self._view.lobby.name)
            if text != self._kept:
                self._kept = text
                preference.keep(text)

    def _got_pagehide(self, event: Any) -> None:
        # The others need not wait for a grace to end.
        self._conference.post(e.Leave())

    def _got_popstate(self, event: Any) -> None:
        self._conference.post(_lobby_here())


_apps: list[App] = []  # keeps the one app of the page alive


def start() -> None:
    """Start the client in this page."""
    app = App()
    _apps.append(app)
    app.start()


def _lobby_here() -> e.EnterLobby:
    path = str(location.pathname)
    room = path.removeprefix("/r/") if path.startswith("/r/") else ""
    return e.EnterLobby(room, secret_of(str(location.hash)) if room else "")


def _in_test() -> bool:
    return str(document.documentElement.dataset.mode) == "test"


def _agent() -> str:
    firefox = "Firefox/" in str(navigator.userAgent)
    return "firefox" if firefox else "chromium-or-other"
