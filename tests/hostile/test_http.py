"""Requests that are none, are two, ask for another's file, or never end."""

import asyncio
import json
from collections import Counter

import pytest

from server.settings import PAGE
from tests.hostile.stranger import Stranger, stranger
from tests.hostile.victim import Victim

MANIFEST = json.loads((PAGE / "manifest.json").read_text())["files"]
WASM = next(url for url in MANIFEST if url.endswith(".wasm"))
HEADERS = ("content-security-policy", "x-content-type-options", "referrer-policy")
TIMES = 9
WORK = 0.05  # seconds of a processor, of which no one else's work takes any away
RANGES = "bytes=" + ",".join(["0-0"] * 10_000)


def request(first: str, *lines: str, host: str = "Host: {host}") -> str:
    return "\r\n".join([first, host, *lines, "", ""])


POST = "POST /api/session HTTP/1.1"
CHUNKED = "Transfer-Encoding: chunked"
END = "0\r\n\r\n"
SMUGGLED = END + "GET /x"

NO_REQUESTS = {
    # Two lengths are two requests to whoever reads the other one (RFC 9112 §6.3).
    "length and chunks": request(POST, "Content-Length: 6", CHUNKED)
    + "0\r\n\r\nGET /x",
    "chunks and length": request(POST, CHUNKED, "Content-Length: 6")
    + "0\r\n\r\nGET /x",
    "two lengths": request(POST, "Content-Length: 2", "Content-Length: 20") + "{}",
    "a list of lengths": request(POST, "Content-Length: 2, 20") + "{}",
    "a negative length": request(POST, "Content-Length: -1") + "{}",
    "a length with a sign": request(POST, "Content-Length: +2") + "{}",
    "a length in hex": request(POST, "Content-Length: 0x2") + "{}",
    "an endless length": request(POST, "Content-Length: " + "9" * 40) + "{}",
    "a space before the colon": request(POST, "Content-Length : 2") + "{}",
    "chunks otherwise": request(POST, "Transfer-Encoding: xchunked") + END,
    "chunks before another": request(POST, "Transfer-Encoding: chunked, identity")
    + END,
    "chunks with a space": request(POST, "Transfer-Encoding : chunked") + END,
    "a chunk of a bad size": request(POST, CHUNKED) + "zz\r\n{}\r\n" + END,
    "a chunk of an endless size": request(POST, CHUNKED) + "f" * 40 + "\r\n{}\r\n",
    "a chunk that is longer": request(POST, CHUNKED) + "1\r\n{}\r\n" + END,
    # Lines.
    "a folded header": request("GET / HTTP/1.1", "X-A: stain-a", " stain-b"),
    "a header without a colon": request("GET / HTTP/1.1", "stain-header"),
    "a header without a name": request("GET / HTTP/1.1", ": stain-value"),
    "a NUL in a header": request("GET / HTTP/1.1", "X-A: stain-\x00"),
    "a NUL in a name": request("GET / HTTP/1.1", "X\x00A: a"),
    "a return within a header": request("GET / HTTP/1.1", "X-A: a\rX-B: b"),
    "a space in a name": request("GET / HTTP/1.1", "X A: a"),
    # First lines.
    "nonsense": "stain-nonsense\r\n\r\n",
    "no version": "GET /\r\n\r\n",
    "a version of its own": request("GET / HTTP/9.9"),
    "a method of its own": request("MARK / HTTP/1.1"),
    "a method in small letters": request("get / HTTP/1.1"),
    "a space in the target": request("GET /a b HTTP/1.1"),
    "no slash": request("GET stain-target HTTP/1.1"),
    "a byte above ASCII": request("GET /\xff HTTP/1.1"),
    "a NUL in the target": request("GET /\x00 HTTP/1.1"),
    "a tunnel": request("CONNECT 127.0.0.1:22 HTTP/1.1"),
    "HTTP/2": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": "\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03" + "\0" * 200,
    "SSH": "SSH-2.0-OpenSSH_9.2\r\n",
    "Redis": "*1\r\n$4\r\nPING\r\n",
    # Hosts (RFC 9112 §3.2).
    "no host": request("GET / HTTP/1.1", host="X-A: a"),
    "two hosts": request("GET / HTTP/1.1", "Host: {host}"),
    "an empty host": request("GET / HTTP/1.1", host="Host: "),
    "a host with a path": request("GET / HTTP/1.1", host="Host: a/b"),
    "a host with a user": request("GET / HTTP/1.1", host="Host: stain-user@{host}"),
    "a host with a script": request("GET / HTTP/1.1", host="Host: <script>"),
    "a host with a policy": request("GET / HTTP/1.1", host="Host: x; script-src *"),
}


async def ask(guest: Stranger, words: str) -> None:
    await guest.send(words.replace("{host}", guest.victim.host).encode("latin-1"))


@pytest.mark.parametrize("case", NO_REQUESTS)
async def test_what_is_no_request_is_refused_once_and_closed(victim, case):
    async with stranger(victim) as guest:
        await ask(guest, NO_REQUESTS[case])
        answer = await guest.answer()
        assert answer.status == 400
        assert [name for name in HEADERS if name not in answer.headers] == []
        assert b"stain-" not in answer.body
        if "host" not in case:
            assert await guest.reader.read() == b""  # nothing was taken for another


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (414, "GET /" + "a" * 9000 + " HTTP/1.1\r\n"),
        (431, "GET / HTTP/1.1\r\n" + "X-A: a\r\n" * 200),
        (431, "GET / HTTP/1.1\r\nX-A: " + "a" * 70_000 + "\r\n\r\n"),
        (431, "GET / HTTP/1.1\r\nX-A: " + "a" * 200_000),
        (431, "GET / HTTP/1.1\r\n" + "a" * 200_000),
        (431, "GET / HTTP/1.1\r\nCookie: " + "stain-a=b;" * 9000 + "\r\n\r\n"),
        (431, "\r\n" * 100_000 + "stain-nonsense\r\n\r\n"),
    ],
)
async def test_a_head_has_its_limits(victim, status, words):
    async with stranger(victim) as guest:
        await ask(guest, words)
        answer = await guest.answer()
        assert answer.status == status
        assert [name for name in HEADERS if name not in answer.headers] == []
        assert await guest.closed()


async def test_requests_that_wait_are_few(victim):
    async with stranger(victim) as guest:
        await ask(guest, request("GET / HTTP/1.1") * 20_000)
        assert (await guest.answer()).status in (200, 429)
        assert await guest.closed()


async def test_a_few_requests_at_once_are_all_answered(victim):
    async with stranger(victim) as guest:
        await ask(guest, request("GET /healthz HTTP/1.1") * 10)
        for _ in range(10):
            assert (await guest.answer()).status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/..%2f",
        "/../../etc/passwd",
        "/..%2f..%2fetc%2fpasswd",
        "/%2e%2e/%2e%2e/server/app.py",
        "/%2e%2e%2fmanifest.json",
        "/assets/../manifest.json",
        "/assets/%2e%2e%5cmanifest.json",
        "/..\\..\\etc\\passwd",
        "/%5c%5cetc%5cpasswd",
        "//etc/passwd",
        "/%2fetc%2fpasswd",
        "/etc/passwd",
        "/C:/Windows/win.ini",
        "/c%3a%5cwindows",
        "/file:///etc/passwd",
        "/%00",
        "/%00index.html",
        "/index.html%00.png",
        "/%c0%ae%c0%ae%c0%afetc",
        "/%e0%80%af",
        "/%252e%252e%252f",
        "/.git/config",
        "/manifest.json",
        "/index.html",
        "/data/secret",
        "/r/",
        "/r/../",
        "/r/%2e%2e%2f",
        "/r/%00",
        "/r/a%2fb",
        "/r/stain-%3Cscript%3E",
        "/r/" + "a" * 65,
        "/r/%E2%80%AEa",
        "/R/room",
    ],
)
async def test_a_path_leads_to_no_file_of_ours(victim, path):
    async with stranger(victim) as guest:
        await ask(guest, request(f"GET {path} HTTP/1.1"))
        answer = await guest.answer()
        assert answer.status == 404
        assert b"stain-" not in answer.body


@pytest.mark.parametrize(
    "ranges",
    [
        RANGES,
        "bytes=" + ",".join(f"{n}-{n}" for n in range(4000)),
        "bytes=0-",
        "bytes=-1",
        "bytes=9-1",
        "bytes=" + "9" * 10_000 + "-",
        "stain-units=0-1",
        "bytes=" + "," * 50_000,
    ],
)
async def test_ranges_cost_nothing(victim, ranges):
    before = victim.work
    for _ in range(TIMES):
        async with stranger(victim) as guest:
            await ask(guest, request(f"GET {WASM} HTTP/1.1", f"Range: {ranges}"))
            assert (await guest.answer(body=False)).status == 200
    assert (victim.work - before) / TIMES < WORK


async def test_who_asks_for_much_and_reads_nothing_costs_little(victim):
    guests = [stranger(victim, limit=1024) for _ in range(30)]
    opened = [await guest.__aenter__() for guest in guests]
    try:
        memory = victim.memory
        for guest in opened:
            guest.writer.transport.pause_reading()
            await ask(guest, request(f"GET {WASM} HTTP/1.1") * 3)
        async with stranger(victim) as other:
            await ask(other, request("GET /healthz HTTP/1.1"))
            assert (await other.answer()).status == 200
        assert victim.memory - memory < 5 * 1024 * 1024
    finally:
        for guest in guests:
            await guest.__aexit__(None, None, None)


@pytest.mark.parametrize(
    "header",
    [
        "Accept-Encoding: " + "br;q=0.1," * 6000,
        "Accept-Encoding: br;q=nan, gzip;q=inf, *;q=-1",
        "If-None-Match: " + '"a",' * 15_000,
        "If-None-Match: " + "W/" * 30_000,
        "Authorization: Bearer " + "." * 60_000,
        "Authorization: " + "Bearer " * 8000,
        "Cookie: " + ";" * 60_000,
        "X-Forwarded-For: " + "1.1.1.1," * 7000,
        "Content-Type: " + "multipart/form-data;" * 3000,
        "Expect: 100-continue",
        "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAA",
    ],
)
async def test_a_header_costs_nothing(victim, header):
    before = victim.work
    for path in ("/", "/api/rooms/abcd-efgh-jkmn", "/healthz") * (TIMES // 3):
        async with stranger(victim) as guest:
            await ask(guest, request(f"GET {path} HTTP/1.1", header))
            assert (await guest.answer()).status in (200, 404)
    assert (victim.work - before) / TIMES < WORK


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/api/rooms", "POST"),
        ("GET", "/api/session", "POST"),
        ("PUT", "/api/rooms/room", "DELETE, GET, HEAD, PATCH"),
        ("TRACE", "/", "GET, HEAD"),
        ("POST", "/", "GET, HEAD"),
        ("DELETE", "/r/room", "GET, HEAD"),
        ("POST", "/healthz", "GET, HEAD"),
    ],
)
async def test_a_method_that_is_not_expected_is_refused(victim, method, path, allowed):
    async with stranger(victim) as guest:
        await ask(guest, request(f"{method} {path} HTTP/1.1"))
        answer = await guest.answer()
        assert answer.status == 405
        assert answer.headers["allow"] == allowed


BODIES = {
    "no JSON": "stain-body",
    "a list": "[]",
    "a string": '"stain-body"',
    "null": "null",
    "an operator": '{"name":{"$gt":""}}',
    "an operator for a field": '{"$where":"1"}',
    "__proto__": '{"__proto__":{"admin":true}}',
    "constructor": '{"constructor":{"prototype":{}}}',
    "a forged creator": '{"name":"a","creator":"stain-name"}',
    "a number": '{"name":1e999}',
    "NaN": '{"name":NaN}',
    "a lone surrogate": r'{"name":"\ud800"}',
    "bytes that are no UTF-8": '{"name":"\xff"}',
    "a long name": '{"name":"' + "x" * 65 + '"}',
    "deep": "[" * 16_000,
    "deep objects": '{"name":' * 1900,
    "two": "{}{}",
    "a NUL": "{}\x00",
}


async def session(guest: Stranger) -> str:
    await ask(guest, request(POST, "Content-Length: 0"))
    answer = await guest.answer()
    assert answer.status == 200
    token: str = json.loads(answer.body)["token"]
    return token


@pytest.mark.parametrize("case", BODIES)
async def test_a_body_that_is_not_as_expected_makes_no_room(victim, case):
    body = BODIES[case]
    async with stranger(victim) as guest:
        bearer = f"Authorization: Bearer {await session(guest)}"
        length = f"Content-Length: {len(body)}"
        await ask(guest, request("POST /api/rooms HTTP/1.1", bearer, length) + body)
        answer = await guest.answer()
        assert answer.status == 400
        assert json.loads(answer.body)["error"]["code"] == "bad_request"
        assert b"stain-" not in answer.body


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_too_large_is_refused_before_it_is_here(victim, chunked):
    size = 100_000_000
    async with stranger(victim) as guest:
        bearer = f"Authorization: Bearer {await session(guest)}"
        how = CHUNKED if chunked else f"Content-Length: {size}"
        first = f"{size:x}\r\n" if chunked else ""
        await ask(guest, request("POST /api/rooms HTTP/1.1", bearer, how) + first)
        await guest.send(b"x" * 100_000)
        answer = await guest.answer()
        assert answer.status == 413
        assert json.loads(answer.body)["error"]["code"] == "too_large"
        await guest.send(b"x" * 4_000_000)
        assert await guest.closed()


async def test_ids_that_are_tried_are_soon_too_many(victim):
    address = victim.new_address()
    answers = []
    async with stranger(victim, address) as guest, stranger(victim) as other:
        for number in range(500):
            path = f"/api/rooms/aaaa-bbbb-{number:04}"
            await ask(guest, request(f"GET {path} HTTP/1.1"))
            answers.append(await guest.answer())
        statuses = [answer.status for answer in answers]
        first = statuses.index(429)
        assert 300 <= first <= 400
        # One and the same answer for all: nothing is learnt from its body.
        assert len({answer.body for answer in answers[:first]}) == 1
        refused = next(answer for answer in answers if answer.status == 429)
        assert json.loads(refused.body)["error"]["code"] == "too_many"
        assert int(refused.headers["retry-after"]) >= 1
        assert set(statuses) == {404, 429}
        await ask(other, request("GET /api/rooms/aaaa-bbbb-cccc HTTP/1.1"))
        assert (await other.answer()).status == 404


async def test_a_room_that_was_ended_answers_like_one_that_never_was(victim):
    async with stranger(victim) as guest:
        bearer = f"Authorization: Bearer {await session(guest)}"
        length = "Content-Length: 0"
        await ask(guest, request("POST /api/rooms HTTP/1.1", bearer, length))
        room = json.loads((await guest.answer()).body)["room"]
        await ask(guest, request(f"DELETE /api/rooms/{room} HTTP/1.1", bearer))
        assert (await guest.answer()).status == 204
        answers = []
        for each in (room, "abcd-efgh-jkmn", "a%00b", "%24where", "x" * 500):
            await ask(guest, request(f"GET /api/rooms/{each} HTTP/1.1"))
            answers.append(await guest.answer())
        assert {answer.status for answer in answers} == {404}
        assert len({answer.body for answer in answers}) == 1


@pytest.mark.parametrize(
    ("path", "allowed"), [("/api/session", 120), ("/api/rooms", 60)]
)
async def test_sessions_and_rooms_are_not_made_without_end(victim, path, allowed):
    async with stranger(victim) as guest:
        bearer = f"Authorization: Bearer {await session(guest)}"
        statuses = []
        for _ in range(allowed + 40):
            length = "Content-Length: 0"
            await ask(guest, request(f"POST {path} HTTP/1.1", bearer, length))
            statuses.append((await guest.answer()).status)
        assert allowed - 1 <= statuses.index(429) < allowed + 40


async def test_passcodes_that_are_tried_cost_little(tmp_path):
    with Victim(tmp_path) as victim:
        address = victim.new_address()
        async with stranger(victim, address) as guest:
            bearer = f"Authorization: Bearer {await session(guest)}"
        worked, memory = victim.work, victim.memory
        answers: list[tuple[int, bytes]] = []

        async def guess(kind: int) -> None:
            async with stranger(victim, address) as guest:
                for number in range(20):
                    path = f"/api/rooms/aaaa-bbb{kind:x}-{number:04}/token"
                    words = '{"passcode": "stain-guess"}'
                    length = f"Content-Length: {len(words)}"
                    await ask(guest, request(f"POST {path} HTTP/1.1", bearer, length))
                    await guest.send(words.encode())
                    answer = await guest.answer()
                    answers.append((answer.status, answer.body))

        await asyncio.gather(*(guess(kind) for kind in range(12)))
        statuses = Counter(status for status, _ in answers)
        assert set(statuses) == {404, 429}
        assert 60 <= statuses[404] <= 90
        assert len({body for status, body in answers if status == 404}) == 1
        assert victim.work - worked < 90 * 0.1 + 240 * 0.01
        assert victim.memory - memory < 40 * 1024 * 1024  # of two threads
