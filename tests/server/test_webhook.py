"""Webhooks, told to a real receiver that fails, hangs and redirects."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest
from guest import FakeClock, counting, make_settings, serving

from protocol import messages as m
from server.backoff import LONGEST, pause
from server.observer import Observers
from server.webhook import PATIENCE, Webhooks, key_of, sign

KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()
ROOM = m.RoomId("the-room")
ANA, BO = m.ParticipantId("ana"), m.ParticipantId("bo")
HANG = 0


@dataclass
class Told:
    """One request as the receiver got it."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def content(self) -> dict:
        return json.loads(self.body)

    @property
    def what(self) -> tuple[str, ...]:
        data = self.content["data"]
        return (self.content["type"], *(data[k] for k in sorted(data) if k != "room"))

    def signed_with(self, key: bytes) -> bool:
        """Check the signature as the specification tells receivers to."""
        content = b".".join(
            (
                self.headers["webhook-id"].encode(),
                self.headers["webhook-timestamp"].encode(),
                self.body,
            )
        )
        digest = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest())
        return self.headers["webhook-signature"] == "v1," + digest.decode()


@dataclass
class Receiver:
    """An HTTP server that answers as it is told: a status, or it hangs."""

    port: int = 0
    told: list[Told] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                pairs = (line.split(": ", 1) for line in head[1:] if line)
                headers = {name.lower(): value for name, value in pairs}
                body = await reader.readexactly(int(headers["content-length"]))
                status = self.answers.pop(0) if self.answers else 200
                async with self.changed:
                    self.told.append(Told(head[0].split()[1], headers, body))
                    self.changed.notify_all()
                if status == HANG:
                    await reader.read()  # until the client gives it up
                    break
                answer = f"HTTP/1.1 {status} x\r\ncontent-length: 2\r\n"
                if status == 307:
                    answer += f"location: http://127.0.0.1:{self.port}/elsewhere\r\n"
                writer.write(answer.encode() + b"\r\nok")
        writer.close()

    async def hear(self, count: int) -> list[Told]:
        """Wait until so many requests came."""
        async with asyncio.timeout(5), self.changed:
            await self.changed.wait_for(lambda: len(self.told) >= count)
        return self.told[:count]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    yield receiver
    server.close()


@dataclass
class Desk:
    """Webhooks that wait by a clock of their own."""

    hooks: Webhooks
    pauses: list[float]
    counted: list[str]
    changed: asyncio.Event

    async def settle(self, count: int) -> list[str]:
        """Wait until so many events have ended, one way or another."""
        async with asyncio.timeout(5):
            while len(self.counted) < count:
                self.changed.clear()
                await self.changed.wait()
        return self.counted


@contextlib.asynccontextmanager
async def desk(
    *urls: str,
    clock: FakeClock | None = None,
    sleep: Callable[[float], Awaitable[None]] | None = None,
    **options,
) -> AsyncIterator[Desk]:
    clock = clock or FakeClock()
    pauses: list[float] = []
    counted: list[str] = []
    changed = asyncio.Event()

    def count(outcome: str) -> None:
        counted.append(outcome)
        changed.set()

    async def passing(seconds: float) -> None:
        pauses.append(seconds)
        clock.advance(seconds)
        await asyncio.sleep(0)

    hooks = Webhooks(
        urls,
        KEY,
        unix=clock.unix,
        new_id=counting("event"),
        counted=count,
        farewell=0.05,
        sleep=sleep or passing,
        **options,
    )
    yield Desk(hooks, pauses, counted, changed)
    await hooks.close()


async def test_an_event_is_signed_dated_and_named(receiver):
    async with desk(receiver.url) as office:
        office.hooks.joined(ROOM, ANA)
        (told,) = await receiver.hear(1)
    assert told.signed_with(KEY)
    assert not told.signed_with(KEY[::-1])
    assert told.headers["webhook-id"] == "msg_event1"
    assert told.headers["webhook-timestamp"] == "1800000000"
    assert told.headers["content-type"] == "application/json"
    assert told.content == {
        "type": "participant.joined",
        "timestamp": "2027-01-15T08:00:00+00:00",
        "data": {"room": ROOM, "participant": ANA},
    }


def test_the_signature_is_the_specifications_own_example():
    # The test vector in the specification's reference implementations.
    key = key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    signature = sign(
        key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
    )
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    "secret", ["", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_!", "whsec_c2hvcnQ="]
)
def test_a_secret_that_is_none_is_refused(secret):
    with pytest.raises(ValueError):
        key_of(secret)


async def test_a_receiver_that_fails_is_asked_again_later(receiver):
    receiver.answers = [500, 429, 204]
    async with desk(receiver.url) as office:
        office.hooks.joined(ROOM, ANA)
        told = await receiver.hear(3)
        assert await office.settle(1) == ["sent"]
        first, second = office.pauses
    assert 0.5 <= first <= 1 <= second <= 2
    assert {each.headers["webhook-id"] for each in told} == {"msg_event1"}
    assert all(each.signed_with(KEY) for each in told)


async def test_a_receiver_that_hangs_is_given_up_and_asked_again(receiver):
    receiver.answers = [HANG]
    async with desk(receiver.url, timeout=0.05) as office:
        office.hooks.joined(ROOM, ANA)
        assert await office.settle(1) == ["sent"]
    assert len(receiver.told) == 2


async def test_nobody_follows_a_redirect(receiver):
    receiver.answers = [307]
    async with desk(receiver.url) as office:
        office.hooks.joined(ROOM, ANA)
        assert await office.settle(1) == ["sent"]
    assert [told.path for told in receiver.told] == ["/hook", "/hook"]


async def test_a_receiver_that_is_not_there_is_asked_again(receiver):
    clock = FakeClock()
    tried = asyncio.Event()
    gate = asyncio.Event()

    async def waiting(seconds: float) -> None:
        tried.set()
        await gate.wait()

    port, receiver.port = receiver.port, 1  # nobody listens there
    async with desk(receiver.url, clock=clock, sleep=waiting) as office:
        office.hooks.joined(ROOM, ANA)
        await asyncio.wait_for(tried.wait(), 5)
        assert office.hooks.waiting == 1
    receiver.port = port
    assert office.counted == []
    assert office.hooks.waiting == 0


async def test_events_of_one_room_stay_in_order(receiver):
    receiver.answers = [500, 500]
    async with desk(receiver.url) as office:
        observers = Observers([office.hooks])
        observers.joined(ROOM, ANA)
        observers.joined(ROOM, BO)
        observers.left(ROOM, ANA, "left")
        observers.left(ROOM, BO, "lost")
        await office.settle(6)
    assert [told.what for told in receiver.told[2:]] == [
        ("room.started",),
        ("participant.joined", "ana"),
        ("participant.joined", "bo"),
        ("participant.left", "ana", "left"),
        ("participant.left", "bo", "lost"),
        ("room.ended",),
    ]


async def test_a_room_that_waits_holds_up_no_other(receiver):
    receiver.answers = [500]
    gate = asyncio.Event()

    async def waiting(seconds: float) -> None:
        await gate.wait()

    async with desk(receiver.url, sleep=waiting) as office:
        office.hooks.joined(ROOM, ANA)
        await receiver.hear(1)
        office.hooks.joined(m.RoomId("another"), BO)
        await receiver.hear(2)
        assert await office.settle(1) == ["sent"]
        gate.set()
        await receiver.hear(3)


async def test_every_url_is_told(receiver):
    other = receiver.url + "/2"
    async with desk(receiver.url, other) as office:
        office.hooks.room_started(ROOM)
        await office.settle(2)
    assert sorted(told.path for told in receiver.told) == ["/hook", "/hook/2"]


async def test_an_event_is_given_up_after_a_day(receiver):
    receiver.answers = [503] * 1000
    async with desk(receiver.url) as office:
        office.hooks.joined(ROOM, ANA)
        assert await office.settle(1) == ["given_up"]
    assert PATIENCE - LONGEST <= sum(office.pauses) <= PATIENCE


async def test_what_is_too_much_is_dropped_and_counted(receiver):
    receiver.answers = [HANG]
    async with desk(receiver.url, waiting=2, timeout=0.05) as office:
        for _ in range(3):
            office.hooks.joined(ROOM, ANA)
        assert office.counted == ["dropped"]
        assert await office.settle(3) == ["dropped", "sent", "sent"]
    assert office.hooks.waiting == 0


def test_pauses_grow_and_are_never_in_step():
    assert [pause(attempt, 0.0) for attempt in range(4)] == [0.5, 1, 2, 4]
    assert pause(0, 0.5) > pause(0, 0.0)
    assert pause(10_000, 1.0) == LONGEST


async def test_a_call_is_told_whole_and_without_names(receiver, tmp_path):
    settings = make_settings(tmp_path, webhook_urls=(receiver.url,), webhook_key=KEY)
    async with serving(settings) as house:
        ana, bo = await house.party("Marked-Ana", "Marked-Bo")
        await ana.say(m.Leave())
        await ana.closing()
        bo.cut()
        await receiver.hear(4)
        house.clock.advance(15)
        told = await receiver.hear(6)
    assert [each.what for each in told] == [
        ("room.started",),
        ("participant.joined", ana.you),
        ("participant.joined", bo.you),
        ("participant.left", ana.you, "left"),
        ("participant.left", bo.you, "lost"),
        ("room.ended",),
    ]
    assert all(each.content["data"]["room"] == "the-room" for each in told)
    assert not any(b"Marked" in each.body for each in told)


async def test_a_receiver_that_hangs_slows_no_call(receiver, tmp_path):
    receiver.answers = [HANG] * 4
    settings = make_settings(tmp_path, webhook_urls=(receiver.url,), webhook_key=KEY)
    async with serving(settings) as house:
        ana, bo = await house.party("Ana", "Bo")
        await receiver.hear(1)
        await ana.say(m.Signal(bo.you, 1, {}))
        assert await bo.hear() == m.Signaled(ana.you, 1, {})
        receiver.answers.clear()
