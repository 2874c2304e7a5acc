"""Those who draw things out: each is let go in its time, all of them at once."""

import asyncio
import contextlib
import time
from collections.abc import Iterable

import pytest

from protocol.codes import HELLO_DEADLINE
from server.transport import BODY_TIME, HEAD_TIME
from server.websocket import LINGER
from tests.hostile.stranger import CONT, TEXT, Stranger, frame, say, stranger

KEPT = 5.0  # seconds that a connection waits for its next request
EARLY = 0.5  # seconds by which a clock may be off
LATE = 3.0  # seconds that a busy machine may be late
PAUSE = 0.1  # seconds between two pieces

Pieces = Iterable[bytes]


def bytes_of(data: bytes) -> Pieces:
    return (bytes([byte]) for byte in data)


async def silent(guest: Stranger) -> Pieces:
    return []


async def half_a_head(guest: Stranger) -> Pieces:
    return [b"GET / HTTP/1.1\r\nHost: mark-"]


async def half_a_handshake(guest: Stranger) -> Pieces:
    return [guest.handshake()[:-10]]


async def a_head_by_bytes(guest: Stranger) -> Pieces:
    return bytes_of(b"GET /mark-" + b"a" * 1000)


async def empty_lines(guest: Stranger) -> Pieces:
    return bytes_of(b"\r\n" * 1000)


async def ask(guest: Stranger, first: str, *lines: str) -> int:
    head = "\r\n".join([first, f"Host: {guest.victim.host}", *lines, "", ""])
    await guest.send(head.encode())
    return (await guest.answer()).status


async def a_second_head(guest: Stranger) -> Pieces:
    assert await ask(guest, "GET /healthz HTTP/1.1") == 200
    return bytes_of(b"\r\n" * 20 + b"GET /mark-" + b"a" * 1000)


async def a_body_by_bytes(guest: Stranger) -> Pieces:
    host = f"Host: {guest.victim.host}"
    head = f"POST /api/session HTTP/1.1\r\n{host}\r\nContent-Length: 1000\r\n\r\n"
    return [head.encode(), *bytes_of(b" " * 999)]


async def a_body_that_nobody_needs(guest: Stranger) -> Pieces:
    assert await ask(guest, "PUT / HTTP/1.1", "Content-Length: 1000") == 405
    return []


async def no_second_request(guest: Stranger) -> Pieces:
    assert await ask(guest, "GET /healthz HTTP/1.1") == 200
    return []


async def no_hello(guest: Stranger) -> Pieces:
    await guest.open()
    return []


async def a_hello_by_bytes(guest: Stranger) -> Pieces:
    await guest.open()
    return bytes_of(say(type="hello", version=1, token="mark-" * 100, name="a"))


async def a_hello_in_pieces(guest: Stranger) -> Pieces:
    await guest.open()
    return [frame(TEXT, b"{", fin=False), *[frame(CONT, b" ", fin=False)] * 100]


WAITING = {
    silent: HEAD_TIME,
    half_a_head: HEAD_TIME,
    half_a_handshake: HEAD_TIME,
    a_head_by_bytes: HEAD_TIME,
    empty_lines: HEAD_TIME,
    a_second_head: HEAD_TIME,
    a_body_by_bytes: BODY_TIME,
    a_body_that_nobody_needs: KEPT,
    no_second_request: KEPT,
    # The close is said at once, and its answer waited for.
    no_hello: HELLO_DEADLINE + LINGER,
    a_hello_by_bytes: HELLO_DEADLINE + LINGER,
    a_hello_in_pieces: HELLO_DEADLINE + LINGER,
}


async def send_slowly(guest: Stranger, pieces: Pieces) -> None:
    for piece in pieces:
        await guest.send(piece)
        await asyncio.sleep(PAUSE)


async def lasted(victim, play) -> float:
    """Return the seconds until the server had enough."""
    async with stranger(victim) as guest:
        start = time.monotonic()
        sending = asyncio.create_task(send_slowly(guest, await play(guest)))
        assert await guest.closed()
        took = time.monotonic() - start
        sending.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sending
        return took


@pytest.mark.timeout(60)
async def test_nobody_can_draw_anything_out(victim):
    took = await asyncio.gather(*(lasted(victim, play) for play in WAITING))
    wrong = {
        play.__name__: seconds
        for (play, allowed), seconds in zip(WAITING.items(), took, strict=True)
        if not allowed - EARLY < seconds < allowed + LATE
    }
    assert wrong == {}
