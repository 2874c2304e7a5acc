"""Who may come in, and when it's too many."""

from ipaddress import ip_network

import pytest
from guest import FakeClock

from server.errors import TooMany
from server.gate import PENDING, PER_SESSION, RATES, Capacity, Door, Gate
from server.limits import Buckets, Rate


def scope(address="192.0.2.1", **headers):
    return {
        "client": (address, 1),
        "headers": [
            (name.replace("_", "-").encode(), value.encode())
            for name, value in headers.items()
        ],
    }


def refusal(call, *arguments):
    with pytest.raises(TooMany) as refused:
        call(*arguments)
    return refused.value.status, refused.value.retry_after


@pytest.fixture
def gate(clock: FakeClock) -> Gate:
    return Gate(clock, Capacity(connections=3, per_address=2))


def test_one_address_has_its_share_of_the_connections(gate):
    gate.connect("192.0.2.1")
    gate.connect("192.0.2.1")
    assert refusal(gate.connect, "192.0.2.1") == (429, 5)
    gate.connect("192.0.2.2")
    assert gate.connections == 3


def test_a_full_server_says_that_it_is_not_the_askers_doing(gate):
    for last in range(3):
        gate.connect(f"192.0.2.{last}")
    assert refusal(gate.connect, "192.0.2.9") == (503, 5)
    gate.disconnect("192.0.2.0")
    gate.connect("192.0.2.9")


def test_a_proxy_has_all_the_connections(clock):
    proxies = (ip_network("10.0.0.0/8"),)
    gate = Gate(clock, Capacity(connections=3, per_address=1, proxies=proxies))
    for _ in range(3):
        gate.connect("10.0.0.1")
    assert refusal(gate.connect, "10.0.0.1") == (503, 5)
    gate.disconnect("10.0.0.1")
    assert gate.connections == 2


def test_sockets_are_counted_by_the_address_behind_the_proxy(clock):
    proxies = (ip_network("10.0.0.0/8"),)
    gate = Gate(clock, Capacity(per_address=1, proxies=proxies))
    gate.knock(scope("10.0.0.1", x_forwarded_for="192.0.2.1"))
    gate.knock(scope("10.0.0.1", x_forwarded_for="192.0.2.2"))
    assert refusal(gate.knock, scope("10.0.0.1", x_forwarded_for="192.0.2.1"))


def test_handshakes_that_say_no_hello_keep_others_of_their_address_out(clock):
    gate = Gate(clock, Capacity())
    visits = [gate.knock(scope()) for _ in range(PENDING)]
    assert refusal(gate.knock, scope()) == (429, 5)
    gate.knock(scope("192.0.2.2"))
    visits[0].welcome("somebody")
    gate.knock(scope())
    visits[1].over()
    gate.knock(scope())
    assert refusal(gate.knock, scope()) == (429, 5)


def test_a_session_has_so_many_sockets_and_no_more(clock):
    gate = Gate(clock, Capacity())
    visits = [gate.knock(scope(f"192.0.2.{n}")) for n in range(PER_SESSION + 1)]
    for visit in visits[:-1]:
        visit.welcome("somebody")
    assert refusal(visits[-1].welcome, "somebody") == (429, 5)
    visits[0].over()
    visits[-1].welcome("somebody")


def test_nothing_is_kept_of_visits_that_are_over(clock):
    gate = Gate(clock, Capacity())
    refused, welcome, silent = (gate.knock(scope()) for _ in range(3))
    welcome.welcome("somebody")
    for visit in (refused, welcome, silent):
        visit.over()
    assert gate.pending["192.0.2.1"] == gate.sockets["192.0.2.1"] == 0
    assert gate.sessions["somebody"] == 0


def test_a_refused_handshake_is_not_counted(clock):
    gate = Gate(clock, Capacity(per_address=1))
    visit = gate.knock(scope())
    refusal(gate.knock, scope())
    visit.over()
    assert gate.pending["192.0.2.1"] == gate.sockets["192.0.2.1"] == 0


@pytest.mark.parametrize("door", Door)
def test_every_door_opens_again_when_the_time_that_was_said_is_over(clock, door):
    gate = Gate(clock, Capacity())
    for _ in range(int(RATES[door].burst)):
        gate.ask(door, scope())
    status, wait = refusal(gate.ask, door, scope())
    assert status == 429
    gate.ask(door, scope("192.0.2.2"))
    clock.advance(wait)
    gate.ask(door, scope())


def test_an_address_is_forgotten_once_all_that_it_did_is_long_ago():
    buckets: Buckets[str] = Buckets(Rate(1.0, 10.0))
    for number in range(100):
        assert not buckets.take(f"address-{number}", now=0.0, cost=10.0)
    assert buckets.take("address-99", now=9.0, cost=10.0)
    for number in range(100, 160):
        buckets.take(f"address-{number}", now=10.0)
    assert len(buckets) == 61  # with the one that was here at 9.0
    assert buckets.take("address-99", now=10.0, cost=10.0) == 0.0
