"""A client that isn't polite: bytes on a socket, and what comes back."""

import asyncio
import base64
import contextlib
import json
import struct
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from protocol.codes import GRACE, SUBPROTOCOL, VERSION
from protocol.numbering import ACK, SEQ
from tests.hostile.victim import PATIENCE, Victim

CONT, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
MASK = b"\x11\x22\x33\x44"
KEY = base64.b64encode(b"sixteen bytes ok").decode()


def frame(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    rsv: int = 0,
    masked: bool = True,
    length: int | None = None,
) -> bytes:
    """Return a frame (RFC 6455 §5.2), as wrong as it was asked for."""
    size = len(payload) if length is None else length
    head = bytes([fin << 7 | rsv << 4 | opcode])
    if size < 126:
        head += bytes([masked << 7 | size])
    elif size < 65536:
        head += struct.pack("!BH", masked << 7 | 126, size)
    else:
        head += struct.pack("!BQ", masked << 7 | 127, size)
    if not masked:
        return head + payload
    repeated = MASK * (len(payload) // 4 + 1)
    mixed = int.from_bytes(payload) ^ int.from_bytes(repeated[: len(payload)])
    return head + MASK + mixed.to_bytes(len(payload))


def text(words: str) -> bytes:
    return frame(TEXT, words.encode())


def say(**message: Any) -> bytes:
    return text(json.dumps(message))


@dataclass(frozen=True)
class Answer:
    """An HTTP response."""

    status: int
    headers: dict[str, str]
    body: bytes


class Stranger:
    """One TCP connection from an address of its own."""

    def __init__(
        self,
        victim: Victim,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self.victim = victim
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        """Send what can be sent; the other side may have enough."""
        with contextlib.suppress(ConnectionError):
            self.writer.write(data)
            await self.writer.drain()

    async def answer(self, *, body: bool = True) -> Answer:
        """Read one HTTP response."""
        async with asyncio.timeout(PATIENCE):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            lines = head.rstrip().split("\r\n")
            headers = {
                name.lower(): value.strip()
                for name, _, value in (line.partition(":") for line in lines[1:])
            }
            size = int(headers.get("content-length", "0")) if body else 0
            content = await self.reader.readexactly(size)
        return Answer(int(lines[0].split()[1]), headers, content)

    async def process(self) -> Path:
        """Return which process of the victim this is a connection to."""
        here = self.writer.get_extra_info("sockname")
        async with asyncio.timeout(PATIENCE):
            while (found := self.victim.process_of(here)) is None:  # noqa: ASYNC110
                await asyncio.sleep(0.001)  # the kernel took it, and nobody did yet
        return found

    async def closed(self) -> bool:
        """Read until the connection ends, however it does."""
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(PATIENCE):
                while await self.reader.read(65536):
                    pass
        return True

    # -- WebSocket

    def handshake(self, **changes: str | None) -> bytes:
        """Return a good handshake, with some headers changed or left out."""
        headers: dict[str, str | None] = {
            "Host": self.victim.host,
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Origin": self.victim.origin,
            "Sec-WebSocket-Key": KEY,
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Protocol": SUBPROTOCOL,
        }
        headers |= {name.replace("_", "-"): value for name, value in changes.items()}
        lines = [f"{name}: {value}" for name, value in headers.items() if value]
        return "\r\n".join(["GET /ws HTTP/1.1", *lines, "", ""]).encode("latin-1")

    async def open(self) -> None:
        """Become a WebSocket."""
        await self.send(self.handshake())
        answer = await self.answer()
        assert answer.status == 101, answer
        assert "sec-websocket-extensions" not in answer.headers

    async def enter(self, room: str, token: str = "", **more: Any) -> dict[str, Any]:
        """Say hello, and return the ``joined``."""
        hello: dict[str, Any] = {
            "type": "hello",
            "version": VERSION,
            "token": token or self.victim.token(room),
            "name": "mark-name",
            **more,
        }
        await self.send(say(**hello))
        joined = await self.hear()
        assert joined["type"] == "joined", joined
        return joined

    async def read_frame(self) -> tuple[int, bytes]:
        async with asyncio.timeout(PATIENCE):
            first, size = await self.reader.readexactly(2)
            if size == 126:
                (size,) = struct.unpack("!H", await self.reader.readexactly(2))
            elif size == 127:
                (size,) = struct.unpack("!Q", await self.reader.readexactly(8))
            return first & 15, await self.reader.readexactly(size)

    async def hear(self) -> dict[str, Any]:
        """Return the next message."""
        opcode, payload = await self.read_frame()
        assert opcode == TEXT, (opcode, payload)
        return _unnumbered(payload)

    async def closing(self) -> tuple[int, list[dict[str, Any]]]:
        """Answer the close; return its code, and the messages that came before."""
        heard = []
        while True:
            opcode, payload = await self.read_frame()
            if opcode == CLOSE:
                await self.send(frame(CLOSE, payload[:2]))
                return int.from_bytes(payload[:2]), heard
            if opcode == TEXT:
                heard.append(_unnumbered(payload))


def _unnumbered(payload: bytes) -> dict[str, Any]:
    """Return a message without the numbers that ride on it."""
    heard: dict[str, Any] = json.loads(payload)
    return {name: heard[name] for name in heard if name not in (SEQ, ACK)}


async def settled(victim: Victim) -> None:
    """Wait until the server expects nobody back from before its start.

    In its first seconds what is said to somebody unknown waits for them.
    """
    end = time.monotonic() + GRACE + PATIENCE
    while time.monotonic() < end:
        async with stranger(victim) as guest:
            await guest.open()
            await guest.enter(victim.new_id())
            await guest.send(say(type="signal", to="nobody", generation=1, body={}))
            await guest.send(say(type="ping", id=1))
            if (await guest.hear())["type"] == "error":
                return
        await asyncio.sleep(0.5)
    raise AssertionError("it goes on expecting somebody")


@contextlib.asynccontextmanager
async def stranger(
    victim: Victim, address: str = "", away_from: Path | None = None, **options: Any
) -> AsyncIterator[Stranger]:
    """Connect, from an address that nobody has used, and be gone in the end.

    Where several processes serve, it can be to another one than ``away_from``.
    """
    local = (address or victim.new_address(), 0)
    with victim.held(away_from) as held:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", victim.port, local_addr=local, **options
        )
        guest = Stranger(victim, reader, writer)
        if held:
            await guest.process()  # accepted
    try:
        yield guest
    finally:
        writer.transport.abort()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
