"""Choosing a content coding as RFC 9110 §12.5.3 says."""

from collections.abc import Collection
from functools import lru_cache
from typing import Final

IDENTITY: Final = "identity"
_PREFERENCE: Final = ("br", "gzip")  # the smaller first
_LONGEST: Final = 256  # characters of a header that we care to read


@lru_cache(maxsize=128)
def _weights(accept: str) -> dict[str, float]:
    weights = {}
    for item in accept.lower().split(","):
        coding, *parameters = (part.strip() for part in item.split(";"))
        weight = 1.0
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name.strip() == "q":
                weight = _weight(value.strip())
        if coding:
            weights[coding] = weight
    return weights


def _weight(text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        return 0.0
    return weight if 0.0 <= weight <= 1.0 else 0.0


def choose_encoding(accept: str, offered: Collection[str]) -> str:
    """Return the best of ``offered``, or identity; ``accept`` is the header.

    Identity also answers who refuses everything: a page beats a 406.
    """
    weights = _weights(accept[:_LONGEST])
    others = weights.get("*", 0.0)
    best, best_weight = IDENTITY, 0.0
    for coding in _PREFERENCE:
        weight = weights.get(coding, others)
        if coding in offered and weight > best_weight:
            best, best_weight = coding, weight
    # Not named, identity is acceptable but wanted less than whatever is named.
    return IDENTITY if weights.get(IDENTITY, 0.0) > best_weight else best
