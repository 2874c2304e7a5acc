"""What this browser keeps: for good, or as long as the tab. It may refuse to.

A browser that is told to keep nothing of a site throws where its storage is only
named. So nothing is named before it is needed, and what is refused is kept as long
as the page, in what boot.js began with.
"""

from typing import Any, Final

import js
from pyodide.ffi import JsException


class Storage:
    """One of the page's two, by its name in ``window``."""

    def __init__(self, name: str) -> None:
        self._name = name

    def read(self, key: str) -> str:
        """Return what is kept under a key, ``""`` for nothing."""
        try:
            return str(self._kept.getItem(key) or "")
        except (JsException, AttributeError):
            return str(getattr(self._refused, key, ""))

    def write(self, key: str, text: str) -> None:
        """Keep a text under a key."""
        try:
            self._kept.setItem(key, text)
        except (JsException, AttributeError):
            setattr(self._refused, key, text)

    def remove(self, key: str) -> None:
        """Keep nothing under a key any more."""
        try:
            self._kept.removeItem(key)
        except (JsException, AttributeError):
            setattr(self._refused, key, "")

    @property
    def _kept(self) -> Any:
        return getattr(js.window, self._name)

    @property
    def _refused(self) -> Any:
        return getattr(js.tertulia.boot.refused, self._name)


LOCAL: Final = Storage("localStorage")
TAB: Final = Storage("sessionStorage")
