"""The short cut for whole texts: it hears and refuses what the parser does."""

import logging
from dataclasses import dataclass, field

import pytest
from hypothesis import given, strategies as st
from websockets.frames import Frame, Opcode

from protocol.codes import CloseCode
from server.conversation import Conversation
from server.parser import FRAMES

LONGEST = 300
SCALE = 0.02  # as few frames as a test sends are too many
FIRST = Frame(Opcode.TEXT, b"hello").serialize(mask=True)


@dataclass
class Ear:
    """Reads what comes as the transport does, by the short cut or without."""

    cutting: bool
    scale: float = SCALE
    heard: list[tuple[Opcode, bool, bytes]] = field(default_factory=list)
    cut: int = 0

    def __post_init__(self) -> None:
        self.conversation = Conversation(
            max_size=LONGEST,
            now=lambda: 0.0,
            scale=self.scale,
            logger=logging.getLogger("test"),
        )

    def hear(self, data: bytes) -> None:
        if self.cutting:
            texts, data = self.conversation.cut_texts(data)
            self.cut += len(texts)
            self.heard += [(Opcode.TEXT, True, text.encode()) for text in texts]
        for frame in self.conversation.receive_data(data) if data else ():
            self.heard.append((frame.opcode, frame.fin, bytes(frame.data)))

    def outcome(self) -> object:
        said = self.conversation.data_to_send()
        close = self.conversation.close_rcvd
        return self.heard, self.conversation.fault, said, close, self.conversation.state


def both(*chunks: bytes) -> tuple[Ear, Ear]:
    ears = Ear(cutting=True), Ear(cutting=False)
    for ear in ears:
        for chunk in chunks:
            ear.hear(chunk)
    return ears


texts = st.one_of(
    st.text(max_size=40).map(str.encode),
    st.integers(120, LONGEST + 2).map(lambda size: b"x" * size),
    st.binary(max_size=8),
)
frames = st.one_of(
    texts.map(lambda data: Frame(Opcode.TEXT, data).serialize(mask=True)),
    st.builds(
        lambda code, data, fin, mask: Frame(code, data, fin).serialize(mask=mask),
        st.sampled_from([Opcode.TEXT, Opcode.CONT, Opcode.BINARY]),
        texts,
        st.booleans(),
        st.sampled_from([True, True, True, False]),
    ),
    st.builds(
        lambda code, data: Frame(code, data).serialize(mask=True),
        st.sampled_from([Opcode.PING, Opcode.PONG, Opcode.CLOSE]),
        st.sampled_from([b"", b"\x03\xe8", b"\x03\xe8bye", b"\x03"]),
    ),
    st.builds(
        lambda data, times: Frame(Opcode.TEXT, data).serialize(mask=True) * times,
        st.sampled_from([b"", b"{}", "é".encode()]),
        st.integers(1, 30),
    ),
    st.binary(min_size=1, max_size=12),
)


@given(st.lists(frames, max_size=8), st.lists(st.integers(0, 4000), max_size=8))
def test_the_short_cut_decides_as_the_parser_does(sent, cuts):
    data = FIRST + b"".join(sent)
    at = sorted({0, *(cut % len(data) for cut in cuts), len(data)})
    chunks = [data[a:b] for a, b in zip(at, at[1:], strict=False)]
    short, long = both(*chunks)
    assert short.outcome() == long.outcome()


def test_whole_texts_are_cut_out_up_to_what_is_none():
    data = Frame(Opcode.TEXT, b"{}").serialize(mask=True)
    short, _ = both(FIRST, data * 3 + data[:-1], data[-1:] + data, data)
    # The one in pieces, and what came with it, are parsed.
    assert short.cut == 1 + 3 + 1
    assert len(short.heard) == 1 + 3 + 3


def test_texts_between_the_pieces_of_a_message_are_not_cut_out():
    piece = Frame(Opcode.TEXT, b"{", False).serialize(mask=True)
    text = Frame(Opcode.TEXT, b"{}").serialize(mask=True)
    short, _ = both(FIRST, piece, text)
    assert short.cut == 1
    assert short.conversation.fault is not None
    assert short.conversation.fault[0] == 1002


@pytest.mark.parametrize(
    "wrong",
    [
        Frame(Opcode.TEXT, b"x" * (LONGEST + 1)).serialize(mask=True),
        Frame(Opcode.TEXT, b"{}{}{}{}").serialize(mask=False),
        Frame(Opcode.TEXT, b"\xff").serialize(mask=True),
        b"\xc1" + Frame(Opcode.TEXT, b"{}").serialize(mask=True)[1:],
        Frame(Opcode.BINARY, b"{}").serialize(mask=True),
        Frame(Opcode.CLOSE, b"\x03\xe8").serialize(mask=True),
    ],
    ids=["long", "unmasked", "no-utf8", "reserved", "binary", "close"],
)
def test_nothing_but_a_right_text_is_cut_out(wrong):
    text = Frame(Opcode.TEXT, b"{}").serialize(mask=True)
    short, long = both(FIRST, text + wrong, text)
    assert short.cut == (3 if wrong[0] == 0x82 else 2)
    assert short.outcome() == long.outcome()


@pytest.mark.parametrize("together", [True, False])
def test_texts_that_are_cut_out_count_as_frames(together):
    text = Frame(Opcode.TEXT, b"{}").serialize(mask=True)
    most = int(FRAMES.burst * SCALE)
    chunks = [text * (most + 5)] if together else [text] * (most + 5)
    short, _ = both(FIRST, *chunks)
    assert short.cut == most
    assert short.conversation.fault == (CloseCode.TOO_MANY, "too_many")
