"""The cryptography of the encryption from end to end, over WebCrypto.

Private keys are made in the browser and never leave it.
"""

import asyncio
from collections import OrderedDict, deque
from typing import Any

from js import Uint8Array, window
from pyodide.ffi import JsException, to_js

from e2ee.errors import ForgedError

_X25519, _ED25519 = "X25519", "Ed25519"
_SPARE = 7  # key pairs: a full room's
_FIRST = 0.5  # seconds that the first has to itself: its owner may be joining already
_REST = 5.0  # seconds until others are made: not in the middle of a join
_KNOWN = 32  # imported keys: two for each link's handshake and its channel


class BrowserExchange:
    """One X25519 key pair."""

    def __init__(self, private: Any, public: bytes) -> None:
        self._private = private
        self.public = public

    async def agree(self, public: bytes) -> bytes:
        """Return the 32 bytes that both sides know. Raises ``ForgedError``."""
        try:
            theirs = await window.crypto.subtle.importKey(
                "raw", to_js(public), _X25519, False, to_js([])
            )
            how = to_js({"name": _X25519, "public": theirs})
            agreed = await window.crypto.subtle.deriveBits(how, self._private, 256)
        except JsException:
            raise ForgedError from None
        shared = _plain(agreed)
        if not any(shared):  # not every engine refuses points of low order
            raise ForgedError
        return shared


class BrowserIdentity:
    """One Ed25519 key pair."""

    def __init__(self, private: Any, public: bytes) -> None:
        self.private = private  # a CryptoKey that nobody can extract
        self.public = public

    async def sign(self, message: bytes) -> bytes:
        """Return a signature of 64 bytes."""
        signature = window.crypto.subtle.sign(_ED25519, self.private, to_js(message))
        return _plain(await signature)


class BrowserCrypto:
    """A ``CryptoBackend``.

    WebCrypto answers a turn of the loop later, and in the middle of a join a turn is
    long: so key pairs are made ahead, and a channel's keys are imported once.
    """

    def __init__(self) -> None:
        self._spare: deque[BrowserExchange] = deque()
        self._imported: OrderedDict[bytes, Any] = OrderedDict()
        self._making: asyncio.Task[None] | None = None

    def prepare(self) -> None:
        """Make key pairs ahead, for a whole room."""
        if self._making is None or self._making.done():
            self._making = asyncio.ensure_future(self._make_spare())

    def random(self, length: int) -> bytes:
        """Return bytes that nobody can guess."""
        made = Uint8Array.new(length)
        window.crypto.getRandomValues(made)
        return bytes(made.to_bytes())

    async def new_exchange(self) -> BrowserExchange:
        """Make a key pair for one handshake, or take one that was made ahead."""
        if self._spare:
            asyncio.get_running_loop().call_later(_REST, self.prepare)
            return self._spare.popleft()
        return await _exchange()

    async def new_identity(self) -> BrowserIdentity:
        """Make a key pair to sign with."""
        return BrowserIdentity(*await _pair(_ED25519, "sign", "verify"))

    async def verify(self, public: bytes, signature: bytes, message: bytes) -> None:
        """Raise ``ForgedError`` where the signature isn't by this key."""
        try:
            key = await window.crypto.subtle.importKey(
                "raw", to_js(public), _ED25519, False, to_js(["verify"])
            )
            good = await window.crypto.subtle.verify(
                _ED25519, key, to_js(signature), to_js(message)
            )
        except JsException:
            raise ForgedError from None
        if good is not True:
            raise ForgedError

    async def seal(self, key: bytes, nonce: bytes, plain: bytes, aad: bytes) -> bytes:
        """Encrypt with AES-GCM; the tag of 16 bytes comes last."""
        how, imported = await self._gcm(key, nonce, aad)
        return _plain(await window.crypto.subtle.encrypt(how, imported, to_js(plain)))

    async def open(self, key: bytes, nonce: bytes, sealed: bytes, aad: bytes) -> bytes:
        """Undo ``seal``. Raises ``ForgedError``."""
        how, imported = await self._gcm(key, nonce, aad)
        try:
            plain = await window.crypto.subtle.decrypt(how, imported, to_js(sealed))
        except JsException:
            raise ForgedError from None
        return _plain(plain)

    def forget(self, key: bytes) -> None:
        """Keep nothing of a key any more."""
        self._imported.pop(key, None)

    async def _make_spare(self) -> None:
        while len(self._spare) < _SPARE:
            self._spare.append(await _exchange())
            if len(self._spare) == 1:
                await asyncio.sleep(_FIRST)

    async def _gcm(self, key: bytes, nonce: bytes, aad: bytes) -> tuple[Any, Any]:
        imported = self._imported.get(key)
        if imported is None:
            uses = to_js(["encrypt", "decrypt"])
            imported = await window.crypto.subtle.importKey(
                "raw", to_js(key), "AES-GCM", False, uses
            )
            self._imported[key] = imported
            if len(self._imported) > _KNOWN:
                self._imported.popitem(last=False)
        how = {"name": "AES-GCM", "iv": nonce, "additionalData": aad}
        return to_js(how), imported


async def _exchange() -> BrowserExchange:
    return BrowserExchange(*await _pair(_X25519, "deriveBits"))


async def _pair(algorithm: str, *uses: str) -> tuple[Any, bytes]:
    pair = await window.crypto.subtle.generateKey(algorithm, False, to_js(list(uses)))
    public = await window.crypto.subtle.exportKey("raw", pair.publicKey)
    return pair.privateKey, _plain(public)


def _plain(buffer: Any) -> bytes:
    return bytes(buffer.to_bytes())
