"""The wheel: it brings the page that its server serves, or it isn't made."""

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import httpx
import pytest

from client_py.testing.server import Server

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("client_py", "e2ee", "protocol", "server", "scripts", "www")
KEY = """
import sys
from pathlib import Path
sys.path.insert(0, "scripts")
from page.sources import BEST, DRAFT, Sources
print(Sources(Path.cwd()).page_key({}))
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the repository without what was built in it."""
    root = tmp_path_factory.mktemp("root")
    for name in PARTS:
        shutil.copytree(ROOT / name, root / name)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, root / name)
    return root


def publish(root: Path, quality: str) -> None:
    """Put a page there that says it is of these sources."""
    asked = [sys.executable, "-c", KEY.format(quality)]
    key = subprocess.check_output(asked, cwd=root, text=True).strip()
    page = root / "build" / "page"
    shutil.rmtree(page, ignore_errors=True)
    page.mkdir(parents=True)
    (page / "index.html").write_text("<title>from the wheel</title>")
    index = {"file": "index.html", "type": "text/html", "immutable": False}
    (page / "manifest.json").write_text(json.dumps({"key": key, "files": {"/": index}}))


def pack(root: Path, out: Path) -> subprocess.CompletedProcess[str]:
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
    return subprocess.run(
        [*build, "--directory", str(out)], cwd=root, capture_output=True, text=True
    )


def test_the_server_of_a_wheel_serves_the_page_that_came_with_it(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(root, "BEST")
    done = pack(root, tmp_path)
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        wheel.extractall(tmp_path / "installed")
    installed = tmp_path / "installed"
    tops = {path.name for path in installed.iterdir() if path.suffix != ".dist-info"}
    assert tops == {"protocol", "server", "client_py", "e2ee"}
    server = Server(tmp_path / "data", {"PYTHONPATH": str(installed)})
    monkeypatch.chdir(installed)  # python -m looks here first, of all places
    server.start()
    try:
        assert "from the wheel" in httpx.get(server.url, trust_env=False).text
    finally:
        server.stop()


@pytest.mark.parametrize("found", ["nothing", "a draft", "an older page"])
def test_no_wheel_is_made_of_another_page(
    root: Path, tmp_path: Path, found: str
) -> None:
    shutil.rmtree(root / "build", ignore_errors=True)
    if found == "a draft":
        publish(root, "DRAFT")
    elif found == "an older page":
        publish(root, "BEST")
        shutil.copy(root / "www/icon.svg", root / "www/newer.svg")
    done = pack(root, tmp_path)
    assert done.returncode != 0
    assert "run scripts/setup" in done.stderr
    assert list(tmp_path.glob("*.whl")) == []
