"""A process that stops lets everyone go in order."""

import asyncio
import os
import signal
import sys
import time

import pytest
import websockets
from guest import Guest, House, make_settings, serving

from protocol import messages as m
from protocol.codes import SUBPROTOCOL, CloseCode
from server.drain import APART, LONGEST, SETTLE, Drain
from server.seat import Seat
from server.store import RoomRecord, open_store
from server.tokens import Role, Tokens

SECRET = "a secret that is known to this file alone"


async def going(guest: Guest) -> tuple[list[m.ServerMessage], m.GoingAway, int]:
    """Return what came before the farewell, the farewell, and the close."""
    before = []
    while not isinstance(heard := await guest.hear(), m.GoingAway):
        before.append(heard)
    return before, heard, await guest.closing()


async def test_everyone_is_told_when_to_come_back_and_let_go(house: House):
    guests = await house.party("Ana", "Bo", "Eva")
    drain = asyncio.ensure_future(house.app.state.drain.run())
    farewells = [await going(guest) for guest in guests]
    await drain
    assert [code for *_, code in farewells] == [CloseCode.DRAINING] * 3
    for _, away, _ in farewells:
        assert away.retry_after == pytest.approx(3 * APART + SETTLE)


async def test_what_waits_goes_out_before(house: House):
    ana, bo = await house.party("Ana", "Bo")
    for number in range(50):
        await ana.say(m.Signal(bo.you, number, {}))
    await ana.say(m.Ping(1))
    await ana.hear()
    await house.app.state.drain.run()
    before, _, _ = await going(bo)
    signals = [each for each in before if isinstance(each, m.Signaled)]
    assert [each.generation for each in signals] == list(range(50))


async def test_nobody_comes_in_any_more(house: House):
    assert not house.app.state.draining
    await house.app.state.drain.run()
    assert house.app.state.draining
    with pytest.raises(websockets.InvalidStatus) as refused:
        await house.visit()
    assert refused.value.response.status_code == 503


async def test_who_was_sent_away_comes_back_to_the_next_process(tmp_path):
    async with serving(make_settings(tmp_path)) as house:
        ana, bo = await house.party("Ana", "Bo")
        await house.app.state.drain.run()
    async with serving(make_settings(tmp_path)) as house:
        again, joined = await house.come_back(ana, "Ana")
        assert (joined.you, joined.resumed) == (ana.you, True)
        _, joined = await house.come_back(bo, "Bo")
        assert (joined.you, joined.resumed) == (bo.you, True)
        assert [each.id for each in joined.participants] == [ana.you]
        assert (await again.hear()).participant.id == bo.you


async def test_who_hears_nothing_holds_up_nobody(house: House):
    (ana,) = await house.party("Ana")
    ana.socket.transport.pause_reading()
    async with asyncio.timeout(LONGEST):
        await house.app.state.drain.run()


async def test_who_leaves_meanwhile_holds_up_nobody(house: House):
    ana, *others, eva = await house.party("Ana", "Bo", "Dan", "Eva")
    drain = asyncio.ensure_future(house.app.state.drain.run())
    await going(ana)
    await eva.say(m.Leave())
    assert [code for *_, code in [await going(guest) for guest in others]] == [
        CloseCode.DRAINING
    ] * 2
    await drain


class Board:
    """A switchboard with many at it, none of whom is real."""

    def __init__(self, people: int) -> None:
        self.draining = False
        self.here = [Seat(m.ParticipantId(str(i)), None) for i in range(people)]
        self.fails_at = ""
        self.told: list[float] = []

    def connected(self):
        return list(self.here)

    def send_away(self, seat, retry_after):
        if seat.participant == self.fails_at:
            raise KeyError(seat.participant)
        self.told.append(asyncio.get_running_loop().time() + retry_after)
        self.here.remove(seat)


async def test_many_come_back_as_far_apart_as_they_went():
    board = Board(200)
    await Drain(board, 0.2, lambda: None).run()
    assert board.told == sorted(board.told)
    assert board.told[-1] - board.told[0] >= 0.19


async def test_what_fails_for_one_keeps_the_farewell_from_nobody():
    board = Board(3)
    board.fails_at = "1"
    await Drain(board, 0.0, lambda: None).run()
    assert [seat.participant for seat in board.here] == ["1"]


async def test_a_process_with_people_in_it_stops_with_zero(tmp_path):
    store = open_store(f"sqlite:///{tmp_path}/tertulia.db")
    await store.start()
    await store.add_room(RoomRecord(m.RoomId("room"), "", "its maker", time.time()))
    await store.close()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "server", "serve", "--port", "0"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={
            **os.environ,
            "TERTULIA_DATA_DIR": str(tmp_path),
            "TERTULIA_SECRET": SECRET,
        },
    )
    line = (await process.stdout.readline()).decode().strip()
    origin = f"http://127.0.0.1:{line.rsplit(':', 1)[1]}"
    socket = await websockets.connect(
        origin.replace("http", "ws", 1) + "/ws",
        origin=origin,
        subprotocols=[SUBPROTOCOL],
        proxy=None,
    )
    guest = Guest(socket)
    tokens = Tokens(SECRET, lambda: "jti")
    token = tokens.room("ana", m.RoomId("room"), Role.MEMBER, time.time())
    await guest.enter(token, "Ana")
    process.send_signal(signal.SIGTERM)
    _, _, code = await going(guest)
    assert code == CloseCode.DRAINING
    _, log = await process.communicate()
    assert process.returncode == 0
    assert b"Traceback" not in log
