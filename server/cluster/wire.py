"""One connection to Redis, without the client's conveniences.

Each of them (a timeout, a pool, a retry for every command) costs as much as a message
does; the streams need none: they notice by themselves, and try again.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import hiredis
from redis.asyncio import Redis
from redis.exceptions import InvalidResponse, RedisError, ResponseError

from server.errors import StreamError

#: What Redis, or the way to it, may fail with.
FAILURES: Final = (RedisError, OSError, TimeoutError)

_BEGIN: Final = b"*1\r\n$5\r\nMULTI\r\n"
_COMMIT: Final = b"*1\r\n$4\r\nEXEC\r\n"


def packed(*parts: str | bytes | int) -> bytes:
    """Return a command as it goes over the wire (RESP 2)."""
    return b"*%d\r\n%b" % (len(parts), b"".join(map(bulk, parts)))


def bulk(part: str | bytes | int) -> bytes:
    """Return a part of a command as it goes over the wire."""
    data = part if isinstance(part, bytes) else str(part).encode()
    return b"$%d\r\n%b\r\n" % (len(data), data)


@contextmanager
def reaching() -> Iterator[None]:
    """Turn what Redis fails with into ``StreamError``."""
    try:
        yield
    except FAILURES as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            # The client takes being cancelled while it connects for a failure.
            raise asyncio.CancelledError from error
        raise StreamError(f"Redis: {type(error).__name__}") from error


class Wire:
    """A connection that is made when it is needed, and dropped after an error.

    Takes commands that are ``packed``, one exchange at a time. Raises ``FAILURES``.
    """

    def __init__(self, url: str, limit: float) -> None:
        self._pool: Any = Redis.from_url(url, protocol=2).connection_pool
        self._limit = limit  # seconds for an answer
        self._answers: _Answers | None = None

    async def ask(self, command: bytes) -> Any:
        """Return the answer to a command."""
        (answer,) = await self._exchange([command])
        return answer

    async def commit(self, commands: Sequence[bytes]) -> None:
        """Let Redis do all of these, or none."""
        if len(commands) == 1:
            await self._exchange(commands)
            return
        *_, done = await self._exchange([_BEGIN, *commands, _COMMIT])
        for each in done:
            if isinstance(each, RedisError):
                raise each

    async def close(self) -> None:
        """Hang up."""
        answers, self._answers = self._answers, None
        if answers is not None:
            await answers.connection.disconnect(nowait=True)

    async def _exchange(self, commands: Sequence[bytes]) -> list[Any]:
        try:
            if self._answers is None:
                async with asyncio.timeout(self._limit):
                    self._answers = await self._connect()
            answers = await self._answers.to(commands, self._limit)
            for each in answers:
                if isinstance(each, RedisError):
                    raise each
        except BaseException:
            # What is left of the answers would be taken for those to come.
            await self.close()
            raise
        return answers

    async def _connect(self) -> "_Answers":
        """Let the client greet Redis, log in and encrypt; then talk without it."""
        connection = self._pool.make_connection()
        await connection.connect()
        return _Answers(connection)


class _Answers(asyncio.Protocol):
    """The answers to one exchange after the other."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self._reader = hiredis.Reader(InvalidResponse, ResponseError)
        self._read: list[Any] = []
        self._expected = 0
        self._whole: asyncio.Future[None] | None = None
        self._lost = False
        self._transport: asyncio.Transport = connection._writer.transport
        self._transport.set_protocol(self)

    async def to(self, commands: Sequence[bytes], limit: float) -> list[Any]:
        """Return what Redis answers to these, within so many seconds."""
        if self._lost:
            raise ConnectionError("Redis hung up")
        loop = asyncio.get_running_loop()
        self._read, self._expected = [], len(commands)
        self._whole = whole = loop.create_future()
        timer = loop.call_later(limit, self._fail, TimeoutError())
        try:
            self._transport.write(b"".join(commands))
            await whole
        finally:
            timer.cancel()
            self._whole = None
        return self._read

    def data_received(self, data: bytes) -> None:
        """Read as many answers as came whole."""
        try:
            self._reader.feed(data)
            while (answer := self._reader.gets()) is not False:
                self._read.append(answer)
        except RedisError as error:
            self._fail(error)
            return
        if len(self._read) >= self._expected and self._whole is not None:
            if not self._whole.done():
                self._whole.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing more comes."""
        self._lost = True
        self._fail(exc or ConnectionError("Redis hung up"))

    def _fail(self, error: Exception) -> None:
        if self._whole is not None and not self._whole.done():
            self._whole.set_exception(error)
