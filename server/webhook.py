"""Tells other services what happens in the rooms, as Standard Webhooks.

The specification is at standardwebhooks.com: three headers, an HMAC-SHA256 over
``id.timestamp.body``. Events of one room arrive in order at each URL; one that
can't be told is tried again for a day, with growing pauses, and those after it
wait. All of it is in memory: what waits when the process ends is lost. Ids are
sent, names never.
"""

import asyncio
import base64
import binascii
import datetime
import hashlib
import hmac
import logging
import random
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

import httpx
import msgspec

from protocol.messages import ParticipantId, RoomId
from server.backoff import pause
from server.observer import Observer

log = logging.getLogger("tertulia.webhook")

WAITING: Final = 10_000  # events, over all URLs
AT_ONCE: Final = 8  # requests to one URL
TIMEOUT: Final = 15.0  # seconds for one request
PATIENCE: Final = 24 * 3600.0  # seconds until an event is given up
FAREWELL: Final = 3.0  # seconds for what waits when the server stops

_PREFIX: Final = "whsec_"
_SHORTEST: Final = 24  # bytes of a secret, by the specification


@dataclass(frozen=True, slots=True)
class Event:
    """Something to tell: encoded once, the same in each try."""

    id: str
    room: RoomId
    at: float
    body: bytes


def key_of(secret: str) -> bytes:
    """Return the key in a ``whsec_…`` secret; raise ``ValueError`` if there is none."""
    if not secret.startswith(_PREFIX):
        raise ValueError("no whsec_ secret")
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("not base64") from None
    if len(key) < _SHORTEST:
        raise ValueError("too short")
    return key


def sign(key: bytes, id_: str, timestamp: int, body: bytes) -> str:
    """Return the ``webhook-signature`` of a message."""
    content = b".".join((id_.encode(), str(timestamp).encode(), body))
    return "v1," + base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()


class Webhooks(Observer):
    """Appends what happens, and has it sent by tasks of its own.

    ``counted`` hears how each event ended: ``sent``, ``given_up``, ``dropped``.
    """

    def __init__(
        self,
        urls: Sequence[str],
        key: bytes,
        *,
        unix: Callable[[], float],
        new_id: Callable[[], str],
        counted: Callable[[str], None],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        timeout: float = TIMEOUT,
        waiting: int = WAITING,
        farewell: float = FAREWELL,
    ) -> None:
        self._key = key
        self._unix = unix
        self._new_id = new_id
        self._counted = counted
        self._sleep = sleep
        self._limit = waiting
        self._farewell = farewell
        self._http = httpx.AsyncClient(
            timeout=timeout, follow_redirects=False, trust_env=False
        )
        self._queues: dict[tuple[str, RoomId], deque[Event]] = {}
        self._turns = {url: asyncio.Semaphore(AT_ONCE) for url in urls}
        self._tasks: set[asyncio.Task[None]] = set()
        self.waiting = 0

    # -- what happens

    def room_started(self, room: RoomId) -> None:
        """Tell it."""
        self._tell("room.started", room)

    def room_ended(self, room: RoomId) -> None:
        """Tell it."""
        self._tell("room.ended", room)

    def joined(self, room: RoomId, participant: ParticipantId) -> None:
        """Tell it."""
        self._tell("participant.joined", room, participant=participant)

    def left(self, room: RoomId, participant: ParticipantId, reason: str) -> None:
        """Tell it."""
        self._tell("participant.left", room, participant=participant, reason=reason)

    def _tell(self, kind: str, room: RoomId, **more: str) -> None:
        now = self._unix()
        when = datetime.datetime.fromtimestamp(now, datetime.UTC).isoformat()
        content = {"type": kind, "timestamp": when, "data": {"room": room, **more}}
        event = Event(f"msg_{self._new_id()}", room, now, msgspec.json.encode(content))
        for url in self._turns:
            self._append(url, event)

    def _append(self, url: str, event: Event) -> None:
        if self.waiting >= self._limit:
            self._counted("dropped")
            log.error("= too many webhooks wait; an event is dropped")
            return
        self.waiting += 1
        queue = self._queues.get((url, event.room))
        if queue is not None:
            queue.append(event)
            return
        self._queues[url, event.room] = deque([event])
        task = asyncio.get_running_loop().create_task(self._empty(url, event.room))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- telling it

    async def _empty(self, url: str, room: RoomId) -> None:
        """Send what waits for one URL of one room, in order."""
        queue = self._queues[url, room]
        try:
            while queue:
                self._counted(await self._send(url, queue[0]))
                queue.popleft()
                self.waiting -= 1
        finally:
            self.waiting -= len(queue)
            del self._queues[url, room]

    async def _send(self, url: str, event: Event) -> str:
        """Try until it is told, or too old; return which."""
        attempt = 0
        while True:
            async with self._turns[url]:
                if await self._try(url, event):
                    return "sent"
            delay = pause(attempt, random.random())
            if self._unix() + delay - event.at >= PATIENCE:
                log.error("= a webhook is given up after %s tries", attempt + 1)
                return "given_up"
            attempt += 1
            await self._sleep(delay)

    async def _try(self, url: str, event: Event) -> bool:
        now = int(self._unix())
        headers = {
            "content-type": "application/json",
            "webhook-id": event.id,
            "webhook-timestamp": str(now),
            "webhook-signature": sign(self._key, event.id, now, event.body),
        }
        try:
            # The answer's body is nothing to us, however long it is.
            async with self._http.stream(
                "POST", url, content=event.body, headers=headers
            ) as answer:
                good = answer.is_success
                failure = str(answer.status_code)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            good, failure = False, type(error).__name__
        if not good:
            log.warning("= a webhook failed: %s", failure)
        return good

    async def close(self) -> None:
        """Give what waits a moment to go, then forget it."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=self._farewell)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._http.aclose()
