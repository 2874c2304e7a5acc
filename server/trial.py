"""The endpoint that gives ICE servers to whoever tests their connection.

The one exception to the rule that a relay is for those who are in a room: the test
comes before there is a room, and a relay that can't be reached is what it is to
find. So it is narrow: sessions alone, few times, for a moment.
"""

from dataclasses import asdict
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from protocol.messages import ParticipantId, RoomId
from server.caller import Callers
from server.clock import Clock
from server.errors import TooMany
from server.limits import Buckets, Rate
from server.reply import answer
from server.rooms import IceFor

_NOWHERE: Final = RoomId("trial")
OFTEN: Final = Rate(1 / 30, 3)  # tests of one session


class Trial:
    """The endpoint ``POST /api/ice``: for anybody who could make a room."""

    def __init__(
        self, callers: Callers, ice_for: IceFor, clock: Clock, scale: float = 1.0
    ) -> None:
        self._callers = callers
        self._now = clock.monotonic
        self._sessions: Buckets[str] = Buckets(OFTEN.times(scale))
        self._ice_for = ice_for
        self.route = Route("/api/ice", self.give, methods=["POST"])

    async def give(self, request: Request) -> Response:
        """Give the servers, with credentials that end soon."""
        caller = self._callers.of(request)
        if wait := self._sessions.take(caller.subject, self._now()):
            raise TooMany(wait)
        servers = self._ice_for(_NOWHERE, ParticipantId(caller.subject))
        return answer({"ice_servers": [asdict(server) for server in servers]})
