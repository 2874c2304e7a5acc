"""V8 compiles Python's interpreter once, and takes nothing of it back in a call."""

from pathlib import Path

from playwright.sync_api import Playwright

from client_py.testing.browsers import FAKE_DEVICES, NO_QUESTIONS, QUIET, executable
from client_py.testing.cast import Cast
from tests.recorder import Recorder


def test_nobody_who_joins_has_the_interpreter_compiled_anew(
    playwright: Playwright, tertulia_cast: Cast, recorder: Recorder, tmp_path: Path
) -> None:
    told = tmp_path / "deoptimized.txt"
    flags = f"--trace-deopt --redirect-code-traces --redirect-code-traces-to={told}"
    with playwright.chromium.launch(
        executable_path=executable("chromium"),
        args=[*QUIET, *FAKE_DEVICES, NO_QUESTIONS, f"--js-flags={flags}"],
    ) as browser:
        people = []
        for name in ("ada", "bob", "cleo"):
            context = browser.new_context()
            recorder(context)
            people.append(tertulia_cast.enter(context, name))
        ada, bob, cleo = people
        cleo.expect_sees(ada)
        ada.expect_sees(bob)
        bob.leave()
        ada.expect_gone(bob)
        recorder.look()  # while the tabs are there
    lines = told.read_text().splitlines()
    # The trace is there: scripts are guessed about as well, and wrongly at times.
    assert [line for line in lines if "bailout" in line] != []
    # What the wasm's calls through tables meet, nobody guessed.
    assert [line for line in lines if "wrong call target" in line] == []
