"""Whose pages may connect."""

import pytest

from server.origin import Origins, host_of


def scope(origin, host="call.example:8000", scheme="ws"):
    headers = [(b"host", host.encode())]
    if origin is not None:
        headers.append((b"origin", origin.encode()))
    return {"scheme": scheme, "headers": headers}


@pytest.mark.parametrize(
    ("origin", "admitted"),
    [
        ("http://call.example:8000", True),
        ("https://call.example:8000", True),
        ("HTTP://Call.Example:8000", True),
        (None, False),
        ("", False),
        ("null", False),
        ("http://call.example", False),
        ("http://call.example:8000.evil.example", False),
        ("http://evil.call.example:8000", False),
        ("http://localhost:8000", False),
    ],
)
def test_without_a_list_our_own_pages_may(origin, admitted):
    assert Origins(()).admit(scope(origin)) is admitted


def test_over_tls_a_page_without_may_not():
    assert not Origins(()).admit(scope("http://h.example", "h.example", "wss"))
    assert Origins(()).admit(scope("https://h.example", "h.example", "wss"))


def test_a_list_is_all_that_may():
    origins = Origins(("https://a.example",))
    assert origins.admit(scope("https://a.example"))
    assert not origins.admit(scope("http://call.example:8000"))


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "",
        "null",
        "*",
        "http://a.example:8443",
        "https://a.example",
        "https://a.example:84430",
        "https://a.example:8443/",
        "https://a.example:8443.evil.example",
        "https://evil-a.example:8443",
        "https://evil.a.example:8443",
        "https://axexample:8443",
        "https://a.example:8443, https://evil.example",
        "https://evil.example https://a.example:8443",
        "https://a.example:8443\x00",
    ],
)
def test_what_is_nearly_on_the_list_is_not(origin):
    origins = Origins(("https://a.example:8443",))
    assert origins.admit(scope("https://a.example:8443"))
    assert not origins.admit(scope(origin))


@pytest.mark.parametrize("origin", ["http://localhost:3000", "http://127.0.0.1"])
def test_in_test_mode_local_pages_may_too(origin):
    assert Origins((), test_mode=True).admit(scope(origin))


@pytest.mark.parametrize(
    "origin", ["http://localhost.evil.example", "http://localhost:1@evil.example"]
)
def test_in_test_mode_foreign_pages_still_may_not(origin):
    assert not Origins((), test_mode=True).admit(scope(origin))


@pytest.mark.parametrize("host", ["a b", "a;b", "a/b", "'none'", "", "a:b", "[::1"])
def test_a_host_that_is_none_counts_as_missing(host):
    assert host_of(scope(None, host)) == ""
    assert not Origins(()).admit(scope(f"http://{host}", host))


def test_two_origins_are_none():
    twice = scope("http://call.example:8000")
    twice["headers"].append((b"origin", b"http://call.example:8000"))
    assert not Origins(()).admit(twice)
