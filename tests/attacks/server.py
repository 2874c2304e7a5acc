"""A server that meddles: Tertulia's own, with somebody at its sockets."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from protocol.numbering import SEQ
from server.__main__ import configuration
from server.app import create_app
from server.direct import EXTENSION, Direct, Listener
from server.settings import Settings
from tests.contract.server import running

Word = dict[str, Any]
#: What is told in place of a message, given who it is for.
Meddle = Callable[[str, Word], list[Word]]


def honest(to: str, word: Word) -> list[Word]:
    """Change nothing."""
    return [word]


class Partition:
    """Shows people only whom they are to see, by the numbers in which they came."""

    def __init__(self, visible: set[tuple[int, int]]) -> None:
        self._visible = visible
        self._came: list[str] = []

    def __call__(self, to: str, word: Word) -> list[Word]:
        if word["type"] == "joined":
            self._sees(to, to)
            others = word["participants"]
            seen = [each for each in others if self._sees(to, each["id"])]
            return [{**word, "participants": seen}]
        about = word.get("from") or word.get("participant") or word.get("id")
        who = about["id"] if isinstance(about, dict) else about
        return [word] if who is None or self._sees(to, who) else []

    def _sees(self, one: str, other: str) -> bool:
        for each in (one, other):
            if each not in self._came:
                self._came.append(each)
        first, second = sorted((self._came.index(one), self._came.index(other)))
        return first == second or (first, second) in self._visible


class Meddler:
    """Has its hands on everything that a server tells people.

    ``told`` is all that was told, with who heard it; ``meddle`` decides on it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.meddle: Meddle = honest
        self.told: list[tuple[str, Word]] = []
        self.lines: dict[str, _Line] = {}
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            direct = scope["extensions"][EXTENSION]
            scope["extensions"][EXTENSION] = _Line(self, direct)
        await self._app(scope, receive, send)

    def say(self, to: str, word: Word) -> None:
        """Tell somebody something of one's own."""
        self.lines[to].say(word)

    def said(self, kind: str, to: str) -> list[Word]:
        """Return what people said to somebody, of one kind."""
        return [
            word
            for who, word in self.told
            if who == to and word["type"] == "signal" and word["body"]["type"] == kind
        ]


class _Line:
    """One socket, whose messages are numbered anew: what is slipped in fits."""

    def __init__(self, meddler: Meddler, direct: Direct) -> None:
        self._meddler = meddler
        self._direct = direct
        self._to = ""
        self._numbers: list[int] = []  # the server's own, of each that was told

    @property
    def writable(self) -> asyncio.Event:
        return self._direct.writable

    def listen(self, listener: Listener) -> None:
        def heard(text: str | None) -> None:
            word = json.loads(text or "{}")
            if word.get("ack"):
                word["ack"] = self._numbers[word["ack"] - 1]
            listener(json.dumps(word))

        self._direct.listen(heard)

    def write(self, text: str) -> None:
        word = json.loads(text)
        if word["type"] == "joined":
            self._to = word["you"]
            self._meddler.lines[self._to] = self
        for each in self._meddler.meddle(self._to, word):
            self.say(each)

    def say(self, word: Word) -> None:
        """Tell this, under the next number."""
        self._meddler.told.append((self._to, word))
        if SEQ in word:
            self._numbers.append(max([word[SEQ], *self._numbers[-1:]]))
            word = {**word, SEQ: len(self._numbers)}
        self._direct.write(json.dumps(word))


@asynccontextmanager
async def meddling(folder: Path) -> AsyncIterator[tuple[str, Meddler]]:
    """Serve so; yield the origin and the meddler."""
    settings = Settings(
        secret="a secret of the attacked server, long enough",
        database=f"sqlite:///{folder / 'calls.db'}",
        data_dir=folder,
        port=0,
    )
    config = configuration(create_app(settings), settings)
    config.app = meddler = Meddler(config.app)
    async with running(config) as origin:
        yield origin, meddler
