"""What makes a WebSocket handshake (RFC 6455 §4.2.1), and how another is refused."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, Self

from server.errors import TooMany
from server.headers import Headers, refusal_headers

VERSION: Final = b"13"
_KEY_LENGTH: Final = 16  # bytes


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
        lines = [
            f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}".encode(),
            b"content-type: text/plain; charset=utf-8",
            b"content-length: %d" % len(self.body),
            b"cache-control: no-store",
            *(b"%b: %b" % each for each in (*self.headers, *refusal_headers())),
        ]
        if not any(name == b"connection" for name, _ in self.headers):
            lines.append(b"connection: close")
        return b"\r\n".join([*lines, b"", self.body])


_UPGRADE: Final = (b"connection", b"upgrade, close"), (b"upgrade", b"websocket")


def check_handshake(version: str, method: str, headers: Headers) -> Refusal | None:
    """Return why this can't become a WebSocket; ``headers`` in lower case."""
    if version != "1.1":
        return Refusal(426, b"expected HTTP/1.1\n", _UPGRADE)
    if method != "GET":
        return Refusal(405, b"expected GET\n", ((b"allow", b"GET"),))
    if _values(headers, b"transfer-encoding") or set(
        _values(headers, b"content-length")
    ) - {b"0"}:
        return Refusal(400, b"a handshake has no body\n")
    if _values(headers, b"sec-websocket-version") != [VERSION]:
        ours = (b"sec-websocket-version", VERSION)  # RFC 6455 §4.2.2
        return Refusal(426, b"expected version 13\n", (*_UPGRADE, ours))
    if not _is_key(_values(headers, b"sec-websocket-key")):
        return Refusal(400, b"expected one Sec-WebSocket-Key\n")
    return None


def _values(headers: Sequence[tuple[bytes, bytes]], name: bytes) -> list[bytes]:
    return [value.strip() for key, value in headers if key == name]


def _is_key(values: list[bytes]) -> bool:
    try:
        (value,) = values
        return len(base64.b64decode(value, validate=True)) == _KEY_LENGTH
    except (ValueError, binascii.Error):
        return False
