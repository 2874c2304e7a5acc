"""The document says what the server does; the fuzzer in tests/fuzz proves it."""

from pathlib import Path

from guest import make_settings
from starlette.routing import Route

from server.app import create_app
from server.openapi import document


def test_every_endpoint_is_described_and_no_other(tmp_path: Path):
    app = create_app(make_settings(tmp_path))
    served = {
        (route.path, method)
        for route in app.routes
        if isinstance(route, Route)
        for method in (route.methods or set()) - {"HEAD"}  # None: what refuses
    }
    described = {
        (path, method.upper())
        for path, item in document()["paths"].items()
        for method in item.keys() - {"parameters"}
    }
    assert described == served


async def test_the_document_is_served(house):
    response = await house.http.get("/api/openapi.json")
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.json() == document()


def test_every_operation_has_a_name_of_its_own():
    names = [
        operation["operationId"]
        for item in document()["paths"].values()
        for method, operation in item.items()
        if method != "parameters"
    ]
    assert len(set(names)) == len(names)
