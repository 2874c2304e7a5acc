"""Passing notices: seen as toasts, and said to screen readers."""

import asyncio
from typing import Any

from client_py.browser.dom import Shown, by_id, part, set_data, set_text, template
from client_py.browser.words import sentence, severity
from client_py.core.state import Notice, NoticeKind, Phase, Snapshot

_SHOWN = {"info": 4.0, "warning": 8.0, "error": 10.0}  # seconds
_MOST = 4


class Toasts:
    """Shows each notice once."""

    def __init__(self) -> None:
        self._box = by_id("toasts")
        self._seen = 0
        self._shown = Shown()

    def render(self, snapshot: Snapshot) -> None:
        """Show the notices that are new; take away what was settled elsewhere."""
        if not self._shown.changes("all", snapshot.notices, snapshot.waiting):
            return
        waiting = {each.id for each in snapshot.waiting}
        for notice in snapshot.notices:
            if notice.serial > self._seen:
                self._seen = notice.serial
                if notice.kind is NoticeKind.WAITING:
                    if notice.detail in waiting:
                        self._ask(notice)
                elif not _says_itself(snapshot.phase, notice.kind):
                    self.show(sentence(notice), severity(notice))
        for toast in self._box.querySelectorAll("[data-participant]"):
            if toast.dataset.participant not in waiting:
                toast.remove()

    def _ask(self, notice: Notice) -> None:
        """Show who waits, with a button that lets them in."""
        toast = self.show(sentence(notice), "warning")
        set_data(toast, "participant", notice.detail)
        button = part(toast, "action")
        button.hidden = False
        set_text(button, "Let in")
        set_data(button, "action", "admit")

    def show(self, text: str, kind: str = "info") -> Any:
        """Show a text for some seconds; return its toast."""
        toast = template("toast")
        set_data(toast, "kind", kind)
        set_text(part(toast, "text"), text)
        self._box.append(toast)
        while self._box.childElementCount > _MOST:
            self._box.firstElementChild.remove()
        asyncio.get_running_loop().call_later(_SHOWN[kind], toast.remove)
        return toast

    def dismiss(self, element: Any) -> None:
        """Take away the toast that this element is in."""
        element.closest(".toast").remove()


def _says_itself(phase: Phase, kind: NoticeKind) -> bool:
    """Whether the lobby says it anyway, beside the device's field."""
    return phase is Phase.LOBBY and kind is NoticeKind.MEDIA_PROBLEM
