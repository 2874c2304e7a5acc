"""Python in the page: the RFC's vectors, and a link to Python outside of it."""

import io
import json
import zipfile
from base64 import b64decode, b64encode
from pathlib import Path

import pytest

from e2ee.channel import Kind
from e2ee.errors import ChannelError
from e2ee.safety import pair_emoji
from tests.e2ee.hostile import SHARED, end
from tests.e2ee.worker_page import origin

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PYODIDE = ROOT / "build" / "pyodide" / "node_modules" / "pyodide"
VECTORS = {
    "headers": ROOT / "tests" / "unit" / "vectors" / "sframe-header.json",
    "suites": HERE / "vectors" / "sframe.json",
}
START = """
async () => {
  const { loadPyodide } = await import("/pyodide/pyodide.mjs");
  const python = await loadPyodide({ indexURL: "/pyodide/" });
  python.unpackArchive(await (await fetch("/ours.zip")).arrayBuffer(), "zip");
  window.far = python.pyimport("far_python");
}
"""


def ours():
    """Return the sources that the page needs."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(HERE / "far_python.py", "far_python.py")
        names = ["client_py/__init__.py", "client_py/browser/__init__.py"]
        names.append("client_py/browser/crypto.py")
        names += [f"e2ee/{path.name}" for path in (ROOT / "e2ee").glob("*.py")]
        for name in names:
            archive.write(ROOT / name, name)
    return packed.getvalue()


@pytest.fixture(scope="module", params=["chromium", "firefox"])
def far(request, tertulia_browsers):
    """Return what calls the page's Python."""
    assert PYODIDE.exists(), "there is no Python: run scripts/page/build.py"
    files = {f"/pyodide/{path.name}": path.read_bytes() for path in PYODIDE.iterdir()}
    files["/ours.zip"] = ours()
    with origin(files) as address:
        page = tertulia_browsers[request.param].new_page()
        page.goto(address)
        page.evaluate(START)
        yield lambda name, *rest: page.evaluate(
            "([name, rest]) => far[name](...rest)", [name, rest]
        )
        page.close()


def test_the_vectors_of_the_rfc_come_out_in_the_page(far):
    assert far("headers", VECTORS["headers"].read_text()) == 2 * 289
    assert json.loads(far("suites", VECTORS["suites"].read_text())) == [1, 2, 3, 4, 5]


def test_webcrypto_refuses_what_has_to_be_refused(far):
    found = json.loads(far("refusals"))
    assert found == ["point"] * 3 + ["signature"] * 2 + ["tag"] * 2


def drive(coroutine):
    """Run what waits for nothing: the cryptography here is at hand."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("it waits")


@pytest.mark.parametrize("me", ["ada", "bob"])
def test_the_page_and_python_outside_agree(far, me):
    peer = {"ada": "bob", "bob": "ada"}[me]
    here = drive(end(me, peer))
    first = far("begin", peer, me, b64encode(SHARED).decode())
    message = b64decode(first) if first else drive(here.handshake.start())
    turn = bool(first)  # mine
    for _ in range(4):
        if turn:
            message = drive(here.handshake.receive(message))
        else:
            message = b64decode(far("take", b64encode(message).decode()))
        turn = not turn
    names = [name for _, name in pair_emoji(here.secrets.short)]
    assert json.loads(far("code")) == names
    assert here.secrets.peer_introduction == b"page"
    channel = here.channel()
    sealed = b64encode(drive(channel.seal(Kind.CHAT, 0, b"stressed"))).decode()
    answer = b64decode(far("echo", sealed))
    assert drive(channel.open(answer)).plain == b"desserts"
    assert far("echo", sealed) == "sealed message refused: replayed"
    with pytest.raises(ChannelError):
        drive(channel.open(answer))


def test_the_page_refuses_who_has_no_invitation(far):
    here = drive(end("ada", "bob", shared=bytes(32)))
    far("begin", "bob", "ada", b64encode(SHARED).decode())
    hello = b64encode(drive(here.handshake.start())).decode()
    reveal = drive(here.handshake.receive(b64decode(far("take", hello))))
    refused = far("take", b64encode(reveal).decode())
    assert refused == "handshake refused: forged"
