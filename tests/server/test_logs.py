"""Logs: what they say, and what they never say."""

import io
import json
import logging
from collections.abc import Iterator
from ipaddress import ip_network

import httpx
import pytest
import structlog
from guest import Guest, House, make_settings, serving

from protocol import messages as m
from server.gate import Capacity
from server.logs import RequestIds, configure

MARKS = ("Marked-Name", "marked-chat", "marked-sdp", "eyJ", "marked-query")


class Terminal(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """Log into memory, and as before afterwards."""
    root, ours = logging.getLogger(), logging.getLogger("tertulia")
    before, levels = root.handlers[:], (root.level, ours.level)
    stream = io.StringIO()
    configure("debug", stream)
    yield stream
    root.handlers[:] = before
    for logger, level in zip((root, ours), levels, strict=True):
        logger.setLevel(level)
    structlog.reset_defaults()


def read(lines: io.StringIO) -> list[dict[str, str]]:
    return [json.loads(line) for line in lines.getvalue().splitlines()]


def test_a_program_reads_json_with_level_and_time(lines):
    logging.getLogger("tertulia.test").warning("= %s happened", "it")
    (line,) = read(lines)
    assert line["event"] == "= it happened"
    assert (line["level"], line["logger"]) == ("warning", "tertulia.test")
    assert line["timestamp"].endswith("Z")


def test_a_person_reads_words(lines):
    terminal = Terminal()
    configure("info", terminal)
    logging.getLogger("tertulia.test").info("= it happened")
    assert "= it happened" in terminal.getvalue()
    with pytest.raises(json.JSONDecodeError):
        json.loads(terminal.getvalue())


def test_what_is_below_the_level_is_not_said(lines):
    configure("error", lines)
    logging.getLogger("tertulia.test").warning("= a little thing")
    structlog.get_logger("tertulia.test").error("= a big thing")
    assert [line["event"] for line in read(lines)] == ["= a big thing"]


@pytest.mark.parametrize(
    "library",
    [
        *("uvicorn.error", "websockets.server", "asyncio", "redis", "motor"),
        *("httpx", "httpx2", "httpcore", "httpcore2.http11", "authlib.oauth2"),
        *("pymongo.command", "pymongo.connection", "one.that.comes.later"),
    ],
)
def test_of_libraries_nothing_is_said_but_warnings(lines, library):
    logger = logging.getLogger(library)
    logger.debug("document: %s", {"creator": "marked-subject"})
    logger.info("GET https://provider.example/token?code=marked-code")
    logger.warning("= a broken thing")
    logging.getLogger("tertulia.test").debug("= a little thing")
    said = [line["event"] for line in read(lines)]
    assert said == ["= a broken thing", "= a little thing"]


def test_a_token_in_an_error_is_blotted_out(lines):
    token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbmEifQ.c2lnbmF0dXJl"
    try:
        raise ValueError(f"can't read {token}")
    except ValueError:
        logging.getLogger("tertulia.test").exception("= failed on %s", token)
    (line,) = read(lines)
    assert "[token]" in line["event"]
    assert "ValueError" in line["exception"]
    assert "eyJ" not in lines.getvalue()


def test_an_exception_never_shows_the_values_of_variables(lines):
    terminal = Terminal()
    configure("info", terminal)
    hidden = "marked" + "-variable"
    try:
        hidden[99]
    except IndexError:
        logging.getLogger("tertulia.test").exception("= failed")
    assert "IndexError" in terminal.getvalue()
    assert "marked-variable" not in terminal.getvalue()


async def test_nothing_private_is_ever_logged(lines, tmp_path):
    async with serving(make_settings(tmp_path)) as house:
        await talk(house)
        await house.http.get("/r/some-room?q=marked-query")
    text = lines.getvalue()
    assert "joined" in text  # else this test would see nothing
    assert [mark for mark in MARKS if mark in text] == []


async def talk(house: House) -> None:
    """Do a bit of everything, well and badly."""
    ana = await house.join("Marked-Name")
    bo = await house.join("Bo")
    body = {"type": "description", "kind": "offer", "sdp": "marked-sdp"}
    await bo.say(m.Signal(ana.you, 1, body))
    await bo.say(m.Signal(m.ParticipantId("nobody"), 1, body))
    await bo.say(m.Chat(m.ParticipantId("line"), "marked-chat"))
    await bo.socket.send('{"type":"chat","text":"marked-chat"}')
    await bo.socket.send("marked-chat")
    bad = await house.visit()
    await bad.say(m.Hello(1, house.token() + "x", "Marked-Name"))
    await bad.closing()
    await hear(ana, m.Chatted)
    bo.cut()
    await hear(ana, m.ParticipantChanged)
    await ana.say(m.Leave())
    await ana.closing()


async def hear(guest: Guest, kind: type) -> None:
    while not isinstance(await guest.hear(), kind):
        pass


async def test_lines_about_a_participant_carry_their_id(lines, tmp_path):
    async with serving(make_settings(tmp_path)) as house:
        ana = await house.join("Ana")
        await ana.say(m.Leave())
        await ana.closing()
    (line,) = [line for line in read(lines) if "gone, left" in line["event"]]
    assert line["participant"] == ana.you
    assert len(line["request"]) == 16


async def answer(trusted: bool, given: str) -> str:
    """Return the id that a request is answered with."""

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    transport = httpx.ASGITransport(RequestIds(app, lambda address: trusted))
    async with httpx.AsyncClient(transport=transport, base_url="http://a") as client:
        response = await client.get("/", headers={"X-Request-ID": given})
    return response.headers["X-Request-ID"]


async def test_a_trusted_proxy_names_the_request():
    assert await answer(True, "proxy-1234.5678") == "proxy-1234.5678"


@pytest.mark.parametrize("given", ["short", "x" * 65, "line\tbreak-here", ""])
async def test_a_name_that_is_none_is_replaced(given):
    assert await answer(True, given) != given


async def test_nobody_else_names_the_request():
    assert await answer(False, "proxy-1234.5678") != "proxy-1234.5678"


@pytest.mark.parametrize(("proxies", "believed"), [("127.0.0.0/8", True), ("", False)])
async def test_the_proxies_that_are_set_are_trusted(tmp_path, proxies, believed):
    networks = tuple(ip_network(each) for each in proxies.split() if each)
    settings = make_settings(tmp_path, capacity=Capacity(proxies=networks))
    async with serving(settings) as house:
        given = {"X-Request-ID": "from-the-proxy"}
        response = await house.http.get("/healthz", headers=given)
    assert (response.headers["x-request-id"] == "from-the-proxy") == believed
