"""The connection test: what is looked at, in which order, and what follows.

Pure: a ``Prober`` looks at the platform, and everything that it found is judged
here, so that the same verdict is given in the page and by a test's table.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Protocol

from protocol.messages import IceServer

FORMAT: Final = 1  # of the report


class Item(StrEnum):
    """What is looked at, in this order."""

    BROWSER = "browser"
    CAMERA = "camera"
    MICROPHONE = "microphone"
    SERVER = "server"
    SOCKET = "socket"
    STUN = "stun"
    RELAY_UDP = "relay-udp"
    RELAY_TCP = "relay-tcp"
    RELAY_TLS = "relay-tls"
    CALL = "call"


class Outcome(StrEnum):
    """How one of them went."""

    WAITING = "waiting"
    RUNNING = "running"
    PASSED = "passed"
    WARNED = "warned"
    FAILED = "failed"
    SKIPPED = "skipped"


class Reason(StrEnum):
    """Why something didn't pass, or wasn't looked at."""

    NONE = ""
    MISSING = "missing"  # the browser lacks it, or no device is there
    DENIED = "denied"  # by a permission
    UNREACHABLE = "unreachable"
    REFUSED = "refused"  # the credentials
    NOT_CONFIGURED = "not-configured"
    LOGIN = "login"  # whoever isn't signed in gets no answer
    TOO_MANY = "too-many"
    UNREACHED = "unreached"  # something before it failed


class Verdict(StrEnum):
    """What it all means for a call, the worst first."""

    RUNNING = "running"
    NO_BROWSER = "no-browser"
    SIGN_IN = "sign-in"
    TOO_OFTEN = "too-often"
    NO_SERVER = "no-server"
    NO_SOCKET = "no-socket"
    NO_CALL = "no-call"
    RELAY_REFUSES = "relay-refuses"
    RELAY_AWAY = "relay-away"
    ONLY_RELAY = "only-relay"
    NO_RELAY = "no-relay"
    NO_DEVICE = "no-device"
    READY = "ready"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of one item; figures by their name and unit."""

    outcome: Outcome = Outcome.WAITING
    reason: Reason = Reason.NONE
    figures: Mapping[str, float] = field(default_factory=dict)


Findings = Mapping[Item, Finding]


class Prober(Protocol):
    """Looks at the platform. Each answers in bounded time and raises nothing."""

    async def browser(self) -> Finding:
        """Look whether the browser can hold an encrypted call."""

    async def device(self, item: Item) -> Finding:
        """Look for a camera or a microphone, without opening it."""

    async def server(self) -> tuple[Finding, tuple[IceServer, ...]]:
        """Ask the server for its ICE servers."""

    async def socket(self) -> Finding:
        """Open a WebSocket to the server, and close it."""

    async def reach(self, server: IceServer) -> Finding:
        """Gather over one ICE server of one URL alone."""

    async def call(self, servers: tuple[IceServer, ...], *, relayed: bool) -> Finding:
        """Let two connections of one's own carry as much as they can, for a moment."""


async def examine(
    prober: Prober, publish: Callable[[dict[Item, Finding]], None]
) -> dict[Item, Finding]:
    """Look at everything, one after the other; tell of each step.

    What can't be looked at, because something before it failed, is skipped.
    """
    found = {item: Finding() for item in Item}

    def begin(item: Item) -> None:
        found[item] = Finding(Outcome.RUNNING)
        publish(dict(found))

    async def take(item: Item, looking: Awaitable[Finding]) -> None:
        begin(item)
        found[item] = await looking

    await take(Item.BROWSER, prober.browser())
    await take(Item.CAMERA, prober.device(Item.CAMERA))
    await take(Item.MICROPHONE, prober.device(Item.MICROPHONE))
    begin(Item.SERVER)
    found[Item.SERVER], servers = await prober.server()
    if Outcome.FAILED in (found[Item.BROWSER].outcome, found[Item.SERVER].outcome):
        for item in (*_BY_SCHEME.values(), Item.SOCKET, Item.CALL):
            found[item] = Finding(Outcome.SKIPPED, Reason.UNREACHED)
    else:
        await take(Item.SOCKET, prober.socket())
        for item in _BY_SCHEME.values():
            server = _of(item, servers)
            if server is None:
                found[item] = Finding(Outcome.SKIPPED, Reason.NOT_CONFIGURED)
            else:
                await take(item, prober.reach(server))
        relayed = any(found[each].outcome is Outcome.PASSED for each in RELAYS)
        await take(Item.CALL, prober.call(servers, relayed=relayed))
    publish(dict(found))
    return found


def verdict(found: Findings) -> Verdict:
    """Return what it means, the most pressing first."""
    outcomes = {item: finding.outcome for item, finding in found.items()}
    if {Outcome.WAITING, Outcome.RUNNING} & set(outcomes.values()):
        return Verdict.RUNNING
    for item, broken in (
        (Item.BROWSER, Verdict.NO_BROWSER),
        (Item.SERVER, Verdict.NO_SERVER),
        (Item.SOCKET, Verdict.NO_SOCKET),
        (Item.CALL, Verdict.NO_CALL),
    ):
        if outcomes[item] is Outcome.FAILED:
            return _REFUSALS.get(found[item].reason, broken)
    relays = [found[each] for each in RELAYS]
    there = [each for each in relays if each.outcome is not Outcome.SKIPPED]
    works = any(each.outcome is Outcome.PASSED for each in there)
    if there and not works:
        refused = any(each.reason is Reason.REFUSED for each in there)
        return Verdict.RELAY_REFUSES if refused else Verdict.RELAY_AWAY
    if works and Outcome.FAILED in (outcomes[Item.STUN], outcomes[Item.RELAY_UDP]):
        return Verdict.ONLY_RELAY
    if not works:
        return Verdict.NO_RELAY
    # Who has one of the two is at least seen or heard.
    devices = {outcomes[Item.CAMERA], outcomes[Item.MICROPHONE]}
    return Verdict.NO_DEVICE if devices == {Outcome.WARNED} else Verdict.READY


def report(found: Findings, agent: str, at: str) -> dict[str, Any]:
    """Return it all as plain data: no name, no address, no credential."""
    return {
        "format": FORMAT,
        "at": at,
        "agent": agent,
        "verdict": verdict(found).value,
        "checks": [
            {
                "check": item.value,
                "outcome": finding.outcome.value,
                "reason": finding.reason.value,
                **finding.figures,
            }
            for item, finding in found.items()
        ],
    }


#: What is asked of which kind of URL (RFC 7064, RFC 7065).
_BY_SCHEME: Final[Mapping[tuple[str, str], Item]] = {
    ("stun", "udp"): Item.STUN,
    ("turn", "udp"): Item.RELAY_UDP,
    ("turn", "tcp"): Item.RELAY_TCP,
    ("turns", "tcp"): Item.RELAY_TLS,
}
_REFUSALS: Final = {
    Reason.LOGIN: Verdict.SIGN_IN,
    Reason.TOO_MANY: Verdict.TOO_OFTEN,
}
RELAYS: Final = (Item.RELAY_UDP, Item.RELAY_TCP, Item.RELAY_TLS)


def _of(item: Item, servers: tuple[IceServer, ...]) -> IceServer | None:
    """Return the first server for an item, with that one URL."""
    for server in servers:
        for url in server.urls:
            if _BY_SCHEME.get(_kind(url)) is item:
                return IceServer((url,), server.username, server.credential)
    return None


def _kind(url: str) -> tuple[str, str]:
    scheme, _, rest = url.partition(":")
    otherwise = "tcp" if scheme == "turns" else "udp"
    _, asked, transport = rest.partition("?transport=")
    return scheme, transport if asked else otherwise
