"""What only this project's own tests need of a page."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from client_py.testing import Server
from client_py.testing.browsers import Browsers
from client_py.testing.sight import PATIENCE
from tests.recorder import Recorder

from .machine import Machine

_HERE = Path(__file__).parent
_FAILED: pytest.StashKey[bool] = pytest.StashKey()
_PLAIN = "plain(why): plain frames come to a tab, on purpose; fails where none do"
_COUNT = """
(() => {
  const real = RTCPeerConnection.prototype.setLocalDescription;
  window.descriptions = 0;
  RTCPeerConnection.prototype.setLocalDescription = function (...described) {
    window.descriptions += 1;
    return real.apply(this, described);
  };
})();
"""


def pytest_configure(config):
    config.addinivalue_line("markers", _PLAIN)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    report = yield
    again = report.when == "setup"  # a test may run twice
    item.stash[_FAILED] = report.failed or (not again and item.stash[_FAILED])
    return report


@pytest.fixture
def tertulia_connections(witnesses):
    """Headless people are witnesses, in every test."""
    return witnesses


@pytest.fixture
def recorder(request):
    """What came to tabs: nothing in plain, but where that is marked."""
    made = Recorder()
    yield made
    if request.node.get_closest_marker("plain") is None:
        assert made.betrayed == []
    else:
        assert made.betrayed != [], "nothing came that the mark allows for"


@pytest.fixture
def tertulia_contexts(recorder):
    """Tabs are witnesses, too."""
    return recorder


@pytest.fixture
def tertulia_cast(request, tertulia_cast, recorder):
    """Everybody of a test; at its end they tell what came to them up to then."""
    yield tertulia_cast
    if not request.node.stash[_FAILED]:  # else a page that is asked may hang
        recorder.look()


class Negotiations:
    """Counts the descriptions that people's pages make, given its ``script``."""

    script = _COUNT

    def __call__(self, *people):
        return [each.page.evaluate("() => window.descriptions") for each in people]


@pytest.fixture(scope="session", autouse=True)
def patience():
    """Let Playwright's own expectations wait as long as those of people do."""
    expect.set_options(timeout=1000 * PATIENCE)


@pytest.fixture
def negotiations():
    return Negotiations()


@pytest.fixture
def mortal_server(tmp_path):
    """A server that its test alone may kill."""
    server = Server(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def machine(playwright, tertulia_browsers, room, recorder):
    """A machine that its test alone may send to sleep."""
    assert tertulia_browsers["chromium"]  # Playwright's loop is its
    made = Machine(Browsers(playwright)["chromium"], room, recorder)
    yield made
    assert made.close() == []


def pytest_collection_modifyitems(items):
    """Grant a whole call more time than a unit test."""
    for item in items:
        if _HERE in item.path.parents and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(150))
