"""The page's files over HTTP."""

import gzip
import json
from pathlib import Path

import brotli
import httpx
import pytest
from guest import House, make_settings, serving
from starlette.types import ASGIApp

from server.assets import CHUNK, Assets
from server.headers import SecurityHeaders

INDEX = (
    b'<!doctype html><html data-mode="normal"><body data-phase="lobby" '
    b'data-room="none" data-panel="none" data-problem="">hola</html>'
)
ROOM = INDEX.replace(b'data-room="none"', b'data-room="open"')
SCRIPT = b"console.log('hola')\n" * 50
WASM = b"\0asm" + bytes(range(256)) * (CHUNK // 100)


def build(page: Path) -> None:
    """Write what the build of the page writes."""
    page.mkdir()
    files = {}
    for url, name, kind, body in (
        ("/", "index.html", "text/html; charset=utf-8", INDEX),
        ("/r/{room}", "room.html", "text/html; charset=utf-8", ROOM),
        ("/assets/app.3f.js", "app.js", "text/javascript; charset=utf-8", SCRIPT),
        ("/assets/py.7c.wasm", "py.wasm", "application/wasm", WASM),
    ):
        (page / name).write_bytes(body)
        (page / f"{name}.br").write_bytes(brotli.compress(body, quality=1))
        (page / f"{name}.gz").write_bytes(gzip.compress(body, 1))
        files[url] = {
            "file": name,
            "type": kind,
            "encodings": {"br": f"{name}.br", "gzip": f"{name}.gz"},
            "immutable": url.startswith("/assets/"),
        }
    del files["/assets/py.7c.wasm"]["encodings"]
    (page / "manifest.json").write_text(json.dumps({"files": files}))


def client(app: ASGIApp) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(SecurityHeaders(app)), base_url="http://here:80"
    )


@pytest.fixture
async def http(tmp_path):
    build(tmp_path / "page")
    async with client(Assets(tmp_path / "page")) as http:
        yield http


@pytest.mark.parametrize(
    ("path", "page"),
    [("/", INDEX), ("/r/abcd-efgh-jkmn", ROOM), ("/r/my_room", ROOM)],
)
async def test_the_page_opens_with_its_home_or_with_the_lobby_of_a_room(
    http, path, page
):
    response = await http.get(path)
    assert response.status_code == 200
    assert response.content == page
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "path", ["/r", "/nothing", "/assets/", "/manifest.json", "/..%2fapp.js"]
)
async def test_what_the_manifest_does_not_name_is_not_found(http, path):
    assert (await http.get(path)).status_code == 404


@pytest.mark.parametrize("path", ["/r/", "/r/a/b", "/r/abc.", "/r/caf%C3%A9"])
async def test_a_link_that_no_room_can_have_ends_at_a_page_that_says_so(http, path):
    response = await http.get(path)
    assert response.status_code == 404
    assert b'data-phase="failed"' in response.content
    assert b'data-problem="room-not-found"' in response.content
    assert response.headers["content-type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize(
    ("accept", "coding"), [("br, gzip", "br"), ("gzip", "gzip"), ("identity", None)]
)
async def test_the_encoding_is_the_one_that_was_asked_for(http, accept, coding):
    for path, body in (("/r/my_room", ROOM), ("/assets/app.3f.js", SCRIPT)):
        response = await http.get(path, headers={"accept-encoding": accept})
        assert response.content == body
        assert response.headers.get("content-encoding") == coding
        assert response.headers["vary"] == "accept-encoding"
    assert response.headers["cache-control"] == "public, max-age=31536000, immutable"


async def test_each_encoding_has_its_own_strong_etag(http):
    tags = set()
    for accept in ("br", "gzip", "identity"):
        response = await http.get("/", headers={"accept-encoding": accept})
        tags.add(response.headers["etag"])
    assert len(tags) == 3
    assert all(tag.startswith('"') for tag in tags)


@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', "*"])
async def test_what_did_not_change_is_not_sent_again(http, form):
    etag = (await http.get("/")).headers["etag"]
    response = await http.get("/", headers={"if-none-match": form.format(etag)})
    assert (response.status_code, response.content) == (304, b"")
    assert response.headers["etag"] == etag
    assert "content-type" not in response.headers


async def test_what_changed_is_sent(http):
    response = await http.get("/", headers={"if-none-match": '"old"'})
    assert response.status_code == 200


async def test_wasm_has_the_type_that_streaming_compilation_needs(http):
    response = await http.get("/assets/py.7c.wasm")
    assert response.headers["content-type"] == "application/wasm"
    assert response.content == WASM


async def test_head_has_the_headers_and_no_body(http):
    response = await http.head("/assets/py.7c.wasm")
    assert response.headers["content-length"] == str(len(WASM))
    assert response.content == b""


async def test_a_range_is_ignored(http):
    many = "bytes=" + ",".join(f"{n}-{n}" for n in range(1000))
    response = await http.get("/assets/py.7c.wasm", headers={"range": many})
    assert (response.status_code, response.content) == (200, WASM)


async def test_other_methods_are_not_allowed(http):
    response = await http.post("/")
    assert response.status_code == 405
    assert response.headers["allow"] == "GET, HEAD"


async def test_in_test_mode_the_page_says_so(tmp_path):
    build(tmp_path / "page")
    async with (
        client(Assets(tmp_path / "page")) as normal,
        client(Assets(tmp_path / "page", test_mode=True)) as testing,
    ):
        for accept in ("br", "gzip", "identity"):
            headers = {"accept-encoding": accept}
            page = await testing.get("/r/room", headers=headers)
            assert b'data-mode="test"' in page.content
            other = await normal.get("/", headers=headers)
            assert page.headers["etag"] != other.headers["etag"]


async def test_a_missing_build_says_what_to_do(tmp_path):
    async with client(Assets(tmp_path / "page")) as http:
        response = await http.get("/r/room")
        assert response.status_code == 503
        assert "scripts/setup" in response.text
        assert (await http.get("/assets/app.3f.js")).status_code == 404


async def test_every_response_carries_the_security_headers(http):
    for path in ("/", "/nothing", "/assets/app.3f.js"):
        headers = (await http.get(path)).headers
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; ")
        assert "script-src 'self' 'wasm-unsafe-eval';" in policy
        assert "unsafe-inline" not in policy
        assert "connect-src 'self' ws://here wss://here;" in policy
        assert "camera=(self)" in headers["permissions-policy"]
        assert "geolocation=()" in headers["permissions-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert headers["cross-origin-resource-policy"] == "same-origin"


async def test_a_host_can_not_write_the_policy(http):
    response = await http.get("/", headers={"host": "x; script-src *"})
    assert "script-src *" not in response.headers["content-security-policy"]


async def test_the_files_come_whole_through_a_real_server(tmp_path):
    build(tmp_path / "page")
    async with serving(make_settings(tmp_path)) as house:
        assert isinstance(house, House)
        response = await house.http.get("/assets/py.7c.wasm")
        assert response.content == WASM
        assert "content-security-policy" in response.headers
        assert (await house.http.head("/")).status_code == 200
