"""The endpoint that gives ICE servers to whoever tests their connection."""

from dataclasses import asdict
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from protocol.messages import ParticipantId, RoomId
from server.caller import Callers
from server.reply import answer
from server.rooms import IceFor

_NOWHERE: Final = RoomId("trial")


class Trial:
    """The endpoint ``POST /api/ice``: for anybody who could make a room."""

    def __init__(self, callers: Callers, ice_for: IceFor) -> None:
        self._callers = callers
        self._ice_for = ice_for
        self.route = Route("/api/ice", self.give, methods=["POST"])

    async def give(self, request: Request) -> Response:
        """Give the servers, with credentials that end soon."""
        caller = self._callers.of(request)
        servers = self._ice_for(_NOWHERE, ParticipantId(caller.subject))
        return answer({"ice_servers": [asdict(server) for server in servers]})
