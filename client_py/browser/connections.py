"""Makes the page's connections, some of them before anybody needs one."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from js import RTCPeerConnection
from pyodide.ffi import JsException, jsnull, to_js

from client_py.browser.canary import Canaries
from client_py.browser.frames import FrameWorker, configuration
from client_py.browser.rtc import BrowserPeerConnection, Made, ice_server
from client_py.core.errors import NegotiationError
from client_py.core.ports import PeerEvent
from protocol.messages import IceServer

_SPARES = 3  # connections made ahead: most rooms that one joins hold no more


class BrowserPeerConnections:
    """Makes the page's connections.

    All of a page's connections have one certificate: making a key takes longer
    than anything else on the way to the first offer, so it is made in the lobby.
    So are the first connections that will offer.
    """

    def __init__(self, frames: FrameWorker | None = None) -> None:
        self._frames = frames
        self._canaries = Canaries()
        self._certificates: Any = to_js([])
        self._spares: list[Made] = []
        self._needed = False

    async def prepare(
        self, certificate: Awaitable[Any], *, hurried: bool = False
    ) -> None:
        """Take the certificate when it is made, and make what first calls need.

        Who is ``hurried`` is about to join: more than one would hold them up.
        """
        spares = 1 if hurried else _SPARES
        made = await certificate
        if made is jsnull:
            return  # connections are forbidden here
        self._certificates = to_js([made])
        # Whoever is quicker than this must not wait for it as well.
        while not self._needed and len(self._spares) < spares:
            # Sealed, as most rooms are: a transform can't be set any later.
            link = self._frames.link() if self._frames else None
            connection = self._new((), sealed=link is not None)
            self._spares.append(Made(connection, link, offering=True))
            await asyncio.sleep(0)

    def __call__(
        self,
        *,
        initiator: bool,
        ice_servers: tuple[IceServer, ...],
        emit: Callable[[PeerEvent], None],
        sealed: bool = False,
    ) -> "BrowserPeerConnection":
        """Return a new connection. Raises ``NegotiationError`` where there is none."""
        self._needed = True
        fits = initiator and sealed == (self._frames is not None)
        if fits and (spare := self._spare()) is not None:
            made = spare
            configured = self._configuration(ice_servers, sealed=sealed)
            made.connection.setConfiguration(**configured)
        else:
            link = None
            if sealed:
                assert self._frames is not None, "no browser to encrypt with"
                link = self._frames.link()
            connection = self._new(ice_servers, sealed=sealed)
            made = Made(connection, link, offering=initiator)
        return BrowserPeerConnection(made, emit, self._canaries)

    def _spare(self) -> Made | None:
        while self._spares:
            made = self._spares.pop()
            if made.link is None or not made.link.lost:
                return made
            made.connection.close()
        return None

    def _new(self, ice_servers: tuple[IceServer, ...], *, sealed: bool) -> Any:
        configuration = self._configuration(ice_servers, sealed=sealed)
        try:
            return RTCPeerConnection.new(**configuration)
        except JsException as error:  # a policy, or an extension, forbids them
            raise NegotiationError(f"no connection: {error}") from None

    def _configuration(
        self, ice_servers: tuple[IceServer, ...], *, sealed: bool
    ) -> dict[str, Any]:
        return {
            **(configuration() if sealed else {}),
            "iceServers": to_js([ice_server(server) for server in ice_servers]),
            "bundlePolicy": "max-bundle",
            "certificates": self._certificates,
        }
