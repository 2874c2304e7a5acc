"""What makes a WebSocket handshake (RFC 6455 §4.2), and how it is answered."""

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, Self
from urllib.parse import unquote

from starlette.types import Scope

from server.direct import EXTENSION, Direct
from server.errors import TooMany
from server.headers import Headers, refusal_headers

VERSION: Final = b"13"
_NONE: Final = [b"0"]  # the length of no body
_KEY_LENGTH: Final = 16  # bytes
_MAGIC: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 §1.3
# A list of RFC 9110 §5.6.1: tokens between commas, of which some may be missing.
_TOKENS: Final = re.compile(rb"[\s,]*([!#$%&'*+.^_`|~0-9A-Za-z-]+[ \t]*(,[\s,]*|$))+")


@dataclass(frozen=True, slots=True)
class Refusal:
    """A whole HTTP response for who is refused before there is an application."""

    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()

    @classmethod
    def of(cls, crowd: TooMany) -> Self:
        """Return the answer to who is too many."""
        retry = (b"retry-after", str(crowd.retry_after).encode())
        return cls(crowd.status, f"{crowd}\n".encode(), (retry,))

    def answer(self) -> bytes:
        """Return the bytes of the response, after which the connection closes."""
        headers = [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"cache-control", b"no-store"),
            *self.headers,
            *refusal_headers(),
        ]
        return response(self.status, headers, self.body)


@dataclass(frozen=True, slots=True)
class Asked:
    """A handshake that was read and checked; ``headers`` in lower case."""

    url: bytes
    headers: Headers
    scheme: str
    server: tuple[str, int | None] | None
    client: tuple[str, int] | None

    def scope(self, direct: Direct) -> Scope:
        """Return what ASGI tells an application of it."""
        path, _, query = self.url.partition(b"?")
        return {
            "type": "websocket",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "scheme": "wss" if self.scheme == "https" else "ws",
            "server": self.server,
            "client": self.client,
            "root_path": "",
            "path": unquote(path.decode("latin-1")),
            "raw_path": path,
            "query_string": query,
            "headers": self.headers,
            "subprotocols": subprotocols(self.headers),
            "state": {},
            "extensions": {"websocket.http.response": {}, EXTENSION: direct},
        }


def response(status: int, headers: Headers, body: bytes) -> bytes:
    """Return the bytes of a response, after which the connection closes."""
    lines = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}".encode(),
        *(b"%b: %b" % each for each in headers),
        b"content-length: %d" % len(body),
    ]
    if not any(name == b"connection" for name, _ in headers):
        lines.append(b"connection: close")
    return b"\r\n".join([*lines, b"", body])


def acceptance(headers: Headers, subprotocol: str) -> bytes:
    """Return the answer to a handshake that was checked (RFC 6455 §4.2.2)."""
    (key,) = _values(headers, b"sec-websocket-key")
    digest = hashlib.sha1(key + _MAGIC, usedforsecurity=False).digest()
    proof = binascii.b2a_base64(digest, newline=False)
    chosen = b"\r\nSec-WebSocket-Protocol: " + subprotocol.encode()
    return b"%b%b%b\r\n\r\n" % (_ACCEPTED, proof, chosen if subprotocol else b"")


def subprotocols(headers: Headers) -> list[str]:
    """Return the subprotocols that a client offers, those it likes best first."""
    offered = b",".join(_values(headers, b"sec-websocket-protocol"))
    return [each.strip() for each in offered.decode("latin-1").split(",")]


_ACCEPTED: Final = (
    b"HTTP/1.1 101 Switching Protocols\r\n"
    b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
)
_UPGRADE: Final = (b"connection", b"upgrade, close"), (b"upgrade", b"websocket")


def check_handshake(version: str, method: str, headers: Headers) -> Refusal | None:
    """Return why this can't become a WebSocket; ``headers`` in lower case."""
    if version != "1.1":
        return Refusal(426, b"expected HTTP/1.1\n", _UPGRADE)
    if method != "GET":
        return Refusal(405, b"expected GET\n", ((b"allow", b"GET"),))
    found: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        found.setdefault(name, []).append(value.strip())
    if not all(map(_TOKENS.fullmatch, found.get(b"connection", ()))):
        return Refusal(400, b"no valid Connection\n")
    if len(found.get(b"upgrade", ())) != 1 or len(found.get(b"origin", ())) > 1:
        return Refusal(400, b"expected one Upgrade, and one Origin\n")
    if b"transfer-encoding" in found or found.get(b"content-length", _NONE) != _NONE:
        return Refusal(400, b"a handshake has no body\n")
    if found.get(b"sec-websocket-version") != [VERSION]:
        ours = (b"sec-websocket-version", VERSION)  # RFC 6455 §4.2.2
        return Refusal(426, b"expected version 13\n", (*_UPGRADE, ours))
    if not _is_key(found.get(b"sec-websocket-key", [])):
        return Refusal(400, b"expected one Sec-WebSocket-Key\n")
    return None


def _values(headers: Headers, name: bytes) -> list[bytes]:
    return [value.strip() for key, value in headers if key == name]


def _is_key(values: list[bytes]) -> bool:
    try:
        (value,) = values
        return len(base64.b64decode(value, validate=True)) == _KEY_LENGTH
    except (ValueError, binascii.Error):
        return False
