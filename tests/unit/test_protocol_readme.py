"""The specification says what the code does."""

import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest

import protocol
from client_py.core.stream import ACKNOWLEDGE_AFTER
from protocol import codes, messages as m
from protocol.codec import Codec, tag_of

TEXT = (Path(protocol.__file__).parent / "README.md").read_text("utf-8")
SECTIONS = {
    "Client to server": m.ClientMessage,
    "Server to client": m.ServerMessage,
    "Peer to peer": m.PeerMessage,
}


def section(title: str) -> str:
    (text,) = re.findall(rf"^## {title}\n(.*?)(?=^## |\Z)", TEXT, re.M | re.S)
    return str(text)


def examples(title: str) -> list[tuple[str, str]]:
    """Return the headings of a section, each with the example below it."""
    pattern = r"^### (\S+)\n.*?^```json\n(.*?)^```"
    return re.findall(pattern, section(title), re.M | re.S)


@pytest.mark.parametrize("title", SECTIONS)
def test_every_message_is_described_in_order_with_an_example(title):
    expected = [tag_of(cls) for cls in get_args(SECTIONS[title])]
    assert [heading for heading, _ in examples(title)] == expected


@pytest.mark.parametrize(
    ("title", "heading", "text"),
    [(title, *example) for title in SECTIONS for example in examples(title)],
)
def test_every_example_is_a_message(title, heading, text):
    codec: Codec[Any] = Codec(SECTIONS[title], json.loads, json.dumps)
    assert tag_of(type(codec.decode(text))) == heading


def test_no_example_stands_outside_the_sections():
    assert TEXT.count("```json") == sum(len(examples(title)) for title in SECTIONS)


def test_every_error_code_is_explained():
    assert re.findall(r"^\| `(\w+)` \|", section("Error codes"), re.M) == [
        code.value for code in codes.ErrorCode
    ]


def test_every_close_code_is_explained():
    pattern = r"^\| (\d{4}) \| (\w+) \|.*\| (yes|no) \|$"
    rows = re.findall(pattern, section("Close codes"), re.M)
    assert [(int(code), name, again == "yes") for code, name, again in rows] == [
        (code.value, code.name, code.retryable) for code in codes.CloseCode
    ]


@pytest.mark.parametrize(
    "sentence",
    [
        f"Send a `ping` every {codes.HEARTBEAT:.0f} seconds",
        f"its `pong` within {codes.HEARTBEAT_DEADLINE:.0f}",
        f"silent for {codes.SILENCE:.0f} seconds",
        f"for {codes.MISSED_SILENCE:.0f} where all",
        f"for {codes.GRACE:.0f} seconds",
        f"for {codes.MISSED_GRACE:.1f} seconds",
        f"Say `hello` within {codes.HELLO_DEADLINE:.0f} seconds",
        f"| a message | {codes.MAX_MESSAGE // 1024} KiB |",
        f"| nesting of a signal's body | {codes.MAX_DEPTH} |",
        f"| participants in a room | {codes.MAX_PARTICIPANTS} |",
        f"| people who wait for one room | {codes.MAX_WAITING} |",
        f"| a passcode | {codes.MAX_PASSCODE} characters |",
        f"| a name | {codes.MAX_NAME} characters |",
        f"| a line of chat | {codes.MAX_CHAT} characters |",
        f"| a token | {codes.MAX_TOKEN} characters |",
        f"| an SDP | {codes.MAX_SDP // 1024} KiB |",
        f"| a candidate | {codes.MAX_CANDIDATE} characters |",
        f" | {codes.MAX_LABEL} characters |",
        f"| a `resume` | {codes.MAX_RESUME} characters |",
        f"first {codes.GRACE:.0f} seconds",
        f"after {ACKNOWLEDGE_AFTER} messages",
        f"One of {' '.join(codes.REACTIONS)}.",
    ],
)
def test_the_numbers_are_those_of_the_code(sentence):
    assert sentence in TEXT
