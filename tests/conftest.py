"""What every test shares."""

import asyncio

import pytest

_OF_BROWSERS = {"playwright", "tertulia_cast"}


@pytest.fixture(autouse=True)
def no_loop_but_ones_own(request):
    """Hide the loop that Playwright's synchronous API leaves running in this thread.

    Once a browser was started there, no test of its process could run another.
    """
    if _OF_BROWSERS & set(request.fixturenames):
        yield
        return
    loop = asyncio.events._get_running_loop()
    asyncio.events._set_running_loop(None)
    yield
    asyncio.events._set_running_loop(loop)
