"""The protocol's codec over msgspec, the fastest JSON engine for Python.

Nearly all that is said in a call is ``signal``. It has a way of its own, in which
C does what the codec does in Python; what C finds wrong, or can't tell, the codec
looks at again, so that both let through the same and refuse in the same words.
"""

import re
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Annotated, Any, Final, get_args, get_type_hints

import msgspec

from protocol.codec import Codec, tag_of, to_plain
from protocol.codes import MAX_LABEL, MAX_MESSAGE, MAX_NAME, MAX_RESUME, MAX_TOKEN
from protocol.media import MediaState
from protocol.messages import (
    ClientMessage,
    Hello,
    ParticipantId,
    ServerMessage,
    Signal,
    Signaled,
)
from protocol.numbering import ROOM, N, Numbers

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder()
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_GREATEST: Final = 2**53 - 1  # of the integers that every JSON parser keeps
_HEAD: Final = ROOM + 24  # characters in which the type stands, after the numbers


# What is in nearly all bodies; what nests deeper, or holds another number, is decoded
# by the codec.
_Flat = str | Annotated[int, msgspec.Meta(ge=-_GREATEST, le=_GREATEST)] | bool | None


_Number = Annotated[int, msgspec.Meta(ge=0, le=_GREATEST)]


class _Signal(msgspec.Struct, tag="signal", forbid_unknown_fields=True, gc=False):
    to: str
    generation: _Number
    body: dict[str, _Flat | dict[str, _Flat] | list[_Flat]]
    n: _Number = 0
    ack: _Number = 0


class _Signaled(msgspec.Struct, tag="signal", gc=False):
    from_: str = msgspec.field(name="from")
    generation: int
    body: Any
    n: int


class _Media(msgspec.Struct, forbid_unknown_fields=True, frozen=True, gc=False):
    microphone: bool = False
    camera: bool = False
    screen: bool = False
    screen_audio: bool = False


_Label = Annotated[str, msgspec.Meta(max_length=MAX_LABEL)]


class _Hello(msgspec.Struct, tag="hello", forbid_unknown_fields=True, gc=False):
    version: _Number
    token: Annotated[str, msgspec.Meta(max_length=MAX_TOKEN)]
    name: Annotated[str, msgspec.Meta(max_length=MAX_NAME)]
    media: _Media = _Media()
    resume: Annotated[str, msgspec.Meta(max_length=MAX_RESUME)] = ""
    agent: _Label = ""
    epoch: _Label = ""
    last_seq: _Number = 0


_signals = msgspec.json.Decoder(_Signal)
_hellos = msgspec.json.Decoder(_Hello)


class _FromClient(Codec[ClientMessage]):
    def decode(self, text: str) -> ClientMessage:
        """Return a message, or raise ``ProtocolError``."""
        if '"hello"' not in text[:_HEAD] or len(text) > MAX_MESSAGE:
            return super().decode(text)
        try:
            made = _hellos.decode(text)
        except (ValueError, RecursionError):
            return super().decode(text)
        media = made.media
        return Hello(
            made.version,
            made.token,
            made.name,
            MediaState(
                media.microphone, media.camera, media.screen, media.screen_audio
            ),
            made.resume,
            made.agent,
            made.epoch,
            made.last_seq,
        )

    def decode_numbered(self, text: str, name: str) -> tuple[ClientMessage, Numbers]:
        """Return a message and its numbers, or raise ``ProtocolError``."""
        if name == N and '"signal"' in text[:_HEAD] and len(text) <= MAX_MESSAGE:
            try:
                made = _signals.decode(text)
            except (ValueError, RecursionError):
                return super().decode_numbered(text, name)
            if _ID.fullmatch(made.to):
                signal = Signal(ParticipantId(made.to), made.generation, made.body)
                return signal, Numbers(made.n, made.ack)
        return super().decode_numbered(text, name)


class _ToClient(Codec[ServerMessage]):
    def encode(self, value: ServerMessage) -> str:
        """Return the text of a message."""
        if type(value) is Signaled:
            made = _Signaled(value.from_, value.generation, value.body, value.n)
            return _encoder.encode(made).decode()
        cls: type = type(value)
        plain: dict[str, Any] = {"type": tag_of(cls)}
        for name, wire, deep in _fields(cls):
            field = getattr(value, name)
            plain[wire] = to_plain(field) if deep else field
        return _encoder.encode(plain).decode()


@cache
def _fields(cls: type) -> list[tuple[str, str, bool]]:
    """Return a message's fields: the name, that on the wire, and if C can't do it."""
    hints = get_type_hints(cls)
    return [
        (each.name, each.name.rstrip("_"), _renames(hints[each.name]))
        for each in fields(cls)
    ]


def _renames(hint: Any) -> bool:
    """Whether anything inside is called otherwise on the wire."""
    if isinstance(hint, type) and is_dataclass(hint):
        return any(name != wire or deep for name, wire, deep in _fields(hint))
    return any(_renames(each) for each in get_args(hint))


def _dumps(plain: object) -> str:
    return _encoder.encode(plain).decode()


FROM_CLIENT: Codec[ClientMessage] = _FromClient(ClientMessage, _decoder.decode, _dumps)
TO_CLIENT: Codec[ServerMessage] = _ToClient(ServerMessage, _decoder.decode, _dumps)
