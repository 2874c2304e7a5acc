"""What ``scripts/services`` runs: it serves, it is safe, and it leaves nothing."""

import asyncio
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from aioice.stun import TransactionFailed
from motor.motor_asyncio import AsyncIOMotorClient

from server.cluster.streams import Streams
from server.ice import ice_servers
from tests.services.allocation import allocated
from tests.services.coturn import DENIED, SAFE, relay
from tests.services.mongo import mongo_server
from tests.services.service import Service, ServiceError, free_port, missing

ROOT = Path(__file__).resolve().parents[2]


def test_the_machine_has_what_the_tests_talk_to(tmp_path):
    lacks = missing()
    assert not lacks, f"tests fail without: as root, apt-get install {' '.join(lacks)}"
    with mongo_server(tmp_path):
        pass  # scripts/setup has built it


@pytest.mark.parametrize(
    ("command", "cure"),
    [("no-such-server", "run scripts/setup"), ("caddy", "apt-get install caddy")],
)
def test_who_lacks_a_service_is_told_how_to_get_it(command, cure, tmp_path):
    nothing = {"PATH": str(tmp_path)}
    with pytest.raises(ServiceError, match=f"{command} is missing: .*{cure}"):
        Service("it", [command], tmp_path, free_port(), nothing)


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with relay(tmp_path_factory.mktemp("coturn")) as made:
        yield made


def relayed(of, peer=None, *, secret="", age=0.0):
    """Ask for a relayed address, and to be let to a peer; return the address."""
    then = time.time() - age
    *_, turn = ice_servers(of.urls, secret or of.secret, "room", "somebody", then)
    return allocated(("127.0.0.1", of.port), turn, peer)


def refusal(of, peer=None, **how):
    with pytest.raises(TransactionFailed) as refused:
        relayed(of, peer, **how)
    return refused.value.response.attributes["ERROR-CODE"][0]


def test_the_servers_credentials_open_the_relay(running):
    host, _ = relayed(running)
    assert host == "127.0.0.1"


def test_other_credentials_do_not(running):
    assert refusal(running, secret="another") == 401
    assert refusal(running, age=3600.0) == 401


def test_the_relay_sends_to_everybody_else(running):
    assert relayed(running, "8.8.8.8")  # a permission: nothing is sent yet


@pytest.mark.parametrize(
    "peer",
    [
        "127.0.0.1",
        "127.8.8.8",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "198.18.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "0.0.0.0",
    ],
)
def test_the_relay_sends_nobody_into_a_private_network(running, peer):
    assert refusal(running, peer) == 403


@pytest.mark.parametrize(
    "peer", ["::", "::1", "::ffff:127.0.0.1", "fd00::1", "fe80::1"]
)
def test_nor_by_an_address_of_the_other_family(running, peer):
    # An address of IPv4 can't send there at all (RFC 8656 §9.2).
    assert refusal(running, peer) in (403, 443)


def test_this_machine_is_reached_only_where_that_was_asked_for(tmp_path):
    with relay(tmp_path, to_this_machine=True) as made:
        assert relayed(made, "127.0.0.1")
        assert refusal(made, "10.0.0.1") == 403


def test_administrators_are_told_the_same_settings():
    lines = (ROOT / "docs/TURN.md").read_text().splitlines()
    denied = [each for each in lines if each.startswith("denied-peer-ip=")]
    assert denied == [f"denied-peer-ip={each}" for each in DENIED]
    assert set(SAFE) <= set(lines)


async def answers(redis: str) -> bool:
    streams = Streams(redis, "")
    try:
        return await streams.answers()
    finally:
        await streams.close()


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_services_print_variables_serve_and_leave_nothing(stop):
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.services"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        told = {}
        for line in process.stdout:
            if not line.startswith("export "):
                break
            name, _, value = line.removeprefix("export ").strip().partition("=")
            told[name] = value.strip("'")
        assert sorted(told) == [
            "TERTULIA_DATABASE",
            "TERTULIA_REDIS",
            "TERTULIA_SECRET",
            "TERTULIA_TURN_SECRET",
            "TERTULIA_TURN_URLS",
        ]
        assert asyncio.run(written_and_read(told["TERTULIA_DATABASE"])) == 1
        assert asyncio.run(answers(told["TERTULIA_REDIS"]))
        port = re.search(r"turn:127\.0\.0\.1:(\d+)", told["TERTULIA_TURN_URLS"])[1]
        begun = descendants(process.pid)
        assert len(begun) == 3
    finally:
        process.send_signal(stop)
        code = process.wait(30)
        process.stdout.close()
    assert code == 0
    assert [each for each in begun if Path(f"/proc/{each}").exists()] == []
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(port)), 1.0)


async def written_and_read(url):
    client = AsyncIOMotorClient(url)
    try:
        collection = client.get_default_database()["things"]
        await collection.insert_one({"a": 1})
        return await collection.count_documents({"a": 1})
    finally:
        client.close()


def descendants(process):
    """Return the processes that a process started."""
    found = Path(f"/proc/{process}/task/{process}/children").read_text()
    return [int(each) for each in found.split()]
