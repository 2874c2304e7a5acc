"""A way through TCP that breaks where the test wants it to."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager


class Forwarder:
    """Forwards every connection to a port, until so many bytes went through it.

    ``patience`` says after how many bytes, of both directions, the next connection
    is cut; None for never. A cut loses what is on the way, as a network does.
    """

    def __init__(self, port: int, patience: Callable[[], int | None]) -> None:
        self.cuts = 0
        self.origin = ""
        self._port = port
        self._patience = patience
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(
        self, inner: asyncio.StreamReader, out: asyncio.StreamWriter
    ) -> None:
        """Forward one connection to its end."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        left = self._patience()
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)

        async def pump(
            source: asyncio.StreamReader, sink: asyncio.StreamWriter
        ) -> None:
            nonlocal left
            while data := await source.read(4096):
                if left is not None:
                    data, whole = data[:left], len(data)
                    left -= len(data)
                    if len(data) < whole:
                        sink.write(data)  # the network breaks within a frame
                        await sink.drain()
                        raise ConnectionAbortedError
                sink.write(data)
                await sink.drain()

        pumps = [
            asyncio.create_task(pump(*way)) for way in ((inner, writer), (reader, out))
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in pumps:
                each.cancel()
            results = await asyncio.gather(*pumps, return_exceptions=True)
            self.cuts += any(
                isinstance(each, ConnectionAbortedError) for each in results
            )
            for end in (out, writer):
                end.transport.abort()
            self._tasks.discard(task)

    async def settle(self) -> None:
        """Cut what is still connected."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def forwarding(
    origin: str, patience: Callable[[], int | None]
) -> AsyncIterator[Forwarder]:
    """Forward to the server at an origin, from a port of one's own."""
    forwarder = Forwarder(int(origin.rsplit(":", 1)[1]), patience)
    server = await asyncio.start_server(forwarder.serve, "127.0.0.1", 0)
    forwarder.origin = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield forwarder
    finally:
        server.close()
        await forwarder.settle()
