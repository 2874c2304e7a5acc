"""The numbers that ride on messages, in both directions.

They belong to the way, not to the message: ``seq`` (server to client) and ``n``
(client to server) count what must come exactly once, ``ack`` says up to which
number the other side's messages have come. Written into the encoded text, so that
a message for many is encoded once.
"""

from typing import Final, NamedTuple

SEQ: Final = "seq"
N: Final = "n"
ACK: Final = "ack"

ROOM: Final = 64  # characters that the two numbers need at most


class Numbers(NamedTuple):
    """A message's own number, and the last that came; 0 is none."""

    number: int = 0
    ack: int = 0


def stamp(text: str, name: str, numbers: Numbers) -> str:
    """Return an encoded message with its numbers; ``name`` is ``SEQ`` or ``N``."""
    number, ack = numbers
    if number and ack:
        return f'{{"{name}":{number},"{ACK}":{ack},{text[1:]}'
    if number:
        return f'{{"{name}":{number},{text[1:]}'
    return f'{{"{ACK}":{ack},{text[1:]}' if ack else text
