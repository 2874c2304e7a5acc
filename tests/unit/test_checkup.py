"""The connection test's order, and what it says, by tables."""

import pytest

from client_py.core.checkup import (
    RELAYS,
    Finding,
    Item,
    Outcome,
    Reason,
    Verdict,
    examine,
    report,
    verdict,
)
from protocol.messages import IceServer

PASSED = Finding(Outcome.PASSED)
FAILED = Finding(Outcome.FAILED, Reason.UNREACHABLE)
REFUSED = Finding(Outcome.FAILED, Reason.REFUSED)
NONE = Finding(Outcome.SKIPPED, Reason.NOT_CONFIGURED)
UNREACHED = Finding(Outcome.SKIPPED, Reason.UNREACHED)

STUN = IceServer(("stun:r.example:3478",))
TURN = IceServer(
    (
        "turn:r.example:3478?transport=udp",
        "turn:r.example:3478?transport=tcp",
        "turns:r.example:443",
    ),
    "1:me",
    "secret",
)


class FakeProber:
    """Finds what it is told to, and remembers what it was asked."""

    def __init__(self, servers: tuple[IceServer, ...] = (), **found: Finding) -> None:
        self.servers = servers
        self.found = found
        self.asked: list[object] = []

    def _find(self, name: str, asked: object = None) -> Finding:
        self.asked.append(asked or name)
        return self.found.get(name, PASSED)

    async def browser(self) -> Finding:
        return self._find("browser")

    async def device(self, item: Item) -> Finding:
        return self._find(item.value)

    async def server(self) -> tuple[Finding, tuple[IceServer, ...]]:
        return self._find("server"), self.servers

    async def socket(self) -> Finding:
        return self._find("socket")

    async def reach(self, server: IceServer) -> Finding:
        (url,) = server.urls
        return self._find(url.partition(":")[0], server)

    async def call(self, servers: tuple[IceServer, ...], *, relayed: bool) -> Finding:
        return self._find("call", ("call", servers, relayed))


async def test_each_way_to_a_relay_is_asked_by_itself_and_the_call_goes_over_one():
    prober = FakeProber((STUN, TURN))
    found = await examine(prober, lambda _: None)
    assert prober.asked == [
        "browser",
        "camera",
        "microphone",
        "server",
        "socket",
        STUN,
        *(IceServer((url,), "1:me", "secret") for url in TURN.urls),
        ("call", (STUN, TURN), True),
    ]
    assert found == dict.fromkeys(Item, PASSED)


async def test_every_step_is_told():
    trail: list[tuple[str, str]] = []

    def publish(found: dict[Item, Finding]) -> None:
        running = [item for item in Item if found[item].outcome is Outcome.RUNNING]
        trail.append(("".join(running), verdict(found).value))

    await examine(FakeProber(), publish)
    steps = ("browser", "camera", "microphone", "server", "socket", "call")
    assert trail == [*((each, "running") for each in steps), ("", "no-relay")]


@pytest.mark.parametrize("broken", ["browser", "server"])
async def test_nothing_is_looked_at_for_nothing(broken: str):
    prober = FakeProber((STUN, TURN), **{broken: FAILED})
    found = await examine(prober, lambda _: None)
    assert prober.asked == ["browser", "camera", "microphone", "server"]
    after = (Item.SOCKET, Item.STUN, *RELAYS, Item.CALL)
    assert [found[each] for each in after] == [UNREACHED] * 6


def refused(reason: Reason) -> Finding:
    return Finding(Outcome.FAILED, reason)


ALL = dict.fromkeys(Item, PASSED)
WARNED = Finding(Outcome.WARNED, Reason.MISSING)
DEAF = {Item.CAMERA: WARNED, Item.MICROPHONE: Finding(Outcome.WARNED, Reason.DENIED)}
DIRECT = {**ALL, **dict.fromkeys(RELAYS, NONE)}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (ALL, Verdict.READY),
        ({**ALL, Item.CALL: Finding(Outcome.RUNNING)}, Verdict.RUNNING),
        ({**ALL, Item.CALL: Finding()}, Verdict.RUNNING),
        ({**ALL, Item.BROWSER: FAILED, Item.SERVER: FAILED}, Verdict.NO_BROWSER),
        ({**ALL, Item.SERVER: FAILED, Item.SOCKET: UNREACHED}, Verdict.NO_SERVER),
        ({**ALL, Item.SERVER: refused(Reason.LOGIN)}, Verdict.SIGN_IN),
        ({**ALL, Item.SERVER: refused(Reason.TOO_MANY)}, Verdict.TOO_OFTEN),
        ({**ALL, Item.SOCKET: FAILED, Item.CALL: FAILED}, Verdict.NO_SOCKET),
        ({**ALL, Item.CALL: FAILED}, Verdict.NO_CALL),
        (DIRECT, Verdict.NO_RELAY),
        ({**DIRECT, Item.STUN: NONE}, Verdict.NO_RELAY),
        ({**ALL, **dict.fromkeys(RELAYS, FAILED)}, Verdict.RELAY_AWAY),
        ({**ALL, **dict.fromkeys(RELAYS, REFUSED)}, Verdict.RELAY_REFUSES),
        ({**DIRECT, Item.RELAY_UDP: REFUSED}, Verdict.RELAY_REFUSES),
        ({**ALL, Item.STUN: FAILED, Item.RELAY_UDP: FAILED}, Verdict.ONLY_RELAY),
        ({**ALL, Item.RELAY_TCP: FAILED}, Verdict.READY),
        ({**ALL, **DEAF}, Verdict.NO_DEVICE),
        ({**DIRECT, **DEAF}, Verdict.NO_RELAY),
        ({**ALL, Item.CAMERA: WARNED}, Verdict.READY),
        ({**ALL, Item.MICROPHONE: WARNED}, Verdict.READY),
    ],
)
def test_verdict_is_the_most_pressing_of_what_was_found(
    found: dict[Item, Finding], expected: Verdict
) -> None:
    assert verdict(found) is expected


def test_report_holds_figures_and_no_credential():
    found = {**ALL, Item.CALL: Finding(Outcome.PASSED, figures={"kbit/s": 900.0})}
    told = report(found, "a browser", "2026-01-01T00:00:00Z")
    assert told["verdict"] == "ready"
    assert told["checks"][-1] == {
        "check": "call",
        "outcome": "passed",
        "reason": "",
        "kbit/s": 900.0,
    }
    assert "secret" not in str(told)
