"""The protocol's codec over msgspec, the fastest JSON engine for Python."""

import msgspec

from protocol.codec import Codec
from protocol.messages import ClientMessage, ServerMessage

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder()


def _dumps(plain: object) -> str:
    return _encoder.encode(plain).decode()


FROM_CLIENT: Codec[ClientMessage] = Codec(ClientMessage, _decoder.decode, _dumps)
TO_CLIENT: Codec[ServerMessage] = Codec(ServerMessage, _decoder.decode, _dumps)
