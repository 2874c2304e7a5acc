"""Frames through ``e2ee``, at two seams of aiortc that are private to it.

It has no encoded transforms. What a sender is about to send comes from
``_next_encoded_frame``, what a receiver is about to decode from its jitter buffer.
Both were read in 1.16; where they aren't, this module can't be imported.
"""

import time
from collections import Counter
from typing import Any

from aiortc import RTCRtpReceiver, RTCRtpSender
from aiortc.codecs.vpx import Vp8Encoder, VpxPayloadDescriptor
from aiortc.jitterbuffer import JitterBuffer
from aiortc.rtcrtpsender import RTCEncodedFrame

from client_py.core.doubt import Came
from client_py.core.slot import Slot
from client_py.headless.crypto import HeadlessCrypto
from e2ee.errors import E2eeError
from e2ee.frame import Refusal
from e2ee.keyring import ReceivingKeys, SendingKeys
from e2ee.slot import Slot as KeySlot
from e2ee.suite import Suite

#: What ``Came`` counts.
_CAME = (
    ("ok",),
    (Refusal.PLAIN, Refusal.NO_KEY, Refusal.FORGED),
    (Refusal.DUPLICATE, Refusal.OLD),
)
_BUFFER = "_RTCRtpReceiver__jitter_buffer"

if not (
    hasattr(RTCRtpSender, "_next_encoded_frame")
    and hasattr(Vp8Encoder, "_packetize")
    and _BUFFER in RTCRtpReceiver.__init__.__code__.co_names
    and _BUFFER in RTCRtpReceiver._handle_rtp_packet.__code__.co_names
):
    raise ImportError("this aiortc has no place to encrypt frames at: take 1.16")


class FrameLink:
    """The frames of one connection, and its ``FrameKeys``.

    ``sent`` and ``received`` count by slot and outcome.
    """

    def __init__(self) -> None:
        self._crypto = HeadlessCrypto()
        self._sending: SendingKeys | None = None
        self._receiving: ReceivingKeys | None = None
        self.sent: Counter[tuple[KeySlot, str]] = Counter()

    @property
    def received(self) -> Counter[tuple[KeySlot, str]]:
        """What became of the frames that came."""
        return self._receiving.counts if self._receiving else Counter()

    @property
    def came(self) -> tuple[Came, ...]:
        """What came in each slot: opened, refused, or repeated."""
        counts = self.received
        return tuple(
            Came(
                slot,
                *(sum(counts[KeySlot(slot), what] for what in kind) for kind in _CAME),
            )
            for slot in Slot
        )

    async def send_under(self, generation: int, suite: Suite, base_key: bytes) -> None:
        if self._sending is None:
            self._sending = SendingKeys(self._crypto, suite)
        self._sending.use(generation, base_key)

    async def receive_under(
        self, generation: int, suite: Suite, base_key: bytes, using: int = -1
    ) -> None:
        if self._receiving is None:
            self._receiving = ReceivingKeys(self._crypto, suite)
        self._receiving.install(generation, base_key, using)

    def stop_sending(self) -> None:
        if self._sending is not None:
            self._sending.stop()

    def guard(self, slot: Slot, sender: RTCRtpSender, receiver: RTCRtpReceiver) -> None:
        """Lead a slot through here, both ways; before anything is sent or comes."""
        seam: Any = sender
        encode = seam._next_encoded_frame

        async def next_encoded_frame(codec: Any) -> RTCEncodedFrame | None:
            frame = await encode(codec)
            return None if frame is None else self.protect(slot, frame)

        seam._next_encoded_frame = next_encoded_frame
        setattr(receiver, _BUFFER, _Opening(getattr(receiver, _BUFFER), self, slot))

    def protect(self, slot: Slot, frame: RTCEncodedFrame) -> RTCEncodedFrame | None:
        """Return a frame as it may leave, None to drop it."""
        try:
            if slot.kind == "audio":
                # More than one payload would be glued together where it comes out.
                (plain,) = frame.payloads
                payloads = [self.seal(slot, plain)]
            else:
                parts = [VpxPayloadDescriptor.parse(each) for each in frame.payloads]
                sealed = self.seal(slot, b"".join(data for _, data in parts))
                payloads = Vp8Encoder._packetize(sealed, parts[0][0].picture_id or 0)
        except (E2eeError, ValueError):
            self.sent[KeySlot(slot), "refused"] += 1
            return None
        self.sent[KeySlot(slot), "ok"] += 1
        return RTCEncodedFrame(payloads, frame.timestamp, frame.audio_level)

    def open(self, slot: Slot, frame: bytes) -> bytes | None:
        """Return a frame as it was, None to drop it."""
        if self._receiving is None:
            return None
        now = time.monotonic()
        self._receiving.tick(now)
        return self._receiving.unprotect(KeySlot(slot), frame, now)

    def seal(self, slot: Slot, frame: bytes) -> bytes:
        """Return a frame under the keys of now; ``E2eeError`` where there are none."""
        if self._sending is None:
            raise E2eeError("no key yet")
        return self._sending.protect(KeySlot(slot), frame)


class _Opening:
    """A jitter buffer whose frames are opened before they are decoded."""

    def __init__(self, buffer: JitterBuffer, link: FrameLink, slot: Slot) -> None:
        self._buffer = buffer
        self._link = link
        self._slot = slot

    def add(self, packet: Any) -> tuple[bool, Any]:
        wanted, frame = self._buffer.add(packet)
        if frame is None:
            return wanted, None
        plain = self._link.open(self._slot, frame.data)
        if plain is None:
            # With a picture lost all others hang on the next key frame.
            return wanted or self._slot.kind == "video", None
        frame.data = plain
        return wanted, frame
