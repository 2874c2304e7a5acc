"""The log of a room, for its hosts: who was there, how it went, as JSON or CSV.

Stays in the order in which they began, each with what its end told of its links.
Nothing says who somebody is: the store knows no names.
"""

import csv
import io
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, astuple
from typing import Any, Final, NamedTuple

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from protocol.codes import ErrorCode
from server.errors import Refused
from server.reply import answer
from server.store import LinkRecord, Page, Participation, RoomRecord, Store

LIMIT: Final = 100  # stays on a page
MOST: Final = 500
CURSOR: Final = "[0-8]?[0-9]{1,18}"  # less than 2^63, as both engines count

_LIMIT: Final = re.compile("[1-9][0-9]{0,2}", re.ASCII)
_CURSOR: Final = re.compile(CURSOR, re.ASCII)
_WEIGHT: Final = re.compile(r"q=([01](?:\.\d{0,3})?)", re.ASCII)
_JSON, _CSV = "application/json", "text/csv"
_FORMATS: Final = {"json": _JSON, "csv": _CSV}
# A spreadsheet takes what begins so for a formula, and runs it.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")

_STAY: Final = ("participation", "joined_at", "left_at", "reason", "client")
_STAY_COLUMNS: Final = (*_STAY, "connection")
_LINK_COLUMNS: Final = (
    *("peer", "samples", "round_trip_mean", "round_trip_max", "loss_mean", "loss_max"),
    *("up_mean", "up_max", "down_mean", "down_max"),
    *("frame_rate_mean", "frame_rate_max", "freezes", "width", "height"),
    *("link_connection", "link_transport"),
)


class _Wish(NamedTuple):
    """Which part of the log is asked for, and as what."""

    after: int
    limit: int
    media_type: str


class History:
    """The endpoint ``GET /api/rooms/{room}/log``.

    ``find`` returns the room that a request names, ended or not, if its caller may
    read of it, and raises ``Refused`` else.
    """

    def __init__(
        self, find: Callable[[Request], Awaitable[RoomRecord]], store: Store
    ) -> None:
        self._find = find
        self._store = store
        self.route = Route("/api/rooms/{room}/log", self.read, methods=["GET"])

    async def read(self, request: Request) -> Response:
        """Give a page of the log."""
        room = (await self._find(request)).id
        wish = _wish(request.query_params, request.headers.get("accept", ""))
        page = await self._store.page(room, wish.after, wish.limit)
        links: dict[str, list[LinkRecord]] = {stay.id: [] for stay in page.stays}
        for link in await self._store.links(room, links.keys()):
            links[link.participation].append(link)
        if wish.media_type == _CSV:
            response = _as_csv(page, links)
        else:
            response = _as_json(room, page, links)
        response.headers["Vary"] = "Accept"
        if page.after:
            query = request.url.include_query_params(after=page.after).query
            response.headers["Link"] = f'<?{query}>; rel="next"'  # RFC 8288
        return response


def _wish(query: QueryParams, accept: str) -> _Wish:
    """Return what a query asks for; raises ``Refused`` for what none may hold."""
    names = [name for name, _ in query.multi_items()]
    if len(set(names)) < len(names) or not {"after", "limit", "format"} >= set(names):
        raise Refused(ErrorCode.BAD_REQUEST, "expected limit, after, format, once each")
    limit, after = query.get("limit", str(LIMIT)), query.get("after", "0")
    if not _LIMIT.fullmatch(limit) or int(limit) > MOST:
        raise Refused(ErrorCode.BAD_REQUEST, f"limit goes from 1 to {MOST}")
    if not _CURSOR.fullmatch(after):
        raise Refused(ErrorCode.BAD_REQUEST, "after is what the page before gave")
    chosen = query.get("format")
    if chosen is not None and chosen not in _FORMATS:
        raise Refused(ErrorCode.BAD_REQUEST, "format is json or csv")
    return _Wish(int(after), int(limit), _FORMATS[chosen] if chosen else _best(accept))


def _best(accept: str) -> str:
    """Return what is liked better of the two (RFC 9110 §12.5.1); JSON if neither."""
    weights = {_JSON: 0.0, _CSV: 0.0}
    for each in accept.split(","):
        name, _, parameters = each.partition(";")
        name = name.strip().lower()
        if name in weights:
            found = _WEIGHT.search(parameters.replace(" ", ""))
            weights[name] = float(found[1]) if found else 1.0
    return _CSV if weights[_CSV] > weights[_JSON] else _JSON


def _as_json(room: str, page: Page, links: dict[str, list[LinkRecord]]) -> Response:
    log: dict[str, Any] = {
        "room": room,
        "participations": [
            {
                **dict(zip(_STAY_COLUMNS, _stay(stay), strict=True)),
                "links": [_link(link) for link in links[stay.id]],
            }
            for stay in page.stays
        ],
    }
    if page.after:
        log["after"] = str(page.after)  # a JavaScript Number doesn't hold it
    return answer(log)


def _stay(stay: Participation) -> tuple[Any, ...]:
    return (
        *(stay.id, stay.joined_at, stay.left_at, stay.reason),
        *(stay.agent, stay.connection or "unknown"),
    )


def _link(link: LinkRecord) -> dict[str, Any]:
    named = asdict(link)
    for hidden in ("participation", "room", "ended_at"):
        del named[hidden]
    for name, value in named.items():
        if isinstance(value, dict):
            named[name] = {"mean": value["mean"], "max": value["most"]}
    return named


def _as_csv(page: Page, links: dict[str, list[LinkRecord]]) -> Response:
    text = io.StringIO()
    writer = csv.writer(text)  # its own way of writing is RFC 4180's
    writer.writerow((*_STAY_COLUMNS, *_LINK_COLUMNS))
    for stay in page.stays:
        for numbers in _rows(links[stay.id]):
            writer.writerow([_cell(each) for each in (*_stay(stay), *numbers)])
    headers = {
        "Cache-Control": "no-store",
        "Content-Disposition": 'attachment; filename="log.csv"',
    }
    return Response(text.getvalue(), 200, headers, f"{_CSV}; charset=utf-8")


def _rows(links: Sequence[LinkRecord]) -> Iterable[Sequence[Any]]:
    """Return a row for each link; an empty one for a stay that has none."""
    if not links:
        return [("",) * len(_LINK_COLUMNS)]
    return [tuple(_numbers(link)) for link in links]


def _numbers(link: LinkRecord) -> Iterator[Any]:
    _, peer, _, _, *values = astuple(link)
    yield peer
    for value in values:
        if isinstance(value, tuple):
            yield from value
        else:
            yield value


def _cell(value: Any) -> Any:
    """Return a value that no spreadsheet takes for a formula."""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return "" if value is None else value
