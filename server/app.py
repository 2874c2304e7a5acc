"""Puts the server together: what exists, where it stands, how long it lives."""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, Final

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount

from protocol.messages import RoomId
from server import health, openapi
from server.assets import Assets
from server.background import Background
from server.caller import Callers
from server.clock import Clock, SystemClock
from server.drain import Drain
from server.errors import Refused, SettingError, StoreError, StreamError
from server.gate import Gate
from server.headers import SecurityHeaders
from server.history import History
from server.ice import TRIAL, ice_servers, renewal
from server.identifier import identifier
from server.journal import Journal
from server.keys import Keys
from server.logs import RequestIds
from server.method import and_no_others
from server.monitoring import Monitoring
from server.origin import Origins
from server.register import Register
from server.reply import failed, gone, refused, store_failed
from server.retention import Retention
from server.room_api import RoomApi
from server.rooms import IceFor, Rooms
from server.sessions import Sessions
from server.settings import Settings
from server.socket import SocketEndpoint
from server.spill import Spill
from server.store import STOPPED, Store, open_store
from server.switchboard import Switchboard
from server.ticket import LIFE as TICKET_LIFE, Tickets
from server.tokens import Tokens
from server.trial import Trial
from server.turnstile import Turnstile

if TYPE_CHECKING:
    from server.cluster.node import Node

log = logging.getLogger("tertulia.app")

_TICK: Final = 0.5  # seconds
_LAST_WORDS: Final = 5.0  # seconds for the journal to be written when the server stops
_LETTERS: Final = "abcdefghjkmnpqrstuvwxyz"  # none that looks like another


def new_id() -> str:
    """Return 128 random bits, to be written in URLs and identifiers."""
    return identifier(16)


def new_room() -> RoomId:
    """Return a room's id, as in ``abcd-efgh-jkmn``: 54 bits, can be read aloud."""
    word = "".join(secrets.choice(_LETTERS) for _ in range(12))
    return RoomId(f"{word[:4]}-{word[4:8]}-{word[8:]}")


def create_app(
    settings: Settings,
    *,
    clock: Clock | None = None,
    store: Store | None = None,
    tick: float = _TICK,
) -> Starlette:
    """Return the server as an ASGI application; ``SettingError`` if it can't be."""
    clock = clock or SystemClock()
    store = store or open_store(settings.database)
    tokens = Tokens(settings.secret, new_id, settings.retired_secrets)
    journal = Journal(store, file=_journal_file(settings))
    life = settings.turn_life
    rooms = Rooms(new_id, _ice_for(settings, clock, life), renewal(life))
    gate = Gate(clock, settings.capacity)
    monitoring = Monitoring(settings, clock, new_id, store, journal)
    parts = (
        rooms,
        journal,
        clock,
        Tickets(settings.secret, settings.retired_secrets),
        monitoring.observers,
        monitoring.metrics.traffic,
        monitoring.metrics.written,
    )
    node = _node(settings, *parts) if settings.redis else None
    switchboard = node.switchboard if node else Switchboard(*parts)
    origins = Origins(settings.origins, test_mode=settings.test_mode)
    share = node.end_session if node else None
    callers = Callers(tokens, Keys(settings.api_keys), clock, share)
    if node:
        node.ended = callers.refuse
    register = Register(rooms, store, switchboard.look if node else None)
    endpoint = SocketEndpoint(
        switchboard, tokens, origins, clock, gate, register=register
    )
    monitoring.watch(switchboard, endpoint)
    if node:
        monitoring.watch_node(node)
    room_api = RoomApi(
        tokens=tokens,
        callers=callers,
        origins=origins,
        switchboard=switchboard,
        register=register,
        store=store,
        clock=clock,
        new_room=new_room,
        gate=gate,
        guesses=node.guesses if node else None,
    )
    trial = Trial(callers, _ice_for(settings, clock, TRIAL), clock, gate.scale)
    history = History(room_api.find_past, store)
    retention = Retention(store, clock, settings.retention_days)
    background = Background()
    sessions = Sessions(
        tokens=tokens,
        callers=callers,
        origins=origins,
        clock=clock,
        guests=settings.guests,
        test_mode=settings.test_mode,
    )

    async def counted(request: Request, error: Exception) -> Response:
        assert isinstance(error, Refused)
        monitoring.observers.refused(error.code)
        return await refused(request, error)

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        await store.start()
        try:
            await journal.recover()
            expected = await node.begin() if node else frozenset()
            if expected is not None:
                await store.end_open(clock.unix(), STOPPED, expected)
            if node is None:  # else who was here before is in the streams
                since = clock.unix() - TICKET_LIFE
                switchboard.recall(await store.aftermath(since))
            work = [journal.run(), _ticking(switchboard, tick), retention.run()]
            if node:
                work.append(node.run())
            async with monitoring.running(), background.running(*work):
                yield
                switchboard.record_links()
                if node:
                    await node.stop()
                await _last_words(journal, store, clock, alone=node is None)
        finally:
            if node:
                await node.close()
            await journal.close()
            await store.close()

    app = Starlette(
        routes=[
            *and_no_others(
                [
                    openapi.ROUTE,
                    health.ROUTE,
                    *room_api.routes(),
                    history.route,
                    trial.route,
                    *sessions.routes(),
                    *monitoring.routes(),
                ]
            ),
            *_login(settings, tokens, clock),
            Mount("/", Assets(settings.page, test_mode=settings.test_mode)),
        ],
        middleware=_middleware(settings, gate),
        exception_handlers={
            Refused: counted,
            StoreError: store_failed,
            StreamError: store_failed,
            ClientDisconnect: gone,
            Exception: failed,
        },
        lifespan=lifespan,
    )
    app.state.gate = gate  # the transport asks it before there is a request
    app.state.sockets = RequestIds(endpoint, trusts=gate.addresses.trusts)

    app.state.background = background

    def begin_to_drain() -> None:
        app.state.draining = True

    app.state.draining = False
    app.state.drain = Drain(switchboard, settings.drain, begin_to_drain)
    return app


def _node(settings: Settings, *parts: Any) -> "Node":
    """Return what serves the rooms together with other processes."""
    from server.cluster.node import Node  # its library is an extra

    return Node(settings.redis, *parts)


def _login(settings: Settings, tokens: Tokens, clock: Clock) -> list[BaseRoute]:
    """Return the endpoints of the login, if people can log in."""
    if settings.oidc is None:
        return []
    try:
        from server.login import Login  # its libraries are an extra
    except ImportError:
        raise SettingError(
            "TERTULIA_OIDC_ISSUER", "needs more to be installed: tertulia[oidc]"
        ) from None
    return [*Login(settings.oidc, tokens, clock, settings.origins).routes()]


def _journal_file(settings: Settings) -> Spill | None:
    return Spill(settings.data_dir) if settings.data_dir else None


async def _last_words(
    journal: Journal, store: Store, clock: Clock, *, alone: bool
) -> None:
    """Bring into the store what can be; the rest waits for the next start."""
    try:
        async with asyncio.timeout(_LAST_WORDS):
            await journal.flush()
            if not alone:
                return  # others go on with these calls
            await store.end_open(clock.unix(), STOPPED)
    except (TimeoutError, StoreError):
        log.warning("= the store is away: %s records wait", journal.depth)


def _ice_for(settings: Settings, clock: Clock, life: int) -> IceFor:
    urls, secret = settings.turn_urls, settings.turn_secret
    return lambda room, participant: ice_servers(
        urls, secret, room, participant, clock.unix(), life
    )


def _middleware(settings: Settings, gate: Gate) -> list[Middleware]:
    middleware = [
        Middleware(RequestIds, trusts=gate.addresses.trusts),
        Middleware(SecurityHeaders),
    ]
    if settings.origins:
        cors = Middleware(
            CORSMiddleware,
            allow_origins=settings.origins,
            allow_methods=["GET", "POST", "PATCH", "DELETE"],
            allow_headers=["Authorization", "Content-Type"],
        )
        middleware.append(cors)
    middleware.append(Middleware(Turnstile, gate))
    return middleware


async def _ticking(switchboard: Switchboard, interval: float) -> None:
    while True:
        await asyncio.sleep(interval)
        switchboard.tick()
