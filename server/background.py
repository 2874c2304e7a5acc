"""What runs beside the connections, for as long as the server does."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

log = logging.getLogger("tertulia.background")


class Background:
    """Tasks none of which may fail; ``on_failure`` is called when one does.

    A server that lacks one of them still answers, and nobody would notice: it has to
    stop, so that a whole one begins.
    """

    def __init__(self) -> None:
        self.failed = False
        self.on_failure: Callable[[], None] = lambda: None

    @contextlib.asynccontextmanager
    async def running(self, *work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
        """Let all of these run; cancel them at the end."""
        tasks = [asyncio.create_task(each) for each in work]
        for task in tasks:
            task.add_done_callback(self._ended)
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() or (error := task.exception()) is None:
            return
        name = getattr(task.get_coro(), "__qualname__", "a task")
        log.critical("= %s failed: the server has to stop", name, exc_info=error)
        self.failed = True
        self.on_failure()
