"""TCP from a host's loopback to the public segment.

A page needs a secure context, which http://localhost is. Signaling still goes through
the router: the forwarder lives on the host.
"""

import asyncio


class Forwarder:
    """Takes connections on a free port of 127.0.0.1 and passes them on."""

    def __init__(self, host: str, port: int) -> None:
        self._to = (host, port)
        self._serving: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def open(self) -> int:
        """Start, on the running loop, and return the port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Cut all connections and take no more."""
        assert self._server is not None
        self._server.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        writers = [writer]
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._to)
            writers.append(far_writer)
            async with asyncio.TaskGroup() as pumps:
                pumps.create_task(_pump(reader, far_writer))
                pumps.create_task(_pump(far_reader, writer))
        except (OSError, asyncio.CancelledError):
            pass  # nobody is there, or the rig is taken down
        finally:
            for each in writers:
                each.transport.abort()
            self._serving.discard(task)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except OSError:
        pass  # one end went away, as the other one will learn by the close
