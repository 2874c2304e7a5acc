"""A small OpenID Connect provider, and a browser that goes there and back.

The provider is a real one over HTTP on loopback: discovery, authorization, token
endpoint and keys. ``Fault`` says what it does wrong.
"""

import base64
import contextlib
import hashlib
import hmac
import itertools
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import uvicorn
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

CLIENT_ID = "tertulia"
CLIENT_SECRET = "the secret that the provider gave us"


class Fault(Enum):
    """What the provider does wrong."""

    NONE = auto()
    NONCE = auto()
    NO_NONCE = auto()
    AUDIENCE = auto()
    AUDIENCE_BUT_PARTY = auto()
    ISSUER = auto()
    EXPIRED = auto()
    NOT_SIGNED = auto()
    SIGNED_WITH_PUBLIC_KEY = auto()
    OTHER_KEY = auto()
    NO_SUBJECT = auto()
    NO_ID_TOKEN = auto()
    TOKEN_ENDPOINT_DOWN = auto()
    TOKEN_NOT_JSON = auto()
    DISCOVERY_DOWN = auto()
    DISCOVERY_NOT_JSON = auto()
    DISCOVERY_OF_ANOTHER = auto()
    DISCOVERY_OFFERS_NONE = auto()
    DISCOVERY_UNSAFE = auto()


def _new_key(name: str) -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": name, "use": "sig"})


KEY, STRANGE_KEY = _new_key("one"), _new_key("one")


@dataclass
class Provider:
    """The provider: whoever comes is logged in at once as ``person``."""

    issuer: str = ""
    fault: Fault = Fault.NONE
    person: dict[str, Any] = field(
        default_factory=lambda: {"sub": "ana-7", "name": "Ana"}
    )
    asked: list[dict[str, str]] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    traded: int = 0  # how often a code was to become a token
    numbers: Any = field(default_factory=lambda: itertools.count(1))

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self.discovery),
                Route("/authorize", self.authorize),
                Route("/token", self.token, methods=["POST"]),
                Route("/jwks", self.jwks),
            ]
        )

    async def discovery(self, request: Request) -> Response:
        match self.fault:
            case Fault.DISCOVERY_DOWN:
                return Response(status_code=503)
            case Fault.DISCOVERY_NOT_JSON:
                return Response("<html>")
        document = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "id_token_signing_alg_values_supported": ["RS256", "none", "HS256"],
            # Options of the HTTP client, if anybody takes them for that.
            "verify": False,
            "headers": {"x-planted": "1"},
        }
        match self.fault:
            case Fault.DISCOVERY_OF_ANOTHER:
                document["issuer"] = "http://127.0.0.1:1"
            case Fault.DISCOVERY_OFFERS_NONE:
                document["id_token_signing_alg_values_supported"] = ["none", "HS256"]
            case Fault.DISCOVERY_UNSAFE:
                document["token_endpoint"] = "file:///etc/passwd"
        return JSONResponse(document)

    async def authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        self.asked.append(asked)
        assert asked["client_id"] == CLIENT_ID
        code = f"code-{next(self.numbers)}"
        self.codes[code] = asked
        answer = urlencode({"code": code, "state": asked["state"]})
        return RedirectResponse(f"{asked['redirect_uri']}?{answer}", 302)

    async def token(self, request: Request) -> Response:
        self.traded += 1
        match self.fault:
            case Fault.TOKEN_ENDPOINT_DOWN:
                return Response(status_code=500)
            case Fault.TOKEN_NOT_JSON:
                return Response("<html>")
        assert "x-planted" not in request.headers
        basic = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {basic}":
            # RFC 6749 §2.3.1 has both parts form-encoded first.
            name, secret = urlencode({CLIENT_ID: CLIENT_SECRET}).split("=")
            basic = base64.b64encode(f"{name}:{secret}".encode()).decode()
        assert request.headers.get("authorization") == f"Basic {basic}"
        form = parse_qs((await request.body()).decode())
        asked = self.codes.pop(form.get("code", [""])[0], None)  # a code is good once
        if asked is None or form["redirect_uri"][0] != asked["redirect_uri"]:
            return JSONResponse({"error": "invalid_grant"}, 400)
        digest = hashlib.sha256(form.get("code_verifier", [""])[0].encode()).digest()
        challenge = encoded(digest).decode()
        if asked["code_challenge"] != challenge:
            return JSONResponse({"error": "invalid_grant"}, 400)
        answer = {"access_token": "opaque", "token_type": "Bearer", "expires_in": 60}
        if self.fault is not Fault.NO_ID_TOKEN:
            answer["id_token"] = self.id_token(asked["nonce"])
        return JSONResponse(answer)

    def id_token(self, nonce: str) -> str:
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 60,
            "nonce": nonce,
            **self.person,
        }
        header, key = {"alg": "RS256", "kid": "one"}, KEY
        match self.fault:
            case Fault.NONCE:
                claims["nonce"] = "another"
            case Fault.NO_NONCE:
                del claims["nonce"]
            case Fault.AUDIENCE:
                claims["aud"] = "another-client"
            case Fault.AUDIENCE_BUT_PARTY:
                claims["aud"], claims["azp"] = "another-client", CLIENT_ID
            case Fault.ISSUER:
                claims["iss"] = "http://127.0.0.1:1"
            case Fault.EXPIRED:
                claims["iat"], claims["exp"] = now - 3600, now - 60
            case Fault.NO_SUBJECT:
                del claims["sub"]
            case Fault.OTHER_KEY:
                key = STRANGE_KEY
            case Fault.NOT_SIGNED:
                header["alg"] = "none"
                return forged(header, claims)
            case Fault.SIGNED_WITH_PUBLIC_KEY:
                header["alg"] = "HS256"
                return forged(header, claims, KEY.as_pem(private=False))
        return jwt.encode(header, claims, key)

    async def jwks(self, request: Request) -> Response:
        return JSONResponse({"keys": [KEY.as_dict(private=False)]})


def forged(header: dict[str, str], claims: dict[str, Any], key: bytes = b"") -> str:
    """Return a token as no library lets one make it."""
    texts = [json.dumps(part).encode() for part in (header, claims)]
    text = b".".join(map(encoded, texts))
    signature = hmac.digest(key, text, "sha256") if key else b""
    return b".".join([text, encoded(signature)]).decode()


def encoded(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


@contextlib.asynccontextmanager
async def providing() -> AsyncIterator[Provider]:
    """Run a provider on a free port."""
    provider = Provider()
    config = uvicorn.Config(
        provider.app(), "127.0.0.1", 0, log_config=None, lifespan="off"
    )
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    port = server.servers[0].sockets[0].getsockname()[1]
    provider.issuer = f"http://127.0.0.1:{port}"
    try:
        yield provider
    finally:
        await server.shutdown()


@dataclass
class Tab:
    """Keeps cookies, follows links when told to, and says where it comes from."""

    origin: str
    http: httpx.AsyncClient

    async def go(self, url: str) -> httpx.Response:
        return await self.http.get(url)

    async def leave_for_provider(self, page: str = "/r/abc") -> str:
        """Begin a login; return where the provider is."""
        response = await self.go(f"{self.origin}/login?next={page}")
        assert response.status_code == 302, response.text
        return response.headers["location"]

    async def come_back(self, provider_url: str) -> str:
        """Log in there; return the address of our callback, not yet visited."""
        response = await self.go(provider_url)
        return response.headers["location"]

    async def log_in(self, page: str = "/r/abc") -> httpx.Response:
        """Go there and back; return what the callback answers."""
        return await self.go(await self.come_back(await self.leave_for_provider(page)))

    async def session(self, **headers: str) -> httpx.Response:
        """Ask who I am, as the page does."""
        headers = {"origin": self.origin, **headers}
        return await self.http.post(
            f"{self.origin}/api/session", json={}, headers=headers
        )

    def cookies(self) -> set[str]:
        return {cookie.name for cookie in self.http.cookies.jar}


def query(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
