"""Nothing that people say, are called or hold shows up in a log, at any level."""

import asyncio
import logging
from pathlib import Path

import pytest
import websockets
from guest import Closed, House, make_settings, serving

from protocol import messages as m
from protocol.codes import VERSION
from server.store import Aftermath

MARK = "mark-7f3a"


@pytest.fixture
def loggers(caplog: pytest.LogCaptureFixture):
    """Make every logger that there is write everything it can."""
    everything = [logging.getLogger(name) for name in logging.root.manager.loggerDict]
    before = [(logger, logger.level, logger.disabled) for logger in everything]
    ours = [each for each in everything if not each.name.startswith("websockets")]
    for logger in ours:
        logger.setLevel(logging.DEBUG)
        logger.disabled = False
    caplog.set_level(logging.DEBUG)
    yield caplog
    for logger, level, disabled in before:
        logger.setLevel(level)
        logger.disabled = disabled


async def ordinary(house: House) -> list[str]:
    """Meet, talk, go; return the tokens that were used."""
    session = (await house.http.post("/api/session", json={})).json()["token"]
    bearer = {"authorization": f"Bearer {session}"}
    made = await house.http.post("/api/rooms", json={"name": MARK}, headers=bearer)
    room = made.json()["room"]
    path = f"/api/rooms/{room}"
    tokens = [session]
    guests = []
    for name in (f"{MARK}-ana", f"{MARK}-bo"):
        token = (await house.http.post(f"{path}/token", headers=bearer)).json()["token"]
        guest = await house.visit()
        await guest.enter(token, name, agent=MARK)
        tokens += [token, guest.resume]
        guests.append(guest)
    ana, bo = guests
    await ana.hear()
    await ana.say(m.Signal(bo.you, 1, {"sdp": f"v=0 {MARK}"}))
    await bo.hear()
    await bo.say(m.Chat(m.ParticipantId("line"), f"{MARK} is what I say"))
    await ana.hear()
    ana.cut()
    await bo.hear()
    await bo.hear()
    await bo.say(m.Leave())
    await bo.closing()
    await house.http.delete(path, headers=bearer)
    return tokens


async def hostile(house: House) -> None:
    """Be wrong in every way that a log might quote."""
    await house.http.get(f"/{MARK}?token={MARK}", headers={"cookie": MARK})
    await house.http.get(f"/api/rooms/{MARK}")
    await house.http.post("/api/rooms", headers={"authorization": f"Bearer {MARK}"})
    await house.http.post("/api/session", content=MARK)
    for origin in (f"https://{MARK}.example", None):
        with pytest.raises(websockets.InvalidStatus):
            await house.visit(origin=origin)
    with pytest.raises(websockets.InvalidStatus):
        await house.visit(subprotocols=[MARK])
    for text in (MARK, f'{{"type":"{MARK}"}}', b"\xff" + MARK.encode()):
        guest = await house.visit()
        await guest.socket.send(text)
        await guest.closing()
    for text in (f'{{"type":"{MARK}"}}', f'{{"type":"ping","id":"{MARK}"}}'):
        guest = await house.join(MARK, room=MARK)
        await guest.socket.send(text)
        await guest.hear()
        await guest.socket.send(f'"{MARK}'.encode() + b"\xff", text=True)
        assert await guest.closing() == 1007
    guest = await house.visit()
    await guest.say(m.Hello(VERSION, MARK, MARK, resume=MARK))
    with pytest.raises(Closed):
        while True:
            await guest.hear()
    guest = await house.join(MARK, room=MARK)
    await guest.say(m.Signal(m.ParticipantId(MARK), 1, {"sdp": MARK}))
    await guest.say(m.Chat(m.ParticipantId(MARK), " "))
    await guest.hear()
    await guest.socket.ping(MARK)
    await guest.socket.close(1000, MARK)
    for line in (f"{MARK} {MARK}", f"GET / HTTP/1.1\r\n{MARK}", f"GET /{MARK}\x00"):
        reader, writer = await asyncio.open_connection(
            *house.origin.removeprefix("http://").split(":")
        )
        writer.write(f"{line}\r\n\r\n".encode())
        await reader.read()
        writer.close()
        await writer.wait_closed()


async def test_no_log_tells_what_was_said_by_whom_with_which_right(
    tmp_path: Path, loggers: pytest.LogCaptureFixture
):
    async with serving(make_settings(tmp_path)) as house:
        logging.getLogger("tertulia.transport").setLevel(logging.DEBUG)
        secrets = await ordinary(house)
        await hostile(house)
    # The other side's own library speaks here as well; of the server, everything.
    written = [
        loggers.handler.format(record)
        for record in loggers.records
        if not record.name.startswith(("websockets", "httpx", "httpcore"))
    ]
    assert any("joined" in line for line in written)
    for secret in (*secrets, MARK):
        assert [line for line in written if secret in line] == []


async def test_a_fault_of_ours_tells_nothing_and_has_the_headers(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    class Broken:
        async def start(self) -> None: ...

        async def end_open(self, at: float, reason: str, keep: object = ()) -> None: ...

        async def aftermath(self, since: float) -> Aftermath:
            return Aftermath()

        async def close(self) -> None: ...

        async def rooms(self, rooms: object) -> None:
            raise ZeroDivisionError

    store = Broken()
    async with serving(make_settings(tmp_path), store) as house:  # type: ignore[arg-type]
        response = await house.http.get("/api/rooms/abcd-efgh-jkmn")
    assert response.status_code == 500
    assert response.json() == {
        "error": {"code": "internal", "message": "internal error"}
    }
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "ZeroDivisionError" in caplog.text
