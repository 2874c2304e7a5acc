"""The strict codec: one text, one message, or one typed error.

A ``Codec`` is built once for a union of message classes and a JSON engine. It
compiles a check per field, so decoding walks no type hints at run time. Unknown
type, unknown field, missing field, wrong type, too long, too deep: each raises
``ProtocolError`` and nothing else.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from enum import Enum
from types import UnionType
from typing import (
    Annotated,
    Any,
    Generic,
    Literal,
    NewType,
    TypeVar,
    cast,
    dataclass_transform,
    get_args,
    get_origin,
    get_type_hints,
)

from protocol.codes import MAX_DEPTH, MAX_MESSAGE, ErrorCode
from protocol.errors import ProtocolError
from protocol.numbering import ACK, Numbers

M = TypeVar("M")
C = TypeVar("C", bound=type)
Check = Callable[[Any], Any]

_TAG = "__tertulia_type__"
_ID_ALPHABET = frozenset(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
)
_MAX_INTEGER = 2**53 - 1  # what a JavaScript Number holds exactly


@dataclass(frozen=True, slots=True)
class Limit:
    """The greatest length of a string or a list."""

    length: int


@dataclass(frozen=True, slots=True)
class Range:
    """The least and the greatest value of a number."""

    least: float
    greatest: float = math.inf


@dataclass(frozen=True, slots=True)
class Identifier:
    """A string of 1–64 letters, digits, ``-`` and ``_``."""

    length: int = 64


@dataclass_transform(frozen_default=True)
def message(tag: str) -> Callable[[C], C]:
    """Make a class a wire message: a frozen dataclass with a type tag."""

    def decorate(cls: C) -> C:
        made: Any = dataclass(frozen=True, slots=True)(cls)
        setattr(made, _TAG, tag)
        return cast(C, made)

    return decorate


class Codec(Generic[M]):
    """Encode and decode the messages of one union.

    ``loads`` and ``dumps`` are the JSON engine: the standard library's in the
    page, msgspec's in the server. ``loads`` may raise any ``ValueError``.
    """

    def __init__(
        self,
        union: UnionType,
        loads: Callable[[str], Any],
        dumps: Callable[[Any], str],
    ) -> None:
        self._loads = loads
        self._dumps = dumps
        self._records = {tag_of(c): _record(c, tagged=True) for c in get_args(union)}

    def encode(self, value: M) -> str:
        """Return the text of a message."""
        return self._dumps(to_plain(value))

    def decode(self, text: str) -> M:
        """Return the message in ``text``, or raise ``ProtocolError``."""
        return self.from_plain(self._parse(text))

    def decode_numbered(self, text: str, name: str) -> tuple[M, Numbers]:
        """Return the message in ``text`` and the numbers on it, as ``decode``.

        ``name`` is what its own number is called: ``SEQ`` or ``N``.
        """
        plain = self._parse(text)
        if type(plain) is not dict:
            raise ProtocolError("a message is a JSON object")
        try:
            numbers = Numbers(_integer(plain.pop(name, 0)), _integer(plain.pop(ACK, 0)))
        except _Mismatch as mismatch:
            raise ProtocolError(f"{name}, {ACK}: {mismatch}") from None
        return self.from_plain(plain), numbers

    def _parse(self, text: str) -> Any:
        if len(text) > MAX_MESSAGE:
            raise ProtocolError("message too large", ErrorCode.TOO_LARGE)
        try:
            return self._loads(text)
        except (ValueError, RecursionError):
            raise ProtocolError("not JSON") from None

    def from_plain(self, plain: Any) -> M:
        """Return the message in an already parsed object, e.g. a signal's body."""
        if type(plain) is not dict:
            raise ProtocolError("a message is a JSON object")
        tag = plain.get("type")
        record = self._records.get(tag) if type(tag) is str else None
        if record is None:
            raise ProtocolError("unknown message type")
        made: M = record(plain)
        return made


def tag_of(cls: type) -> str:
    """Return the type tag of a message class."""
    tag: str = getattr(cls, _TAG)
    return tag


def to_plain(value: Any) -> Any:
    """Return a message as dicts, lists and scalars, ready for a JSON engine."""
    cls = type(value)
    if cls in _PLAIN:
        return value
    if is_dataclass(value):
        tag = getattr(cls, _TAG, None)
        plain = {} if tag is None else {"type": tag}
        for name, wire in _names.get(cls) or _wire_names(cls):
            field = getattr(value, name)
            plain[wire] = field if type(field) in _PLAIN else to_plain(field)
        return plain
    if isinstance(value, tuple):
        return [to_plain(item) for item in value]
    if isinstance(value, Enum):
        return value.value
    return value


_PLAIN = frozenset({str, int, float, bool, dict})  # what JSON engines take as it is
_names: dict[type, tuple[tuple[str, str], ...]] = {}


def _wire_names(cls: type) -> tuple[tuple[str, str], ...]:
    names = tuple((f.name, f.name.rstrip("_")) for f in fields(cls))
    _names[cls] = names
    return names


def _record(cls: type, *, tagged: bool = False) -> Check:
    """Compile the check of one dataclass, its fields in order."""
    hints = get_type_hints(cls, include_extras=True)
    checks = [
        (f.name, f.name.rstrip("_"), _check(hints[f.name]), f.default is MISSING)
        for f in fields(cls)
    ]
    known = {wire for _, wire, _, _ in checks} | ({"type"} if tagged else set())
    what = getattr(cls, _TAG, cls.__name__)

    def check(plain: Any) -> Any:
        if type(plain) is not dict:
            raise ProtocolError(f"{what}: expected an object")
        if not plain.keys() <= known:
            raise ProtocolError(f"{what}: unknown field")
        values = {}
        for name, wire, field_check, required in checks:
            if wire in plain:
                try:
                    values[name] = field_check(plain[wire])
                except _Mismatch as mismatch:
                    raise ProtocolError(f"{what}.{wire}: {mismatch}") from None
            elif required:
                raise ProtocolError(f"{what}.{wire}: missing")
        return cls(**values)

    return check


class _Mismatch(Exception):
    """A value that its field can't hold; ``_record`` adds where it was."""


def _check(hint: Any) -> Check:
    """Compile the check of one field's type."""
    origin = get_origin(hint)
    if origin is Annotated:
        inner, *marks = get_args(hint)
        return _marked(inner, marks)
    if isinstance(hint, NewType):
        return _check(hint.__supertype__)
    if origin is Literal:
        return _one_of(frozenset(get_args(hint)), lambda word: word)
    if origin is tuple:
        return _list_of(_check(get_args(hint)[0]), None)
    if origin is dict:
        return _object
    if is_dataclass(hint):
        return _record(hint) if isinstance(hint, type) else _object
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _one_of(frozenset(m.value for m in hint), hint)
    return _SCALARS[hint]


def _marked(inner: Any, marks: list[Any]) -> Check:
    mark = marks[0]
    if get_origin(inner) is tuple:
        return _list_of(_check(get_args(inner)[0]), mark.length)
    base = _check(inner)
    if isinstance(mark, Range):
        return _between(base, mark)

    def bounded(value: Any) -> Any:
        text = base(value)
        if len(text) > mark.length:
            raise _Mismatch(f"longer than {mark.length}")
        return text

    if isinstance(mark, Limit):
        return bounded

    def identifier(value: Any) -> Any:
        text = bounded(value)
        if not text or not _ID_ALPHABET.issuperset(text):
            raise _Mismatch("not an identifier")
        return text

    return identifier


def _between(base: Check, bounds: Range) -> Check:
    def check(value: Any) -> Any:
        number = base(value)
        if not bounds.least <= number <= bounds.greatest:
            raise _Mismatch(f"not from {bounds.least:g} to {bounds.greatest:g}")
        return number

    return check


def _list_of(item: Check, length: int | None) -> Check:
    def check(value: Any) -> Any:
        if type(value) is not list:
            raise _Mismatch("expected a list")
        if length is not None and len(value) > length:
            raise _Mismatch(f"more than {length} items")
        return tuple(item(each) for each in value)

    return check


def _one_of(words: frozenset[Any], make: Callable[[Any], Any]) -> Check:
    def check(value: Any) -> Any:
        if type(value) is not str or value not in words:
            raise _Mismatch("not one of the known words")
        return make(value)

    return check


def _string(value: Any) -> str:
    if type(value) is not str:
        raise _Mismatch("expected a string")
    if not value.isascii() and any("\ud800" <= c <= "\udfff" for c in value):
        raise _Mismatch("a lone surrogate")  # no UTF-8 for it: it can't be sent on
    return value


def _boolean(value: Any) -> bool:
    if type(value) is not bool:
        raise _Mismatch("expected true or false")
    return value


def _integer(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= _MAX_INTEGER:
        raise _Mismatch("expected an integer from 0 to 2^53-1")
    return value


def _number(value: Any) -> float:
    if type(value) is int and abs(value) <= _MAX_INTEGER:
        return float(value)
    if type(value) is not float or not math.isfinite(value):
        raise _Mismatch("expected a number")
    return value


def _object(value: Any) -> Mapping[str, Any]:
    if type(value) is not dict:
        raise _Mismatch("expected an object")
    depth, level = 0, [value]
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise _Mismatch(f"nested deeper than {MAX_DEPTH}")
        level = [
            inner
            for outer in level
            for inner in (outer.values() if type(outer) is dict else outer)
            if _nests(inner)
        ]
    return value


def _nests(value: Any) -> bool:
    """Whether there is more within; raise for a number that JSON can't carry."""
    kind = type(value)
    if kind is float and not math.isfinite(value):
        raise _Mismatch("a number out of range")
    if kind is int and not -_MAX_INTEGER <= value <= _MAX_INTEGER:
        raise _Mismatch("a number out of range")
    return kind is dict or kind is list


_SCALARS: dict[Any, Check] = {
    str: _string,
    bool: _boolean,
    int: _integer,
    float: _number,
}
