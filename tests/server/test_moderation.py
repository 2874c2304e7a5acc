"""Moderation over real sockets, with clients that lie."""

import asyncio
import logging

import pytest
from guest import SECRET, Closed, Guest, House, counting

from protocol import messages as m
from protocol.codes import (
    GRACE,
    MAX_WAITING,
    VERSION,
    CloseCode,
    ErrorCode,
    LeaveReason,
    Presence,
    Role,
    Wish,
)
from server.tokens import Role as TokenRole, Tokens

ROOM = m.RoomId("the-room")


def hello(house: House, name: str, role: TokenRole = TokenRole.MEMBER) -> m.Hello:
    tokens = Tokens(SECRET, counting())
    token = tokens.room(name, ROOM, role, house.clock.unix())
    return m.Hello(VERSION, token, name)


async def knock(house: House, name: str) -> Guest:
    """Say hello and hear that I have to wait."""
    guest = await house.visit()
    await guest.say(hello(house, name))
    (me,) = (await guest.hear()).people
    assert me.name == name
    guest.you = me.id
    return guest


async def hear(guest: Guest, kind: type) -> object:
    """Return the next message of a kind."""
    while not isinstance(message := await guest.hear(), kind):
        pass
    return message


async def refused(guest: Guest, message: m.ClientMessage) -> ErrorCode:
    await guest.say(message)
    failed = await hear(guest, m.Failed)
    assert isinstance(failed, m.Failed)
    return failed.code


def everything(target: m.ParticipantId) -> list[m.ClientMessage]:
    return [
        m.Mute(target),
        m.StopShare(target),
        m.Remove(target),
        m.Ban(target),
        m.HandOver(target),
        m.Lock(True),
        m.SetWaitingRoom(True),
        m.Admit(target),
        m.Refuse(target),
        m.EndForAll(),
    ]


# -- who lies


async def test_a_member_who_plays_host_gets_nothing_but_forbidden(house):
    ana, bo, eva = await house.party("Ana", "Bo", "Eva")
    for message in everything(ana.you):
        assert await refused(bo, message) is ErrorCode.FORBIDDEN
    for message in everything(bo.you):  # not even of oneself
        assert await refused(bo, message) is ErrorCode.FORBIDDEN
    await bo.say(m.SetHand(True))
    for other in (ana, eva):  # it is the first that they hear of Bo
        changed = await hear(other, m.ParticipantChanged)
        assert changed.participant.id == bo.you
        assert changed.participant.role is Role.MEMBER


async def test_a_hello_can_not_say_who_is_host(house):
    (ana,) = await house.party("Ana")
    bo = await house.visit()
    text = '{"type":"hello","version":1,"token":"%s","name":"Bo","role":"host"}'
    await bo.socket.send(text % hello(house, "Bo").token)
    assert (await bo.hear()).code is ErrorCode.BAD_MESSAGE
    assert (await house.join("Bo")).you
    assert (await ana.hear()).participant.role is Role.MEMBER


async def test_who_handed_the_role_over_has_it_no_more(house):
    ana, bo = await house.party("Ana", "Bo")
    await ana.say(m.HandOver(bo.you))
    roles = [(await bo.hear()).participant for _ in range(2)]
    assert [(each.id, each.role) for each in roles] == [
        (bo.you, Role.HOST),
        (ana.you, Role.MEMBER),
    ]
    assert await refused(ana, m.Lock(True)) is ErrorCode.FORBIDDEN
    await bo.say(m.Lock(True))
    assert await bo.hear() == m.RoomChanged(m.Door(locked=True))


@pytest.mark.parametrize("target", ["nobody", "self"])
async def test_a_host_acts_only_on_somebody_else_who_is_there(house, target):
    ana, _ = await house.party("Ana", "Bo")
    who = m.ParticipantId(ana.you if target == "self" else target)
    for message in everything(who):
        if hasattr(message, "who"):
            assert await refused(ana, message) is ErrorCode.NO_SUCH_PEER


async def test_hosts_of_one_room_are_nobody_in_another(house):
    await house.party("Ana")
    bo = await house.join("Bo", room="another")  # host there
    ana = await house.join("Ana")
    assert await refused(bo, m.Remove(ana.you)) is ErrorCode.NO_SUCH_PEER


# -- asking


async def test_a_host_asks_and_the_client_has_to_do_it(house):
    ana, bo = await house.party("Ana", "Bo")
    await ana.say(m.Mute(bo.you))
    assert await bo.hear() == m.Asked(ana.you, Wish.MUTE)
    await ana.say(m.StopShare(bo.you))
    assert await bo.hear() == m.Asked(ana.you, Wish.STOP_SHARE)


async def test_what_was_asked_during_a_cut_is_heard_afterwards(house):
    ana, bo = await house.party("Ana", "Bo")
    bo.cut()
    changed = await hear(ana, m.ParticipantChanged)
    assert changed.participant.presence is Presence.RECONNECTING
    await ana.say(m.Mute(bo.you))
    await ana.say(m.Ping(1))
    await hear(ana, m.Pong)
    again, _ = await house.come_back(bo, "Bo")
    assert await hear(again, m.Asked) == m.Asked(ana.you, Wish.MUTE)


# -- out


@pytest.mark.parametrize(
    ("kind", "code"), [(m.Remove, ErrorCode.REMOVED), (m.Ban, ErrorCode.BANNED)]
)
async def test_who_is_taken_out_is_closed_at_once_and_stays_out(house, kind, code):
    ana, bo, eva = await house.party("Ana", "Bo", "Eva")
    await eva.say(m.Ping(1))
    await hear(eva, m.Pong)
    await ana.say(kind(bo.you))
    async with asyncio.timeout(1):
        failed = await hear(bo, m.Failed)
        assert (failed.code, failed.about) == (code, "")
        assert await bo.hear() == m.ParticipantLeft(bo.you, LeaveReason.REMOVED)
        with pytest.raises(Closed):
            await bo.hear()
    assert bo.socket.close_code == CloseCode.REFUSED
    assert await eva.hear() == m.ParticipantLeft(bo.you, LeaveReason.REMOVED)
    for resume in ("", bo.resume):  # neither a new seat nor the old one
        again = await house.visit()
        token = hello(house, "Bo").token
        await again.say(m.Hello(VERSION, token, "Bo", resume=resume))
        failed = await again.hear()
        assert (failed.code, failed.about) == (code, "hello")
        assert await again.closing() == CloseCode.REFUSED


async def test_who_is_taken_out_while_cut_off_does_not_come_back(house):
    ana, bo = await house.party("Ana", "Bo")
    bo.cut()
    await hear(ana, m.ParticipantChanged)
    await ana.say(m.Remove(bo.you))
    assert await ana.hear() == m.ParticipantLeft(bo.you, LeaveReason.REMOVED)
    again = await house.visit()
    token = hello(house, "Bo").token
    await again.say(m.Hello(VERSION, token, "Bo", resume=bo.resume))
    assert (await again.hear()).code is ErrorCode.REMOVED
    for number in range(6):  # at once, and Ana would count as silent
        house.clock.advance(10)
        await ana.say(m.Ping(number))
        assert isinstance(await ana.hear(), m.Pong)  # not announced twice


async def test_a_ban_takes_every_seat_of_somebody(house):
    ana, bo = await house.party("Ana", "Bo")
    second = await house.join("Bo")
    await ana.say(m.Ban(bo.you))
    for seat in (bo, second):
        assert await seat.closing() == CloseCode.REFUSED


async def test_what_somebody_says_after_they_were_taken_out_reaches_nobody(house):
    ana, bo = await house.party("Ana", "Bo")
    await ana.say(m.Remove(bo.you))
    for _ in range(20):
        try:
            await bo.say(m.Chat(m.ParticipantId("late"), "still here"))
        except Exception:  # closed, as it should be
            break
    assert await ana.hear() == m.ParticipantLeft(bo.you, LeaveReason.REMOVED)
    await ana.say(m.Ping(1))
    assert isinstance(await ana.hear(), m.Pong)


async def test_a_removed_one_may_ask_where_people_wait(house):
    ana, bo = await house.party("Ana", "Bo")
    await ana.say(m.Remove(bo.you))
    await bo.closing()
    await ana.say(m.SetWaitingRoom(True))
    await hear(ana, m.RoomChanged)
    again = await knock(house, "Bo")
    await ana.say(m.Admit(again.you))
    assert isinstance(await again.hear(), m.Joined)


# -- the door


async def test_a_locked_room_lets_back_in_who_belongs_there(house):
    ana, bo = await house.party("Ana", "Bo")
    await ana.say(m.Lock(True))
    await hear(ana, m.RoomChanged)
    eva = await house.visit()
    await eva.say(hello(house, "Eva"))
    assert (await eva.hear()).code is ErrorCode.LOCKED
    bo.cut()
    bo, answer = await house.come_back(bo, "Bo")
    assert isinstance(answer, m.Resumed)
    assert await bo.hear() == m.RoomChanged(m.Door(locked=True))
    host = await house.visit()
    joined = await host.enter(hello(house, "Gus", TokenRole.HOST).token, "Gus")
    assert joined.role is Role.HOST


async def test_a_newcomer_waits_for_a_word_of_the_host(house):
    ana, bo = await house.party("Ana", "Bo")
    await ana.say(m.SetWaitingRoom(True))
    assert await bo.hear() == m.RoomChanged(m.Door(waiting_room=True))
    eva = await knock(house, "Eva")
    waiting = await hear(ana, m.Waiting)
    assert waiting == m.Waiting((m.Newcomer(eva.you, "Eva"),))
    await ana.say(m.Admit(eva.you))
    joined = await eva.hear()
    assert isinstance(joined, m.Joined)
    assert (joined.you, joined.role, joined.waiting) == (eva.you, Role.MEMBER, ())
    came = await bo.hear()  # the first that anybody but the host hears of her
    assert came == m.ParticipantJoined(m.ParticipantInfo(eva.you, "Eva"))
    await eva.say(m.Signal(bo.you, 1, {}))
    assert await bo.hear() == m.Signaled(eva.you, 1, {})
    assert await hear(ana, m.Waiting) == m.Waiting(())


async def test_who_is_refused_hears_so_and_is_closed(house):
    (ana,) = await house.party("Ana")
    await ana.say(m.SetWaitingRoom(True))
    await hear(ana, m.RoomChanged)
    eva = await knock(house, "Eva")
    await ana.say(m.Refuse(eva.you))
    failed = await eva.hear()
    assert (failed.code, failed.about) == (ErrorCode.NOT_ADMITTED, "hello")
    assert await eva.closing() == CloseCode.REFUSED


async def test_who_waits_can_say_nothing_to_anybody(house):
    ana, bo = await house.party("Ana", "Bo")
    await ana.say(m.SetWaitingRoom(True))
    await hear(bo, m.RoomChanged)
    eva = await knock(house, "Eva")
    lies = [
        m.Signal(bo.you, 1, {}),
        m.Chat(m.ParticipantId("c"), "let me in"),
        m.React("👍"),
        m.SetHand(True),
        m.SetMedia(m.MediaState(camera=True)),
        m.Rename("Ana"),
        *everything(eva.you),
        *everything(ana.you),
    ]
    for message in lies:
        assert await refused(eva, message) is ErrorCode.FORBIDDEN
    await eva.say(m.Ping(1))
    assert await eva.hear() == m.Pong(1)
    house.clock.advance(GRACE)  # till then she might be one from before a restart
    assert await refused(bo, m.Signal(eva.you, 1, {})) is ErrorCode.NO_SUCH_PEER


async def test_who_gives_up_waiting_is_no_longer_listed(house):
    (ana,) = await house.party("Ana")
    await ana.say(m.SetWaitingRoom(True))
    eva, gus = await knock(house, "Eva"), await knock(house, "Gus")
    await eva.say(m.Leave())
    gus.cut()
    for _ in range(4):
        waiting = await hear(ana, m.Waiting)
    assert waiting == m.Waiting(())


async def test_whoever_becomes_host_sees_who_waits(house):
    ana, bo = await house.party("Ana", "Bo")
    await ana.say(m.SetWaitingRoom(True))
    await hear(bo, m.RoomChanged)
    eva = await knock(house, "Eva")
    await ana.say(m.Leave())
    assert await bo.hear() == m.ParticipantLeft(ana.you, LeaveReason.LEFT)
    assert (await bo.hear()).participant.role is Role.HOST
    assert await bo.hear() == m.Waiting((m.Newcomer(eva.you, "Eva"),))


async def test_a_bounded_number_waits(house):
    (ana,) = await house.party("Ana")
    await ana.say(m.SetWaitingRoom(True))
    await hear(ana, m.RoomChanged)
    for number in range(MAX_WAITING):
        await knock(house, f"guest {number}")
    late = await house.visit()
    await late.say(hello(house, "late"))
    assert (await late.hear()).code is ErrorCode.ROOM_FULL


async def test_nobody_is_let_into_a_full_room_and_they_go_on_waiting(house):
    ana, *_ = await house.party(*"abcdefgh")
    await ana.say(m.SetWaitingRoom(True))
    await hear(ana, m.RoomChanged)
    eva = await knock(house, "Eva")
    assert await refused(ana, m.Admit(eva.you)) is ErrorCode.ROOM_FULL
    await eva.say(m.Ping(1))
    assert await eva.hear() == m.Pong(1)


# -- hosts


async def test_the_maker_comes_back_as_host_and_can_not_be_taken_out(house):
    async def post(path: str, token: str) -> dict[str, str]:
        headers = {"authorization": f"Bearer {token}"}
        answer: dict[str, str] = (await house.http.post(path, headers=headers)).json()
        return answer

    sessions = [(await post("/api/session", "none"))["token"] for _ in "ab"]
    room = (await post("/api/rooms", sessions[0]))["room"]
    path = f"/api/rooms/{room}/token"
    bo, ana = await house.visit(), await house.visit()
    first = await bo.enter((await post(path, sessions[1]))["token"], "Bo")
    assert first.role is Role.HOST  # nobody else is in
    back = await ana.enter((await post(path, sessions[0]))["token"], "Ana")
    assert back.role is Role.HOST
    assert back.participants[0].role is Role.HOST  # both may do everything, but …
    await hear(bo, m.ParticipantJoined)
    for message in (m.Remove(ana.you), m.Ban(ana.you)):
        assert await refused(bo, message) is ErrorCode.FORBIDDEN
    await ana.say(m.Remove(bo.you))
    assert await bo.closing() == CloseCode.REFUSED


async def test_a_name_can_be_changed_and_is_made_safe(house):
    ana, bo = await house.party("Ana", "Bo")
    await bo.say(m.Rename("\u202eAna\u200b "))
    for guest in (bo, ana):
        assert (await guest.hear()).participant.name == "Ana"
    await bo.say(m.Chat(m.ParticipantId("c"), "hola"))
    assert (await ana.hear()).line.name == "Ana"


async def test_no_name_and_no_token_is_logged(house, caplog):
    caplog.set_level(logging.DEBUG)
    ana, bo = await house.party("Ana-secret-name", "Bo-secret-name")
    await ana.say(m.SetWaitingRoom(True))
    eva = await knock(house, "Eva-secret-name")
    await ana.say(m.Refuse(eva.you))
    await ana.say(m.Ban(bo.you))
    await bo.closing()
    assert "gone" in caplog.text
    ours = [each for each in caplog.records if each.name.startswith("tertulia")]
    assert not any("secret-name" in each.getMessage() for each in ours)
    assert bo.resume not in caplog.text
