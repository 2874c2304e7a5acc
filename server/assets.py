"""The page's files, precompressed by the build, served from memory.

``manifest.json`` beside them says which URL is which file. There are some 30 MB of
them, read once at the start: no request touches the disk. ``Range`` is ignored,
which RFC 9110 §14.2 allows.
"""

import asyncio
import gzip
import hashlib
import json
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from starlette.types import Receive, Scope, Send

from server.denial import deny
from server.encoding import IDENTITY, choose_encoding
from server.headers import Headers
from server.origin import header

log = logging.getLogger("tertulia.assets")

INDEX: Final = "/"
ROOM: Final = "/r/{room}"  # every room's page
NO_ROOM: Final = "/r/"  # the page of a link that no room can have
CHECK: Final = "/check"  # the page that tests a connection
PAGES: Final = (INDEX, ROOM, NO_ROOM, CHECK)
CHUNK: Final = 256 * 1024  # bytes; between two the loop serves others

_HOME = b'data-phase="lobby" data-room="none" data-panel="none" data-problem=""'
_IMMUTABLE = b"public, max-age=31536000, immutable"
_MISSING = """<!doctype html><meta charset="utf-8"><title>Tertulia</title>
<h1>The page is not built yet</h1>
<p>Run <code>scripts/setup</code>, then start the server again.</p>
"""


@dataclass(frozen=True, slots=True)
class Variant:
    """A file's bytes in one encoding, with the headers that go with them."""

    body: bytes = field(repr=False)
    etag: bytes
    headers: Headers


class Assets:
    """The ASGI application for everything that is a file."""

    def __init__(self, page: Path, *, test_mode: bool = False) -> None:
        self._files: dict[str, dict[str, Variant]] = {}
        self._missing = _variant(_MISSING.encode(), _page_headers())
        try:
            manifest = json.loads((page / "manifest.json").read_text("utf-8"))
        except FileNotFoundError:
            log.warning("= no page in %s; run scripts/setup", page)
            return
        for url, entry in manifest["files"].items():
            self._files[url] = _load(page, entry)
        if index := self._files.get(INDEX):
            self._files[CHECK] = index  # the page sees by its address
            # People paste links with a dot at the end: what they get says so.
            self._files[NO_ROOM] = _with(
                index,
                _HOME,
                _HOME.replace(b'"lobby"', b'"failed"').replace(
                    b'problem=""', b'problem="room-not-found"'
                ),
            )
        if test_mode:
            for url in self._files.keys() & PAGES:
                self._files[url] = _with(
                    self._files[url], b'data-mode="normal"', b'data-mode="test"'
                )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await deny(scope, send, 404, b"not found\n")
            return
        method = scope["method"]
        if method not in ("GET", "HEAD"):
            await _plain(send, 405, [(b"allow", b"GET, HEAD")])
            return
        url = _page(scope["path"])
        variants = self._files.get(url)
        if variants is None:
            if url in PAGES:
                await _send(send, 503, self._missing, method)
            else:
                await _plain(send, 404)
            return
        accepted = header(scope, b"accept-encoding")
        variant = variants[choose_encoding(accepted, variants)]
        if _matches(header(scope, b"if-none-match"), variant.etag):
            kept = [each for each in variant.headers if each[0] in _ON_304]
            await _start(send, 304, kept)
            await send({"type": "http.response.body", "body": b""})
        else:
            await _send(send, 404 if url == NO_ROOM else 200, variant, method)


_ON_304: Final = (b"cache-control", b"etag", b"vary")  # RFC 9110 §15.4.5


_ROOM_PATH: Final = re.compile(r"/r/[A-Za-z0-9_-]{1,64}")


def _page(path: str) -> str:
    """Return the URL of the page that a path means, or the path itself."""
    if not path.startswith(NO_ROOM):
        return path
    return ROOM if _ROOM_PATH.fullmatch(path) else NO_ROOM


def _load(page: Path, entry: dict[str, Any]) -> dict[str, Variant]:
    files = {IDENTITY: entry["file"], **entry.get("encodings", {})}
    cache = _IMMUTABLE if entry["immutable"] else b"no-cache"
    headers = [(b"content-type", entry["type"].encode()), (b"cache-control", cache)]
    return {
        coding: _variant((page / name).read_bytes(), headers, coding)
        for coding, name in files.items()
    }


def _with(page: dict[str, Variant], old: bytes, new: bytes) -> dict[str, Variant]:
    """Return a page with one attribute changed, encoded anew."""
    body = page[IDENTITY].body.replace(old, new)
    return {
        IDENTITY: _variant(body, _page_headers()),
        "gzip": _variant(gzip.compress(body, mtime=0), _page_headers(), "gzip"),
    }


def _page_headers() -> Headers:
    return [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"cache-control", b"no-cache"),
    ]


def _variant(body: bytes, headers: Headers, coding: str = IDENTITY) -> Variant:
    # Strong: another encoding is another representation (RFC 9110 §8.8.3.3).
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'.encode()
    more = [
        (b"content-length", str(len(body)).encode()),
        (b"etag", etag),
        (b"vary", b"accept-encoding"),
    ]
    if coding != IDENTITY:
        more.append((b"content-encoding", coding.encode()))
    return Variant(body, etag, [*headers, *more])


def _matches(if_none_match: str, etag: bytes) -> bool:
    wanted = etag.decode()
    tags = (tag.strip().removeprefix("W/") for tag in if_none_match.split(","))
    return any(tag in ("*", wanted) for tag in tags)


def _chunks(body: bytes) -> Iterator[memoryview]:
    view = memoryview(body)
    for start in range(0, len(body), CHUNK):
        yield view[start : start + CHUNK]


async def _send(send: Send, status: int, variant: Variant, method: str) -> None:
    await _start(send, status, variant.headers)
    if method == "GET":
        for chunk in _chunks(variant.body):
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
            # The kernel takes megabytes at once: thirty who ask for a large file at
            # the same time would keep everybody else waiting for all of theirs.
            await asyncio.sleep(0)
    await send({"type": "http.response.body", "body": b""})


async def _plain(send: Send, status: int, headers: Headers | None = None) -> None:
    text = {404: b"not found\n", 405: b"method not allowed\n"}[status]
    kind = [(b"content-type", b"text/plain; charset=utf-8")]
    length = [(b"content-length", str(len(text)).encode())]
    await _start(send, status, [*kind, *length, *(headers or [])])
    await send({"type": "http.response.body", "body": text})


async def _start(send: Send, status: int, headers: Headers) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
