"""One WebSocket's life: hello, then messages in and messages out.

A plain ASGI application. Once in, it talks to the transport directly: each message is
handled in the turn in which it comes, and what it causes is written in the same turn
where nothing has to wait. Else it stays in the outbox, and a task of that connection's
own writes it later: nobody ever waits for another one's socket.
"""

import asyncio
import logging
from contextvars import copy_context

from starlette.types import Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars

from protocol.codec import tag_of
from protocol.codes import (
    GRACE,
    HELLO_DEADLINE,
    SUBPROTOCOL,
    VERSION,
    CloseCode,
    ErrorCode,
)
from protocol.errors import ProtocolError
from protocol.messages import Failed, Hello
from protocol.numbering import N
from server.clock import Clock
from server.denial import deny
from server.direct import EXTENSION, Direct
from server.errors import Refused, StoreError, StreamError, TooMany
from server.gate import Gate, Visit
from server.limits import Allowance, Verdict
from server.origin import Origins, host_of
from server.register import Register
from server.seat import Seat
from server.switchboard import Switchboard
from server.tokens import Tokens
from server.wire import FROM_CLIENT, TO_CLIENT

log = logging.getLogger("tertulia.socket")

PATIENCE = 10  # messages that can't be understood, before we close
FAREWELL = 2.0  # seconds to get the last messages out


class SocketEndpoint:
    """The ASGI application at ``/ws``."""

    def __init__(
        self,
        switchboard: Switchboard,
        tokens: Tokens,
        origins: Origins,
        clock: Clock,
        gate: Gate,
        hello_deadline: float = HELLO_DEADLINE,
        *,
        register: Register,
    ) -> None:
        self.switchboard = switchboard
        self.tokens = tokens
        self.register = register
        self.clock = clock
        self.hello_deadline = hello_deadline
        self.open = 0
        self.gate = gate
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        try:
            visit = self.gate.knock(scope)
        except TooMany as crowd:
            retry = (b"retry-after", str(crowd.retry_after).encode())
            await deny(scope, send, crowd.status, f"{crowd}\n".encode(), [retry])
            return
        try:
            if not host_of(scope):  # RFC 9112 §3.2
                await deny(scope, send, 400, b"no valid Host\n")
            elif self.switchboard.draining:
                stops = b"this server stops; come back in a moment\n"
                await deny(scope, send, 503, stops)
            elif not self._origins.admit(scope):
                await deny(scope, send, 403, b"this page may not connect here\n")
            elif SUBPROTOCOL not in scope["subprotocols"]:
                expected = f"expected subprotocol {SUBPROTOCOL}\n"
                await deny(scope, send, 400, expected.encode())
            elif EXTENSION not in scope.get("extensions", {}):
                await deny(scope, send, 500, b"to be run by `tertulia serve`\n")
            else:
                await send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL})
                direct: Direct = scope["extensions"][EXTENSION]
                self.open += 1
                try:
                    await _Connection(self, visit, receive, send, direct).run()
                finally:
                    self.open -= 1
        finally:
            visit.over()


class _Over(Exception):
    """The conversation is over: by us, with a code to say, or by the other side."""

    def __init__(self, code: int, *, by_us: bool) -> None:
        self.code = code
        self.by_us = by_us


class _Connection:
    """A ``Line``: one accepted socket."""

    def __init__(
        self,
        endpoint: SocketEndpoint,
        visit: Visit,
        receive: Receive,
        send: Send,
        direct: Direct,
    ) -> None:
        self._endpoint = endpoint
        self._visit = visit
        self._switchboard = endpoint.switchboard
        self._now = endpoint.clock.monotonic
        self._receive = receive
        self._send = send
        self._direct = direct
        self._seat: Seat | None = None
        self._writer: asyncio.Task[None] | None = None
        self._deadline = asyncio.timeout(endpoint.hello_deadline)
        self._code: int | None = None
        self._strikes = 0
        self._allowance = Allowance(self._now(), endpoint.gate.scale)
        self.heard_at = self._now()

    def ring(self) -> None:
        """Something waits in the outbox."""
        if self._seat is None or (self._writer and not self._writer.done()):
            return
        try:
            if not self._flush(self._seat):
                self._writer = asyncio.create_task(self._write(self._seat))
        except OSError:
            pass  # the socket is gone; the reader hears it too

    def close(self, code: CloseCode) -> None:
        """Close the socket, soon; the first code counts."""
        if self._code is None:
            self._code = code
            self._deadline.reschedule(asyncio.get_running_loop().time())

    async def run(self) -> None:
        """Talk until one side has enough."""
        seat: Seat | None = None
        over = _Over(CloseCode.INTERNAL, by_us=True)
        try:
            async with self._deadline:
                seat = await self._enter()
                bind_contextvars(participant=seat.participant)
                if self._code is None:  # else it was closed while they came in
                    self._deadline.reschedule(None)
                # Else whoever floods would only have to come again.
                self._allowance = seat.allowance = seat.allowance or self._allowance
                self._allowance.catch_up(min(seat.away, GRACE))
                self._seat = seat
                self.ring()
                # What is logged meanwhile belongs to this connection.
                inside = copy_context()
                self._direct.listen(lambda text: inside.run(self._take, text))
                await self._next()  # nothing comes this way but the end
        except _Over as reason:
            # Not the exception itself: with its traceback, it would keep all of this.
            over = _Over(reason.code, by_us=reason.by_us)
        except TimeoutError:
            over = _Over(self._code or CloseCode.HELLO_TIMEOUT, by_us=True)
        except Exception:
            log.exception("= a connection failed")
        finally:
            self._code = over.code
            if self._writer is not None:
                self._writer.cancel()
            try:
                if over.by_us:
                    await self._say_goodbye(seat, over.code)
            finally:
                if seat is not None:
                    self._switchboard.hung_up(seat, self, over.code)
                # The two would keep each other; a connection that is over is garbage
                # that only the collector finds, otherwise.
                self._seat = None

    # -- in

    async def _enter(self) -> Seat:
        """Wait for the hello and take a seat."""
        try:
            hello = FROM_CLIENT.decode(await self._next())
        except ProtocolError as error:
            self._switchboard.observers.refused(error.code)
            await self._refuse(Failed(error.code, str(error)))
            raise _Over(CloseCode.BAD_MESSAGE, by_us=True) from None
        if not isinstance(hello, Hello):
            self._switchboard.observers.refused(ErrorCode.BAD_MESSAGE)
            await self._refuse(Failed(ErrorCode.BAD_MESSAGE, "hello comes first"))
            raise _Over(CloseCode.BAD_MESSAGE, by_us=True)
        try:
            return await self._admit(hello)
        except Refused as refusal:
            self._switchboard.observers.refused(refusal.code)
            await self._refuse(Failed(refusal.code, str(refusal), "hello"))
            raise _Over(CloseCode.REFUSED, by_us=True) from None
        except (StoreError, StreamError) as error:
            # Whether they may come in can't be known: closed, to be tried again.
            log.warning("= a hello can't be answered: %s", error)
            raise _Over(CloseCode.INTERNAL, by_us=True) from None

    async def _admit(self, hello: Hello) -> Seat:
        if hello.version != VERSION:
            raise Refused(ErrorCode.VERSION)
        now = self._endpoint.clock.unix()
        granted = self._endpoint.tokens.verify_room(hello.token, now)
        self._visit.welcome(granted.subject)
        record = await self._endpoint.register.find(granted.room)
        return await self._switchboard.enter(self, hello, granted, record)

    def _take(self, text: str | None) -> None:
        """Judge what comes, and hand it on."""
        if self._seat is None or self._code is not None:
            return  # it is over, and will be said soon
        self.heard_at = self._now()
        if text is None:
            self.close(CloseCode.BAD_MESSAGE)
            return
        try:
            self._hear(self._seat, text)
        except Exception:
            log.exception("= a message failed")
            self.close(CloseCode.INTERNAL)

    def _hear(self, seat: Seat, text: str) -> None:
        verdict = self._allowance.hear(self._now(), len(text))
        if verdict is Verdict.ENOUGH:
            self.close(CloseCode.TOO_MANY)
            return
        try:
            message, numbers = FROM_CLIENT.decode_numbered(text, N)
        except ProtocolError as error:
            self._strike(seat, error.code, str(error))
            return
        if verdict is Verdict.HEARD:
            verdict = self._allowance.ask(self._now(), message, len(text))
        if verdict is Verdict.HEARD:
            self._switchboard.heard(seat, self, message, numbers)
            return
        too_many, about = TooMany(1), tag_of(type(message))
        self._switchboard.refuse(
            seat, self, too_many.code, str(too_many), about, numbers
        )
        if verdict is Verdict.ENOUGH:
            self.close(CloseCode.TOO_MANY)

    async def _next(self) -> str:
        event: Message = await self._receive()
        if event["type"] == "websocket.disconnect":
            raise _Over(event.get("code") or 1005, by_us=False)
        self.heard_at = self._now()
        text: str | None = event.get("text")
        if text is None:  # binary: somebody speaks another protocol
            raise _Over(CloseCode.BAD_MESSAGE, by_us=True)
        return text

    def _strike(self, seat: Seat, code: ErrorCode, text: str) -> None:
        self._switchboard.refuse(seat, self, code, text)
        self._strikes += 1
        if self._strikes >= PATIENCE:
            self.close(CloseCode.BAD_MESSAGE)

    # -- out

    def _flush(self, seat: Seat) -> bool:
        """Write what waits, as far as the socket takes it; return if it took all."""
        while seat.line is self:
            if not self._direct.writable.is_set():
                return False
            letter = seat.outbox.take()
            if letter is None:
                break
            self._direct.write(seat.stamped(letter))
            if letter.received:
                self._switchboard.written(self._now() - letter.received)
        return True

    async def _write(self, seat: Seat) -> None:
        """Write what waits as the socket takes it, until nothing does."""
        try:
            await self._drain(seat)
        except OSError:
            pass  # the socket is gone; the reader hears it too

    async def _drain(self, seat: Seat) -> None:
        while not self._flush(seat):
            await self._direct.writable.wait()

    async def _refuse(self, failed: Failed) -> None:
        await self._send({"type": "websocket.send", "text": TO_CLIENT.encode(failed)})

    async def _say_goodbye(self, seat: Seat | None, code: int) -> None:
        """Send the last messages and the close, if they can be sent at all."""
        reason = CloseCode(code).name.lower()
        try:
            async with asyncio.timeout(FAREWELL):
                if seat is not None:
                    await self._drain(seat)
                await self._send(
                    {"type": "websocket.close", "code": code, "reason": reason}
                )
        except (OSError, TimeoutError):
            pass
