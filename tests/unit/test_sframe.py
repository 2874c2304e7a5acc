"""The SFrame header against the vectors of RFC 9605 (appendix C.1)."""

import json
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from e2ee.errors import FrameError
from e2ee.sframe import Header

VECTORS = json.loads(
    (Path(__file__).parent / "vectors" / "sframe-header.json").read_text()
)["header"]
NUMBERS = st.integers(0, 2**64 - 1)


def test_every_header_of_the_rfc_is_encoded_and_decoded_as_there():
    assert len(VECTORS) == 289
    for vector in VECTORS:
        header = Header(int(vector["kid"]), int(vector["ctr"]))
        encoded = bytes.fromhex(vector["encoded"])
        assert header.encode() == encoded
        assert Header.decode(encoded) == (header, len(encoded))


@given(NUMBERS, NUMBERS, st.binary(max_size=20))
def test_a_header_comes_back_from_the_start_of_a_frame(kid, ctr, payload):
    encoded = Header(kid, ctr).encode()
    assert Header.decode(encoded + payload) == (Header(kid, ctr), len(encoded))


@given(st.binary(max_size=24))
def test_any_bytes_are_a_header_in_its_only_form_or_an_error(frame):
    try:
        header, length = Header.decode(frame)
    except FrameError:
        return
    assert header.encode() == frame[:length]


@pytest.mark.parametrize(
    "frame", ["", "80", "8007", "08", "0805", "900001", "99010101"]
)
def test_a_header_that_is_short_or_not_minimal_is_refused(frame):
    with pytest.raises(FrameError):
        Header.decode(bytes.fromhex(frame))


@pytest.mark.parametrize("value", [-1, 2**64])
def test_numbers_of_more_than_64_bits_are_refused(value):
    with pytest.raises(FrameError):
        Header(value, 0).encode()
