"""A line that takes its time: kernels without netem have none of their own.

A TUN device of a router takes what comes in from the host and gives each packet back
when it is due.
"""

import fcntl
import heapq
import os
import random
import select
import struct
import threading
import time
from typing import Final

from tests.network.namespace import Namespace

DEVICE: Final = "line"
_TUNSETIFF: Final = 0x400454CA
_TUN_NO_PI: Final = 0x0001 | 0x1000
_TABLE: Final = 100
_LONGEST: Final = 65535
_MOST: Final = 4096  # packets on their way


class Delay:
    """Delays what a router gets from one of its interfaces, until it is closed."""

    def __init__(
        self, router: Namespace, interface: str, delay: float, jitter: float
    ) -> None:
        self._router = router
        self._rule = f"iif {interface} lookup {_TABLE}"
        self._delay = delay
        self._jitter = jitter
        self._chance = random.Random(1)
        self._tun = router.inside(_open)
        self._stop, self._stopping = os.pipe()
        router.ip(f"link set {DEVICE} up")
        router.ip(f"route add default dev {DEVICE} table {_TABLE}")
        router.ip(f"rule add {self._rule}")
        self._thread = threading.Thread(target=self._run, name=DEVICE, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Let packets go straight on again; those on their way are lost."""
        self._router.ip(f"rule delete {self._rule}")
        os.close(self._stopping)
        self._thread.join()
        os.close(self._stop)
        os.close(self._tun)

    def _run(self) -> None:
        under_way: list[tuple[float, int, bytes]] = []
        count = 0
        while True:
            wait = max(0.0, under_way[0][0] - time.monotonic()) if under_way else None
            ready, _, _ = select.select([self._tun, self._stop], [], [], wait)
            if self._stop in ready:
                return
            if self._tun in ready:
                packet = os.read(self._tun, _LONGEST)
                extra = self._chance.uniform(0.0, self._jitter)
                due = time.monotonic() + self._delay + extra
                if len(under_way) < _MOST:
                    heapq.heappush(under_way, (due, count, packet))
                    count += 1
            while under_way and under_way[0][0] <= time.monotonic():
                os.write(self._tun, heapq.heappop(under_way)[2])


def _open() -> int:
    device = os.open("/dev/net/tun", os.O_RDWR)
    request = struct.pack("16sH22x", DEVICE.encode(), _TUN_NO_PI)
    fcntl.ioctl(device, _TUNSETIFF, request)
    return device
