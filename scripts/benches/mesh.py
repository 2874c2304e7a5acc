"""Frames decoded per second and link in a mesh of tabs, against raw JavaScript.

Four people at 640×360 and six at 320×180, each in a tab of one browser on this
machine. And how much of the page's main thread Python takes meanwhile.
"""

import json
from contextlib import ExitStack
from statistics import median
from time import monotonic
from typing import Any

from _report import Row, progress, report, row
from _rig import (
    FRAMES_DECODED,
    KEEP_CONNECTIONS,
    WIDTHS_SENT,
    chromium,
    join,
    lobby,
    new_room,
    our_server,
    raw_server,
)
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize

RUNS = 3
SECONDS = 8.0
ROOMS = ((4, "sd", 640, 360), (6, "low", 320, 180))

#: Names of what runs scripts, in a trace.
SCRIPTS = frozenset(
    {
        "EvaluateScript",
        "EventDispatch",
        "FireAnimationFrame",
        "FunctionCall",
        "RunMicrotasks",
        "TimerFire",
        "v8.callFunction",
        "v8.newInstance",
        "v8.run",
    }
)

#: Nobody sends more than is shown: here tiles are larger than the pictures.
VIEWPORT: ViewportSize = {"width": 1920, "height": 1080}


def ours(
    context: BrowserContext,
    address: str,
    people: int,
    quality: str,
    *,
    e2ee: bool = True,
) -> list[Page]:
    """Bring so many people into a room of ours."""
    link = new_room(address, e2ee=e2ee)
    chosen = json.dumps({"quality": quality})
    context.add_init_script(f"localStorage.setItem('tertulia.preferences', '{chosen}')")
    pages = [context.new_page() for _ in range(people)]
    for number, page in enumerate(pages):
        lobby(page, link, f"Person {number}")
        join(page)
        page.locator("body[data-phase=joined]").wait_for()
    return pages


def raw(
    context: BrowserContext, address: str, people: int, width: int, height: int
) -> list[Page]:
    """Bring so many raw tabs together."""
    pages = [context.new_page() for _ in range(people)]
    for number, page in enumerate(pages):
        page.goto(address)
        page.evaluate(
            "async ([w, h]) => { window.mine = await open(w, h); show(mine); }",
            [width, height],
        )
        page.evaluate("me => mesh(me)", f"person-{number}")
    return pages


def width_sent(pages: list[Page]) -> float:
    """Return the median over all links of the width in which pictures go.

    Frames of two sizes don't compare; a machine that is busy has browsers send
    smaller ones, ours or raw.
    """
    return median(width for page in pages for width in page.evaluate(WIDTHS_SENT))


def frames_per_second(pages: list[Page], links: int) -> float:
    """Return the median over all links of the frames decoded in a second.

    One that was replaced meanwhile has no frames from then on.
    """
    for page in pages:
        page.wait_for_function(
            f"async links => Object.keys(await ({FRAMES_DECODED})()).length >= links",
            arg=links,
            polling=250,
        )
    before = [(page.evaluate(FRAMES_DECODED), monotonic()) for page in pages]
    # The measured time itself: nothing is waited for.
    pages[0].evaluate("ms => new Promise(done => setTimeout(done, ms))", SECONDS * 1e3)
    after = [(page.evaluate(FRAMES_DECODED), monotonic()) for page in pages]
    return median(
        (new.get(link, count) - count) / (end - begin)
        for (old, begin), (new, end) in zip(before, after, strict=True)
        for link, count in old.items()
    )


def python_share(browser: Browser, pages: list[Page]) -> float:
    """Return the percentage of main threads' time that Python takes, mean of all tabs.

    By each thread's own clock, as the browser's tracing tells it: where more wants to
    run than there are cores, what Python takes and what it waits for differ. In a call
    nothing but Python, and what it calls, is a script of a main thread.
    """
    browser.start_tracing(page=pages[0], categories=["devtools.timeline", "v8.execute"])
    began = monotonic()
    pages[0].evaluate("ms => new Promise(done => setTimeout(done, ms))", SECONDS * 1e3)
    took = monotonic() - began
    events = json.loads(browser.stop_tracing())["traceEvents"]
    mains = {
        (each["pid"], each["tid"])
        for each in events
        if each["name"] == "thread_name" and each["args"]["name"] == "CrRendererMain"
    }
    spent = 0
    for main in mains:
        end = 0
        for each in sorted(
            (each for each in events if is_script(each, main)),
            key=lambda each: (each["ts"], -each["dur"]),
        ):
            if each["ts"] >= end:  # otherwise inside of the one before
                end = each["ts"] + each["dur"]
                spent += each.get("tdur", each["dur"])  # not all have it
    return 100.0 * spent / 1e6 / took / len(pages)


def is_script(event: dict[str, Any], main: tuple[int, int]) -> bool:
    """Whether an event of a trace is a script's running in this thread."""
    whose = (event["pid"], event["tid"])
    return whose == main and event["ph"] == "X" and event["name"] in SCRIPTS


def measure(browser: Browser, address: str, floor: str) -> list[Row]:
    """Alternate ours and the floor in every size of room."""
    rows = []
    for people, quality, width, height in ROOMS:
        mine: list[float] = []
        theirs: list[float] = []
        share: list[float] = []
        my_widths: list[float] = []
        their_widths: list[float] = []
        for run in range(RUNS):
            with ExitStack() as stack:
                context = stack.enter_context(browser.new_context(viewport=VIEWPORT))
                context.add_init_script(KEEP_CONNECTIONS)
                pages = ours(context, address, people, quality)
                mine.append(frames_per_second(pages, people - 1))
                my_widths.append(width_sent(pages))
                share.append(python_share(browser, pages))
            with ExitStack() as stack:
                context = stack.enter_context(browser.new_context(viewport=VIEWPORT))
                context.add_init_script(KEEP_CONNECTIONS)
                pages = raw(context, floor, people, width, height)
                theirs.append(frames_per_second(pages, people - 1))
                their_widths.append(width_sent(pages))
            progress(
                f"mesh {people} people {run + 1}/{RUNS}: ours {mine[-1]:.1f},"
                f" raw {theirs[-1]:.1f} fps, {my_widths[-1]:.0f} and"
                f" {their_widths[-1]:.0f} wide,"
                f" Python {share[-1]:.2f} %"
            )
        size = f"{people} people {width}×{height}"
        rows.append(row(size, "fps", mine, theirs, "raw JavaScript"))
        sent = f"{size}, width sent"
        rows.append(row(sent, "px", my_widths, their_widths, "raw JavaScript"))
        rows.append(row(f"{size}, Python on main thread", "%", share))
    return rows


def main() -> None:
    """Measure, and print the medians."""
    with our_server() as address, raw_server() as floor, chromium() as browser:
        rows = measure(browser, address, floor)
    report("mesh", rows)


if __name__ == "__main__":
    main()
