"""The platforms that keep the promises."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from tests.contract.browser_stack import browser_stack
from tests.contract.stack import Stack, fake_stack, headless_stack

Fixture = Callable[[str], Any]

#: A further platform is one more line here, and keeps every promise.
STACKS: dict[str, Callable[[Fixture], AbstractAsyncContextManager[Stack]]] = {
    "fake": lambda fixture: fake_stack(),
    "headless": lambda fixture: headless_stack(),
    "browser": lambda fixture: browser_stack(fixture("far_page")),
}
