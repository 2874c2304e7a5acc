"""The pytest plugin: a server, a room, and people to put in it.

Registered as ``tertulia``; ``-p client_py.testing.plugin`` loads it by hand.
docs/TESTING.md is its manual.
"""

import asyncio
import inspect
import re
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

# Only what a test asks for is imported: the plugin is loaded in every session.
if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Playwright

    from client_py.headless.rtc import Connections
    from client_py.testing.browsers import Browsers
    from client_py.testing.cast import Cast
    from client_py.testing.headless import Background, HeadlessParticipant
    from client_py.testing.participant import Participant
    from client_py.testing.server import Room, Server

_cast: "pytest.StashKey[Cast]" = pytest.StashKey()
_browsers: "pytest.StashKey[list[Browsers]]" = pytest.StashKey()


@pytest.fixture(scope="session")
def tertulia_server(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Server]":
    """A server in test mode, for the whole session."""
    from client_py.testing.server import Server

    server = Server(tmp_path_factory.mktemp("tertulia"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def tertulia_browsers(
    playwright: "Playwright", pytestconfig: pytest.Config
) -> "Iterator[Browsers]":
    """One browser for each engine that is asked for."""
    from client_py.testing.browsers import Browsers

    loop = asyncio.events._get_running_loop()
    headed = bool(pytestconfig.getoption("--headed", False))
    browsers = Browsers(playwright, headed=headed)
    with known(pytestconfig, browsers):
        yield browsers
    asyncio.events._set_running_loop(loop)
    browsers.close()


@pytest.fixture(scope="session")
def tertulia_background() -> "Iterator[Background]":
    """The thread that headless people live in."""
    from client_py.testing.headless import Background

    background = Background()
    yield background
    background.close()


@pytest.fixture
def room(tertulia_server: "Server") -> "Room":
    """A new room."""
    return tertulia_server.create_room()


@pytest.fixture
def tertulia_connections() -> "Callable[[], Connections]":
    """What makes the connections of each headless person: for who wants to see more."""
    from client_py.headless.rtc import Connections

    return Connections


@pytest.fixture
def tertulia_contexts() -> "Callable[[BrowserContext], None]":
    """What is done to the browser context of each tab: for who wants to see more."""
    return lambda context: None


@pytest.fixture
def tertulia_cast(
    request: pytest.FixtureRequest,
    room: "Room",
    tertulia_connections: "Callable[[], Connections]",
    tertulia_contexts: "Callable[[BrowserContext], None]",
) -> "Iterator[Cast]":
    """Everybody who takes part in a test."""
    from client_py.testing.cast import Cast

    def fixture(name: str) -> Any:
        return request.getfixturevalue(name)

    cast = Cast(
        room,
        browser=lambda engine: fixture("tertulia_browsers")[engine],
        background=lambda: fixture("tertulia_background"),
        let_go=lambda context: fixture("tertulia_browsers").let_go(context),
        end=lambda context: fixture("tertulia_browsers").end(context),
        connections=tertulia_connections,
        prepare=tertulia_contexts,
    )
    request.node.stash[_cast] = cast
    yield cast
    complaints = cast.complaints
    cast.close()
    if complaints:
        pytest.fail("pages complained:\n" + "\n".join(complaints), pytrace=False)


class Participants:
    """Makes several people, each joined before the next one comes."""

    def __init__(self, cast: "Cast") -> None:
        self._cast = cast

    def __call__(
        self, *names: str, headless: str | tuple[str, ...] = (), **options: Any
    ) -> list[Any]:  # of Someone; a test knows what it asked for
        """Return people in the order in which they joined.

        ``participants("ada", "bob", firefox="carol", headless=("dan", "eve"))``:
        the names alone are tabs of Chromium. Other options, such as
        ``quality="hd"``, are those of ``participant``.
        """
        from client_py.testing.cast import ENGINES

        of_engine = {
            engine: _names(options.pop(engine))
            for engine in ENGINES
            if engine in options
        }
        tab = self._cast.tab
        return [
            *(tab(name, **options) for name in names),
            *(
                tab(name, engine=engine, **options)
                for engine, its_names in of_engine.items()
                for name in its_names
            ),
            *(self._cast.headless(name) for name in _names(headless)),
        ]


class MakeParticipant:
    """Makes one person in a tab; the options are those of ``Cast.tab``."""

    def __init__(self, cast: "Cast") -> None:
        self._cast = cast

    def __call__(self, name: str, **options: Any) -> "Participant":
        return self._cast.tab(name, **options)


class MakeHeadless:
    """Makes one person without a browser."""

    def __init__(self, cast: "Cast") -> None:
        self._cast = cast

    def __call__(self, name: str, **options: Any) -> "HeadlessParticipant":
        return self._cast.headless(name, **options)


@pytest.fixture
def participants(tertulia_cast: "Cast") -> Participants:
    """Puts people in the room: ``participants("ada", "bob")``."""
    return Participants(tertulia_cast)


@pytest.fixture
def participant(tertulia_cast: "Cast") -> MakeParticipant:
    """Puts one person in the room: ``participant("ada", engine="firefox")``."""
    return MakeParticipant(tertulia_cast)


@pytest.fixture
def headless(tertulia_cast: "Cast") -> MakeHeadless:
    """Puts one person without a browser in the room: ``headless("ada")``."""
    return MakeHeadless(tertulia_cast)


def a_tab_crashed(item: pytest.Item) -> bool:
    """Whether a browser's process died in a test that didn't want it to."""
    cast = item.stash.get(_cast, None)
    return cast is not None and cast.crashed


def open_browsers(config: pytest.Config) -> "tuple[Browsers, ...]":
    """Return all browsers of this session that are known by now."""
    among: list[Browsers] = config.stash.get(_browsers, [])
    return tuple(among)


@contextmanager
def known(config: pytest.Config, browsers: "Browsers") -> Iterator[None]:
    """Have whoever watches over the tests know of these browsers as well."""
    among = config.stash.setdefault(_browsers, [])
    among.append(browsers)
    try:
        yield
    finally:
        among.remove(browsers)


# -- hooks


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, bool, bool]:
    """Let Playwright's loop and those of asynchronous tests live in one session.

    The synchronous API leaves its loop marked as the running one of the thread;
    no other can run then.
    """
    loop = asyncio.events._get_running_loop()
    if loop is None or not _asynchronous(item):
        return (yield)
    asyncio.events._set_running_loop(None)
    try:
        return (yield)
    finally:
        if not loop.is_closed():
            asyncio.events._set_running_loop(loop)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep what everybody saw of a failure, and say where."""
    report = yield
    cast = item.stash.get(_cast, None)
    if cast is not None and report.failed and report.when in ("setup", "call"):
        output = Path(item.config.getoption("--output", "test-results"))
        directory = output / re.sub(r"[^\w.-]+", "-", item.nodeid)
        kept = cast.keep(directory)
        for name, given in getattr(item, "funcargs", {}).items():
            if hasattr(given, "log_path"):
                path = directory / f"{name}.log"
                path.write_text(given.log)
                kept.append(path)
        report.sections.append(("tertulia", "\n".join(map(str, kept))))
    return report


def _asynchronous(item: pytest.Item) -> bool:
    """Whether a test, or a fixture of it, runs on a loop of its own."""
    info = getattr(item, "_fixtureinfo", None)
    fixtures = info.name2fixturedefs.values() if info else ()
    functions = [getattr(item, "obj", None)]
    functions += [each.func for found in fixtures for each in found]
    return any(
        inspect.iscoroutinefunction(each) or inspect.isasyncgenfunction(each)
        for each in functions
    )


def _names(value: str | tuple[str, ...] | list[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)
