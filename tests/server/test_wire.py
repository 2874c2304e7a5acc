"""The short ways of signals and hellos let through just what the codec does."""

import contextlib
import json
import re
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from hypothesis import given, strategies as st

import protocol
from protocol import messages as m
from protocol.codec import Codec
from protocol.codes import (
    MAX_DEPTH,
    MAX_LABEL,
    MAX_MESSAGE,
    MAX_NAME,
    MAX_RESUME,
    MAX_TOKEN,
)
from protocol.errors import ProtocolError
from protocol.numbering import N
from server.wire import FROM_CLIENT, TO_CLIENT

CODEC: Codec[m.ClientMessage] = Codec(
    m.ClientMessage, msgspec.json.decode, lambda plain: json.dumps(plain)
)
SERVERS: Codec[m.ServerMessage] = Codec(m.ServerMessage, json.loads, json.dumps)
BO = m.ParticipantId("bo1x9")


def outcome(codec: Codec[m.ClientMessage], text: str) -> object:
    """Return the message, or in which words it was refused."""
    try:
        return codec.decode_numbered(text, N)
    except ProtocolError as error:
        return error.code, str(error)


def nested(depth: int, inner: str = "1") -> str:
    return '{"a":' * depth + inner + "}" * depth


def signal(
    to: str = '"bo"', generation: str = "1", body: str = "{}", more: str = ""
) -> str:
    return (
        f'{{"type":"signal","to":{to},"generation":{generation},"body":{body}{more}}}'
    )


@pytest.mark.parametrize(
    "text",
    [
        signal(),
        signal(body='{"sdp":"v=0\\r\\n[{","a":[[[1]]],"ü":"\\u00fc"}'),
        signal(body=nested(MAX_DEPTH)),
        signal(body=nested(MAX_DEPTH + 1)),
        signal(body=nested(MAX_DEPTH - 1, "[[1]]")),
        signal(body=nested(1, '"' + "{[" * 20 + '"')),
        signal(body=nested(5000)),
        signal(body='{"a":1e999}'),
        signal(body='{"a":-1E999}'),
        signal(body='{"a":' + "1" * 5000 + "}"),
        signal(body='{"a":NaN}'),
        signal(body='{"a":1,}'),
        signal(body='{"a":"\\ud800"}'),
        signal(body='{"\\ud800":1}'),
        signal(body='{"a":"\ud800"}'),
        signal(body='{"a":1,"a":2}'),
        signal(body='{"a":"' + "x" * MAX_MESSAGE + '"}'),
        signal(body='{"a":"' + "x" * (MAX_MESSAGE - 100) + '"}'),
        *(signal(body=body) for body in ("[]", "null", '"a"', "1", "{", "")),
        *(signal(to=to) for to in ('""', '"a b"', '"bo\\n"', '"é"', "1", "null")),
        signal(to='"' + "a" * 64 + '"'),
        signal(to='"' + "a" * 65 + '"'),
        *(
            signal(generation=number)
            for number in ("0", "-1", "1.0", "1e0", "true", "null", '"1"')
        ),
        signal(generation=str(2**53 - 1)),
        signal(generation=str(2**53)),
        signal(generation=str(2**64)),
        signal(more=',"from":"me"'),
        *(
            signal(more=f',"{name}":{number}')
            for name in ("n", "ack", "seq")
            for number in ("0", "7", "-1", "1.0", "1e0", "true", "null", str(2**53))
        ),
        signal(more=',"n":7,"ack":3'),
        '{"n":7,"ack":3,' + signal()[1:],
        '{"n":9007199254740991,"ack":9007199254740991,' + signal()[1:],
        signal(more=',"to":"eva"'),
        signal(more=',"type":"chat"'),
        signal() + " ",
        signal() + "x",
        '{"type":"signal"}',
        '{"type":"signal","to":"bo","body":{}}',
        '{"to":"bo","generation":1,"body":{},"type":"signal"}',
        '{"type" : "signal" , "to":"bo", "generation": 1, "body": {}}',
        '{"signal":1}',
        '["signal"]',
        '"signal"',
        '{"type":"chat","id":"signal","text":"signal"}',
    ],
)
def test_the_short_way_decides_as_the_codec_does(text):
    assert outcome(FROM_CLIENT, text) == outcome(CODEC, text)


@given(st.data())
def test_no_change_of_a_signal_makes_a_difference(data):
    text = signal(body='{"sdp":"v=0","n":[1.5,{"b":null}]}', more=',"n":12,"ack":3')
    at = data.draw(st.integers(0, len(text)))
    drop = data.draw(st.integers(0, 3))
    put = data.draw(st.text('{}[]",:\\ue019-.truesignl ', max_size=4))
    changed = text[:at] + put + text[at + drop :]
    assert outcome(FROM_CLIENT, changed) == outcome(CODEC, changed)


def hello(**changes: str) -> str:
    """Return a hello of these fields; each is JSON."""
    fields = {"version": "1", "token": '"t"', "name": '"Ana"', **changes}
    inside = ",".join(f'"{name}":{value}' for name, value in fields.items() if value)
    return f'{{"type":"hello",{inside}}}'


def first(codec: Codec[m.ClientMessage], text: str) -> object:
    """Return the first message of a connection, or in which words it was refused."""
    try:
        return codec.decode(text)
    except ProtocolError as error:
        return error.code, str(error)


WHOLE = hello(
    media='{"microphone":true,"camera":false,"screen":true,"screen_audio":false}',
    resume='"r.s"',
    agent='"Firefox"',
    epoch='"e"',
    last_seq="17",
)


@pytest.mark.parametrize(
    "text",
    [
        hello(),
        WHOLE,
        *(hello(**{name: ""}) for name in ("version", "token", "name")),
        *(
            hello(version=number)
            for number in ("0", "-1", "1.0", "1e0", "true", "null", str(2**53))
        ),
        hello(last_seq=str(2**53 - 1)),
        hello(last_seq=str(2**53)),
        *(
            hello(**{name: json.dumps("é" * length)})
            for name, most in (
                ("token", MAX_TOKEN),
                ("name", MAX_NAME),
                ("resume", MAX_RESUME),
                ("agent", MAX_LABEL),
                ("epoch", MAX_LABEL),
            )
            for length in (0, most, most + 1)
        ),
        *(hello(name=name) for name in ("null", "1", "[]", '"\\ud800"', '"\ud800"')),
        *(
            hello(media=media)
            for media in ("{}", "[]", "null", '{"camera":1}', '{"nose":true}')
        ),
        *(hello(**{name: "1"}) for name in ("n", "ack", "seq", "type", "you")),
        hello(type='"signal"'),
        WHOLE + "x",
        " " * 100 + WHOLE,
        WHOLE + " " * MAX_MESSAGE,
        '{"type":"ping","serial":1,"hello":"hello"}',
        '"hello"',
    ],
)
def test_the_short_way_of_a_hello_decides_as_the_codec_does(text):
    assert first(FROM_CLIENT, text) == first(CODEC, text)
    assert outcome(FROM_CLIENT, text) == outcome(CODEC, text)


@given(st.data())
def test_no_change_of_a_hello_makes_a_difference(data):
    at = data.draw(st.integers(0, len(WHOLE)))
    drop = data.draw(st.integers(0, 3))
    put = data.draw(st.text('{}[]",:\\ue019-.truefalsno ', max_size=4))
    changed = WHOLE[:at] + put + WHOLE[at + drop :]
    assert first(FROM_CLIENT, changed) == first(CODEC, changed)


_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.dictionaries(st.text(max_size=9), _values, max_size=4), st.integers(0, 2**53))
def test_what_is_relayed_is_what_was_said(body, generation):
    text = json.dumps({"type": "signal", "to": "bo", "generation": generation})
    said = outcome(FROM_CLIENT, text[:-1] + ',"body":' + json.dumps(body) + "}")
    assert said == outcome(CODEC, text[:-1] + ',"body":' + json.dumps(body) + "}")
    message = said[0]
    if isinstance(message, m.Signal):
        signaled = m.Signaled(BO, message.generation, message.body, n=5)
        relayed = TO_CLIENT.encode(signaled)
        assert TO_CLIENT.decode(relayed) == m.Signaled(BO, generation, body, n=5)
        assert json.loads(relayed) == {
            "type": "signal",
            "from": BO,
            "generation": generation,
            "body": body,
            "n": 5,
        }


def examples() -> list[m.ServerMessage]:
    """Return each server's message that the specification shows."""
    lines = (Path(protocol.__file__).parent / "README.md").read_text("utf-8")
    found = []
    for block in re.findall(r"```json\n(.*?)```", lines, re.S):
        for text in (block, *block.splitlines()):
            with contextlib.suppress(ProtocolError):
                found.append(SERVERS.decode(text))
    return found


@pytest.mark.parametrize("message", examples(), ids=lambda m: type(m).__name__)
def test_what_the_server_says_is_what_the_codec_would_say(message):
    assert json.loads(TO_CLIENT.encode(message)) == json.loads(SERVERS.encode(message))


def test_every_message_of_the_server_is_among_the_examples():
    assert {type(each) for each in examples()} == set(get_args(m.ServerMessage))
