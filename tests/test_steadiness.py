"""A test that failed because the machine was away is run once more, no other."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.steadiness import SLOW, STOLEN, Probe, Steadiness

ROOT = Path(__file__).parents[1]

_SESSION = """
import pytest
from tests import steadiness

class Told:
    def begin(self): pass
    def end(self): return steadiness.Steadiness({stolen}, 1.0)

@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    config.stash[steadiness.probe] = Told()
"""
_HUNG = """
from client_py.testing.plugin import watch_over

class Hung:
    lost = []
    def kill(self): pass
    def end_hung(self): self.lost.append("chromium")

@pytest.fixture(scope="module", autouse=True)
def hung(pytestconfig):
    watch_over(pytestconfig, Hung())
"""
_TESTS = """
import pytest

runs = []

{mark}
def test_it(tmp_path):
    runs.append(tmp_path)
    assert len(runs) == {passes}
"""


def run(directory, *, stolen=0.0, passes, mark="@pytest.mark.alone", also=""):
    """Run a test that passes in its ``passes``-th run alone; return the summary."""
    (directory / "conftest.py").write_text(_SESSION.format(stolen=stolen) + also)
    module = directory / "test_it.py"
    module.write_text(_TESTS.format(passes=passes, mark=mark))
    rest = ("-p", "tests.steadiness", "-p", "no:cacheprovider")
    done = subprocess.run(
        (sys.executable, "-m", "pytest", "-c", "/dev/null", *rest, str(module)),
        cwd=ROOT,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
    )
    return done.stdout


def test_whoever_failed_while_the_machine_was_away_is_run_once_more(tmp_path):
    said = run(tmp_path, stolen=0.3, passes=2)
    assert "1 passed" in said
    assert "run once more: " in said
    assert "30% stolen" in said


def test_whoever_failed_with_a_browser_that_hung_is_run_once_more(tmp_path):
    said = run(tmp_path, passes=2, also=_HUNG)
    assert "1 passed" in said
    assert "chromium hung" in said


@pytest.mark.parametrize(
    ("stolen", "passes", "mark"),
    [
        (0.0, 2, "@pytest.mark.alone"),  # nothing but the product is to blame
        (0.3, 3, "@pytest.mark.alone"),  # it had its second chance
        (0.3, 2, ""),  # it says nothing of time
    ],
)
def test_everybody_else_who_fails_has_failed(tmp_path, stolen, passes, mark):
    assert "1 failed" in run(tmp_path, stolen=stolen, passes=passes, mark=mark)


@pytest.mark.parametrize(
    ("stolen", "slowness", "steady"),
    [
        (0.0, 1.0, True),
        (STOLEN, 1.0, False),
        (0.0, SLOW, False),
    ],
)
def test_a_machine_is_steady_that_is_there_and_as_quick_as_usual(
    stolen, slowness, steady
):
    assert Steadiness(stolen, slowness).steady is steady


def test_a_probe_looks_at_this_machine():
    probe = Probe()
    probe.begin()
    found = probe.end()
    assert 0 <= found.stolen <= 1
    assert found.slowness > 0
