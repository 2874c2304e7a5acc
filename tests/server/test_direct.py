"""The short way through the WebSocket transport, byte by byte."""

import asyncio
import json
import os
import socket

import pytest
from guest import Guest, House
from websockets.frames import CloseCode, Frame, Opcode

from protocol import messages as m
from protocol.codes import MAX_MESSAGE, CloseCode as Bye, Role


def frame(opcode: Opcode, data: bytes, *, fin: bool = True, mask: bool = True) -> bytes:
    return Frame(opcode, data, fin).serialize(mask=mask)


def text(message: str, **more: bool) -> bytes:
    return frame(Opcode.TEXT, message.encode(), **more)


def ping(number: int, padding: int = 0) -> str:
    """Return a ping; JSON takes any amount of space."""
    return json.dumps({"type": "ping", "id": number}) + " " * padding


async def write(guest: Guest, *chunks: bytes) -> None:
    """Send these bytes, each chunk in a packet of its own."""
    transport = guest.socket.transport
    transport.get_extra_info("socket").setsockopt(
        socket.IPPROTO_TCP, socket.TCP_NODELAY, 1
    )
    for chunk in chunks:
        transport.write(chunk)
        await asyncio.sleep(0)


async def join(house: House) -> Guest:
    return await house.join("Ana")


async def test_messages_may_come_in_single_bytes(house):
    ana = await join(house)
    data = text(ping(1)) + text(ping(2, 200))
    await write(ana, *(bytes((byte,)) for byte in data))
    assert [await ana.hear(), await ana.hear()] == [m.Pong(1), m.Pong(2)]


async def test_many_messages_may_come_in_one_packet(house):
    ana = await join(house)
    await write(ana, b"".join(text(ping(number)) for number in range(100)))
    assert [await ana.hear() for _ in range(100)] == [m.Pong(n) for n in range(100)]


@pytest.mark.parametrize("size", [125, 126, 127, 65535, 65536])
async def test_every_length_is_understood(house, size):
    ana = await join(house)
    padding = size - len(ping(1))
    data = text(ping(1, padding)) + text(ping(2))
    cuts = sorted({0, 1, 2, 3, 5, 7, 9, 13, 15, len(data) - 5, len(data)})
    await write(ana, *(data[a:b] for a, b in zip(cuts, cuts[1:], strict=False)))
    assert [await ana.hear(), await ana.hear()] == [m.Pong(1), m.Pong(2)]


async def test_a_message_may_come_in_fragments_with_a_ping_between(house):
    ana = await join(house)
    whole = ping(1).encode()
    await write(
        ana,
        frame(Opcode.TEXT, whole[:5], fin=False)
        + frame(Opcode.PING, b"are you there")
        + frame(Opcode.CONT, whole[5:9], fin=False),
        frame(Opcode.CONT, whole[9:]) + text(ping(2)),
    )
    assert [await ana.hear(), await ana.hear()] == [m.Pong(1), m.Pong(2)]


async def test_a_message_inside_of_another_closes(house):
    ana = await join(house)
    await write(ana, frame(Opcode.TEXT, b"{", fin=False) + text(ping(1)))
    assert await ana.closing() == CloseCode.PROTOCOL_ERROR


async def test_a_frame_without_a_mask_closes(house):
    ana = await join(house)
    await write(ana, text(ping(1)) + text(ping(2), mask=False) + text(ping(3)))
    assert await ana.hear() == m.Pong(1)
    assert await ana.closing() == CloseCode.PROTOCOL_ERROR


async def test_fragments_that_are_too_much_close(house):
    ana = await join(house)
    half = b" " * (MAX_MESSAGE // 2 + 1)
    await write(ana, frame(Opcode.TEXT, half, fin=False) + frame(Opcode.CONT, half))
    assert await ana.closing() == CloseCode.MESSAGE_TOO_BIG


async def test_the_announcement_of_too_much_closes_before_it_comes(house):
    ana = await join(house)
    await write(ana, b"\x81\xff" + (MAX_MESSAGE + 1).to_bytes(8, "big") + bytes(4))
    assert await ana.closing() == CloseCode.MESSAGE_TOO_BIG


async def test_text_that_is_no_utf8_closes(house):
    ana = await join(house)
    await write(ana, frame(Opcode.TEXT, b'{"type":"\xff"}'))
    assert await ana.closing() == CloseCode.INVALID_DATA


async def test_a_binary_frame_is_no_message(house):
    ana = await join(house)
    await write(ana, frame(Opcode.BINARY, ping(1).encode()) + text(ping(2)))
    assert await ana.closing() == Bye.BAD_MESSAGE


async def test_what_comes_after_the_last_word_is_not_heard(house):
    ana, bo = await house.party("Ana", "Bo")
    late = json.dumps({"type": "set-hand", "raised": True})
    await write(ana, text('{"type":"leave"}') + text(late))
    assert await ana.closing() == 1000
    assert isinstance(await bo.hear(), m.ParticipantLeft)
    now_host = await bo.hear()
    assert now_host.participant.role is Role.HOST
    await bo.say(m.Ping(1))
    assert await bo.hear() == m.Pong(1)


async def test_what_was_said_right_after_the_hello_is_heard(house):
    ana = await house.visit()
    hello = {"type": "hello", "version": 1, "token": house.token(), "name": "Ana"}
    data = text(json.dumps(hello)) + text(ping(1)) + text(ping(2))
    await write(ana, data[:-3], data[-3:])
    joined, first, second = [await ana.hear() for _ in range(3)]
    assert isinstance(joined, m.Joined)
    assert (first, second) == (m.Pong(1), m.Pong(2))


async def test_noise_hurts_nobody_else(house):
    (bo,) = await house.party("Bo")
    for number in range(20):
        ana = await house.join(f"ana{number}", room=f"room-{number}")
        await write(ana, os.urandom(200), os.urandom(200))
        ana.cut()
    await bo.say(m.Ping(1))
    assert await bo.hear() == m.Pong(1)
