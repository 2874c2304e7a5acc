"""Who is whose DTLS client: settled by the first answer, and kept from then on.

Pure. Whoever answers an offer that leaves the roles open keeps the one that it has (RFC
8842 §5.3). Firefox 153 always becomes the client, and Chromium, which is it already,
refuses such an answer: each way that it looked for ended the connection.
"""

from typing import Final

_OPEN: Final = "a=setup:actpass"
_CLIENT: Final = "a=setup:active"
_SERVER: Final = "a=setup:passive"


def keep_role(offer: str, local: str, remote: str) -> str:
    """Return an offer as it has to be answered.

    ``local`` and ``remote`` are what both ends have agreed on, "" where they have not:
    one of them was an answer, and says who is what.
    """
    if _SERVER in local.splitlines() or _CLIENT in remote.splitlines():
        return offer.replace(_OPEN, _CLIENT)  # which I can answer as a server alone
    return offer
