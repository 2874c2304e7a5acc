"""The ICE servers that a participant is told of, with credentials that expire.

TURN REST API (draft-uberti-behave-turn-rest-00 §2.2): the username carries the
time at which it expires, the credential is an HMAC under a secret that this
server and the TURN server share.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from typing import Final

from protocol.messages import IceServer, ParticipantId

# A connection made late in a call still uses the credentials of the join, so
# they have to last as long as a call does.
LIFE: Final = 6 * 3600  # seconds


def ice_servers(
    urls: Sequence[str], secret: str, participant: ParticipantId, now: float
) -> tuple[IceServer, ...]:
    """Return the servers for one participant; ``now`` is Unix time."""
    stun = tuple(url for url in urls if url.startswith("stun"))
    turn = tuple(url for url in urls if url.startswith("turn"))
    servers = [IceServer(stun)] if stun else []
    if turn:
        username = f"{int(now) + LIFE}:{participant}"
        digest = hmac.digest(secret.encode(), username.encode(), hashlib.sha1)
        credential = base64.b64encode(digest).decode()
        servers.append(IceServer(turn, username, credential))
    return tuple(servers)
