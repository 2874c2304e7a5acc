"""The border to JavaScript's callbacks: the only place that makes proxies.

A Python function that JavaScript keeps needs a proxy, and a proxy that nobody
destroys lives as long as the page. So every listener belongs to a ``Listeners``
whose ``close`` detaches first and destroys second: the other way round an event
in between calls a released function.
"""

import gc
from collections.abc import Callable
from typing import Any

import pyodide_js
from js import document
from pyodide.ffi import create_proxy

Handler = Callable[[Any], None]

_live = 0


def live_proxies() -> int:
    """Return how many proxies are alive, for the test that counts them."""
    return _live


def references() -> int:
    """Return how many objects of JavaScript's Python holds, for the same tests.

    Collected first: what only a cycle still holds is no leak.
    """
    gc.collect()
    return int(pyodide_js._module._hiwire_num_refs())


class Listeners:
    """Owns listeners and callbacks; a context that ends with ``close``."""

    def __init__(self) -> None:
        self._detach: list[tuple[Callable[[Any], None], Any]] = []

    def add(self, target: Any, event: str, handler: Handler) -> None:
        """Call ``handler`` for every ``event`` of ``target``."""
        proxy = self.callback(
            handler, lambda proxy: target.removeEventListener(event, proxy)
        )
        target.addEventListener(event, proxy)

    def callback(
        self,
        function: Callable[..., Any],
        detach: Callable[[Any], None] = lambda proxy: None,
    ) -> Any:
        """Return a proxy that lives until ``close``, which calls ``detach`` first."""
        global _live
        proxy = create_proxy(function)
        _live += 1
        self._detach.append((detach, proxy))
        return proxy

    def close(self) -> None:
        """Detach everything, then destroy the proxies. Idempotent."""
        global _live
        owned, self._detach = self._detach, []
        for detach, proxy in owned:
            detach(proxy)
            proxy.destroy()
            _live -= 1


class Shown:
    """What parts of the page show.

    Asking the page itself costs more than all the rest of a drawing.
    """

    def __init__(self) -> None:
        self._parts: dict[str, tuple[object, ...]] = {}

    def changes(self, part: str, *now: object) -> bool:
        """Take note of what a part shows now; say whether it showed anything else."""
        before, self._parts[part] = self._parts.get(part), now
        return before != now


def by_id(name: str) -> Any:
    """Return the element of this id."""
    return document.getElementById(name)


def template(name: str) -> Any:
    """Return a fresh copy of a template's only element."""
    return by_id(name).content.firstElementChild.cloneNode(True)


def part(element: Any, name: str) -> Any:
    """Return the descendant with this ``data-slot``."""
    return element.querySelector(f'[data-slot="{name}"]')


def set_data(element: Any, name: str, value: str) -> None:
    """Set a ``data-`` attribute, where it isn't that already."""
    if element.getAttribute(f"data-{name}") != value:
        element.setAttribute(f"data-{name}", value)


def set_text(element: Any, text: str) -> None:
    """Set an element's text, where it isn't that already."""
    if element.textContent != text:
        element.textContent = text
