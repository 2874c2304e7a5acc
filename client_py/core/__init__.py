"""The client's logic, the same in the page and headless.

Nothing here knows JavaScript, aiortc or a socket: the platform comes in through
``ports``. Decisions are in ``session`` (pure), the doing in ``conference``.
"""
