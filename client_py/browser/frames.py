"""The worker that protects frames, and the transforms that lead them through it.

One worker for the page. Each sealed connection is a link of it, by a number of its
own, so that no counter ever starts over under a key. Chromium ignores a transform
that is set a task later than its sender was made, without a word, and sends plain
frames: so ``guard`` waits for nothing. Where a browser has no transforms yet, older
streams of frames, which are Chromium's own, lead through the same worker.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any

from js import (
    RTCRtpReceiver,
    RTCRtpSender,
    Worker,
    navigator,
    window,
)
from pyodide.ffi import to_js

from client_py.browser.dom import Listeners
from client_py.core.doubt import Came
from client_py.core.errors import NegotiationError
from client_py.core.slot import Slot
from e2ee.keyring import LINGER, key_id
from e2ee.slot import Slot as KeySlot
from e2ee.suite import Suite, derive

log = logging.getLogger("tertulia.frames")

#: Seconds in which those who ask wait for each other: each answer costs the page as
#: much as all of their questions, and tells of all links.
_TOGETHER = 0.02
_ANSWER = 4.0  # seconds in which a worker that lives has counted, and once more
#: In order of preference. RED (RFC 2198) sends each frame of sound again with the next
#: one: where 10 % of the packets are lost, 0.4 % of the sound is missed, not 11 %.
_CODECS = {"audio": ("audio/red", "audio/opus"), "video": ("video/VP8", "video/rtx")}
_STREAMS = "createEncodedStreams"
#: What ``Came`` counts, in the worker's words.
_CAME = (("ok",), ("plain", "nokey", "auth", "error"), ("dup", "old"))
_CYCLE = 32  # generations that a key id tells apart

Counts = dict[str, dict[str, int]]


def has_transforms() -> bool:
    """Whether this browser has the transforms of W3C webrtc-encoded-transform."""
    return hasattr(window, "RTCRtpScriptTransform")


def can_encrypt() -> bool:
    """Whether this browser lets anybody encrypt frames."""
    return has_transforms() or hasattr(RTCRtpSender.prototype, _STREAMS)


def configuration() -> dict[str, Any]:
    """Return what a connection must be made with, so that its frames can be led."""
    return {} if has_transforms() else {"encodedInsertableStreams": True}


@dataclass(frozen=True, slots=True)
class Passed:
    """The frames of one connection: how many came by to be sent, and what came."""

    sent: dict[Slot, int]
    came: tuple[Came, ...]


class FrameWorker:
    """``e2ee/worker.js`` at work for one page.

    A worker that fails, or doesn't answer any more, is ended. Its links are lost, and
    the next one has another worker.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._listeners = Listeners()
        self._worker = self._start()
        self._failed = False
        self._numbers = count(1)
        self._links: dict[str, FrameLink] = {}
        self._asking: asyncio.Future[Counts] | None = None
        self._counting: deque[asyncio.Future[Counts]] = deque()

    def link(self) -> "FrameLink":
        """Begin another link."""
        if self._failed:
            self._worker, self._failed = self._start(), False
        made = FrameLink(self, str(next(self._numbers)))
        self._links[made.name] = made
        return made

    def end(self, link: "FrameLink") -> None:
        """Nothing of this link is sent or opened any more."""
        if self._links.pop(link.name, None):
            self.tell({"kind": "leave", "link": link.name})

    def lead(self, link: str, slot: Slot, way: str, end: Any) -> None:
        """Lead the frames of a sender or a receiver through the worker."""
        options = {"link": link, "slot": int(slot), "way": way, "canary": way == "send"}
        if has_transforms():
            end.transform = window.RTCRtpScriptTransform.new(
                self._worker, to_js(options)
            )
            return
        # What is made for such streams sends and plays nothing but what comes of them.
        made = end.createEncodedStreams()
        ends = {"readable": made.readable, "writable": made.writable}
        said = {"kind": "streams", "options": options, **ends}
        self._worker.postMessage(to_js(said), to_js(list(ends.values())))

    def tell(self, message: dict[str, Any]) -> None:
        """Tell the worker what Python decided."""
        self._worker.postMessage(to_js(message))

    async def counts(self) -> Counts:
        """Return what became of the frames of each transform up to now.

        Those who call at about the same time ask together, but an answer under way
        may be older than the call.
        """
        if self._failed:
            raise NegotiationError("nothing counts frames any more")
        if self._asking is None:
            loop = asyncio.get_running_loop()
            self._asking = loop.create_future()
            loop.call_later(_TOGETHER, self._ask)
        return await asyncio.shield(self._asking)  # it is that of others, too

    def _ask(self) -> None:
        asked, self._asking = self._asking, None
        if asked is None:
            return  # the worker was ended meanwhile
        self._counting.append(asked)
        self.tell({"kind": "count"})
        # Twice: a page that was frozen hears its clock before the answer.
        asyncio.get_running_loop().call_later(_ANSWER, self._expect, asked, True)

    def _expect(self, asked: asyncio.Future[Counts], once_more: bool) -> None:
        if asked.done():
            return
        if once_more:
            asyncio.get_running_loop().call_later(_ANSWER, self._expect, asked, False)
        else:
            self._fail("it doesn't answer")

    def _start(self) -> Any:
        worker = Worker.new(self._url, type="module")
        self._listeners.add(worker, "message", self._got_message)
        self._listeners.add(worker, "error", self._got_error)
        return worker

    def _got_error(self, event: Any) -> None:
        why = str(getattr(event, "message", "") or "it can't be loaded")
        asyncio.get_running_loop().call_soon(self._fail, why)  # it ends this listener

    def _fail(self, why: str) -> None:
        if self._failed:
            return
        log.error("= the worker that encrypts is ended: %s", why)
        self._failed = True
        self._listeners.close()
        self._worker.terminate()
        if self._asking is not None:
            self._counting.append(self._asking)
            self._asking = None
        for asked in self._counting:  # the next worker answers none of them
            asked.set_exception(NegotiationError("nothing counts frames"))
            asked.exception()  # whoever asked may be gone
        self._counting.clear()
        links, self._links = self._links, {}
        for link in links.values():
            link.lose()

    def _got_message(self, event: Any) -> None:
        said = event.data
        if said.kind == "opened":
            if link := self._links.get(str(said.link)):
                link.opened(int(said.generation))
        elif said.kind == "passing":
            if link := self._links.get(str(said.link)):
                link.passing(Slot(int(said.slot)))
        elif said.kind == "counts":
            # It answers in order.
            self._counting.popleft().set_result(said.counts.to_py())


class FrameLink:
    """The frames of one connection. Its ``FrameKeys``, for the worker."""

    def __init__(self, worker: FrameWorker, name: str) -> None:
        self.name = name
        self.lost = False
        self.on_loss: Callable[[], None] | None = None
        self.on_pass: Callable[[Slot], None] | None = None
        self._worker = worker
        self._generations: list[int] = []

    def guard(self, slot: Slot, transceiver: Any) -> None:
        """Lead a slot through the worker, both ways, with codecs that fit.

        In the task in which the transceiver was made, or it is done for nothing.
        """
        self._worker.lead(self.name, slot, "send", transceiver.sender)
        self._worker.lead(self.name, slot, "receive", transceiver.receiver)
        if "Firefox/" in str(navigator.userAgent):
            # Version 153 leaves feedback for the codecs out of which it was talked in
            # its offer, and then no Chromium takes it. VP8 and Opus come first there.
            return
        capabilities = RTCRtpReceiver.getCapabilities(slot.kind).codecs
        known = _CODECS[slot.kind]
        fitting = [
            codec for name in known for codec in capabilities if codec.mimeType == name
        ]
        transceiver.setCodecPreferences(to_js(fitting))

    async def send_under(self, generation: int, suite: Suite, base_key: bytes) -> None:
        """Protect frames with this key from the next one on."""
        await self._install("send", generation, suite, base_key)

    async def receive_under(
        self, generation: int, suite: Suite, base_key: bytes, using: int = -1
    ) -> None:
        """Be ready to open frames of this key; ``using`` is the one in use."""
        known = self._generations
        kept = using if using in known else (known[-1] if known else -1)
        for old in list(known):
            # One key id never means two keys.
            if old != kept or old % _CYCLE == generation % _CYCLE:
                self._forget(old)
        known.append(generation)
        await self._install("receive", generation, suite, base_key)

    def stop_sending(self) -> None:
        """Let no frame leave until there is another key."""
        self._worker.tell({"kind": "stop", "link": self.name})

    def opened(self, generation: int) -> None:
        """The first frame of a generation came: older ones may still, for a while."""
        if generation == self._generations[-1]:
            asyncio.get_running_loop().call_later(LINGER, self._settle, generation)

    def passing(self, slot: Slot) -> None:
        """The first frame came by to be sent in a slot, and went nowhere."""
        if self.on_pass is not None:
            self.on_pass(slot)

    def admit(self, slot: Slot) -> None:
        """Let frames leave in a slot from now on: they are no canary's any more."""
        self._worker.tell({"kind": "admit", "link": self.name, "slot": int(slot)})

    async def passed(self) -> "Passed":
        """Return what became of all frames up to now."""
        counts = await self._worker.counts()

        def outcomes(slot: Slot, way: str) -> dict[str, int]:
            return counts.get(f"{self.name} {int(slot)} {way}", {})

        sent = {slot: sum(outcomes(slot, "send").values()) for slot in Slot}
        came = []
        for slot in Slot:
            found = outcomes(slot, "receive")
            totals = (sum(found.get(what, 0) for what in kind) for kind in _CAME)
            came.append(Came(slot, *totals))
        return Passed(sent, tuple(came))

    def lose(self) -> None:
        """The worker is gone, and with it the keys and the way of every frame."""
        self.lost = True
        if self.on_loss is not None:
            self.on_loss()

    def close(self) -> None:
        """Nothing is sent or opened any more."""
        self.on_loss = self.on_pass = None
        self._worker.end(self)

    def _settle(self, generation: int) -> None:
        for old in [each for each in self._generations if each < generation]:
            self._forget(old)

    def _forget(self, generation: int) -> None:
        self._generations.remove(generation)
        self._worker.tell(
            {"kind": "forget", "link": self.name, "generation": generation}
        )

    async def _install(
        self, way: str, generation: int, suite: Suite, base_key: bytes
    ) -> None:
        uses = to_js(["encrypt" if way == "send" else "decrypt"])
        asked = []
        for slot in Slot:
            kid = key_id(generation, KeySlot(slot))
            derived = derive(suite, base_key, kid)
            imported = window.crypto.subtle.importKey(
                "raw", to_js(derived.key), "AES-GCM", False, uses
            )
            asked.append((int(slot), kid, imported, derived.salt))
        keys = [
            {"slot": slot, "kid": kid, "key": await key, "salt": salt}
            for slot, kid, key, salt in asked
        ]
        self._worker.tell(
            {"kind": way, "link": self.name, "generation": generation, "keys": keys}
        )
