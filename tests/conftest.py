"""What every test shares."""

import asyncio
import fcntl
import gc
import tempfile
from collections import Counter
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

_OF_BROWSERS = {"playwright", "tertulia_cast"}


@pytest.fixture(autouse=True)
def no_loop_but_ones_own(request):
    """Hide the loop that Playwright's synchronous API leaves running in this thread.

    Once a browser was started there, no test of its process could run another.
    """
    if _OF_BROWSERS & set(request.fixturenames):
        yield
        return
    loop = asyncio.events._get_running_loop()
    asyncio.events._set_running_loop(None)
    yield
    asyncio.events._set_running_loop(loop)


@pytest.fixture
def witnesses():
    """Lets people in who need no browser; nothing may come to any in plain."""
    from tests.links import Witnesses  # here, as most tests have no media

    made = Witnesses()
    yield made
    assert made.betrayed == []


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="run the long tests as well")
    parser.addoption(
        "--turns",
        choices=("only", "none"),
        help="only the tests that take turns, or none of them: both can run at once",
    )


def pytest_collection_modifyitems(config, items):
    """Leave the long tests out, unless they are asked for, and those not asked for."""
    known = Counter(each.nodeid for each in items)
    if twice := [name for name, times in known.items() if times > 1]:
        raise pytest.UsageError(f"xdist would run these only once: {twice}")
    out = set()
    if not config.getoption("--long"):
        out = {each for each in items if each.get_closest_marker("long")}
    if turns := config.getoption("--turns"):
        out |= {each for each in items if _takes_turns(each) is (turns == "none")}
    if out:
        items[:] = [each for each in items if each not in out]
        config.hook.pytest_deselected(items=list(out))


def pytest_collection_finish():
    """Have the collector look no more at what lasts as long as the tests do."""
    gc.collect()
    gc.freeze()


def _is_alone(item):
    return item.get_closest_marker("alone") is not None


def _takes_turns(item):
    called = item.get_closest_marker("call") is not None
    return _is_alone(item) or called or "tertulia_cast" in item.fixturenames


@contextmanager
def _turn(name, how=fcntl.LOCK_EX):
    file = Path(tempfile.gettempdir()) / f"tertulia-{name}.lock"
    with suppress(FileExistsError):
        file.touch(exist_ok=False)
    with file.open() as turn:  # to read: it may be another user's
        fcntl.flock(turn, how)
        yield


@contextmanager
def _machine(how):
    """Take part in the machine, or have all of it; who waits for all goes first."""
    with ExitStack() as held:
        with _turn("gate"):
            held.enter_context(_turn("machine", how))
        yield


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item):
    """Hold one call at a time, however many workers there are.

    A call of several people wants all cores: beside another one its pictures come too
    late; and where a test says how late they may come, nothing at all runs beside it.
    Waited for here, the turn costs a test none of its time.
    """
    alone = _is_alone(item)
    with ExitStack() as held:
        if _takes_turns(item):
            held.enter_context(_turn("call"))
        held.enter_context(_machine(fcntl.LOCK_EX if alone else fcntl.LOCK_SH))
        return (yield)
