"""Schemathesis asks the API whatever its document allows, and what it doesn't."""

import base64
import time
from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings

from server.openapi import document
from tests.hostile.victim import Victim

schema = schemathesis.openapi.from_dict(document())
SECRET = "a key's secret that is known to the tests alone"
# A body that is too large is refused as such before it is read as anything.
_rejected = schema.config.checks.negative_data_rejection
_rejected.expected_statuses = [*_rejected.expected_statuses, "413"]


@pytest.fixture(scope="module")
def generous(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victim]:
    """A server that doesn't tire of one address."""
    folder = tmp_path_factory.mktemp("generous")
    keys = f"fuzzer:{SECRET}"
    with Victim(folder, TERTULIA_LIMIT_SCALE="1000", TERTULIA_API_KEYS=keys) as victim:
        yield victim


def credentials(case: schemathesis.Case, victim: Victim) -> str:
    """Return those of a session; of a backend, where somebody is spoken for."""
    if isinstance(case.body, dict) and "subject" in case.body:
        pair = base64.b64encode(f"fuzzer:{SECRET}".encode()).decode()
        return f"Basic {pair}"
    return f"Bearer {victim.tokens.session(time.time())}"


@schema.parametrize()
@settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_whatever_is_asked_is_answered_as_described(case, generous):
    headers = {"Authorization": credentials(case, generous)}
    case.call_and_validate(base_url=generous.origin, headers=headers)
    assert "Traceback" not in generous.log
