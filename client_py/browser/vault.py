"""Keeps one's identity in a room over a reload: in IndexedDB, never to be extracted.

Only one tab of a profile is the device that was there before: a lock says which (Web
Locks, W3C). Any other one, and every browser that keeps nothing, is somebody new.
"""

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from typing import Any

from js import Date, Promise, Uint8Array, navigator, window
from pyodide.ffi import JsException, to_js

from client_py.browser.crypto import BrowserCrypto, BrowserIdentity
from client_py.browser.dom import Listeners
from client_py.core.errors import KeeperError
from client_py.core.keeper import Forgetful
from e2ee.backend import Identity

log = logging.getLogger("tertulia.vault")

_NAME, _STORE = "tertulia", "rooms"
_LIFE = 90 * 24 * 3600 * 1000  # ms since the last visit
_MOST = 64  # keys of one room


class Vault:
    """A ``Keeper`` over IndexedDB; where there is none it keeps as long as the page."""

    def __init__(self, crypto: BrowserCrypto) -> None:
        self._crypto = crypto
        self._fallback = Forgetful(crypto)
        self._listeners = Listeners()
        self._opening: dict[str, asyncio.Task[_Room | None]] = {}
        self._writing: set[asyncio.Task[None]] = set()

    async def identity(self, room: str) -> Identity:
        """Return who I am in a room, as on the visit before where that can be."""
        kept = await self._open(room)
        return kept.identity if kept else await self._fallback.identity(room)

    async def known(self, room: str) -> Mapping[bytes, str]:
        """Return the keys that were verified in a room."""
        kept = await self._open(room)
        return kept.known if kept else await self._fallback.known(room)

    def remember(self, room: str, key: bytes, name: str) -> None:
        """Keep a key and whose it is."""
        self._fallback.remember(room, key, name)
        self._write(self._add(room, key, name))

    async def _add(self, room: str, key: bytes, name: str) -> None:
        if kept := await self._open(room):
            kept.known[key] = name
            while len(kept.known) > _MOST:
                del kept.known[next(iter(kept.known))]
            try:
                await kept.save()
            except (JsException, KeeperError) as error:
                log.warning("= what was verified isn't kept: %s", error)

    async def _open(self, room: str) -> "_Room | None":
        if room not in self._opening:
            self._opening[room] = asyncio.ensure_future(self._load(room))
        return await asyncio.shield(self._opening[room])

    async def _load(self, room: str) -> "_Room | None":
        # Both take a while, and who joins at once waits for them.
        locking = asyncio.ensure_future(self._lock(room))
        opening = asyncio.ensure_future(_open_base())
        try:
            held, base = await asyncio.gather(locking, opening)
            if not held:
                base.close()
                return None
            found = await _settled(_store(base).get(room))
            if getattr(found, "room", "") == room:
                kept = _Room(base, room, _identity_of(found), _known_of(found))
            else:
                kept = _Room(base, room, await self._crypto.new_identity(), {})
        except (JsException, KeeperError, AttributeError) as error:
            # A private window, a full disk; a browser without locks has no attribute.
            log.info("= nothing is kept of this visit: %s", type(error).__name__)
            return None
        self._write(self._keep(base, kept))
        return kept

    async def _keep(self, base: Any, kept: "_Room") -> None:
        try:
            await kept.save()
            await _forget_old(base)
        except (JsException, KeeperError) as error:
            log.info("= nothing is kept of this visit: %s", type(error).__name__)

    def _write(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def _lock(self, room: str) -> bool:
        """Hold a room's identity as long as this page lives; False if another does."""
        held: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

        def hold(lock: Any) -> Any:
            if not held.done():
                held.set_result(bool(lock))
            return Promise.new(never) if lock else None

        def refuse(asked: asyncio.Future[Any]) -> None:
            if not asked.cancelled() and asked.exception() and not held.done():
                held.set_result(False)  # the browser lets nobody hold any

        never = self._listeners.callback(lambda *_: None)
        asked = asyncio.ensure_future(
            navigator.locks.request(
                f"tertulia {room}",
                to_js({"ifAvailable": True}),
                self._listeners.callback(hold),
            )
        )
        asked.add_done_callback(refuse)
        return await held


class _Room:
    """What is kept of one room."""

    def __init__(
        self, base: Any, room: str, identity: BrowserIdentity, known: dict[bytes, str]
    ) -> None:
        self.identity = identity
        self.known = known
        self._base = base
        self._room = room

    async def save(self) -> None:
        """Write it as it is; raises ``JsException`` or ``KeeperError``."""
        record = {
            "room": self._room,
            "at": Date.now(),
            "private": self.identity.private,
            "public": self.identity.public,
            "known": [[key, name] for key, name in self.known.items()],
        }
        await _settled(_store(self._base).put(to_js(record)))


def _identity_of(record: Any) -> BrowserIdentity:
    return BrowserIdentity(record.private, _bytes(record.public))


def _known_of(record: Any) -> dict[bytes, str]:
    return {_bytes(key): str(name) for key, name in record.known}


def _bytes(array: Any) -> bytes:
    return bytes(Uint8Array.new(array).to_bytes())


def _store(base: Any) -> Any:
    return base.transaction(_STORE, "readwrite").objectStore(_STORE)


async def _open_base() -> Any:
    asked = window.indexedDB.open(_NAME, 1)  # a browser may refuse even the name

    def upgrade(event: Any) -> None:
        asked.result.createObjectStore(_STORE, keyPath="room")

    return await _settled(asked, upgradeneeded=upgrade)


async def _forget_old(base: Any) -> None:
    store = _store(base)
    for record in await _settled(store.getAll()):
        if record.at < Date.now() - _LIFE:
            await _settled(_store(base).delete(record.room))


async def _settled(request: Any, **more: Any) -> Any:
    """Return the result of an ``IDBRequest``; raises ``KeeperError``."""
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    listeners = Listeners()

    def finish(event: Any) -> None:
        if not done.done():
            done.set_result(None)

    for name in ("success", "error", "blocked"):
        listeners.add(request, name, finish)
    for name, handler in more.items():
        listeners.add(request, name, handler)
    try:
        await done
        if request.readyState != "done" or request.error:
            raise KeeperError(str(getattr(request.error, "name", "blocked")))
        return request.result
    finally:
        listeners.close()
