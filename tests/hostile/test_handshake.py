"""Handshakes that are none, or not from here."""

import asyncio

import pytest

from tests.hostile.stranger import stranger

HEADERS = ("content-security-policy", "x-content-type-options", "referrer-policy")


@pytest.mark.parametrize(
    ("status", "changes"),
    [
        # Origins: another one, none, a browser's word for none, parts of ours.
        (403, {"Origin": "https://evil.example"}),
        (403, {"Origin": None}),
        (403, {"Origin": "null"}),
        (403, {"Origin": "http://127.0.0.1.evil.example"}),
        (403, {"Origin": "http://evil.example/?http://{host}"}),
        (403, {"Origin": "http://{host}.evil.example"}),
        (403, {"Origin": "http://evil{host}"}),
        (403, {"Origin": "http://127.0.0.1"}),
        (403, {"Origin": "http://127.0.0.1:1"}),
        (403, {"Origin": "ws://{host}"}),
        (403, {"Origin": "file://{host}"}),
        (403, {"Origin": "http://{host}/"}),
        (403, {"Origin": "http://{host} http://evil.example"}),
        (403, {"Origin": "http://{host}, http://evil.example"}),
        (400, {"Origin": "http://{host}\r\nOrigin: http://{host}"}),
        (403, {"Origin": "http://localhost:{port}"}),
        (403, {"Origin": "http://mark-user@{host}"}),
        (403, {"Origin": "x" * 8000}),
        # Hosts.
        (400, {"Host": None}),
        (400, {"Host": "mark- a b"}),
        (400, {"Host": "{host}\r\nHost: {host}"}),
        (400, {"Host": "{host}@evil.example"}),
        (400, {"Host": "a/../b"}),
        (400, {"Host": "<script>"}),
        (400, {"Host": "[::1"}),
        (400, {"Host": "a:b"}),
        (400, {"Host": "h" * 5000}),
        (400, {"Host": "\xff\xfe"}),
        (403, {"Host": "evil.example"}),  # a name rebound to us: not our page
        # Versions and keys (RFC 6455 §4.2.1).
        (426, {"Sec-WebSocket-Version": "8"}),
        (426, {"Sec-WebSocket-Version": "99999999999999999999"}),
        (426, {"Sec-WebSocket-Version": None}),
        (426, {"Sec-WebSocket-Version": "13, 8"}),
        (426, {"Sec-WebSocket-Version": "13\r\nSec-WebSocket-Version: 13"}),
        (400, {"Sec-WebSocket-Key": None}),
        (400, {"Sec-WebSocket-Key": "mark-short"}),
        (400, {"Sec-WebSocket-Key": "A" * 4000}),
        (400, {"Sec-WebSocket-Key": "=" * 24}),
        (400, {"Sec-WebSocket-Key": "\xff" * 24}),
        (400, {"Content-Length": "5"}),
        (400, {"Transfer-Encoding": "chunked"}),
        # Subprotocols.
        (400, {"Sec-WebSocket-Protocol": None}),
        (400, {"Sec-WebSocket-Protocol": "graphql-ws"}),
        (400, {"Sec-WebSocket-Protocol": "tertulia.v2"}),
        (400, {"Sec-WebSocket-Protocol": "tertulia.v1x, mark-token"}),
        (400, {"Sec-WebSocket-Protocol": "," * 5000}),
        (400, {"Connection": "Upgrade, ;;"}),
    ],
)
async def test_a_wrong_handshake_is_refused_by_its_status(victim, status, changes):
    def filled(value):
        if value is None:
            return None
        return value.replace("{host}", victim.host).replace("{port}", str(victim.port))

    async with stranger(victim) as guest:
        wanted = {name: filled(value) for name, value in changes.items()}
        await guest.send(guest.handshake(**wanted))
        answer = await guest.answer()
        assert answer.status == status
        assert [name for name in HEADERS if name not in answer.headers] == []
        assert b"mark-" not in answer.body
        if status == 426 and "Sec-WebSocket-Version" in changes:
            assert answer.headers["sec-websocket-version"] == "13"
        assert await guest.closed()


@pytest.mark.parametrize(
    ("status", "first"),
    [
        (426, "GET /ws HTTP/1.0"),
        (405, "POST /ws HTTP/1.1"),
        (405, "PUT /ws HTTP/1.1"),
        (404, "GET /ws/ HTTP/1.1"),
        (404, "GET / HTTP/1.1"),
        (404, "GET /api/session HTTP/1.1"),
        (404, "GET /ws%2f..%2fws HTTP/1.1"),
    ],
)
async def test_a_handshake_in_the_wrong_place_is_refused(victim, status, first):
    async with stranger(victim) as guest:
        good = guest.handshake()
        await guest.send(good.replace(b"GET /ws HTTP/1.1", first.encode()))
        answer = await guest.answer()
        assert answer.status == status
        assert [name for name in HEADERS if name not in answer.headers] == []
        assert await guest.closed()


async def test_a_token_in_the_url_opens_nothing_and_is_not_logged(victim):
    async with stranger(victim) as guest:
        first = f"GET /ws?token=mark-{victim.token('room')} HTTP/1.1".encode()
        await guest.send(guest.handshake().replace(b"GET /ws HTTP/1.1", first))
        assert (await guest.answer()).status == 101
        await guest.send(b"\x81\x82\0\0\0\0{}")
        assert (await guest.hear())["code"] == "bad_message"
        assert (await guest.closing())[0] == 4002


async def test_compression_is_not_agreed(victim):
    offer = "permessage-deflate; client_max_window_bits"
    async with stranger(victim) as guest:
        await guest.send(guest.handshake(Sec_WebSocket_Extensions=offer))
        answer = await guest.answer()
        assert answer.status == 101
        assert "sec-websocket-extensions" not in answer.headers
        bomb = b"\xc1\xfe\xff\xff" + b"\0" * 4 + b"\xca" * 65535  # RSV1: compressed
        await guest.send(bomb)
        assert (await guest.closing())[0] == 1002


async def test_twenty_who_say_no_hello_keep_the_next_of_their_address_out(victim):
    address = victim.new_address()
    async with asyncio.timeout(20), stranger(victim) as other:
        guests = [stranger(victim, address) for _ in range(21)]
        opened = [await guest.__aenter__() for guest in guests]
        try:
            for guest in opened[:20]:
                await guest.open()
            await opened[20].send(opened[20].handshake())
            answer = await opened[20].answer()
            assert answer.status == 429
            assert int(answer.headers["retry-after"]) >= 1
            assert "x-content-type-options" in answer.headers
            await other.open()
        finally:
            for guest in guests:
                await guest.__aexit__(None, None, None)


async def test_a_thousand_handshakes_are_too_many_and_hold_up_nobody(victim):
    address = victim.new_address()
    refused = []

    async def try_on(turns: int) -> None:
        for _ in range(turns):
            async with stranger(victim, address) as guest:
                # A made-up address counts for nothing: we are no proxy of theirs.
                await guest.send(guest.handshake(X_Forwarded_For=victim.new_address()))
                answer = await guest.answer()
                if answer.status != 101:
                    assert answer.status == 429
                    refused.append(int(answer.headers["retry-after"]))

    await asyncio.gather(*(try_on(100) for _ in range(10)))
    assert len(refused) > 700
    assert all(1 <= wait <= 10 for wait in refused)
    async with stranger(victim) as other:
        await other.open()


async def test_one_address_has_its_share_of_the_connections(victim):
    address = victim.new_address()
    held = [stranger(victim, address) for _ in range(256)]
    for each in held:
        await each.__aenter__()
    try:
        async with stranger(victim, address) as late:
            await late.send(f"GET / HTTP/1.1\r\nHost: {victim.host}\r\n\r\n".encode())
            answer = await late.answer()
            assert answer.status == 429
            assert int(answer.headers["retry-after"]) >= 1
            assert await late.closed()
        async with stranger(victim) as other:
            await other.open()
    finally:
        for each in held:
            await each.__aexit__(None, None, None)


async def test_one_session_has_so_many_sockets_and_no_more(victim):
    token = {n: victim.token(f"room-{n}", "one-session") for n in range(17)}
    guests = [stranger(victim) for _ in range(17)]
    opened = [await guest.__aenter__() for guest in guests]
    try:
        for number, guest in enumerate(opened[:16]):
            await guest.open()
            await guest.enter("", token[number])
        await opened[16].open()
        with pytest.raises(AssertionError, match="too_many"):
            await opened[16].enter("", token[16])
        assert (await opened[16].closing())[0] == 4003
    finally:
        for guest in guests:
            await guest.__aexit__(None, None, None)
