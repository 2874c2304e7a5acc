"""The codec: every message there and back, and nothing else gets in."""

import json
import time
from dataclasses import fields, is_dataclass
from enum import Enum
from types import UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    NewType,
    get_args,
    get_origin,
    get_type_hints,
)

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from protocol import messages as m
from protocol.codec import Codec, Identifier, Range, tag_of
from protocol.codes import MAX_CHAT, MAX_DEPTH, MAX_MESSAGE, CloseCode, ErrorCode
from protocol.errors import ProtocolError
from protocol.numbering import ACK, ROOM, SEQ, N, Numbers, stamp

# Many small properties rather than a few deep ones.
# A busy machine is no failure: no deadlines.
briefly = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)

ENGINES = {
    "json": (json.loads, json.dumps),
    "msgspec": (msgspec.json.decode, lambda plain: msgspec.json.encode(plain).decode()),
}
UNIONS = (m.ClientMessage, m.ServerMessage, m.PeerMessage)
CLASSES = [(union, cls) for union in UNIONS for cls in get_args(union)]


def codec(union: UnionType, engine: str = "json") -> Codec[Any]:
    return Codec(union, *ENGINES[engine])


CLIENT = codec(m.ClientMessage)

# -- any message


_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
_ids = st.text(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_",
    min_size=1,
    max_size=64,
)
_plain = st.recursive(
    st.none() | st.booleans() | st.integers(1 - 2**53, 2**53 - 1) | _text,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(_text, inner, max_size=3)
    ),
    max_leaves=6,
).filter(lambda value: depth(value) < MAX_DEPTH)


def depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value
    if not isinstance(value, (dict, list)):
        return 0
    return 1 + max(map(depth, inner), default=0)


def values(hint: Any) -> st.SearchStrategy[Any]:
    """Return what a field of this type may hold."""
    origin = get_origin(hint)
    if origin is Annotated:
        inner, mark = get_args(hint)
        if isinstance(mark, Identifier):
            return _ids
        if isinstance(mark, Range):
            return st.floats(mark.least, min(mark.greatest, 2**53))
        if get_origin(inner) is tuple:
            item = values(get_args(inner)[0])
            return st.lists(item, max_size=min(mark.length, 3)).map(tuple)
        return _text.map(lambda text: text[: mark.length])
    if isinstance(hint, NewType):
        return values(hint.__supertype__)
    if origin is Literal:
        return st.sampled_from(get_args(hint))
    if origin is dict:
        return st.dictionaries(_text, _plain, max_size=3)
    if is_dataclass(hint):
        return instances(hint)
    if issubclass(hint, Enum):
        return st.sampled_from(hint)
    return {
        bool: st.booleans(),
        int: st.integers(0, 2**53 - 1),
        float: st.floats(0, 2**53, allow_nan=False).map(float),
        str: _text,
    }[hint]


def instances(cls: Any) -> st.SearchStrategy[Any]:
    hints = get_type_hints(cls, include_extras=True)
    return st.builds(cls, **{f.name: values(hints[f.name]) for f in fields(cls)})


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("union", "cls"), CLASSES)
@briefly
@given(data=st.data())
def test_every_message_comes_back_as_it_went(union, cls, engine, data):
    message = data.draw(instances(cls))
    both = codec(union, engine)
    assert both.decode(both.encode(message)) == message


@pytest.mark.parametrize("union", UNIONS)
def test_no_two_messages_of_a_union_share_a_tag(union):
    tags = [tag_of(cls) for cls in get_args(union)]
    assert len(set(tags)) == len(tags)


# -- anything else

_junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
_tags = st.sampled_from([tag_of(cls) for _, cls in CLASSES])


def only_refused(both: Codec[Any], text: str) -> None:
    try:
        both.decode(text)
    except ProtocolError:
        pass


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("union", UNIONS)
@briefly
@given(text=st.text())
def test_any_text_is_a_message_or_refused(union, engine, text):
    only_refused(codec(union, engine), text)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("union", UNIONS)
@briefly
@given(data=st.binary(max_size=200))
def test_any_bytes_are_a_message_or_refused(union, engine, data):
    # A socket hands on valid UTF-8 alone; not to rely on it costs nothing.
    only_refused(codec(union, engine), data.decode("utf-8", "surrogateescape"))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("union", UNIONS)
@briefly
@given(junk=_junk, tag=_tags)
def test_any_json_is_a_message_or_refused(union, engine, junk, tag):
    if isinstance(junk, dict):
        junk["type"] = tag
    only_refused(codec(union, engine), json.dumps(junk))


@pytest.mark.parametrize(("union", "cls"), CLASSES)
@briefly
@given(data=st.data(), junk=_junk)
def test_a_message_with_one_field_spoiled_is_a_message_or_refused(
    union, cls, data, junk
):
    both = codec(union)
    plain = json.loads(both.encode(data.draw(instances(cls))))
    plain[data.draw(st.sampled_from(sorted(plain)))] = junk
    only_refused(both, json.dumps(plain))


PING = '{"type":"ping","id":%s}'
SIGNAL = '{"type":"signal","to":"a","generation":1,"body":%s}'


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        '"ping"',
        "{}",
        '{"type":1}',
        '{"type":["ping"]}',
        '{"type":"joined"}',
        '{"type":"ping"}',
        '{"type":"ping","id":1,"__proto__":{}}',
        '{"type":"ping","id":1,"constructor":1}',
        PING % "true",
        PING % "-1",
        PING % "1.0",
        PING % "9007199254740992",
        PING % "NaN",
        PING % "1e999",
        PING % '"1"',
        PING % '{"$gt":""}',
        SIGNAL % "[]",
        SIGNAL % '{"n":NaN}',
        SIGNAL % '{"n":[-Infinity]}',
        SIGNAL % '{"n":{"n":1e999}}',
        SIGNAL % '{"n":9223372036854775808}',
        SIGNAL % '{"n":[-9007199254740992]}',
        SIGNAL % ('{"a":' * MAX_DEPTH + "{}" + "}" * MAX_DEPTH),
        '{"type":"signal","to":"","generation":1,"body":{}}',
        '{"type":"signal","to":"../a","generation":1,"body":{}}',
        '{"type":"signal","to":"a","from":"b","generation":1,"body":{}}',
        '{"type":"chat","id":"a","text":"%s"}' % ("x" * (MAX_CHAT + 1)),
        '{"type":"chat","id":"a","text":"\\ud800"}',
        '{"type":"chat","id":"%s","text":""}' % ("x" * 65),
        '{"type":"set-media","media":{"microphone":1}}',
        '{"type":"set-media","media":{"micro":true}}',
        "[" * 50_000,
    ],
)
@pytest.mark.parametrize("engine", ENGINES)
def test_what_is_not_quite_a_message_is_refused(engine, text):
    with pytest.raises(ProtocolError) as refused:
        codec(m.ClientMessage, engine).decode(text)
    assert refused.value.code is ErrorCode.BAD_MESSAGE


WIDE = MAX_MESSAGE - 100


@pytest.mark.parametrize(
    "text",
    [
        SIGNAL % ("{" + '"":[],' * (WIDE // 7) + '"":[]}'),
        SIGNAL % ('{"n":[' + "[]," * (WIDE // 3) + "[]]}"),
        SIGNAL % ('{"n":%s}' % ("9" * WIDE)),
        SIGNAL % ('{"n":%s}' % ("[" * WIDE)),
        SIGNAL % ('{"n":"%s"}' % ("\\u0000" * (WIDE // 6))),
        '{"type":"chat","id":"a","text":"%s"}' % ("\\ud83d\\ude00" * (WIDE // 12)),
        "{" + ",".join(f'"{n}":{n}' for n in range(5000)) + "}",
    ],
    ids=["same-keys", "wide", "number", "deep", "nul", "escapes", "keys"],
)
@pytest.mark.parametrize("engine", ENGINES)
def test_no_message_takes_long_to_read(engine, text):
    # 25 ms is 20 times what the worst takes here: only what grows faster than
    # the text would ever need it.
    best = 1.0
    for _ in range(5):
        start = time.process_time()
        only_refused(codec(m.ClientMessage, engine), text)
        best = min(best, time.process_time() - start)
    assert best < 0.025


@pytest.mark.parametrize("engine", ENGINES)
def test_of_a_key_that_stands_twice_the_last_counts_everywhere(engine):
    text = '{"type":"ping","id":1,"id":2}'
    assert codec(m.ClientMessage, engine).decode(text) == m.Ping(2)


def test_what_is_too_large_is_not_even_parsed():
    def loads(_: str) -> Any:
        raise AssertionError("parsed")

    with pytest.raises(ProtocolError) as refused:
        Codec(m.ClientMessage, loads, json.dumps).decode(" " * (MAX_MESSAGE + 1))
    assert refused.value.code is ErrorCode.TOO_LARGE


def test_an_error_never_quotes_what_was_said():
    with pytest.raises(ProtocolError) as refused:
        CLIENT.decode('{"type":"chat","id":"secret words","text":1}')
    assert "secret" not in str(refused.value)


def test_fields_with_a_default_may_be_missing():
    hello = CLIENT.decode('{"type":"hello","version":1,"token":"t","name":"n"}')
    assert hello == m.Hello(1, "t", "n")


def test_from_is_written_as_from():
    signaled = m.Signaled(m.ParticipantId("a"), 1, {})
    text = codec(m.ServerMessage).encode(signaled)
    assert json.loads(text)["from"] == "a"


def test_who_was_refused_is_not_to_try_again_by_itself():
    final = {code for code in CloseCode if not code.retryable}
    assert final == {
        CloseCode.NORMAL,
        CloseCode.BAD_MESSAGE,
        CloseCode.REFUSED,
        CloseCode.ELSEWHERE,
    }


# -- numbers


@pytest.mark.parametrize("numbers", [(0, 0), (7, 0), (0, 9), (7, 9), (2**53 - 1,) * 2])
@pytest.mark.parametrize("name", [SEQ, N])
def test_numbers_ride_on_an_encoded_message(name, numbers):
    codec = Codec(m.ClientMessage, *ENGINES["json"])
    text = stamp(codec.encode(m.SetHand(True)), name, Numbers(*numbers))
    assert codec.decode_numbered(text, name) == (m.SetHand(True), Numbers(*numbers))
    assert len(text) <= len(codec.encode(m.SetHand(True))) + ROOM


@pytest.mark.parametrize(
    "fields",
    [
        '"n":-1',
        '"n":"1"',
        '"n":1.5',
        '"n":true',
        '"ack":null',
        '"ack":9007199254740992',
        '"seq":1',
    ],
)
@pytest.mark.parametrize("engine", ENGINES)
def test_numbers_that_are_none_are_refused(engine, fields):
    codec = Codec(m.ClientMessage, *ENGINES[engine])
    with pytest.raises(ProtocolError):
        codec.decode_numbered(f'{{{fields},"type":"leave"}}', N)


@pytest.mark.parametrize("text", ["[]", "1", "null", '"x"', "{}", "", "["])
def test_what_is_no_message_has_no_numbers(text):
    codec = Codec(m.ClientMessage, *ENGINES["json"])
    with pytest.raises(ProtocolError):
        codec.decode_numbered(text, N)


@pytest.mark.parametrize("cls", [cls for _, cls in CLASSES])
def test_no_message_has_a_field_that_is_the_name_of_a_number(cls):
    """It would be taken for the number, and the message for one that came already."""
    assert not {field.name for field in fields(cls)} & {SEQ, ACK}
    if cls in get_args(m.ClientMessage):
        assert N not in {field.name for field in fields(cls)}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("rtt", "-0.001"),
        ("rtt", "1e13"),
        ("rtt", "1e999"),
        ("rtt", "NaN"),
        ("rtt", "1" + "0" * 400),
        ("rtt", "true"),
        ("loss", "1.001"),
        ("loss", "-1"),
        ("up", "-1"),
        ("down", "-Infinity"),
        ("fps", "null"),
        ("freezes", "-1"),
        ("freezes", "0.5"),
        ("width", "9007199254740992"),
        ("height", '"720"'),
        ("connection", '"both"'),
        ("transport", '"quic"'),
        ("peer", '"$gt"'),
    ],
)
def test_a_sample_holds_numbers_that_can_be_summed(engine, field, value):
    fields = f'"{field}": {value}' + ("" if field == "peer" else ', "peer": "bo"')
    with pytest.raises(ProtocolError):
        codec(m.ClientMessage, engine).decode(
            f'{{"type": "report-stats", "samples": [{{{fields}}}]}}'
        )


@pytest.mark.parametrize("count", [8, 9])
def test_at_most_eight_links_are_told_of_at_once(count):
    samples = ", ".join(['{"peer": "bo"}'] * count)
    text = f'{{"type": "report-stats", "samples": [{samples}]}}'
    if count == 8:
        assert CLIENT.decode(text) == m.ReportStats((m.LinkSample("bo"),) * 8)
    else:
        with pytest.raises(ProtocolError):
            CLIENT.decode(text)
