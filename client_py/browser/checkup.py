"""The connection test's dialog: runs the test, draws it, keeps its report."""

import asyncio
import json
from typing import Any, Final

from js import URL, Blob, Date
from pyodide.ffi import to_js

from client_py.browser import diagnosis as say
from client_py.browser.dom import by_id, part, set_data, set_text, template
from client_py.core.checkup import (
    Finding,
    Findings,
    Item,
    Outcome,
    Prober,
    Reason,
    Verdict,
    examine,
    report,
    verdict,
)

PATH: Final = "/check"  # the page of its own

#: What is said, in which tone, and what to do.
_VERDICTS: Final = {
    Verdict.RUNNING: ("running", "Looking…", ""),
    Verdict.READY: ("good", "Calls will work here.", ""),
    Verdict.NO_RELAY: (
        "fair",
        "Calls will work with most people.",
        "This server has no relay: between two strict networks there may be no way.",
    ),
    Verdict.NO_DEVICE: (
        "fair",
        "Calls will work, but nobody would see or hear you.",
        "Plug in a camera or a microphone, or allow one here, then test again.",
    ),
    Verdict.ONLY_RELAY: (
        "fair",
        "Calls will work, but only over the relay.",
        "Your network lets no UDP out. Who runs it can open it for a better picture.",
    ),
    Verdict.RELAY_AWAY: (
        "fair",
        "Calls will work with some people only.",
        "The relay can’t be reached from your network. Another network may help.",
    ),
    Verdict.RELAY_REFUSES: (
        "fair",
        "Calls will work with some people only.",
        "The relay refuses what this server gave. Who runs the server has to set that"
        " right.",
    ),
    Verdict.NO_CALL: (
        "bad",
        "Calls won’t work here.",
        "This browser can’t connect even to itself. A setting, an extension or a"
        " security program may forbid WebRTC.",
    ),
    Verdict.NO_SOCKET: (
        "bad",
        "Calls won’t work here.",
        "Something between you and the server lets no WebSockets through. Ask whoever"
        " runs your network, or try another one.",
    ),
    Verdict.NO_SERVER: (
        "bad",
        "The server doesn’t answer.",
        "Look whether you are online, then test again.",
    ),
    Verdict.SIGN_IN: (
        "fair",
        "Sign in first.",
        "This server tests connections, and holds calls, for people it knows.",
    ),
    Verdict.TOO_OFTEN: (
        "fair",
        "That was a bit often.",
        "Wait a minute, then test again.",
    ),
    Verdict.NO_BROWSER: (
        "bad",
        "This browser can’t hold an encrypted call.",
        "A current Chromium, Chrome, Edge or Firefox can.",
    ),
}

_NAMES: Final = {
    Item.BROWSER: "Browser",
    Item.CAMERA: "Camera",
    Item.MICROPHONE: "Microphone",
    Item.SERVER: "Server",
    Item.SOCKET: "Live line to the server",
    Item.STUN: "Direct way out",
    Item.RELAY_UDP: "Relay over UDP",
    Item.RELAY_TCP: "Relay over TCP",
    Item.RELAY_TLS: "Relay over TLS",
    Item.CALL: "Trial call",
}

_OUTCOMES: Final = {Outcome.RUNNING: "looking…", Outcome.PASSED: "works"}

_REASONS: Final = {
    Reason.NONE: "",
    Reason.MISSING: "none found",
    Reason.DENIED: "not allowed here",
    Reason.UNREACHABLE: "can’t be reached",
    Reason.REFUSED: "refuses the credentials",
    Reason.NOT_CONFIGURED: "not set up",
    Reason.LOGIN: "asks you to sign in",
    Reason.TOO_MANY: "asked too often",
    Reason.UNREACHED: "not tried",
}


class CheckupDialog:
    """Opens, tests, and tests again; closing it lets a running test end unseen."""

    def __init__(self, prober: Prober, agent: str) -> None:
        self._prober = prober
        self._agent = agent
        self._dialog = by_id("checkup")
        self._running: asyncio.Future[Any] | None = None
        self._rows: dict[Item, Any] = {}
        self._saved = ""  # the URL of the last report

    def open(self) -> None:
        """Show the dialog and test."""
        if not self._dialog.open:
            self._dialog.showModal()
        self.run()

    def run(self) -> None:
        """Test, unless a test is under way."""
        if self._running is None or self._running.done():
            self._running = asyncio.ensure_future(self._examine())

    async def _examine(self) -> None:
        self._save(await examine(self._prober, self._draw))

    def _draw(self, found: Findings) -> None:
        what = verdict(found)
        tone, words, advice = _VERDICTS[what]
        set_data(self._dialog, "verdict", what.value)
        set_data(self._dialog, "tone", tone)
        set_text(part(self._dialog, "verdict"), words)
        set_text(part(self._dialog, "advice"), advice)
        for item, finding in found.items():
            row = self._row(item)
            set_data(row, "outcome", finding.outcome.value)
            set_text(part(row, "words"), says(finding))

    def _row(self, item: Item) -> Any:
        """Return the row of an item, made when it is first drawn."""
        if item not in self._rows:
            row = self._rows[item] = template("check")
            set_data(row, "check", item.value)
            set_data(row, "testid", f"check-{item.value}")
            set_text(part(row, "name"), _NAMES[item])
            part(self._dialog, "checks").append(row)
        return self._rows[item]

    def _save(self, found: Findings) -> None:
        if self._saved:
            URL.revokeObjectURL(self._saved)
        told = report(found, self._agent, str(Date.new().toISOString()))
        blob = Blob.new(to_js([json.dumps(told, indent=1)]), type="application/json")
        self._saved = str(URL.createObjectURL(blob))
        part(self._dialog, "report").href = self._saved


def says(finding: Finding) -> str:
    """Return what a row says: its figures, or what is wrong."""
    figures = finding.figures
    if "kbit/s" in figures:
        rate = say.rate(1000 * figures["kbit/s"])
        trip = figures.get("rtt ms")
        return rate if trip is None else f"{rate}, {say.milliseconds(trip / 1000)}"
    if "ms" in figures:
        return say.milliseconds(figures["ms"] / 1000)
    return _REASONS[finding.reason] or _OUTCOMES.get(finding.outcome, "")
