"""Texts that are no messages, and messages that ask for what isn't theirs."""

import json

import pytest

from protocol.codes import MAX_DEPTH, MAX_PARTICIPANTS
from tests.hostile.conftest import everywhere
from tests.hostile.stranger import Stranger, say, settled, stranger, text

SIGNAL = '{"type":"signal","to":"nobody","generation":1,"body":%s}'
PING = '{"type":"ping","id":%s}'
CHAT = '{"type":"chat","id":%s,"text":%s}'

BAD = {
    "nothing": "",
    "spaces": "   ",
    "no JSON": "mark-hello",
    "half JSON": '{"type":"ping"',
    "two messages": '{"type":"leave"}{"type":"leave"}',
    "a list": '[{"type":"leave"}]',
    "a string": '"leave"',
    "a number": "1",
    "null": "null",
    "true": "true",
    "a comment": '{"type":"leave"/*mark-*/}',
    "a comma": '{"type":"leave",}',
    "single quotes": "{'type':'leave'}",
    "a byte order mark": '\ufeff{"type":"leave"}',
    "a NUL": '{"type":"leave"}\x00',
    "a control character": '{"type":"chat","id":"a","text":"\x01"}',
    "deep lists": "[" * 60_000,
    "deep objects": '{"a":' * 10_000,
    "deep and closed": SIGNAL % ("[" * 5000 + "]" * 5000),
    "a body too deep": SIGNAL % ('{"a":' * MAX_DEPTH + "{}" + "}" * MAX_DEPTH),
    "a body that is a list": SIGNAL % "[]",
    "a body that is a string": SIGNAL % '"v=0 mark-sdp"',
    "a body that is null": SIGNAL % "null",
    "NaN": SIGNAL % '{"n":NaN}',
    "infinity": SIGNAL % '{"n":-Infinity}',
    "1e999": SIGNAL % '{"n":1e999}',
    "2^63": SIGNAL % '{"n":9223372036854775808}',
    "2^53": PING % "9007199254740992",
    "-1": PING % "-1",
    "-0.0": PING % "-0.0",
    "1.5": PING % "1.5",
    "60,000 digits": PING % ("9" * 60_000),
    "a string for a number": PING % '"1"',
    "a bool for a number": PING % "true",
    "an object for a number": PING % '{"$gt":""}',
    "no field": '{"type":"ping"}',
    "__proto__": '{"type":"ping","id":1,"__proto__":{"admin":true}}',
    "constructor": '{"type":"ping","id":1,"constructor":{"prototype":{}}}',
    "an operator": CHAT % ('{"$ne":null}', '"mark-text"'),
    "an operator for a field": '{"type":"chat","$where":"1","id":"a","text":"b"}',
    "a list for a text": CHAT % ('"a"', '["mark-text"]'),
    "a lone surrogate": CHAT % ('"a"', r'"\ud800"'),
    "surrogates in the wrong order": CHAT % ('"a"', r'"\udc00\ud800"'),
    "a surrogate in a body": SIGNAL % r'{"a":"\udfff"}',
    "a surrogate for a key": SIGNAL % r'{"\ud800":1}',
    "a long text": CHAT % ('"a"', '"' + "x" * 2001 + '"'),
    "a long id": CHAT % ('"' + "a" * 65 + '"', '"x"'),
    "an empty id": CHAT % ('""', '"x"'),
    "an id with a slash": CHAT % ('"../../etc"', '"x"'),
    "an id with a quote": CHAT % ('"a\' OR 1=1"', '"x"'),
    "an id of another alphabet": CHAT % ('"аbс"', '"x"'),
    "an id with a NUL": CHAT % (r'"a\u0000"', '"x"'),
    "an id with a line": CHAT % (r'"a\n"', '"x"'),
    "a forged sender": '{"type":"chat","id":"a","text":"b","from":"bo"}',
    "a forged sender of a signal": (
        '{"type":"signal","from":"bo","to":"a","generation":1,"body":{}}'
    ),
    "a server's message": '{"type":"participant-left","id":"bo","reason":"removed"}',
    "a server's joined": '{"type":"joined","you":"a","room":"b","participants":[]}',
    "an unknown type": '{"type":"mark-nonsense"}',
    "a type that is none": '{"type":{"$ne":1}}',
    "a type in capitals": '{"type":"LEAVE"}',
    "another hello": (
        '{"type":"hello","version":1,"token":"mark-token","name":"mark-name"}'
    ),
}


async def entered(victim, guest: Stranger, room: str = "", **more) -> dict:
    await guest.open()
    return await guest.enter(room or victim.new_id(), **more)


@everywhere
@pytest.mark.parametrize("case", BAD)
async def test_a_text_that_is_no_message_is_answered_and_does_nothing(victim, case):
    async with stranger(victim) as guest:
        await entered(victim, guest)
        await guest.send(text(BAD[case]) + say(type="ping", id=7))
        failed = await guest.hear()
        assert (failed["type"], failed["code"]) == ("error", "bad_message")
        assert "mark-" not in json.dumps(failed)
        assert await guest.hear() == {"type": "pong", "id": 7}


@everywhere
async def test_a_first_text_that_is_no_hello_closes(victim):
    for case, words in BAD.items():
        async with stranger(victim) as guest:
            await guest.open()
            await guest.send(text(words))
            code, heard = await guest.closing()
            hello = case == "another hello"
            refused = "bad_token" if hello else "bad_message"
            assert [each["code"] for each in heard] == [refused], case
            assert code == (4003 if hello else 4002), case


@everywhere
async def test_ten_that_are_no_messages_close(victim):
    async with stranger(victim) as guest:
        await entered(victim, guest)
        await guest.send(text(BAD["an unknown type"]) * 10)
        code, heard = await guest.closing()
        assert code == 4002
        assert [each["code"] for each in heard] == ["bad_message"] * 10


HELLO = {"type": "hello", "version": 1, "token": "", "name": "mark-name"}


@everywhere
@pytest.mark.parametrize(
    ("change", "code", "closed"),
    [
        ({"version": 2}, "version", 4003),
        ({"version": 2**53}, "bad_message", 4002),
        ({"version": "1"}, "bad_message", 4002),
        ({"token": None}, "bad_message", 4002),
        ({"token": {"$gt": ""}}, "bad_message", 4002),
        ({"token": "x" * 4097}, "bad_message", 4002),
        ({"token": "mark-token"}, "bad_token", 4003),
        ({"name": ["mark-name"]}, "bad_message", 4002),
        ({"name": "x" * 65}, "bad_message", 4002),
        ({"role": "host"}, "bad_message", 4002),
        ({"you": "bo"}, "bad_message", 4002),
        ({"room": "another"}, "bad_message", 4002),
        ({"resume": "x" * 1025}, "bad_message", 4002),
        ({"resume": "x" * 1024}, "resume_denied", 4003),
        ({"resume": None}, "bad_message", 4002),
        ({"agent": "x" * 129}, "bad_message", 4002),
        ({"media": {"microphone": "yes"}}, "bad_message", 4002),
        ({"media": {"microphone": True, "admin": True}}, "bad_message", 4002),
    ],
)
async def test_a_hello_that_is_not_right_is_refused(victim, change, code, closed):
    async with stranger(victim) as guest:
        await guest.open()
        hello = HELLO | {"token": victim.token("room")} | change
        await guest.send(say(**hello))
        number, heard = await guest.closing()
        assert ([each["code"] for each in heard], number) == ([code], closed)


@everywhere
@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"type": "signal", "to": "{me}", "generation": 1, "body": {}}, "no_such_peer"),
        (
            {"type": "signal", "to": "{other}", "generation": 1, "body": {}},
            "no_such_peer",
        ),
        (
            {"type": "signal", "to": "nobody", "generation": 0, "body": {}},
            "no_such_peer",
        ),
        ({"type": "react", "emoji": "<b>"}, "bad_request"),
        ({"type": "react", "emoji": ""}, "bad_request"),
        ({"type": "chat", "id": "a", "text": " \u3000\n"}, "bad_request"),
    ],
)
async def test_what_is_not_theirs_is_refused_and_reaches_nobody(victim, message, code):
    await settled(victim)  # first: a stranger who says nothing isn't waited for
    async with (
        stranger(victim) as guest,
        stranger(victim, away_from=await guest.process()) as other,
    ):
        me = (await entered(victim, guest))["you"]
        they = (await entered(victim, other))["you"]
        words = json.dumps(message).replace("{me}", me).replace("{other}", they)
        await guest.send(text(words))
        failed = await guest.hear()
        assert (failed["code"], failed["about"]) == (code, message["type"])
        await other.send(say(type="ping", id=1))
        assert await other.hear() == {"type": "pong", "id": 1}


@everywhere
@pytest.mark.parametrize(
    "body",
    [
        {"type": "description", "kind": "answer", "sdp": "v=0 mark-unasked"},
        {"type": "description", "kind": "offer", "sdp": "x" * 60_000},
        {"type": "description", "kind": "offer", "sdp": "\u2028\u0000 no SDP"},
        {"type": "candidate", "candidate": "candidate:1 1 udp 1 127.0.0.1 22 typ host"},
        {"type": "candidate", "candidate": "candidate:1 1 udp 1 x.local 9 typ host"},
        {"__proto__": {"a": 1}, "constructor": None, "$where": "1"},
    ],
)
async def test_a_body_reaches_its_addressee_unread_and_unchanged(victim, body):
    room = victim.new_id()
    async with (
        stranger(victim) as ana,
        stranger(victim, away_from=await ana.process()) as bo,
    ):
        me = (await entered(victim, ana, room))["you"]
        they = (await entered(victim, bo, room))["you"]
        await ana.hear()  # of Bo: until then her process may not know him
        await ana.send(say(type="signal", to=they, generation=1, body=body))
        heard = await bo.hear()
        said = {"type": "signal", "from": me, "generation": 1, "body": body, "n": 0}
        assert heard == said


@everywhere
@pytest.mark.parametrize(
    "words",
    [
        '<img src=x onerror="alert(1)"> mark-text',
        "javascript:alert(1)",
        "{{7*7}} ${7*7} %s %n",
        "\u202etxet-kram\u202c",
        "a\u0000b\u0007c",
        "🏴\u200d" * 200,
        "Z\u0351\u036b\u0343" * 400,
    ],
)
async def test_what_is_said_is_handed_on_as_it_was_said(victim, words):
    async with stranger(victim) as guest:
        await entered(victim, guest)
        await guest.send(say(type="chat", id="a", text=words))
        assert (await guest.hear())["line"]["text"] == words


@everywhere
@pytest.mark.parametrize("name", ["\u202eana\u202c", "a\u0000b\r\nc", "   ", "\u200b"])
async def test_a_name_is_made_safe_before_others_see_it(victim, name):
    room = victim.new_id()
    async with (
        stranger(victim) as ana,
        stranger(victim, away_from=await ana.process()) as eve,
    ):
        await entered(victim, ana, room)
        await entered(victim, eve, room, name=name)
        seen = (await ana.hear())["participant"]["name"]
        assert seen.strip()
        assert seen.isprintable()


@everywhere
@pytest.mark.parametrize("secret", ["x" * 128, "../../etc", "0", "\u0000", "é"])
async def test_a_secret_that_was_never_given_brings_nobody_back(victim, secret):
    room = victim.new_id()
    async with stranger(victim) as ana, stranger(victim) as eve:
        await entered(victim, ana, room)
        with pytest.raises(AssertionError, match="resume_denied"):
            await entered(victim, eve, room, resume=secret)
        assert (await eve.closing())[0] == 4003


@everywhere
async def test_the_secret_of_another_is_denied(victim):
    room = victim.new_id()
    async with (
        stranger(victim) as ana,
        stranger(victim, away_from=await ana.process()) as eve,
    ):
        first = await entered(victim, ana, room)
        with pytest.raises(AssertionError, match="resume_denied"):
            await entered(victim, eve, room, resume=first["resume"])
        assert (await eve.closing())[0] == 4003
        await ana.send(say(type="ping", id=1))
        assert await ana.hear() == {"type": "pong", "id": 1}


@everywhere
async def test_the_secret_of_another_room_brings_nobody_back(victim):
    subject = victim.new_id()
    async with stranger(victim) as ana, stranger(victim) as again:
        first = await entered(victim, ana, token=victim.token("one", subject))
        with pytest.raises(AssertionError, match="resume_denied"):
            token = victim.token("two", subject)
            await entered(victim, again, token=token, resume=first["resume"])


@everywhere
async def test_the_ninth_is_refused(victim):
    room = victim.new_id()
    guests = [stranger(victim) for _ in range(MAX_PARTICIPANTS + 1)]
    opened = [await guest.__aenter__() for guest in guests]
    try:
        for guest in opened[:-1]:
            await entered(victim, guest, room)
        with pytest.raises(AssertionError, match="room_full"):
            await entered(victim, opened[-1], room)
        assert (await opened[-1].closing())[0] == 4003
    finally:
        for guest in guests:
            await guest.__aexit__(None, None, None)
