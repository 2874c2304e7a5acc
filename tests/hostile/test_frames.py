"""Frames that are none, too many, or without an end (RFC 6455 §5 and §7)."""

import asyncio
import json

import pytest

from protocol.codes import MAX_MESSAGE, CloseCode
from tests.hostile.stranger import (
    BINARY,
    CLOSE,
    CONT,
    PING,
    PONG,
    TEXT,
    Stranger,
    frame,
    say,
    stranger,
    text,
)

BIG = b"x" * MAX_MESSAGE
HALF = b"x" * (MAX_MESSAGE // 2 + 1)
CHAT = say(type="chat", id="a", text="mark-text")

CASES = {
    # Sizes.
    "a message one byte too large": (frame(TEXT, BIG + b"x"), 1009),
    "a binary one byte too large": (frame(BINARY, BIG + b"x"), 1009),
    "a size of 2^63": (frame(TEXT, b"x", length=2**63), 1009),
    "a size of 2^64-1": (frame(TEXT, b"x", length=2**64 - 1), 1009),
    "a size of a GiB": (frame(TEXT, b"x", length=2**30), 1009),
    "pieces too large together": (
        frame(TEXT, HALF, fin=False) + frame(CONT, HALF, fin=False),
        1009,
    ),
    "a piece too large": (
        frame(TEXT, b"x", fin=False) + frame(CONT, BIG, fin=False),
        1009,
    ),
    "pieces without an end": (
        frame(TEXT, b"x", fin=False) + frame(CONT, b"x" * 1000, fin=False) * 70,
        1009,
    ),
    "empty pieces without an end": (
        frame(TEXT, b"", fin=False) + frame(CONT, b"", fin=False) * 5000,
        CloseCode.TOO_MANY,
    ),
    # Masks, bits, opcodes.
    "unmasked text": (frame(TEXT, b"{}", masked=False), 1002),
    "unmasked ping": (frame(PING, masked=False), 1002),
    "unmasked close": (frame(CLOSE, masked=False), 1002),
    **{f"RSV {bits:03b}": (frame(TEXT, b"{}", rsv=bits), 1002) for bits in range(1, 8)},
    **{
        f"opcode {code}": (frame(code, b"{}"), 1002)
        for code in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)
    },
    # Control frames.
    "a ping in pieces": (frame(PING, b"x", fin=False), 1002),
    "a close in pieces": (frame(CLOSE, b"\x03\xe8", fin=False), 1002),
    "a long ping": (frame(PING, b"x" * 126), 1002),
    "a long pong": (frame(PONG, b"x" * 126), 1002),
    "a long close": (frame(CLOSE, b"\x03\xe8" + b"x" * 124), 1002),
    # Pieces in no order.
    "a piece of nothing": (frame(CONT, b"{}"), 1002),
    "a text within a text": (frame(TEXT, b"{", fin=False) + text("{}"), 1002),
    "a binary within a text": (frame(TEXT, b"{", fin=False) + frame(BINARY), 1002),
    # UTF-8.
    "a byte that never is": (frame(TEXT, b'"mark-\xff"'), 1007),
    "an overlong slash": (frame(TEXT, b'"\xc0\xaf"'), 1007),
    "a surrogate": (frame(TEXT, b'"\xed\xa0\x80"'), 1007),
    "beyond Unicode": (frame(TEXT, b'"\xf4\x90\x80\x80"'), 1007),
    "a text that breaks off": (frame(TEXT, b'"\xe2\x82'), 1007),
    "a bad first piece": (frame(TEXT, b"\xff", fin=False), 1007),
    "a bad last piece": (frame(TEXT, b"\xe2", fin=False) + frame(CONT, b"\x28"), 1007),
    # Closes.
    "half a code": (frame(CLOSE, b"\x03"), 1002),
    **{
        f"close {code}": (frame(CLOSE, code.to_bytes(2)), 1002)
        for code in (0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 65535)
    },
    "a bad reason": (frame(CLOSE, b"\x03\xe8\xff"), 1007),
    "a close within a text": (
        frame(TEXT, b"{", fin=False) + frame(CLOSE, b"\x03\xe8") + frame(CONT, b"}"),
        1000,
    ),
    "a text after the close": (frame(CLOSE, b"\x03\xe8") + CHAT, 1000),
    # Another protocol.
    "a binary message": (frame(BINARY, b'{"type":"leave"}'), CloseCode.BAD_MESSAGE),
    "an empty binary": (frame(BINARY), CloseCode.BAD_MESSAGE),
    "HTTP": (b"GET / HTTP/1.1\r\nHost: mark-\r\n\r\n" * 3, 1002),
    "TLS": (bytes.fromhex("16030100c8010000c40303") + b"\0" * 200, 1002),
    # Floods.
    "pings": (frame(PING, b"x" * 125) * 500, CloseCode.TOO_MANY),
    "megabytes of pings": (frame(PING, b"x" * 125) * 20_000, CloseCode.TOO_MANY),
    "pongs": (frame(PONG) * 500, CloseCode.TOO_MANY),
}


async def closes(guest: Stranger, case: str) -> None:
    data, code = CASES[case]
    await guest.send(data)
    closed, heard = await guest.closing()
    assert (closed, heard) == (code, []), case
    assert await guest.closed()


@pytest.mark.parametrize("case", CASES)
async def test_a_wrong_frame_closes_by_its_code(victim, case):
    async with stranger(victim) as guest:
        await guest.open()
        await guest.enter(victim.new_id())
        await closes(guest, case)


async def test_a_wrong_frame_before_the_hello_closes_by_the_same_code(victim):
    for case in CASES:
        async with stranger(victim) as guest:
            await guest.open()
            await closes(guest, case)


async def test_what_came_whole_before_a_fault_is_heard(victim):
    room = victim.new_id()
    async with stranger(victim) as ana, stranger(victim) as bo:
        await ana.open()
        await ana.enter(room)
        await bo.open()
        await bo.enter(room)
        await ana.send(CHAT + frame(TEXT, b"{}", masked=False))
        assert (await bo.hear())["line"]["text"] == "mark-text"


async def test_pings_within_the_limit_are_answered_also_between_pieces(victim):
    async with stranger(victim) as guest:
        await guest.open()
        await guest.enter(victim.new_id())
        whole = json.dumps({"type": "ping", "id": 7}).encode()
        await guest.send(
            frame(TEXT, whole[:5], fin=False)
            + frame(PING, b"one")
            + frame(CONT, b"", fin=False)
            + frame(PONG, b"unasked")
            + frame(CONT, whole[5:])
            + frame(PING, b"two")
        )
        heard = sorted([await guest.read_frame() for _ in range(3)])
        assert heard == [
            (TEXT, b'{"type":"pong","id":7}'),
            (PONG, b"one"),
            (PONG, b"two"),
        ]


async def test_byte_by_byte_a_message_is_a_message(victim):
    async with stranger(victim) as guest:
        await guest.open()
        await guest.enter(victim.new_id())
        for byte in say(type="ping", id=7):
            await guest.send(bytes([byte]))
            await asyncio.sleep(0)
        assert await guest.hear() == {"type": "pong", "id": 7}
