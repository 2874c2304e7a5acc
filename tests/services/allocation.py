"""Asks a relay for an address (RFC 8656 §7), as a browser would."""

import asyncio
import ssl

from aioice.turn import create_turn_endpoint

from protocol.messages import IceServer

_CHANNEL = 0x4000  # the first number that there is (RFC 8656 §12)


def allocated(
    relay: tuple[str, int],
    turn: IceServer,
    peer: str | None = None,
    *,
    kind: str = "udp",
    trusted: ssl.SSLContext | None = None,
) -> tuple[str, int]:
    """Return the relayed address, having asked to be let to a peer where one is named.

    Raises aioice's ``TransactionFailed`` where the relay refuses either.
    """

    async def ask() -> tuple[str, int]:
        try:
            transport, line = await create_turn_endpoint(
                _Line,
                relay,
                transport=kind,
                ssl=trusted,
                lifetime=60,
                username=turn.username,
                password=turn.credential,
            )
        except Exception:
            await _closed()
            raise
        try:
            if peer:
                # The public way to it sends at once, and tells of no refusal.
                inner = transport._TurnTransport__inner_protocol
                await inner.channel_bind(_CHANNEL, (peer, 9))
            return transport.get_extra_info("sockname")
        finally:
            transport.close()
            async with asyncio.timeout(5):
                await line.lost.wait()
            await _closed()

    return asyncio.run(ask())


class _Line(asyncio.DatagramProtocol):
    """Tells when what is below it has ended: the relay has to answer for that."""

    def __init__(self) -> None:
        self.lost = asyncio.Event()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set()


async def _closed() -> None:
    """Let what has ended close: TLS first, then what is below it, a turn each."""
    for _ in range(8):
        await asyncio.sleep(0)
