"""The endpoint that gives ICE servers to whoever tests their connection."""

from dataclasses import asdict
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from protocol.messages import ParticipantId, RoomId
from server.caller import Callers
from server.clock import Clock
from server.ice import TRIAL, ice_servers
from server.reply import answer
from server.settings import Settings

_NOWHERE: Final = RoomId("trial")


class Trial:
    """The endpoint ``POST /api/ice``: for anybody who could make a room."""

    def __init__(self, settings: Settings, callers: Callers, clock: Clock) -> None:
        self._settings = settings
        self._callers = callers
        self._clock = clock
        self.route = Route("/api/ice", self.give, methods=["POST"])

    async def give(self, request: Request) -> Response:
        """Give the servers, with credentials for a minute."""
        caller = self._callers.of(request)
        servers = ice_servers(
            self._settings.turn_urls,
            self._settings.turn_secret,
            _NOWHERE,
            ParticipantId(caller.subject),
            self._clock.unix(),
            TRIAL,
        )
        return answer({"ice_servers": [asdict(server) for server in servers]})
