"""One connection to Redis, without the client's conveniences.

Each of them (a timeout, a pool, a retry for every command) costs as much as a message
does; the streams need none: they notice by themselves, and try again.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from server.errors import StreamError

#: What Redis, or the way to it, may fail with.
FAILURES: Final = (RedisError, OSError, TimeoutError)

Asked = tuple[str | bytes | int, ...]

_BEGIN: Final[Asked] = ("MULTI",)
_COMMIT: Final[Asked] = ("EXEC",)


@contextmanager
def reaching() -> Iterator[None]:
    """Turn what Redis fails with into ``StreamError``."""
    try:
        yield
    except FAILURES as error:
        raise StreamError(f"Redis: {type(error).__name__}") from error


class Wire:
    """A connection that is made when it is needed, and dropped after an error.

    Raises ``FAILURES``.
    """

    def __init__(self, url: str, limit: float) -> None:
        self._pool: Any = Redis.from_url(url, protocol=2).connection_pool
        self._limit = limit  # seconds for an answer
        self._connection: Any = None

    async def ask(self, command: Asked) -> Any:
        """Return the answer to a command."""
        (answer,) = await self._exchange([command])
        return answer

    async def commit(self, commands: Sequence[Asked]) -> None:
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
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.disconnect(nowait=True)

    async def _exchange(self, commands: Sequence[Asked]) -> list[Any]:
        try:
            async with asyncio.timeout(self._limit):
                if self._connection is None:
                    self._connection = self._pool.make_connection()
                    self._connection.socket_timeout = None
                    await self._connection.connect()
                connection = self._connection
                packed = connection.pack_commands(commands)
                await connection.send_packed_command(packed, check_health=False)
                return [await connection.read_response() for _ in commands]
        except BaseException:
            # What is left of the answers would be taken for those to come.
            await self.close()
            raise
