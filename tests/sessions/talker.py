"""A client that only talks: the real signaling and stream, and no links."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from client_py.core.errors import SignalingError
from client_py.core.ports import Closed, TextReceived
from client_py.core.stream import Outgoing, Stream, Verdict
from client_py.headless.socket import HeadlessSignaling
from protocol import messages as m
from protocol.codec import Codec
from protocol.codes import VERSION
from protocol.numbering import SEQ, N, stamp

TO_SERVER: Codec[m.ClientMessage] = Codec(m.ClientMessage, json.loads, json.dumps)
FROM_SERVER: Codec[m.ServerMessage] = Codec(m.ServerMessage, json.loads, json.dumps)


class Talker:
    """Stays in a room, whatever happens to the connection; comes back at once."""

    def __init__(self, origin: str, room: str, name: str) -> None:
        self.name = name
        self.me = m.ParticipantId("")
        self.whole = 0  # how often everything was told anew
        self.resumed = 0
        self.heard: list[int] = []  # the serials of the signals that came
        self._room = room
        self._signaling = HeadlessSignaling(origin)
        self._stream = Stream()
        self._resume = ""
        self._closed = asyncio.Event()
        self._happened = asyncio.Event()

    async def run(self) -> None:
        """Be in the room until cancelled."""
        try:
            while True:
                self._closed.clear()
                with suppress(SignalingError):
                    token = await self._signaling.admit(self._room)
                    await self._signaling.connect(self._got)
                    hello = m.Hello(VERSION, token, self.name, resume=self._resume)
                    self._send(self._stream.say(hello))
                    await self._closed.wait()
        finally:
            await self._signaling.settle()

    def say(self, to: m.ParticipantId, serial: int) -> None:
        """Send a signal with this serial."""
        self._send(self._stream.say(m.Signal(to, serial, {})))

    async def until(self, fulfilled: Callable[[], object]) -> None:
        """Wait until what happens fulfils this."""
        while not fulfilled():
            self._happened.clear()
            await self._happened.wait()

    def _got(self, event: TextReceived | Closed) -> None:
        self._happened.set()
        if isinstance(event, Closed):
            self._stream.cut()
            self._signaling.close()
            self._closed.set()
            return
        message, numbers = FROM_SERVER.decode_numbered(event.text, SEQ)
        verdict = self._stream.hear(numbers)
        assert verdict is not Verdict.GAP
        if verdict is Verdict.AGAIN:
            return
        match message:
            case m.Joined() | m.Resumed():
                self._enter(message)
            case m.Signaled(_, serial, _):
                self.heard.append(serial)
        if self._stream.owes:
            self._send(self._stream.say(m.Ping(0)))

    def _enter(self, answer: m.Joined | m.Resumed) -> None:
        self._resume = answer.resume
        if isinstance(answer, m.Joined):
            self.me = answer.you
            self.whole += 1
        else:
            self.resumed += 1
        for outgoing in self._stream.go_on(answer):
            self._send(outgoing)

    def _send(self, outgoing: Outgoing | None) -> None:
        if outgoing is not None:
            message, numbers = outgoing
            self._signaling.send(stamp(TO_SERVER.encode(message), N, numbers))


@asynccontextmanager
async def talking(*talkers: Talker) -> AsyncIterator[None]:
    """Let these be in their room."""
    tasks = [asyncio.create_task(each.run()) for each in talkers]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            assert isinstance(result, asyncio.CancelledError), result
