"""Logging in with an OpenID Connect provider, by Authlib's client for Starlette.

The code flow with PKCE, state and nonce. What a login under way has to remember is
in a signed cookie of the browser that began it, so a callback made up by somebody
else is of no use. No token ever stands in a URL.
"""

import hashlib
import logging
import re
from typing import Any, Final

import httpx2
from authlib.common.errors import AuthlibBaseError  # type: ignore[import-untyped]
from authlib.integrations.starlette_client import (  # type: ignore[import-untyped]
    OAuth,
)
from joserfc.errors import JoseError
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from protocol.codes import ErrorCode
from server.base64url import encode
from server.clock import Clock
from server.cookie import HANDOFF, TRANSACTION
from server.errors import EXPLANATIONS, Refused, TokenError
from server.name import display_name
from server.origin import host_of, public_origin
from server.reply import failure
from server.revocation import Revocations
from server.settings import Oidc
from server.tokens import LEEWAY, LOGIN_LIFE, Tokens

log = logging.getLogger("tertulia.login")

_PATIENCE: Final = 10.0  # seconds for each answer of the provider
# Pages of ours, and nothing that a browser could take for another host's.
_PAGE: Final = re.compile(r"/(r/[A-Za-z0-9_-]{1,64})?")
_SIGNED: Final = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
    | {"ES256", "ES384", "ES512", "EdDSA", "Ed25519"}
)
# What we take from the provider's document; the rest would be handed to the HTTP
# client as options.
_USED: Final = ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri")
_SORRY: Final = (
    '<!doctype html><html lang="en"><title>Signing in</title>'
    '<meta name="viewport" content="width=device-width">'
    '<main data-problem="{}"><h1>You are not signed in</h1><p>Sorry, {}.</p>'
    '<p><a href="/login">Try again</a> or <a href="/">go to the start</a>.</p></main>'
)
_DISCOVERY: Final = "/.well-known/openid-configuration"
_FAILURES: Final = (
    AuthlibBaseError,
    JoseError,
    httpx2.InvalidURL,
    AttributeError,
    KeyError,
    RuntimeError,
    TypeError,
    ValueError,
)


class Login:
    """The endpoints ``/login`` and ``/login/callback``."""

    def __init__(
        self, oidc: Oidc, tokens: Tokens, clock: Clock, origins: tuple[str, ...]
    ) -> None:
        self._oidc = oidc
        self._tokens = tokens
        self._clock = clock
        self._origins = origins
        self._over = Revocations()  # logins, by their states
        self._client = OAuth().register(
            "oidc",
            client_id=oidc.client_id,
            client_secret=oidc.client_secret,
            server_metadata_url=oidc.issuer.rstrip("/") + _DISCOVERY,
            client_kwargs={
                "scope": "openid profile",
                "code_challenge_method": "S256",
                "timeout": _PATIENCE,
                "verify": httpx2.create_ssl_context(),
            },
        )

    def routes(self) -> list[Route]:
        """Return where each endpoint stands."""
        return [
            Route("/login", self.begin, methods=["GET"]),
            Route("/login/callback", self.finish, methods=["GET"]),
        ]

    async def begin(self, request: Request) -> Response:
        """Send the browser to the provider; ``next`` is where it wants to go."""
        page = request.query_params.get("next", "/")
        if not _PAGE.fullmatch(page):
            raise Refused(ErrorCode.BAD_REQUEST, "next is not a page of this server")
        if not host_of(request.scope):
            raise Refused(ErrorCode.BAD_REQUEST, "expected one Host")
        origin = public_origin(request.scope, self._origins)
        state: dict[str, Any] = {}
        request.scope["session"] = state
        try:
            await self._discover()
            response: Response = await self._client.authorize_redirect(
                request, f"{origin}/login/callback"
            )
        except (httpx2.HTTPError, *_FAILURES) as error:
            log.warning("= the provider can't be used: %s", type(error).__name__)
            return _failed(request, ErrorCode.LOGIN_UNAVAILABLE)
        kept = {"page": page, "origin": origin, "state": state}
        token = self._tokens.login(kept, self._clock.unix())
        TRANSACTION.put(response, token, secure=_secure(origin))
        response.headers["Cache-Control"] = "no-store"
        return response

    async def finish(self, request: Request) -> Response:
        """Take in what the provider says, and lay the session ready for the page."""
        secure = _secure(public_origin(request.scope, self._origins))
        try:
            response = await self._finish(request, secure)
        except Refused as refusal:
            response = _failed(request, refusal.code)
        # Whatever came of it, this login is over.
        TRANSACTION.drop(response, secure=secure)
        return response

    async def _finish(self, request: Request, secure: bool) -> Response:
        now = self._clock.unix()
        try:
            kept = self._tokens.verify_login(
                TRANSACTION.read(request, secure=secure), now
            )
        except TokenError:
            raise Refused(ErrorCode.LOGIN_FAILED) from None
        # Else one cookie would have the provider asked as often as anybody likes.
        login = " ".join(sorted(kept["state"]))  # the names hold what is random
        if login in self._over:
            raise Refused(ErrorCode.LOGIN_FAILED)
        self._over.add(login, now + LOGIN_LIFE + LEEWAY, now)
        request.scope["session"] = kept["state"]
        claims = await self._claims(request)
        name = claims.get("name") or claims.get("preferred_username") or ""
        token = self._tokens.session(
            now,
            _subject(self._oidc.issuer, claims["sub"]),
            display_name(name) if isinstance(name, str) and name else "",
        )
        # The fragment is for the page alone: it has to ask who it is again.
        url = f"{kept['origin']}{kept['page']}#signed-in"
        response = RedirectResponse(url, 303, {"Cache-Control": "no-store"})
        HANDOFF.put(response, token, secure=secure)
        return response

    async def _claims(self, request: Request) -> dict[str, Any]:
        """Trade the code for an ID token, and return what it says once proven."""
        query = request.query_params
        issuer, client = self._oidc.issuer, self._oidc.client_id
        try:
            if query.get("iss", issuer) != issuer:  # RFC 9207 §2.4
                raise ValueError("another issuer answered")
            await self._discover()
            token = await self._client.authorize_access_token(
                request,
                claims_options={
                    "iss": {"essential": True, "value": issuer},
                    "aud": {"essential": True, "value": client},
                },
                leeway=LEEWAY,
            )
            claims: dict[str, Any] = token["userinfo"]
            if not isinstance(claims["sub"], str) or not claims["sub"]:
                raise ValueError("nobody is meant")
        except httpx2.HTTPError as error:
            log.warning("= the provider failed: %s", type(error).__name__)
            raise Refused(ErrorCode.LOGIN_UNAVAILABLE) from None
        except _FAILURES as error:
            log.info("= a login failed: %s", type(error).__name__)
            raise Refused(ErrorCode.LOGIN_FAILED) from None
        return claims

    async def _discover(self) -> None:
        """Fetch the provider's document once, and keep what we checked of it."""
        if self._client.server_metadata.get("_loaded_at"):
            return
        found = await self._client.load_server_metadata()
        self._client.server_metadata = {}
        # OIDC Discovery §4.3: else one provider could speak for another.
        if found["issuer"] != self._oidc.issuer:
            raise ValueError("the document is of another issuer")
        scheme = self._oidc.issuer.partition("://")[0]
        metadata: dict[str, Any] = {name: found[name] for name in _USED}
        for name in _USED:
            if not metadata[name].startswith((f"{scheme}://", "https://")):
                raise ValueError(f"{name} is not safe")
        offered = found.get("id_token_signing_alg_values_supported", ["RS256"])
        # Never none, and never an algorithm that takes a public key for a secret.
        algorithms = sorted(_SIGNED.intersection(offered))
        if not algorithms:
            raise ValueError("no algorithm in common")
        metadata["id_token_signing_alg_values_supported"] = algorithms
        methods = found.get("token_endpoint_auth_methods_supported")
        if methods and "client_secret_basic" not in methods:
            metadata["token_endpoint_auth_method"] = "client_secret_post"
        metadata["_loaded_at"] = found["_loaded_at"]
        self._client.server_metadata = metadata


def _failed(request: Request, code: ErrorCode) -> Response:
    """Return what went wrong: to people as a page, to programs as all errors are."""
    response = failure(code)
    if "text/html" in request.headers.get("accept", ""):
        response.body = _SORRY.format(code.value, EXPLANATIONS[code]).encode()
        response.headers["Content-Type"] = "text/html; charset=utf-8"
        response.headers["Content-Length"] = str(len(response.body))
    return response


def _secure(origin: str) -> bool:
    return origin.startswith("https://")


def _subject(issuer: str, subject: str) -> str:
    """Return who this is among all providers, without telling who it is."""
    digest = hashlib.sha256(f"{issuer}\0{subject}".encode()).digest()
    return "oidc:" + encode(digest).decode()
