"""Schemathesis asks the API whatever its document allows, and what it doesn't."""

import base64
import itertools
import re
import time
from collections.abc import Iterator

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation import GenerationMode

from server.openapi import document
from tests.hostile.victim import Victim

schema = schemathesis.openapi.from_dict(document())
met: set[tuple[str, int]] = set()  # operations, and how they were answered
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


def backend() -> str:
    pair = base64.b64encode(f"fuzzer:{SECRET}".encode()).decode()
    return f"Basic {pair}"


def credentials(case: schemathesis.Case, victim: Victim) -> str:
    """Return those of a session; of a backend, where somebody is spoken for."""
    if isinstance(case.body, dict) and "subject" in case.body:
        return backend()
    return f"Bearer {victim.tokens.session(time.time())}"


def takes_a_room(case: schemathesis.Case) -> bool:
    """Whether a case may as well ask about a room that is there."""
    path = case.meta.components.get(ParameterLocation.PATH) if case.meta else None
    return path is not None and path.mode is GenerationMode.POSITIVE


def made_by(credentials: str, victim: Victim) -> str:
    """Return a room whose maker has these credentials."""
    url, headers = f"{victim.origin}/api/rooms", {"Authorization": credentials}
    answer = httpx.post(url, headers=headers, trust_env=False)
    room: str = answer.raise_for_status().json()["room"]
    return room


turns = itertools.cycle((True, False))  # nobody guesses the id of a room


def asked(label):
    """Return a test of one operation.

    By a name of its own: xdist runs once what has one name, and all the tests that
    Schemathesis makes of one function have the same to pytest.
    """

    @schema.include(name=label).parametrize()
    @settings(
        max_examples=100,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def test(case, generous):
        right = credentials(case, generous)
        if takes_a_room(case) and next(turns):
            case.path_parameters["room"] = made_by(right, generous)
        headers = {"Authorization": right}
        response = case.call_and_validate(base_url=generous.origin, headers=headers)
        met.add((case.operation.label, response.status_code))
        assert "Traceback" not in generous.log

    return test


labels = [each.ok().label for each in schema.get_all_operations()]
for label in labels:
    words = "_".join(re.findall(r"\w+", label.lower()))
    globals()[f"test_{words}_is_answered_as_described"] = asked(label)


def test_rooms_that_are_there_were_asked_about():
    known = {label for label in labels if "{room}" in label}
    answered = {label for label, status in met if status < 300}
    assert known - answered == set()
