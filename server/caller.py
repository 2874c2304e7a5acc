"""Who calls an endpoint, and what they may ask for there."""

from collections.abc import Awaitable, Callable
from typing import Annotated

import msgspec
from starlette.requests import Request

from protocol.codes import MAX_LABEL, MAX_NAME, ErrorCode
from server.clock import Clock
from server.errors import TokenError
from server.keys import KeyHolder, Keys, by_key
from server.name import display_name
from server.revocation import Revocations
from server.store import RoomRecord
from server.tokens import LEEWAY, Pass, Role, Session, Tokens


class Person(msgspec.Struct, forbid_unknown_fields=True):
    """Whom a backend lets in: who that is to it, as what, and under which name."""

    subject: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_LABEL)]
    name: Annotated[str, msgspec.Meta(max_length=MAX_NAME)] = ""
    role: Role = Role.MEMBER


#: Lets other processes know that a session was ended, and until when that matters.
Share = Callable[[str, float], Awaitable[None]]


class Callers:
    """Tells who calls: somebody with a session, or a backend with its key."""

    def __init__(
        self, tokens: Tokens, keys: Keys, clock: Clock, share: Share | None = None
    ) -> None:
        self._share = share
        self._tokens = tokens
        self._keys = keys
        self._clock = clock
        self._ended = Revocations()

    def of(self, request: Request) -> Session | KeyHolder:
        """Return who asks, or raise ``TokenError``."""
        scheme, _, rest = request.headers.get("authorization", "").partition(" ")
        match scheme.lower():
            case "basic":
                return self._keys.holder(rest.strip())
            case "bearer":
                now = self._clock.unix()
                session = self._tokens.verify_session(rest.strip(), now)
                if session.id in self._ended:
                    raise TokenError(ErrorCode.TOKEN_EXPIRED)
                return session
        raise TokenError(ErrorCode.BAD_TOKEN)

    async def end(self, session: Session) -> None:
        """Let a session open nothing from now on, at no process."""
        until = session.expires + LEEWAY
        self.refuse(session.id, until)
        if self._share is not None:
            await self._share(session.id, until)

    def refuse(self, session: str, until: float) -> None:
        """Let nobody in with the session of this id; it ends at ``until`` (Unix)."""
        self._ended.add(session, until, self._clock.unix())


def granted(
    caller: Session | KeyHolder, person: Person | None, record: RoomRecord
) -> Pass | None:
    """Return as whom a room is to be entered, if at all.

    A backend's room is open to those alone whom the backend lets in.
    """
    subject, role, name = caller.subject, Role.MEMBER, ""
    invited = person is not None
    if isinstance(caller, KeyHolder):
        if person is None or record.creator != caller.subject:
            return None
        subject, role, name = caller.person(person.subject), person.role, person.name
        name = display_name(name) if name else ""
    elif caller.visit:
        room, role = caller.visit
        if room != record.id:
            return None
        name = caller.name
    elif by_key(record.creator):
        return None
    elif subject == record.creator:
        role = Role.HOST
    return Pass(subject, record.id, role, name, invited)


def knows(caller: Session | KeyHolder, record: RoomRecord) -> bool:
    """Whether a backend's room is there for the caller."""
    if isinstance(caller, Session) and caller.visit:
        return caller.visit[0] == record.id
    return caller.subject == record.creator
