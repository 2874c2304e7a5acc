"""The OpenAPI document of the HTTP API, which tests hold the server to.

OpenAPI 3.1, so schemas are JSON Schema 2020-12. What a request's body may be is
taken from the very classes that decode it.
"""

from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from protocol.codes import MAX_NAME, MAX_PARTICIPANTS, MAX_TOKEN, ErrorCode
from server.caller import Person
from server.history import CURSOR, MOST
from server.room_api import Change, Knock, NewRoom
from server.sessions import NewSession

PATH: Final = "/api/openapi.json"

Schema = dict[str, Any]

_TOKEN: Final[Schema] = {"type": "string", "minLength": 1, "maxLength": MAX_TOKEN}
_TEXT: Final[Schema] = {"type": "string"}
_SECONDS: Final[Schema] = {"type": "integer", "minimum": 1}
_ROOM: Final[Schema] = {"type": "string", "minLength": 1, "maxLength": 64}
_WHY: Final = {
    400: "The body or the Host is not as expected.",
    401: "No valid token.",
    403: "This is for others: a host, who has the passcode, who was not sent away.",
    404: "There is no such room, or it was ended.",
    409: "The room is full.",
    413: "The body is too large.",
    429: "Too much in too short a time.",
    503: "The database is away, or the server is full.",
}


def _object(maybe: Schema | None = None, /, **properties: Schema) -> Schema:
    """Return the schema of an object; what it has only ``maybe`` stands apart."""
    return {
        "type": "object",
        "properties": {**properties, **(maybe or {})},
        "required": list(properties),
        "additionalProperties": False,
    }


def _json(schema: Schema) -> Schema:
    return {"application/json": {"schema": schema}}


def _body(*kinds: type) -> Schema:
    """Return what a body may be: of one of these kinds."""
    schemas, components = msgspec.json.schema_components(kinds)
    found = [components[each["$ref"].rsplit("/", 1)[-1]] for each in schemas]
    schema = found[0] if len(found) == 1 else {"anyOf": found}
    return {"required": False, "content": _json(schema)}


def _operation(
    name: str,
    summary: str,
    answers: dict[int, Schema | None],
    refusals: tuple[int, ...] = (),
    **more: Any,
) -> Schema:
    responses: dict[str, Schema] = {}
    for status, schema in answers.items():
        responses[str(status)] = {"description": summary}
        if schema is not None:
            responses[str(status)]["content"] = _json(schema)
    for status in sorted({400, 429, *refusals}):
        responses[str(status)] = {"$ref": f"#/components/responses/{status}"}
    return {"operationId": name, "summary": summary, "responses": responses, **more}


def _refusal(status: int) -> Schema:
    headers = {
        401: {"WWW-Authenticate": {"schema": {"const": "Bearer"}}},
        429: {"Retry-After": {"schema": {"type": "string", "pattern": "^[0-9]+$"}}},
    }
    return {
        "description": _WHY[status],
        "headers": headers.get(status, {}),
        "content": _json({"$ref": "#/components/schemas/Error"}),
    }


_CALLER: Final[list[Schema]] = [{"session": []}, {"key": []}]
_IN_ROOM: Final = [{"name": "room", "in": "path", "required": True, "schema": _ROOM}]


_WINDOW: Final = [
    {
        "name": "limit",
        "in": "query",
        "schema": {"type": "integer", "minimum": 1, "maximum": MOST},
    },
    {
        "name": "after",
        "in": "query",
        "schema": {"type": "string", "pattern": f"^{CURSOR}$"},
    },
    {"name": "format", "in": "query", "schema": {"enum": ["json", "csv"]}},
]


def _log() -> Schema:
    """Return how a room's log is read."""
    number: Schema = {"type": "number", "minimum": 0}
    count: Schema = {"type": "integer", "minimum": 0}
    spread = _object(mean=number, max=number)
    spreads = ("round_trip", "loss", "up", "down", "frame_rate")
    link = _object(
        peer=_TEXT,
        samples=count,
        **dict.fromkeys(spreads, spread),
        **dict.fromkeys(("freezes", "width", "height"), count),
        connection={"enum": ["direct", "relay", "unknown"]},
        transport={"enum": ["udp", "tcp", "tls", "unknown"]},
    )
    stay = _object(
        participation=_TEXT,
        joined_at=number,
        left_at={"type": ["number", "null"]},
        reason=_TEXT,
        client=_TEXT,
        connection={"enum": ["direct", "relay", "unknown"]},
        links={"type": "array", "items": link},
    )
    page = _object(
        {"after": {"type": "string", "pattern": f"^{CURSOR}$"}},
        room=_ROOM,
        participations={"type": "array", "items": stay, "maxItems": MOST},
    )
    described = _operation(
        "getLog",
        "Tell who was in a room and how it went; its creator and its hosts may.",
        {200: page},
        (401, 403, 404, 503),
        parameters=_WINDOW,
        security=_CALLER,
    )
    described["responses"]["200"]["content"]["text/csv"] = {"schema": _TEXT}
    return described


def document() -> Schema:
    """Return the document as plain data."""
    name = {"type": "string", "maxLength": MAX_NAME}
    count = {"type": "integer", "minimum": 0, "maximum": MAX_PARTICIPANTS}
    link = {"type": "string", "format": "uri"}
    flag = {"type": "boolean"}
    described = _object(
        room=_ROOM,
        name=name,
        participants=count,
        capacity=count,
        persistent=flag,
        passcode=flag,
        locked=flag,
        waiting_room=flag,
        e2ee=flag,
    )
    granted = _object({"link": link}, token=_TOKEN, expires_in=_SECONDS)
    opened = _object(
        {"name": name, "room": _ROOM},
        token=_TOKEN,
        expires_in=_SECONDS,
        test_mode=flag,
    )
    state = {"enum": ["ok", "down"]}
    urls = {"type": "array", "items": _TEXT}
    ice = _object(urls=urls, username=_TEXT, credential=_TEXT)
    ready = _object(
        ready=flag,
        draining=flag,
        checks=_object({"redis": state}, store=state, journal=state),
    )
    paths = {
        "/api/session": {
            "post": _operation(
                "openSession",
                "Become somebody: who logged in, who was sent with a token, a guest.",
                {200: opened},
                (401, 403, 413),
                requestBody=_body(NewSession),
            )
        },
        "/logout": {
            "post": _operation(
                "endSession",
                "Be nobody again.",
                {204: None},
                (401, 403),
                security=_CALLER,
            )
        },
        "/api/ice": {
            "post": _operation(
                "tryIce",
                "Get ICE servers with credentials for 45 s, to test a connection.",
                {200: _object(ice_servers={"type": "array", "items": ice})},
                (401,),
                security=_CALLER,
            )
        },
        "/api/rooms": {
            "post": _operation(
                "createRoom",
                "Make a room; its link is all that others need.",
                {201: _object(room=_ROOM, link=link)},
                (401, 403, 413, 503),
                requestBody=_body(NewRoom),
                security=_CALLER,
            )
        },
        "/api/rooms/{room}": {
            "parameters": _IN_ROOM,
            "get": _operation(
                "getRoom",
                "Tell what a room is, before one goes in.",
                {200: described},
                (404, 503),
            ),
            "patch": _operation(
                "changeRoom",
                "Change a room; its creator and its hosts may.",
                {200: described},
                (401, 403, 404, 413, 503),
                requestBody=_body(Change),
                security=_CALLER,
            ),
            "delete": _operation(
                "endRoom",
                "Close a room for good; its creator and its hosts may.",
                {204: None},
                (401, 403, 404, 503),
                security=_CALLER,
            ),
        },
        "/api/rooms/{room}/token": {
            "parameters": _IN_ROOM,
            "post": _operation(
                "openRoom",
                "Get the room token that a hello needs; a backend, for its person.",
                {200: granted},
                (401, 403, 404, 409, 413, 503),
                requestBody=_body(Knock, Person),
                security=_CALLER,
            ),
        },
        "/api/rooms/{room}/log": {"parameters": _IN_ROOM, "get": _log()},
        PATH: {
            "get": _operation(
                "getDocument", "This document.", {200: {"type": "object"}}
            )
        },
        "/metrics": {
            "get": _operation(
                "getMetrics",
                "What is counted, in Prometheus' text format.",
                {200: None},
                (403,),
                security=[{}, {"metrics": []}],
            )
        },
        "/readyz": {
            "get": _operation(
                "getReadiness",
                "Tell whether the server can take new people, and what is down.",
                {200: ready, 503: ready},
            )
        },
        "/healthz": {
            "get": _operation(
                "getHealth",
                "Say that the process answers.",
                {200: _object(status={"const": "ok"})},
            )
        },
    }
    error = _object(code={"enum": [code.value for code in ErrorCode]}, message=_TEXT)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tertulia",
            "version": "1",
            "description": "Sessions, rooms, and the tokens that open them. "
            "Everything else travels on the WebSocket, see protocol/README.md.",
        },
        "paths": paths,
        "components": {
            "schemas": {"Error": _object(error=error)},
            "responses": {str(status): _refusal(status) for status in _WHY},
            "securitySchemes": {
                "session": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "key": {"type": "http", "scheme": "basic"},
                "metrics": {"type": "http", "scheme": "bearer"},
            },
        },
    }


_ENCODED: Final = msgspec.json.encode(document())


async def _describe(request: Request) -> Response:
    headers = {"Cache-Control": "no-cache"}
    return Response(_ENCODED, 200, headers, "application/json")


ROUTE: Final = Route(PATH, _describe, methods=["GET"])
