"""A client for load: the real stream over the barest WebSocket, and no links."""

import asyncio
import struct
from collections.abc import Callable
from typing import Any

from client_py.core.stream import Outgoing, Stream, Verdict
from protocol import messages as m
from protocol.codes import SUBPROTOCOL, VERSION
from protocol.numbering import SEQ, N, stamp
from server.tokens import Role, Tokens
from server.wire import FROM_CLIENT, TO_CLIENT

_HANDSHAKE = (
    "GET /ws HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\n"
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    f"Sec-WebSocket-Protocol: {SUBPROTOCOL}\r\n\r\n"
)


class Caller(asyncio.Protocol):
    """One participant, who connects when told to. Nothing is masked but by zeros."""

    def __init__(self, host: str, room: str, name: str, tokens: Tokens) -> None:
        self.me = m.ParticipantId("")
        self.whole = 0  # how often everything was told anew
        self.back = asyncio.Event()
        self.heard: Callable[[m.Signaled], None] = lambda signaled: None
        self._host, self._name = host, name
        self._room = m.RoomId(room)
        self._tokens = tokens
        self._stream = Stream()
        self._resume = ""
        self._transport: Any = None
        self._data = bytearray()
        self._upgraded = False

    async def connect(self, now: float) -> None:
        """Come in, or back; ``now`` is Unix time."""
        self.back.clear()
        self._data.clear()
        self._upgraded = False
        self._token = self._tokens.room(self._name, self._room, Role.MEMBER, now)
        address, port = self._host.rsplit(":", 1)
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: self, address, int(port))
        await self.back.wait()

    def cut(self) -> None:
        """Lose the network."""
        self._stream.cut()
        self._transport.abort()

    def stop_reading(self) -> None:
        """Leave everything unread from now on."""
        self._transport.pause_reading()

    def say(self, message: m.ClientMessage) -> None:
        """Say something, now or when the connection is back."""
        self._send(self._stream.say(message))
        self._acknowledge()

    # -- asyncio.Protocol

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        transport.write(_HANDSHAKE.format(host=self._host).encode())

    def data_received(self, data: bytes) -> None:
        self._data += data
        if not self._upgraded:
            head, found, rest = bytes(self._data).partition(b"\r\n\r\n")
            if not found:
                return
            assert b" 101 " in head, head
            self._upgraded = True
            self._data = bytearray(rest)
            hello = m.Hello(VERSION, self._token, self._name, resume=self._resume)
            self._send(self._stream.say(hello))
        while (text := self._next()) is not None:
            self._got(text)

    def _next(self) -> str | None:
        data = self._data
        if len(data) < 2:
            return None
        length, head = data[1], 2
        if length == 126:
            if len(data) < 4:
                return None
            (length,), head = struct.unpack_from("!H", data, 2), 4
        if len(data) < head + length:
            return None
        payload = bytes(data[head : head + length])
        opcode = data[0] & 15
        del data[: head + length]
        return payload.decode() if opcode == 1 else ""

    def _got(self, text: str) -> None:
        if not text:
            return
        message, numbers = TO_CLIENT.decode_numbered(text, SEQ)
        verdict = self._stream.hear(numbers)
        assert verdict is not Verdict.GAP
        if verdict is Verdict.AGAIN:
            return
        if isinstance(message, m.Signaled):
            self.heard(message)
        elif isinstance(message, m.Joined | m.Resumed):
            self._resume = message.resume
            if isinstance(message, m.Joined):
                self.me = message.you
                self.whole += 1
            for outgoing in self._stream.go_on(message):
                self._send(outgoing)
            self.back.set()
        self._acknowledge()

    def _acknowledge(self) -> None:
        if self._stream.owes:
            self._send(self._stream.say(m.Ping(0)))

    def _send(self, outgoing: Outgoing | None) -> None:
        if outgoing is None:
            return
        message, numbers = outgoing
        payload = stamp(FROM_CLIENT.encode(message), N, numbers).encode()
        size = len(payload)
        head = struct.pack("!BB", 129, 128 | size) if size < 126 else b""
        head = head or struct.pack("!BBH", 129, 254, size)
        self._transport.write(head + bytes(4) + payload)
