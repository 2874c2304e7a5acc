"""People without a browser, in a call on a real server."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from client_py.core import event as e
from client_py.core.errors import SignalingError
from client_py.core.picture import screen
from client_py.core.slot import Slot
from client_py.core.state import Connection, Problem
from server.__main__ import configuration
from server.app import create_app
from server.settings import Settings
from tests.contract.server import running
from tests.links import Witnesses


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[str]:
    database = f"sqlite:///{tmp_path}/rooms.db"
    settings = Settings(database=database, secret="s" * 32, port=0)
    async with running(configuration(create_app(settings), settings)) as origin:
        yield origin


async def test_three_people_see_and_hear_each_other(
    house: str, witnesses: Witnesses
) -> None:
    async with (
        witnesses.come(house, "Ada") as ada,
        witnesses.come(ada.url, "Bob") as bob,
        witnesses.come(ada.url, "Carol") as carol,
    ):
        people = {"Ada": ada, "Bob": bob, "Carol": carol}
        await asyncio.gather(
            *(
                sense(other)
                for name, person in people.items()
                for other in people
                for sense in (person.sees, person.hears)
                if other != name
            )
        )

        for person in people.values():
            connections = [each.connection for each in person.snapshot.participants]
            assert connections == [Connection.CONNECTED] * 3


async def test_what_is_turned_off_is_gone_until_it_is_turned_on(
    house: str, witnesses: Witnesses
) -> None:
    async with (
        witnesses.come(house, "Ada") as ada,
        witnesses.come(ada.url, "Bob") as bob,
    ):
        who = await bob.meets("Ada")
        await asyncio.gather(bob.sees("Ada"), bob.hears("Ada"))

        with pytest.raises(TimeoutError, match="still hears"):
            await bob.media.falls_silent(who, timeout=1.5)

        ada.post(e.TurnOff(Slot.CAMERA))
        ada.post(e.TurnOff(Slot.MICROPHONE))
        await bob.media.falls_silent(who)
        await bob.media.loses(who, Slot.CAMERA)
        await bob.media.loses(who, Slot.MICROPHONE)
        assert not bob.snapshot.participants[1].media.camera

        ada.post(e.TurnOn(Slot.CAMERA))
        ada.post(e.TurnOn(Slot.MICROPHONE))
        await asyncio.gather(bob.sees("Ada"), bob.hears("Ada"))


async def test_a_shared_screen_is_told_from_a_camera(
    house: str, witnesses: Witnesses
) -> None:
    async with (
        witnesses.come(house, "Ada") as ada,
        witnesses.come(ada.url, "Bob") as bob,
    ):
        ada.post(e.TurnOn(Slot.SCREEN))

        who = await bob.meets("Ada")
        await bob.media.sees(who, screen("Ada"), slot=Slot.SCREEN)
        await bob.media.hears(who, screen("Ada"), slot=Slot.SCREEN_AUDIO)


async def test_who_leaves_is_missed(house: str, witnesses: Witnesses) -> None:
    async with witnesses.come(house, "Ada") as ada:
        async with witnesses.come(ada.url, "Bob"):
            await ada.meets("Bob")

        await ada.until(lambda snapshot: len(snapshot.participants) == 1)


async def test_nobody_gets_into_a_room_that_is_not_there(
    house: str, witnesses: Witnesses
) -> None:
    with pytest.raises(SignalingError) as refusal:
        async with witnesses.come(f"{house}/r/none-such-room", "Ada"):
            pass

    assert refusal.value.problem is Problem.ROOM_NOT_FOUND


async def test_the_command_line_says_what_it_sees(
    house: str, witnesses: Witnesses
) -> None:
    async with witnesses.come(house, "Ada") as ada:
        command = ("-m", "client_py.headless", ada.url, "--name", "Robot", "--seconds")
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *command,
            "2.5",
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        await ada.sees("Robot", timeout=20)
        out, noise = await process.communicate()

    lines = [json.loads(line) for line in out.splitlines()]
    assert process.returncode == 0
    assert noise == b""
    assert lines[0]["phase"] == "joined"
    assert lines[-2]["participants"][0]["slots"]["camera"]["sees"] == "Ada"
    assert lines[-1] == {"left": True}
