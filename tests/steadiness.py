"""Tells what a test found of the product from what it found of the machine.

A bound in seconds is a word about the product on a machine that is there. A virtual one
is taken away for moments (the kernel counts them as stolen), or runs at half its speed
beside others. So whoever is marked ``alone`` and fails while that happened is run once
more, and the summary tells of it; whoever fails on a steady machine has failed.
"""

import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from statistics import mean
from typing import Any, NamedTuple

import pytest
from _pytest.runner import runtestprotocol

from client_py.testing.plugin import a_tab_crashed, open_browsers

STOLEN = 0.05  # of the time of all cores
SLOW = 1.4  # times what the work takes where the bounds were set
USUAL = 0.008  # seconds of CPU, likewise

LONGEST = 140.0  # seconds for a test that sets itself no limit
_FIRST = 0.45  # of the limit is for the first run
_OF_BROWSERS = {"tertulia_browsers", "tertulia_cast"}
_EVERY = 0.5  # seconds between two looks: each is work for the machine
_WORK = bytes(Random(1).choices(b"abcdefgh", k=100_000))
_REPEATED = "repeated"


class Steadiness(NamedTuple):
    """What there was of the machine meanwhile."""

    stolen: float  # share of the time of all cores
    slowness: float  # times the usual

    @property
    def steady(self) -> bool:
        """Whether a bound in seconds means anything."""
        return self.stolen < STOLEN and self.slowness < SLOW

    def __str__(self) -> str:
        return f"{self.stolen:.0%} stolen, {self.slowness:.1f} times the usual CPU"


class Probe:
    """Looks at the machine from a thread, from ``begin`` until ``end``."""

    def begin(self) -> None:
        self._took = [_work()]
        self._before = _ticks()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def end(self) -> Steadiness:
        self._over.set()
        self._thread.join()
        (stolen, total), (stolen_now, total_now) = self._before, _ticks()
        share = (stolen_now - stolen) / max(1, total_now - total)
        return Steadiness(share, mean(self._took) / USUAL)

    def _look(self) -> None:
        while not self._over.wait(_EVERY):
            self._took.append(_work())


def _work() -> float:
    """Return the seconds of CPU that a piece of work takes just now."""
    began = time.thread_time()
    zlib.compress(_WORK, 6)
    return time.thread_time() - began


def _ticks() -> tuple[int, int]:
    """Return what was stolen of all cores since the start, and all that there was."""
    path = Path("/proc/stat")
    if not path.exists():
        return 0, 0
    fields = [int(each) for each in path.read_text().split("\n", 1)[0].split()[1:9]]
    return fields[7], sum(fields)


#: What looks at the machine; a test of this module puts its own there.
probe: pytest.StashKey[Any] = pytest.StashKey()


def pytest_configure(config: pytest.Config) -> None:
    config.stash.setdefault(probe, Probe())


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let whoever may run twice have the time for it."""
    for item in items:
        limit = item.get_closest_marker("timeout")
        if limit is not None and (_is_alone(item) or _has_browser(item)):
            twice = pytest.mark.timeout(2 * limit.args[0])
            item.add_marker(twice, append=False)


@pytest.hookimpl
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> Any:
    """Run once more whom the machine or a browser left."""
    if not (_is_alone(item) or _has_browser(item)):
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    reports, found = _observed(item, nextitem)
    excuse = _excuse(item, found) if any(each.failed for each in reports) else ""
    if excuse:
        words = f"{excuse}: {_reason(reports)}"
        item._initrequest()  # type: ignore[attr-defined]
        item.user_properties.append((_REPEATED, words))
        reports, _ = _observed(item, nextitem)
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def _is_alone(item: pytest.Item) -> bool:
    return item.get_closest_marker("alone") is not None


def _has_browser(item: pytest.Item) -> bool:
    return bool(_OF_BROWSERS.intersection(getattr(item, "fixturenames", ())))


def _excuse(item: pytest.Item, found: Steadiness) -> str:
    """Return what else than the product may be to blame, or nothing."""
    if a_tab_crashed(item):
        return "a tab crashed"
    lost: list[str] = []
    for browsers in open_browsers(item.config):
        browsers.end_hung()
        lost += browsers.lost
    if lost:
        return f"{' and '.join(lost)} hung"
    return str(found) if _is_alone(item) and not found.steady else ""


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say what was run once more, and why."""
    for outcome in ("passed", "failed"):
        for report in terminalreporter.stats.get(outcome, ()):
            for name, words in getattr(report, "user_properties", ()):
                if name == _REPEATED and report.when == "call":
                    line = f"run once more: {report.nodeid}"
                    terminalreporter.write_line(f"{line}\n  {words}", yellow=True)


def _observed(
    item: pytest.Item, nextitem: pytest.Item | None
) -> tuple[list[pytest.TestReport], Steadiness]:
    looking: Callable[[], Steadiness] = item.config.stash[probe].end
    item.config.stash[probe].begin()
    with _watched(item):
        reports = runtestprotocol(item, log=False, nextitem=nextitem)
    return reports, looking()


@contextmanager
def _watched(item: pytest.Item) -> Iterator[None]:
    """End browsers that nobody hears of any more, while there is time to try again."""

    def kill() -> None:
        for browsers in open_browsers(item.config):
            browsers.kill()

    for before in open_browsers(item.config):
        before.lost.clear()
    limit = item.get_closest_marker("timeout")
    timer = threading.Timer(_FIRST * limit.args[0] if limit else LONGEST, kill)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _reason(reports: list[pytest.TestReport]) -> str:
    failed = next(each for each in reports if each.failed)
    crash = getattr(failed.longrepr, "reprcrash", None)
    return str(getattr(crash, "message", failed.longrepr)).splitlines()[0]
