"""From where a request comes."""

from ipaddress import ip_network

import pytest

from server.address import Addresses, key

PROXIES = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]


def scope(peer: str | None, *forwarded: str):
    return {
        "client": (peer, 1234) if peer is not None else None,
        "headers": [(b"x-forwarded-for", each.encode()) for each in forwarded],
    }


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("192.0.2.1", [], "192.0.2.1"),
        ("192.0.2.1", ["198.51.100.9"], "192.0.2.1"),  # not a proxy of ours
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.9"], "198.51.100.9"),
        ("10.0.0.1", ["203.0.113.5, 198.51.100.9"], "198.51.100.9"),
        ("10.0.0.1", ["203.0.113.5", "198.51.100.9"], "198.51.100.9"),
        ("10.0.0.1", ["198.51.100.9, 10.0.0.2"], "198.51.100.9"),
        ("10.0.0.1", ["203.0.113.5, 198.51.100.9, 10.0.0.2"], "198.51.100.9"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("10.0.0.1", ["198.51.100.9, rubbish"], "10.0.0.1"),
        ("10.0.0.1", ["rubbish, 198.51.100.9"], "198.51.100.9"),
        ("10.0.0.1", ["198.51.100.9, "], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.9," * 10_000 + "10.0.0.2"], "198.51.100.9"),
        ("::ffff:10.0.0.1", ["198.51.100.9"], "198.51.100.9"),
        ("fd00::1", ["2001:db8:1:2:3::4"], "2001:db8:1:2::/64"),
        ("2001:db8:1:2:3::4", [], "2001:db8:1:2::/64"),
        (None, ["198.51.100.9"], ""),
    ],
)
def test_only_a_trusted_proxy_says_for_whom_it_asks(peer, forwarded, address):
    assert Addresses(PROXIES).of(scope(peer, *forwarded)) == address


def test_without_proxies_the_header_means_nothing():
    assert Addresses().of(scope("10.0.0.1", "198.51.100.9")) == "10.0.0.1"


def test_all_addresses_of_one_customer_are_one():
    assert key("2001:db8::1") == key("2001:db8::ffff:1")
    assert key("2001:db8::1") != key("2001:db8:0:1::1")
    assert key("::ffff:192.0.2.1") == key("192.0.2.1")
