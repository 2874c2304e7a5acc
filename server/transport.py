"""uvicorn's WebSocket protocol, with an end to every connection."""

from typing import Final

from uvicorn.protocols.websockets.websockets_sansio_impl import (
    WebSocketsSansIOProtocol,
)

LINGER: Final = 5.0  # seconds


class WebSocketTransport(WebSocketsSansIOProtocol):
    """Drops what a client doesn't read after the conversation is over.

    Closing a transport waits for its buffer to be written; a client that reads
    nothing would keep it, and the connection, for ever.
    """

    async def run_asgi(self) -> None:
        """Run the application; leave the transport a moment to close by itself."""
        await super().run_asgi()
        self.loop.call_later(LINGER, self.transport.abort)
