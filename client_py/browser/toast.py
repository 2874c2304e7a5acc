"""Passing notices: seen as toasts, and said to screen readers."""

import asyncio
from typing import Any

from client_py.browser.dom import by_id, part, set_data, set_text, template
from client_py.browser.words import sentence, severity
from client_py.core.state import Notice

_SHOWN = {"info": 4.0, "warning": 8.0, "error": 10.0}  # seconds
_MOST = 4


class Toasts:
    """Shows each notice once."""

    def __init__(self) -> None:
        self._box = by_id("toasts")
        self._seen = 0

    def render(self, notices: tuple[Notice, ...]) -> None:
        """Show the notices that are new."""
        for notice in notices:
            if notice.serial > self._seen:
                self._seen = notice.serial
                self.show(sentence(notice), severity(notice))

    def show(self, text: str, kind: str = "info") -> None:
        """Show a text for some seconds."""
        toast = template("toast")
        set_data(toast, "kind", kind)
        set_text(part(toast, "text"), text)
        self._box.append(toast)
        while self._box.childElementCount > _MOST:
            self._box.firstElementChild.remove()
        asyncio.get_running_loop().call_later(_SHOWN[kind], toast.remove)

    def dismiss(self, element: Any) -> None:
        """Take away the toast that this element is in."""
        element.closest(".toast").remove()
