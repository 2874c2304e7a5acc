"""Looks at this browser, its network and the server, for the connection test."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from js import RTCPeerConnection, Uint8Array, navigator, performance
from pyodide.ffi import JsException, jsnull, to_js

from client_py.browser.crypto import has_curves
from client_py.browser.dom import Listeners
from client_py.browser.frames import can_encrypt
from client_py.browser.report import NOTHING, read
from client_py.browser.route import selected
from client_py.browser.rtc import ice_server
from client_py.browser.socket import BrowserSignaling
from client_py.core.checkup import Finding, Item, Outcome, Reason
from client_py.core.errors import SignalingError
from client_py.core.state import Problem
from client_py.core.verdict import NO_ANSWER, is_relay
from protocol.messages import IceServer

PATIENCE: Final = 8.0  # seconds for each thing that is asked
_LOAD: Final = 2.0  # seconds in which the call carries what it can
_CHUNK: Final = 16 * 1024  # bytes: messages of this size every browser takes
_QUEUE: Final = 256 * 1024  # bytes that may wait to be sent
_KINDS: Final = {Item.CAMERA: "video", Item.MICROPHONE: "audio"}

_REFUSALS: Final = {
    Problem.LOGIN_REQUIRED: Reason.LOGIN,
    Problem.TOO_MANY: Reason.TOO_MANY,
}

_PASSED: Final = Finding(Outcome.PASSED)
_UNREACHABLE: Final = Finding(Outcome.FAILED, Reason.UNREACHABLE)
T = TypeVar("T")


class BrowserProber:
    """The ``Prober`` of the page."""

    def __init__(self, boot: Any) -> None:
        # Of its own: the call's must not be opened and closed for a test.
        self._signaling = BrowserSignaling(boot)

    async def browser(self) -> Finding:
        """Look whether it connects and encrypts; the page itself needs the rest."""
        try:
            with _Trial((), relayed=False) as trial:
                trial.connection()
        except JsException:  # a policy, or an extension, forbids it
            return Finding(Outcome.FAILED, Reason.MISSING)
        encrypts = can_encrypt() and await has_curves()
        return _PASSED if encrypts else Finding(Outcome.FAILED, Reason.MISSING)

    async def device(self, item: Item) -> Finding:
        """Look for a device without opening it: no light goes on."""
        kind = _KINDS[item]
        if (await _permission(item.value)) == "denied":
            return Finding(Outcome.WARNED, Reason.DENIED)
        devices = await navigator.mediaDevices.enumerateDevices()
        found = [each for each in devices if each.kind == f"{kind}input"]
        return _PASSED if found else Finding(Outcome.WARNED, Reason.MISSING)

    async def server(self) -> tuple[Finding, tuple[IceServer, ...]]:
        """Ask the server for what a call would be given."""
        began = performance.now()
        try:
            servers = await _within(self._signaling.trial_servers())
        except SignalingError as error:
            reason = _REFUSALS.get(error.problem, Reason.UNREACHABLE)
            return Finding(Outcome.FAILED, reason), ()
        except TimeoutError:
            return _UNREACHABLE, ()
        return _timed(began), servers

    async def socket(self) -> Finding:
        """Open a socket as a call does; it says nothing and is closed."""
        began = performance.now()
        try:
            await _within(self._signaling.connect(lambda event: None))
        except (SignalingError, TimeoutError):
            return _UNREACHABLE
        self._signaling.close()
        return _timed(began)

    async def reach(self, server: IceServer) -> Finding:
        """Gather over one server alone, until it answers or refuses."""
        relay = is_relay(server.urls[0])
        answer: asyncio.Future[Finding] = asyncio.get_running_loop().create_future()
        began = performance.now()
        errors: list[int] = []

        def got_candidate(event: Any) -> None:
            candidate = event.candidate
            if candidate is None or candidate is jsnull:
                # An address that nobody translates is no candidate of its own.
                silent = relay or errors
                _settle(answer, _UNREACHABLE if silent else _PASSED)
            elif str(candidate.type) == ("relay" if relay else "srflx"):
                _settle(answer, _timed(began))

        def got_error(event: Any) -> None:
            errors.append(int(event.errorCode or NO_ANSWER))
            if relay and errors[-1] < NO_ANSWER:
                _settle(answer, Finding(Outcome.FAILED, Reason.REFUSED))

        try:
            with _Trial((server,), relayed=relay) as trial:
                connection = trial.connection()
                trial.listeners.add(connection, "icecandidate", got_candidate)
                trial.listeners.add(connection, "icecandidateerror", got_error)
                connection.createDataChannel("trial")
                await connection.setLocalDescription()
                return await _within(answer)
        except (TimeoutError, JsException):
            return _UNREACHABLE

    async def call(self, servers: tuple[IceServer, ...], *, relayed: bool) -> Finding:
        """Let one connection send to another of this page for a moment."""
        try:
            with _Trial(servers, relayed=relayed) as trial:
                one, other = trial.connection(), trial.connection()
                channel = await _within(trial.connect(one, other))
                began = performance.now()
                await _load(channel)
                kbits = trial.received * 8 / max(1.0, performance.now() - began)
                figures = {"kbit/s": round(kbits, 0)}
                trip = await _round_trip(one)
                if trip is not None:
                    figures["rtt ms"] = trip
                return Finding(Outcome.PASSED, figures=figures)
        except (TimeoutError, JsException):
            return _UNREACHABLE


class _Trial:
    """Connections to test with; a context that ends with all of them closed."""

    def __init__(self, servers: tuple[IceServer, ...], *, relayed: bool) -> None:
        self._configuration = {
            "iceServers": to_js([ice_server(server) for server in servers]),
            "iceTransportPolicy": "relay" if relayed else "all",
        }
        self._connections: list[Any] = []
        self.listeners = Listeners()
        self.received = 0  # bytes

    def __enter__(self) -> "_Trial":
        return self

    def __exit__(self, *_: object) -> None:
        self.listeners.close()
        for connection in self._connections:
            connection.close()

    def connection(self) -> Any:
        """Return a new connection."""
        made = RTCPeerConnection.new(**self._configuration)
        self._connections.append(made)
        return made

    async def connect(self, one: Any, other: Any) -> Any:
        """Connect the two; return the channel to send on, open."""
        opened: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        for here, there in ((one, other), (other, one)):
            self.listeners.add(here, "icecandidate", _pass_on(there))
        self.listeners.add(other, "datachannel", self._got_channel)
        channel = one.createDataChannel("trial", ordered=False)
        self.listeners.add(channel, "open", lambda event: _settle(opened, True))
        await one.setLocalDescription()
        await other.setRemoteDescription(one.localDescription)
        await other.setLocalDescription()
        await one.setRemoteDescription(other.localDescription)
        await opened
        return channel

    def _got_channel(self, event: Any) -> None:
        channel = event.channel
        channel.binaryType = "arraybuffer"
        self.listeners.add(channel, "message", self._got_message)

    def _got_message(self, event: Any) -> None:
        self.received += int(event.data.byteLength)


def _pass_on(there: Any) -> Callable[[Any], None]:
    def got_candidate(event: Any) -> None:
        if event.candidate is not None and event.candidate is not jsnull:
            # Of a connection that is closed meanwhile it is of no use.
            there.addIceCandidate(event.candidate).catch(_ignore)

    return got_candidate


def _ignore(error: Any) -> None:
    pass


async def _load(channel: Any) -> None:
    chunk = Uint8Array.new(_CHUNK)
    end = performance.now() + 1000 * _LOAD
    while performance.now() < end and channel.readyState == "open":
        while channel.bufferedAmount < _QUEUE:
            channel.send(chunk)
        await asyncio.sleep(0.01)


async def _round_trip(connection: Any) -> float | None:
    pair = selected(read(await connection.getStats())) or NOTHING
    seconds = pair.get("currentRoundTripTime")
    return None if seconds is None else round(1000 * float(seconds), 1)


async def _permission(name: str) -> str:
    try:
        return str((await navigator.permissions.query(name=name)).state)
    except JsException:
        return ""  # Firefox doesn't know it by every name


def _timed(began: float) -> Finding:
    return Finding(
        Outcome.PASSED, figures={"ms": round(float(performance.now()) - began)}
    )


def _settle(future: asyncio.Future[T], result: T) -> None:
    if not future.done():
        future.set_result(result)


async def _within(looking: Awaitable[T]) -> T:
    async with asyncio.timeout(PATIENCE):
        return await looking
