"""What runs in the page's Python: the RFC's vectors, and one end of a link."""

import json
from base64 import b64decode, b64encode

from client_py.browser.crypto import BrowserCrypto
from e2ee.channel import Channel, Kind
from e2ee.errors import E2eeError, ForgedError
from e2ee.handshake import Handshake, Link
from e2ee.safety import pair_emoji
from e2ee.sframe import Header
from e2ee.suite import NONCE, FrameKey, Suite, derive

CRYPTO = BrowserCrypto()


class End:
    """One end of a link."""

    handshake: Handshake
    channel: Channel


END = End()


def headers(text: str) -> int:
    """Return how many of the RFC's headers are made and read as there."""
    good = 0
    for vector in json.loads(text)["header"]:
        header = Header(int(vector["kid"]), int(vector["ctr"]))
        encoded = bytes.fromhex(vector["encoded"])
        good += header.encode() == encoded
        good += Header.decode(encoded) == (header, len(encoded))
    return good


async def suites(text: str) -> str:
    """Return which suites' vectors come out right: keys of all, frames of GCM's."""
    good = []
    for vector in json.loads(text)["sframe"]:
        it = {
            name: bytes.fromhex(value) if isinstance(value, str) else value
            for name, value in vector.items()
        }
        suite = Suite(it["cipher_suite"])
        key = derive(suite, it["base_key"], it["kid"])
        if key != FrameKey(it["sframe_key"], it["sframe_salt"]):
            continue
        if suite.is_gcm:
            nonce = (int.from_bytes(key.salt, "big") ^ it["ctr"]).to_bytes(NONCE, "big")
            header = Header(it["kid"], it["ctr"]).encode()
            sealed = await CRYPTO.seal(key.key, nonce, it["pt"], it["aad"])
            opened = await CRYPTO.open(key.key, nonce, sealed, it["aad"])
            if (header + sealed, opened) != (it["ct"], it["pt"]):
                continue
        good.append(int(suite))
    return json.dumps(good)


async def begin(me: str, peer: str, shared: str) -> str:
    """Make an end; return its first message, if it has the first word."""
    link, identity = Link("room", me, peer, me < peer), await CRYPTO.new_identity()
    END.handshake = Handshake(CRYPTO, link, identity, b64decode(shared), b"page")
    return b64encode(await END.handshake.start()).decode() if link.begins else ""


async def take(message: str) -> str:
    """Take a message of the handshake; return the answer, or ``refused: why``."""
    try:
        answer = await END.handshake.receive(b64decode(message))
    except E2eeError as error:
        return str(error)
    if secrets := END.handshake.secrets:
        END.channel = Channel(CRYPTO, secrets.channel_out, secrets.channel_in)
    return b64encode(answer).decode()


def code() -> str:
    """Return the names of the pictures to compare."""
    assert END.handshake.secrets
    return json.dumps([name for _, name in pair_emoji(END.handshake.secrets.short)])


async def echo(sealed: str) -> str:
    """Open a message and seal what it held, turned round."""
    try:
        opened = await END.channel.open(b64decode(sealed))
    except E2eeError as error:
        return str(error)
    answer = await END.channel.seal(Kind.CHAT, 0, opened.plain[::-1])
    return b64encode(answer).decode()


async def refusals() -> str:
    """Return what the platform refuses, as it has to."""
    found = []
    exchange = await CRYPTO.new_exchange()
    for point in (bytes(32), b"\x01" + bytes(31), bytes(31)):
        try:
            await exchange.agree(point)
        except ForgedError:
            found.append("point")
    identity = await CRYPTO.new_identity()
    signature = await identity.sign(b"this")
    await CRYPTO.verify(identity.public, signature, b"this")
    for public, message in ((identity.public, b"that"), (bytes(31), b"this")):
        try:
            await CRYPTO.verify(public, signature, message)
        except ForgedError:
            found.append("signature")
    for sealed in (b"", bytes(40)):
        try:
            await CRYPTO.open(bytes(16), bytes(12), sealed, b"")
        except ForgedError:
            found.append("tag")
    return json.dumps(found)
