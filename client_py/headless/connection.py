"""An aiortc connection that can be closed at any time.

aiortc connects in a task that it doesn't keep. Closed meanwhile, that task goes on:
it starts senders and consent checks that nobody ends any more. Closed or cancelled
while it gathers candidates, it forgets their sockets.
"""

import asyncio
import logging
from typing import Any

from aiortc import InvalidStateError, RTCPeerConnection, RTCSessionDescription

from protocol.statistics import Connection as Connected, Transport

log = logging.getLogger("tertulia.headless.connection")

_AGAIN = 0.5  # seconds after which a task is cancelled once more


class Connection(RTCPeerConnection):
    """An ``RTCPeerConnection`` that keeps the tasks in which it connects."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._connecting: set[asyncio.Task[Any]] = set()
        self._describing: asyncio.Task[None] | None = None

    async def setLocalDescription(
        self, sessionDescription: RTCSessionDescription | None = None
    ) -> None:
        """Set it, to the end, even when whoever wanted it is cancelled."""
        work = super().setLocalDescription(sessionDescription)
        self._describing = asyncio.ensure_future(work)
        self._describing.add_done_callback(_see)
        await asyncio.shield(self._describing)

    async def close(self) -> None:
        """End what is under way, then everything else."""
        if self._describing is not None:
            await asyncio.wait([self._describing])
        tasks = set(self._connecting)
        while tasks:
            for task in tasks:
                task.cancel()
            # One that comes just as a handshake's packet does is swallowed.
            _, tasks = await asyncio.wait(tasks, timeout=_AGAIN)
        await super().close()

    @property
    def way(self) -> tuple[Connected, Transport]:
        """Whether media goes through a relay, and how this end goes out.

        aiortc tells it nowhere; how it talks to its own relay, aioice keeps for itself.
        """
        for transceiver in self.getTransceivers():
            dtls = transceiver.sender.transport
            pairs = dtls.transport._connection._nominated if dtls else {}
            for pair in pairs.values():
                if pair.local_candidate.type == "relay":
                    return "relay", "unknown"
                remote = pair.remote_candidate.type == "relay"
                return "relay" if remote else "direct", "udp"
        return "unknown", "unknown"

    async def _RTCPeerConnection__connect(self) -> None:
        # Overrides ``__connect``; the contract's tests notice when that changes.
        task = asyncio.current_task()
        assert task is not None
        self._connecting.add(task)
        try:
            await super()._RTCPeerConnection__connect()  # type: ignore[misc]
        except (ConnectionError, InvalidStateError) as error:
            log.info("= the other side closed meanwhile: %s", error)
        finally:
            self._connecting.discard(task)


def _see(task: asyncio.Task[None]) -> None:
    """Keep an error from being told as one that nobody saw."""
    if not task.cancelled():
        task.exception()
