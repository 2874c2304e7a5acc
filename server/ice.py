"""The ICE servers that a participant is told of, with credentials that expire.

They are given to who is in a room, and again before they end. Who leaves has them
for some minutes more, which is why they are short. Whoever tests their connection
before a call gets some for less than a minute.

TURN REST API (draft-uberti-behave-turn-rest-00 §2.2): the username carries the
time at which it expires, the credential is an HMAC under a secret that this
server and the TURN server share.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from typing import Final

from protocol.messages import IceServer, ParticipantId, RoomId

LIFE: Final = 600  # seconds, unless the settings say another
#: Seconds, for a test before a call. It tries one way after the other, and each may
#: take 8 s to fail: the last one, TLS, begins after 32.
TRIAL: Final = 45


def renewal(life: int) -> float:
    """Return after how many seconds new credentials follow those of such a life."""
    return 0.8 * life


def ice_servers(
    urls: Sequence[str],
    secret: str,
    room: RoomId,
    participant: ParticipantId,
    now: float,
    life: int = LIFE,
) -> tuple[IceServer, ...]:
    """Return the servers for one participant in one room; ``now`` is Unix time.

    What follows the time in the username is for the TURN server's log and quotas.
    """
    stun = tuple(url for url in urls if url.startswith("stun"))
    turn = tuple(url for url in urls if url.startswith("turn"))
    servers = [IceServer(stun)] if stun else []
    if turn:
        username = f"{int(now) + life}:{room}:{participant}"
        digest = hmac.digest(secret.encode(), username.encode(), hashlib.sha1)
        credential = base64.b64encode(digest).decode()
        servers.append(IceServer(turn, username, credential))
    return tuple(servers)
