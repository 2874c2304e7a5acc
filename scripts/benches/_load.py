"""One load generator for every signaling server: guests over picows.

It runs in the benchmark's own process, on another core than the server. What is
sent differs by server in as much as their protocols do; how it is sent doesn't.
"""

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from itertools import count

from picows import (
    WSCloseCode,
    WSFrame,
    WSListener,
    WSMsgType,
    WSTransport,
    ws_connect,
)

CANDIDATE = {
    "type": "candidate",
    "candidate": "candidate:1853887674 1 udp 1518280447 198.51.100.42 54400 typ srflx "
    "raddr 192.168.1.23 rport 54400 generation 0 ufrag 4ZcD network-id 1 "
    "network-cost 50",
    "sdp_mid": "0",
    "sdp_m_line_index": 0,
    "username_fragment": "4ZcD",
}
MEDIA = {"microphone": True, "camera": True, "screen": False, "screen_audio": False}
_addresses = count()


class Guest(WSListener):
    """One person at one socket. ``got`` hears of each signal that comes."""

    def __init__(self, kind: str, token: str) -> None:
        self.kind = kind
        self.token = token
        self.you = ""
        self.joined: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.got: Callable[[Guest], None] = lambda guest: None
        self.sent_at = 0.0
        self.texts: list[bytes] = []
        self._number = 0  # the last of mine; ours counts both ways
        self._seq = 0  # the last that came
        self.transport: WSTransport

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport
        if self.kind != "socketio":
            self.say(self._hello())

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        if not self.joined.done():
            self.joined.set_exception(ConnectionError("closed before joined"))

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type != WSMsgType.TEXT:
            return
        payload = frame.get_payload_as_bytes()
        if self.joined.done():
            if payload.startswith(b'{"seq":'):
                self._seq = int(payload[7 : payload.index(b",")])
            if b'signal"' in payload[:80]:
                self.got(self)
            elif payload == b"2":  # Engine.IO asks whether we live
                self.say(b"3")
        elif payload.startswith(b"0{"):
            self.say(b"40")
        elif payload.startswith(b"40"):
            self.say(b'42["hello",' + self._hello() + b"]")
        else:
            answer = json.loads(payload.removeprefix(b"42"))
            answer = answer[1] if isinstance(answer, list) else answer
            if "you" not in answer:
                self.joined.set_exception(ConnectionError(f"refused: {answer}"))
                return
            self.you = answer["you"]
            self.joined.set_result(None)

    def say(self, text: bytes) -> None:
        self.transport.send(WSMsgType.TEXT, text)

    def signal(self, which: int) -> None:
        """Say one of the prepared texts; to ours with its numbers."""
        text = self.texts[which]
        if self.kind == "ours":
            self._number += 1
            text = b'{"n":%d,"ack":%d,%b' % (self._number, self._seq, text[1:])
        self.say(text)

    def leave(self) -> None:
        """Close as a closed tab does: nobody waits for one to come back."""
        self.transport.send_close(WSCloseCode.GOING_AWAY)
        self.transport.disconnect()

    def address_to(self, others: Sequence["Guest"]) -> None:
        """Prepare one candidate for each of these."""
        for other in others:
            signal = {
                "type": "signal",
                "to": other.you,
                "generation": 1,
                "body": CANDIDATE,
            }
            text = json.dumps(signal, separators=(",", ":"))
            wrapped = f'42["signal",{text}]' if self.kind == "socketio" else text
            self.texts.append(wrapped.encode())

    def _hello(self) -> bytes:
        hello = {
            "type": "hello",
            "version": 1,
            "token": self.token,
            "name": "Ana",
            "media": MEDIA,
        }
        return json.dumps(hello, separators=(",", ":")).encode()


async def come(kind: str, address: str, token: str) -> Guest:
    """Connect, say hello, and return once the server says that one is in."""
    url = address.replace("http", "ws", 1) + "/ws"
    options = {"extra_headers": {"Origin": address}}
    if kind == "ours":
        options["extra_headers"]["Sec-WebSocket-Protocol"] = "tertulia.v1"
    if kind == "socketio":
        url = url.removesuffix("/ws") + "/socket.io/?EIO=4&transport=websocket"
    # As from many machines: servers count connections by address.
    machine = next(_addresses)
    source = f"127.0.{machine // 200 % 200 + 1}.{machine % 200 + 1}"
    _, guest = await ws_connect(
        lambda: Guest(kind, token), url, local_addr=(source, 0), **options
    )
    assert isinstance(guest, Guest)
    await guest.joined
    return guest


def rooms_of(guests: Sequence[Guest], size: int = 4) -> list[list[Guest]]:
    """Return the guests by room, each ready to talk to the others of theirs."""
    rooms = [list(guests[at : at + size]) for at in range(0, len(guests), size)]
    for room in rooms:
        for at, guest in enumerate(room):
            guest.address_to(room[at + 1 :] + room[:at])
    return rooms


async def closed_loop(rooms: Sequence[Sequence[Guest]], messages: int) -> int:
    """Have each guest send the next when their last arrived; return how many did.

    By number and not by time: on a busy machine too few would come to count on.
    """
    arrived, turns = 0, count()
    running = True
    enough = asyncio.Event()
    senders: dict[Guest, list[Guest]] = {}

    def send(guest: Guest, room: Sequence[Guest]) -> None:
        at = room.index(guest)
        hop = next(turns) % (len(room) - 1)
        senders.setdefault(room[(at + 1 + hop) % len(room)], []).append(guest)
        guest.signal(hop)

    for room in rooms:
        for guest in room:

            def got(guest: Guest, room: Sequence[Guest] = room) -> None:
                nonlocal arrived
                arrived += 1
                sender = senders[guest].pop(0)
                if running:
                    send(sender, room)
                if arrived == messages:
                    enough.set()

            guest.got = got
    for room in rooms:
        for guest in room:
            send(guest, room)
    await enough.wait()
    running = False
    result = arrived
    await asyncio.sleep(0.2)
    return result


async def open_loop(
    rooms: Sequence[Sequence[Guest]], rate: float, seconds: float
) -> list[float]:
    """Send at a fixed rate; return the ways, in seconds, from when each was due.

    Who is late counts as late: the clock starts when a message was to be sent, not
    when it was (no coordinated omission).
    """
    ways: list[float] = []
    total, everything = int(rate * seconds), asyncio.Event()
    due: dict[Guest, list[float]] = {}
    clock = time.perf_counter

    def got(guest: Guest) -> None:
        ways.append(clock() - due[guest].pop(0))
        if len(ways) == total:
            everything.set()

    people = [(guest, room, at) for room in rooms for at, guest in enumerate(room)]
    for guest, _, _ in people:
        guest.got = got
        due[guest] = []
    begun, sent = clock(), 0
    while sent < total:
        ready = min(total, int((clock() - begun) * rate))
        for number in range(sent, ready):
            guest, room, at = people[number % len(people)]
            hop = number // len(people) % (len(room) - 1)
            due[room[(at + 1 + hop) % len(room)]].append(begun + number / rate)
            guest.signal(hop)
        sent = max(sent, ready)
        await asyncio.sleep(0.0005)
    async with asyncio.timeout(30):
        await everything.wait()
    return ways
