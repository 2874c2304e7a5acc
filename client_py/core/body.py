"""The bodies of signals: what another participant says, which may be anything."""

from typing import Any

from protocol.codec import Codec
from protocol.errors import ProtocolError
from protocol.messages import PeerMessage


def _parsed(_: Any) -> Any:
    raise AssertionError("a signal's body comes parsed")


_CODEC: Codec[PeerMessage] = Codec(PeerMessage, _parsed, _parsed)


def peer_message(body: dict[str, Any]) -> PeerMessage | None:
    """Return the message in a body; a peer that talks nonsense says nothing."""
    try:
        return _CODEC.from_plain(body)
    except ProtocolError:
        return None
