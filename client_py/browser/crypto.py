"""The cryptography of the encryption from end to end, over WebCrypto.

Private keys are made in the browser and never leave it.
"""

from typing import Any

from js import Uint8Array, window
from pyodide.ffi import JsException, to_js

from e2ee.errors import ForgedError

_X25519, _ED25519 = "X25519", "Ed25519"


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
        self._private = private
        self.public = public

    async def sign(self, message: bytes) -> bytes:
        """Return a signature of 64 bytes."""
        signature = window.crypto.subtle.sign(_ED25519, self._private, to_js(message))
        return _plain(await signature)


class BrowserCrypto:
    """A ``CryptoBackend``."""

    def random(self, length: int) -> bytes:
        """Return bytes that nobody can guess."""
        made = Uint8Array.new(length)
        window.crypto.getRandomValues(made)
        return bytes(made.to_bytes())

    async def new_exchange(self) -> BrowserExchange:
        """Make a key pair for one handshake."""
        return BrowserExchange(*await _pair(_X25519, "deriveBits"))

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
        how, imported = await _gcm(key, nonce, aad)
        return _plain(await window.crypto.subtle.encrypt(how, imported, to_js(plain)))

    async def open(self, key: bytes, nonce: bytes, sealed: bytes, aad: bytes) -> bytes:
        """Undo ``seal``. Raises ``ForgedError``."""
        how, imported = await _gcm(key, nonce, aad)
        try:
            plain = await window.crypto.subtle.decrypt(how, imported, to_js(sealed))
        except JsException:
            raise ForgedError from None
        return _plain(plain)


async def _pair(algorithm: str, *uses: str) -> tuple[Any, bytes]:
    pair = await window.crypto.subtle.generateKey(algorithm, False, to_js(list(uses)))
    public = await window.crypto.subtle.exportKey("raw", pair.publicKey)
    return pair.privateKey, _plain(public)


async def _gcm(key: bytes, nonce: bytes, aad: bytes) -> tuple[Any, Any]:
    uses = to_js(["encrypt", "decrypt"])
    imported = await window.crypto.subtle.importKey(
        "raw", to_js(key), "AES-GCM", False, uses
    )
    how = {"name": "AES-GCM", "iv": nonce, "additionalData": aad}
    return to_js(how), imported


def _plain(buffer: Any) -> bytes:
    return bytes(buffer.to_bytes())
