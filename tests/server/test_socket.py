"""A WebSocket's life, over real sockets."""

import asyncio
import itertools
import json
import socket as sockets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import websockets
from guest import SECRET, Closed, Guest, House, counting, make_settings, serving

from protocol import messages as m
from protocol.codes import (
    MAX_MESSAGE,
    SUBPROTOCOL,
    VERSION,
    CloseCode,
    ErrorCode,
    LeaveReason,
    Presence,
    Role,
)
from server.direct import EXTENSION
from server.gate import Capacity
from server.tokens import Tokens


async def refusal(guest: Guest, hello: m.Hello) -> tuple[ErrorCode, int]:
    """Say hello, and return how it was refused."""
    await guest.say(hello)
    failed = await guest.hear()
    assert isinstance(failed, m.Failed)
    assert failed.about == "hello"
    return failed.code, await guest.closing()


# -- handshake


@pytest.mark.parametrize(
    "origin", [None, "null", "https://evil.example", "http://127.0.0.1.evil.example"]
)
async def test_another_sites_page_is_refused_before_the_socket_opens(house, origin):
    with pytest.raises(websockets.InvalidStatus) as refused:
        await house.visit(origin=origin)
    assert refused.value.response.status_code == 403


async def test_a_client_without_the_subprotocol_is_refused(house):
    with pytest.raises(websockets.InvalidStatus) as refused:
        await house.visit(subprotocols=["graphql-ws"])
    assert refused.value.response.status_code == 400


async def test_the_subprotocol_is_agreed_and_nothing_is_compressed(house):
    guest = await house.visit(compression="deflate")
    assert guest.socket.subprotocol == SUBPROTOCOL
    assert guest.socket.protocol.extensions == []


async def test_only_the_listed_origins_may_connect(tmp_path: Path):
    settings = make_settings(tmp_path, origins=("https://call.example",))
    async with serving(settings) as house:
        assert await house.visit(origin="https://call.example")
        with pytest.raises(websockets.InvalidStatus):
            await house.visit()


# -- hello


async def test_hello_is_answered_with_everything_there_is_to_know(house):
    (ana,) = await house.party("Ana")
    bo = await house.visit()
    joined = await bo.enter(house.token(), "Bo", media=m.MediaState(camera=True))
    ana_info = m.ParticipantInfo(ana.you, "Ana", role=Role.HOST)
    assert joined == m.Joined(
        bo.you, "the-room", (ana_info,), bo.resume, epoch=bo.epoch
    )
    info = m.ParticipantInfo(bo.you, "Bo", m.MediaState(camera=True))
    assert await ana.hear() == m.ParticipantJoined(info)


async def test_a_name_that_was_made_safe_is_told_to_its_owner(house):
    bo = await house.visit()
    await bo.enter(house.token(), "  B\u202eo\n")
    info = m.ParticipantInfo(bo.you, "Bo", role=Role.HOST)
    assert await bo.hear() == m.ParticipantChanged(info)


async def test_a_first_message_other_than_hello_closes(house):
    guest = await house.visit()
    await guest.say(m.Ping(1))
    assert (await guest.hear()).code is ErrorCode.BAD_MESSAGE
    assert await guest.closing() == CloseCode.BAD_MESSAGE


async def test_a_first_message_that_is_no_message_closes(house):
    guest = await house.visit()
    await guest.socket.send("hello?")
    assert (await guest.hear()).code is ErrorCode.BAD_MESSAGE
    assert await guest.closing() == CloseCode.BAD_MESSAGE


async def test_another_version_is_refused(house):
    hello = m.Hello(VERSION + 1, house.token(), "Ana")
    code, closed = await refusal(await house.visit(), hello)
    assert (code, closed) == (ErrorCode.VERSION, CloseCode.REFUSED)


async def test_a_token_that_is_none_is_refused(house):
    code, closed = await refusal(await house.visit(), m.Hello(VERSION, "", "Ana"))
    assert (code, closed) == (ErrorCode.BAD_TOKEN, CloseCode.REFUSED)


async def test_a_session_token_opens_no_room(house):
    token = Tokens(SECRET, counting()).session(house.clock.unix())
    code, closed = await refusal(await house.visit(), m.Hello(VERSION, token, "Ana"))
    assert (code, closed) == (ErrorCode.BAD_TOKEN, CloseCode.REFUSED)


async def test_an_expired_token_is_refused(house):
    token = house.token()
    house.clock.advance(400)
    code, closed = await refusal(await house.visit(), m.Hello(VERSION, token, "Ana"))
    assert (code, closed) == (ErrorCode.TOKEN_EXPIRED, CloseCode.REFUSED)


async def test_a_token_leads_into_its_own_room_only(house):
    house.clock.advance(15)  # nobody is awaited from before the start any more
    ana = await house.join("Ana", room="one")
    bo = await house.join("Bo", room="another")
    await bo.say(m.Signal(ana.you, 1, {}))
    failed = await bo.hear()
    assert (failed.code, failed.about) == (ErrorCode.NO_SUCH_PEER, "signal")


async def test_the_ninth_is_refused(house):
    await house.party(*"abcdefgh")
    hello = m.Hello(VERSION, house.token(), "i")
    code, closed = await refusal(await house.visit(), hello)
    assert (code, closed) == (ErrorCode.ROOM_FULL, CloseCode.REFUSED)


# -- in the room


async def test_a_signal_reaches_its_addressee_alone(house):
    ana, bo, eva = await house.party("Ana", "Bo", "Eva")
    body = {"type": "description", "kind": "offer", "sdp": "v=0\r\n"}
    await ana.say(m.Signal(bo.you, 3, body))
    assert await bo.hear() == m.Signaled(ana.you, 3, body)
    await eva.say(m.Ping(7))
    assert await eva.hear() == m.Pong(7)


async def test_a_signal_that_would_grow_too_large_is_refused(house):
    ana, bo = await house.party("Ana", "Bo")
    numbers = ",".join(["1E9"] * 14000)
    await ana.socket.send(
        f'{{"type":"signal","to":"{bo.you}","generation":1,"body":{{"n":[{numbers}]}}}}'
    )
    failed = await ana.hear()
    assert (failed.code, failed.about) == (ErrorCode.TOO_LARGE, "signal")


async def test_state_chat_and_reactions_reach_the_room(house):
    ana, bo = await house.party("Ana", "Bo")
    await ana.say(m.SetMedia(m.MediaState(microphone=True)))
    changed = await bo.hear()
    assert changed.participant.media == m.MediaState(microphone=True)
    await ana.say(m.SetHand(True))
    assert (await bo.hear()).participant.hand
    await ana.say(m.Chat(m.ParticipantId("line-1"), "hola"))
    line = await ana.hear()
    assert line == await bo.hear()
    assert line.line.from_ == ana.you
    assert (line.line.name, line.line.text) == ("Ana", "hola")
    assert line.line.at == house.clock.unix()
    await ana.say(m.React("🎉"))
    assert await ana.hear() == await bo.hear() == m.Reacted(ana.you, "🎉")


async def test_chat_said_twice_is_heard_once(house):
    ana, bo = await house.party("Ana", "Bo")
    for _ in range(2):
        await ana.say(m.Chat(m.ParticipantId("line-1"), "hola"))
    await ana.say(m.React("👍"))
    assert isinstance(await bo.hear(), m.Chatted)
    assert isinstance(await bo.hear(), m.Reacted)


async def test_the_tenth_bad_message_closes_and_the_place_is_kept(house):
    ana, bo = await house.party("Ana", "Bo")
    for number in range(10):
        await ana.socket.send("" if number % 2 else '{"type":"nonsense"}')
    for _ in range(10):
        assert (await ana.hear()).code is ErrorCode.BAD_MESSAGE
    with pytest.raises(Closed) as closed:
        await ana.hear()
    assert closed.value.args == (CloseCode.BAD_MESSAGE,)
    assert (await bo.hear()).participant.presence is Presence.RECONNECTING


async def test_a_binary_frame_closes_with_4002(house):
    (ana,) = await house.party("Ana")
    await ana.socket.send(b"{}")
    assert await ana.closing() == CloseCode.BAD_MESSAGE


async def test_a_message_too_large_closes_with_1009(house):
    (ana,) = await house.party("Ana")
    await ana.socket.send("x" * (MAX_MESSAGE + 1))
    assert await ana.closing() == 1009


async def test_hello_said_twice_is_refused(house):
    (ana,) = await house.party("Ana")
    await ana.say(m.Hello(VERSION, house.token(), "Ana"))
    failed = await ana.hear()
    assert (failed.code, failed.about) == (ErrorCode.BAD_MESSAGE, "hello")


# -- going


async def test_who_leaves_is_gone_at_once(house):
    ana, bo = await house.party("Ana", "Bo")
    await ana.say(m.Leave())
    assert await bo.hear() == m.ParticipantLeft(ana.you, LeaveReason.LEFT)
    assert await ana.closing() == CloseCode.NORMAL


@pytest.mark.parametrize("code", [1000, 1001])
async def test_who_closes_the_tab_is_gone_at_once(house, code):
    ana, bo = await house.party("Ana", "Bo")
    await ana.close(code)
    assert await bo.hear() == m.ParticipantLeft(ana.you, LeaveReason.LEFT)


async def test_who_is_cut_off_is_lost_when_the_grace_is_over(house):
    ana, bo = await house.party("Ana", "Bo")
    ana.cut()
    changed = await bo.hear()
    assert changed.participant.presence is Presence.RECONNECTING
    await bo.say(m.Ping(1))  # bo goes on being heard
    assert await bo.hear() == m.Pong(1)
    house.clock.advance(15)
    assert await bo.hear() == m.ParticipantLeft(ana.you, LeaveReason.LOST)


async def test_who_comes_back_in_time_hears_exactly_what_was_missed(house):
    ana, bo = await house.party("Ana", "Bo")
    ana.cut()
    assert (await bo.hear()).participant.presence is Presence.RECONNECTING
    await bo.say(m.Signal(ana.you, 1, {"n": 1}))
    await bo.say(m.Chat(m.ParticipantId("missed"), "are you there?"))
    await bo.say(m.SetHand(True))
    await bo.say(m.Signal(ana.you, 1, {"n": 2}))
    said = await bo.hear()
    again, resumed = await house.come_back(ana, "Ana")
    assert isinstance(resumed, m.Resumed)
    assert resumed.resume != ana.resume
    assert await again.hear() == m.Signaled(bo.you, 1, {"n": 1})
    assert await again.hear() == said
    assert (await again.hear()).participant.hand
    assert await again.hear() == m.Signaled(bo.you, 1, {"n": 2})
    assert again.seq == ana.seq + 4
    assert (await bo.hear()).participant.presence is Presence.PRESENT


async def test_who_says_something_again_is_heard_once(house):
    ana, bo = await house.party("Ana", "Bo")
    await ana.say(m.Signal(bo.you, 1, {"n": 1}), n=1)
    await ana.say(m.Signal(bo.you, 1, {"n": 2}), n=2)
    assert await bo.hear() == m.Signaled(ana.you, 1, {"n": 1}, n=1)
    assert await bo.hear() == m.Signaled(ana.you, 1, {"n": 2}, n=2)
    ana.cut()
    await bo.hear()
    again, resumed = await house.come_back(ana, "Ana")
    assert resumed.heard == 2
    await bo.hear()
    await again.say(m.Signal(bo.you, 1, {"n": 2}), n=2)
    await again.say(m.Signal(bo.you, 1, {"n": 3}), n=3)
    assert await bo.hear() == m.Signaled(ana.you, 1, {"n": 3}, n=3)
    await again.say(m.Ping(1))
    assert await again.hear() == m.Pong(1)
    assert again.ack == 3


async def test_who_comes_back_too_late_is_somebody_new(house):
    ana, bo = await house.party("Ana", "Bo")
    ana.cut()
    await bo.hear()
    house.clock.advance(15)
    assert isinstance(await bo.hear(), m.ParticipantLeft)
    _, joined = await house.come_back(ana, "Ana")
    assert not joined.resumed
    assert joined.you != ana.you


async def test_the_secret_before_still_brings_back_when_the_answer_was_lost(house):
    (ana,) = await house.party("Ana")
    ana.cut()
    first, _ = await house.come_back(ana, "Ana")
    first.cut()  # as if its joined had been lost
    _, resumed = await house.come_back(ana, "Ana")
    assert isinstance(resumed, m.Resumed)


async def test_nobody_takes_the_place_of_another(house):
    ana, bo = await house.party("Ana", "Bo")
    hello = m.Hello(VERSION, house.token(subject="Bo"), "Ana", resume=ana.resume)
    code, closed = await refusal(await house.visit(), hello)
    assert (code, closed) == (ErrorCode.RESUME_DENIED, CloseCode.REFUSED)
    await bo.say(m.Signal(ana.you, 1, {}))
    assert await ana.hear() == m.Signaled(bo.you, 1, {})


async def test_a_second_socket_takes_over_from_the_first(house):
    ana, bo = await house.party("Ana", "Bo")
    again, resumed = await house.come_back(ana, "Ana")
    assert isinstance(resumed, m.Resumed)
    assert await ana.closing() == CloseCode.ELSEWHERE
    await bo.say(m.Signal(ana.you, 1, {}))
    assert await again.hear() == m.Signaled(bo.you, 1, {})


async def test_who_is_silent_is_let_go_with_the_grace(house):
    ana, bo = await house.party("Ana", "Bo")
    house.clock.advance(29)
    await bo.say(m.Ping(1))
    assert await bo.hear() == m.Pong(1)
    house.clock.advance(1)
    assert await ana.closing() == CloseCode.SILENT
    assert (await bo.hear()).participant.presence is Presence.RECONNECTING


# -- those who don't read


async def deaf(house: House, name: str) -> Guest:
    """Let somebody in who reads nothing after the joined."""
    small = sockets.socket()
    small.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    small.setblocking(False)
    host, port = house.origin.removeprefix("http://").split(":")
    await asyncio.get_running_loop().sock_connect(small, (host, int(port)))
    guest = await house.visit(sock=small, max_queue=1)
    await guest.enter(house.token(subject=name), name)
    guest.socket.transport.pause_reading()
    return guest


async def test_who_does_not_read_holds_up_nobody(house):
    ana, bo = await house.party("Ana", "Bo")
    eva = await deaf(house, "Eva")
    await ana.hear()
    await bo.hear()
    padding = {"x": "x" * 60_000}
    for number in itertools.count():
        await ana.say(m.Signal(eva.you, 1, padding))
        await ana.say(m.Signal(bo.you, number, {}))
        heard = await bo.hear()
        if heard != m.Signaled(ana.you, number, {}):
            break
    assert heard.participant.id == eva.you
    assert heard.participant.presence is Presence.RECONNECTING
    eva.socket.transport.resume_reading()
    assert await eva.closing() == CloseCode.SLOW


# -- the hello's deadline, without a network


async def test_who_says_nothing_is_closed(tmp_path: Path):
    from server.clock import SystemClock
    from server.gate import Capacity, Gate
    from server.origin import Origins
    from server.socket import SocketEndpoint

    events: asyncio.Queue[dict[str, object]] = asyncio.Queue()
    events.put_nowait({"type": "websocket.connect"})
    sent: list[dict[str, object]] = []

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    from server.journal import Journal
    from server.rooms import Rooms
    from server.switchboard import Switchboard
    from server.ticket import Tickets

    journal: Journal = Journal(None)  # type: ignore[arg-type]  # nobody gets so far
    rooms = Rooms(counting(), lambda room, who: ())
    endpoint = SocketEndpoint(
        Switchboard(rooms, journal, SystemClock(), Tickets(SECRET)),
        Tokens(SECRET, counting()),
        Origins(("http://here",)),
        SystemClock(),
        Gate(SystemClock(), Capacity()),
        hello_deadline=0.01,
        register=None,  # type: ignore[arg-type]
    )
    scope = {
        "headers": [(b"host", b"here"), (b"origin", b"http://here")],
        "subprotocols": [SUBPROTOCOL],
        "extensions": {EXTENSION: None},  # nobody gets so far
    }
    await endpoint(scope, events.get, send)  # type: ignore[arg-type]
    assert sent[-1] == {
        "type": "websocket.close",
        "code": CloseCode.HELLO_TIMEOUT,
        "reason": "hello_timeout",
    }


async def test_the_room_that_ends_lets_everyone_go(house):
    async def post(path: str, token: str = "none") -> dict[str, str]:
        response = await house.http.post(
            path, headers={"authorization": f"Bearer {token}"}
        )
        return json.loads(response.text)

    session = (await post("/api/session"))["token"]
    room = (await post("/api/rooms", session))["room"]
    token = (await post(f"/api/rooms/{room}/token", session))["token"]
    ana = await house.visit()
    await ana.enter(token, "Ana")
    await house.http.delete(
        f"/api/rooms/{room}", headers={"authorization": f"Bearer {session}"}
    )
    assert await ana.hear() == m.ParticipantLeft(ana.you, LeaveReason.ENDED)
    assert await ana.closing() == CloseCode.REFUSED
    code, _ = await refusal(await house.visit(), m.Hello(VERSION, token, "Ana"))
    assert code is ErrorCode.ROOM_NOT_FOUND


@pytest.fixture
async def strict(tmp_path) -> AsyncIterator[House]:
    async with serving(make_settings(tmp_path, capacity=Capacity(scale=1))) as house:
        yield house


async def test_what_was_written_in_a_cut_is_heard_all_at_once(strict):
    ana, bo = await strict.party("ana", "bo")
    ana.cut()
    assert isinstance(await bo.hear(), m.ParticipantChanged)
    strict.clock.advance(8)
    back, _ = await strict.come_back(ana, "ana")
    assert isinstance(await bo.hear(), m.ParticipantChanged)
    lines = [str(number) for number in range(50)]  # 10 at once, and 5 a second
    for number, text in enumerate(lines, 1):
        await back.say(m.Chat(m.ParticipantId(f"c{number}"), text), n=number)
    assert [(await bo.hear()).line.text for _ in lines] == lines
    await back.say(m.Chat(m.ParticipantId("c51"), "one more"), n=51)
    said = [await back.hear() for _ in range(51)]
    assert said[-1].code is ErrorCode.TOO_MANY
