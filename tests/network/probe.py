"""Small measurements from within a site: what STUN sees, what UDP loses."""

import os
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from tests.network.namespace import Namespace

STUN_PORT: Final = 3478
_COOKIE: Final = 0x2112A442
_BINDING, _SUCCESS, _XOR_MAPPED = 0x0001, 0x0101, 0x0020
_TRIES: Final = 5
_WAIT: Final = 0.5  # seconds; RFC 8489 §6.2.1 starts with the same


def mapped(site: Namespace, *servers: str) -> list[tuple[str, int] | None]:
    """Return how one socket looks to each STUN server (RFC 8489), None to a mute one.

    The first address in the list is the socket's own.
    """

    def ask() -> list[tuple[str, int] | None]:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.bind(("0.0.0.0", 0))
            asking.settimeout(_WAIT)
            own = asking.getsockname()
            return [own, *(_binding(asking, (each, STUN_PORT)) for each in servers)]

    return site.inside(ask)


@contextmanager
def echo(namespace: Namespace, address: str) -> Iterator["Echo"]:
    """Send every datagram back, on a free port of this address."""
    answering = Echo(namespace, address)
    try:
        yield answering
    finally:
        answering.close()


class Echo:
    """Sends datagrams back and notes when each came."""

    def __init__(self, namespace: Namespace, address: str) -> None:
        self.socket = namespace.inside(
            lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        )
        self.socket.bind((address, 0))
        self.came: list[tuple[float, int]] = []
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    @property
    def address(self) -> tuple[str, int]:
        """Where to send to."""
        host, port = self.socket.getsockname()
        return host, port

    def close(self) -> None:
        """End the thread."""
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_RD)  # wakes the thread, says ENOTCONN
        self._thread.join()
        self.socket.close()

    def _run(self) -> None:
        while True:
            data, sender = self.socket.recvfrom(2048)
            if not sender or not data:
                return
            self.came.append((time.monotonic(), len(data)))
            self.socket.sendto(data, sender)


def trips(
    site: Namespace, to: tuple[str, int], count: int, size: int = 64, pause: float = 0.0
) -> list[float]:
    """Send numbered datagrams; return the seconds that each took which came back."""
    return site.inside(lambda: _trips(to, count, size, pause))


def _trips(to: tuple[str, int], count: int, size: int, pause: float) -> list[float]:
    taken: dict[int, float] = {}
    sent: dict[int, float] = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.connect(to)
        asking.settimeout(1.0)

        def collect() -> None:
            with suppress(TimeoutError):  # a second of silence: no more will come
                while len(taken) < count:
                    number = struct.unpack("!I", asking.recv(2048)[:4])[0]
                    taken[number] = time.monotonic() - sent[number]

        collecting = threading.Thread(target=collect)
        for number in range(count):
            sent[number] = time.monotonic()
            asking.send(struct.pack("!I", number).ljust(size, b"."))
            if not number:
                collecting.start()
            if pause:
                time.sleep(pause)
        collecting.join()
    return list(taken.values())


def _binding(asking: socket.socket, server: tuple[str, int]) -> tuple[str, int] | None:
    transaction = os.urandom(12)
    request = struct.pack("!HHI", _BINDING, 0, _COOKIE) + transaction
    for _ in range(_TRIES):
        try:
            asking.sendto(request, server)
            while (answer := asking.recv(2048))[8:20] != transaction:
                pass
        except OSError:
            continue
        return _xor_mapped(answer)
    return None


def _xor_mapped(answer: bytes) -> tuple[str, int]:
    kind, length = struct.unpack("!HH", answer[:4])
    assert kind == _SUCCESS, f"STUN says {kind:#06x}"
    at = 20
    while at < 20 + length:
        attribute, size = struct.unpack("!HH", answer[at : at + 4])
        if attribute == _XOR_MAPPED:
            port, address = struct.unpack("!HI", answer[at + 6 : at + 12])
            plain = struct.pack("!I", address ^ _COOKIE)
            return socket.inet_ntoa(plain), port ^ (_COOKIE >> 16)
        at += 4 + (size + 3) // 4 * 4
    raise AssertionError("STUN tells no address")
