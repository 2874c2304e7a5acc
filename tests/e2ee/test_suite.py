"""Keys and ciphertexts of every suite against the vectors of RFC 9605 (C.2, C.3)."""

import json
from pathlib import Path

import pytest

from client_py.headless.crypto import CtrHmac, HeadlessCrypto
from e2ee.errors import ForgedError
from e2ee.sframe import Header
from e2ee.suite import NONCE, FrameKey, Suite, derive, extract

VECTORS = json.loads((Path(__file__).parent / "vectors" / "sframe.json").read_text())


def octets(vector):
    return {
        name: bytes.fromhex(value) if isinstance(value, str) else value
        for name, value in vector.items()
    }


@pytest.mark.parametrize("vector", VECTORS["sframe"], ids=lambda v: v["cipher_suite"])
def test_a_suite_makes_what_the_rfc_says(vector):
    it = octets(vector)
    suite = Suite(it["cipher_suite"])
    assert extract(suite.digest, b"", it["base_key"]) == it["sframe_secret"]
    key = derive(suite, it["base_key"], it["kid"])
    assert key == FrameKey(it["sframe_key"], it["sframe_salt"])
    nonce = (int.from_bytes(key.salt, "big") ^ it["ctr"]).to_bytes(NONCE, "big")
    assert nonce == it["nonce"]
    header = Header(it["kid"], it["ctr"]).encode()
    assert header + it["metadata"] == it["aad"]
    aead = HeadlessCrypto().aead(suite, key)
    assert header + aead.seal(nonce, it["pt"], it["aad"]) == it["ct"]
    assert aead.open(nonce, it["ct"][len(header) :], it["aad"]) == it["pt"]
    for short in (b"", it["ct"][-suite.tag_length + 1 :], it["ct"][len(header) : -1]):
        with pytest.raises(ForgedError):
            aead.open(nonce, short, it["aad"])


@pytest.mark.parametrize("vector", VECTORS["aes_ctr_hmac"])
def test_the_cipher_of_counter_suites_makes_what_the_rfc_says(vector):
    it = octets(vector)
    aead = CtrHmac(it["key"], Suite(it["cipher_suite"]).tag_length)
    assert aead.seal(it["nonce"], it["pt"], it["aad"]) == it["ct"]
    assert aead.open(it["nonce"], it["ct"], it["aad"]) == it["pt"]


def test_keys_of_another_id_suite_or_base_are_others():
    keys = {
        (key.key[:16], key.salt)
        for suite in Suite
        for kid in (0, 1, 8)
        for base in (bytes(16), b"x" * 16)
        for key in [derive(suite, base, kid)]
    }
    assert len(keys) == 5 * 3 * 2


def test_a_key_does_not_show_itself():
    assert repr(FrameKey(b"k" * 16, b"s" * 12)) == "FrameKey()"
