"""Click on *Join* → first remote frame.

Two people, against two raw connections in one page of the same browser; then the
fourth joiner until all three others are seen, against raw tabs: into a call that has
stood for a while, and right after the third, while the pictures of the three still
grow. All have their camera open before the click, as in a lobby.
"""

import time
from statistics import median

from _report import Row, progress, report, row
from _rig import between, chromium, join, lobby, new_room, our_server, raw_server
from playwright.sync_api import Browser

RUNS = 7
A_WHILE = 3.0  # seconds in which a call of three comes to rest
FRAME = "tertulia:first-remote-frame"

#: Resolves once so many of these videos have drawn a frame; marks when.
SEES_ALL = """
([videos, count]) => new Promise(resolve => {
  const seen = new Set();
  const look = () => {
    for (const video of document.querySelectorAll(videos))
      if (video.videoWidth && video.readyState >= 2) seen.add(video);
    if (seen.size < count) return requestAnimationFrame(look);
    performance.mark("sees-all");
    resolve();
  };
  look();
})
"""


def ours_two(browser: Browser, address: str, *, e2ee: bool = True) -> float:
    """One person waits in the room, another one joins."""
    link = new_room(address, e2ee=e2ee)
    with browser.new_context() as first, browser.new_context() as second:
        host, guest = first.new_page(), second.new_page()
        lobby(host, link, "Ada")
        join(host)
        host.locator("body[data-phase=joined]").wait_for()
        lobby(guest, link, "Bob")
        join(guest)
        return between(guest, "click", FRAME)


def raw_two(browser: Browser, address: str) -> float:
    """Two connections of one page, joined by hand."""
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(address)
        page.evaluate("async () => { window.mine = await open(640, 360); show(mine); }")
        page.evaluate("() => loopback()")
        return between(page, "click", "frame")


def ours_fourth(browser: Browser, address: str, stood: float) -> float:
    """Three have seen each other for so long; the fourth joins and sees them all."""
    link = new_room(address)
    with browser.new_context() as context:
        pages = [context.new_page() for _ in range(4)]
        for page, name in zip(pages, ("Ada", "Bob", "Cleo", "Dan"), strict=True):
            lobby(page, link, name)
        for page in pages[:3]:
            join(page)
            page.locator("body[data-phase=joined]").wait_for()
        for page in pages[:3]:
            page.evaluate(SEES_ALL, ["[data-self=no] video", 2])
        time.sleep(stood)
        join(pages[3])
        pages[3].evaluate(SEES_ALL, ["[data-self=no] video", 3])
        return between(pages[3], "click", "sees-all")


def raw_fourth(browser: Browser, address: str, stood: float) -> float:
    """The same with raw tabs."""
    with browser.new_context() as context:
        pages = [context.new_page() for _ in range(4)]
        for page in pages:
            page.goto(address)
            page.evaluate(
                "async () => { window.mine = await open(640, 360); show(mine); }"
            )
        for number, page in enumerate(pages[:3]):
            page.evaluate("me => mesh(me)", f"person-{number}")
        for page in pages[:3]:
            page.evaluate(SEES_ALL, ["video", 3])
        time.sleep(stood)
        pages[3].evaluate("me => mesh(me)", "person-3")
        pages[3].evaluate(SEES_ALL, ["video", 4])
        return between(pages[3], "click", "sees-all")


def main() -> None:
    """Alternate ours and the floor, and print the medians."""
    ours: list[float] = []
    floor: list[float] = []
    fourth: dict[float, list[float]] = {A_WHILE: [], 0.0: []}
    raw_all: dict[float, list[float]] = {A_WHILE: [], 0.0: []}
    with our_server() as address, raw_server() as raw, chromium() as browser:
        ours_two(browser, address)  # the page's cache is warm, as in a lobby
        for run in range(RUNS):
            ours.append(ours_two(browser, address))
            floor.append(raw_two(browser, raw))
            for stood in fourth:
                fourth[stood].append(ours_fourth(browser, address, stood))
                raw_all[stood].append(raw_fourth(browser, raw, stood))
            progress(
                f"join {run + 1}/{RUNS}: ours {ours[-1]:.0f}, floor {floor[-1]:.0f},"
                f" fourth {fourth[A_WHILE][-1]:.0f}, raw {raw_all[A_WHILE][-1]:.0f},"
                f" at once {fourth[0.0][-1]:.0f}, raw {raw_all[0.0][-1]:.0f} ms"
            )
    rows: list[Row] = [
        row("two people", "ms", ours, floor, "two raw connections"),
        row("two people, above the floor", "ms", [median(ours) - median(floor)]),
        row("fourth joiner", "ms", fourth[A_WHILE], raw_all[A_WHILE], "raw tabs"),
        row(
            "fourth right after the third", "ms", fourth[0.0], raw_all[0.0], "raw tabs"
        ),
    ]
    report("join", rows)


if __name__ == "__main__":
    main()
