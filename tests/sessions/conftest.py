from collections.abc import Iterator

import pytest

from tests.links import Witnesses


@pytest.fixture
def witnesses() -> Iterator[Witnesses]:
    """Lets people in; nothing may come to any of them in plain."""
    made = Witnesses()
    yield made
    assert made.betrayed == []
