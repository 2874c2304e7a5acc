"""Build the served page: python scripts/page/build.py [--draft]

What did not change is not built again. ``--draft`` packs less tightly and fast,
for work on the client.
"""

import argparse
import fcntl
import hashlib
import json
import os
import re
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from page.image import HERE, make_image
from page.node import ToolError, install_packages
from page.publication import Publication
from page.sources import BEST, DRAFT, Sources
from page.trim import GLUE, WASM, trim_core

ROOT = HERE.parents[1]
MARKER = "<!-- preloads -->"
_STYLE = re.compile(r' *<link rel="stylesheet" href="([\w.-]+)">\n')
Say = Callable[[str], None]


def build(
    root: Path = ROOT,
    out: Path = ROOT / "build",
    *,
    quality: int = BEST,
    say: Say = print,
) -> bool:
    """Build ``out``/page from ``root``/www and the client; tell if there was need."""
    sources = Sources(root)
    key = sources.page_key(quality)
    if _built(out) == key:
        return False
    out.mkdir(parents=True, exist_ok=True)
    with (out / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # given back when the file is closed
        if _built(out) == key:
            return False  # another process did it meanwhile
        started = time.monotonic()
        image = _image(sources, out, say)
        say("page: packing; the first time takes a minute or two")
        publication = Publication(out / "page.new", out / "packed", quality)
        _publish(sources, image, publication)
        publication.finish(key)
        shutil.rmtree(out / "page", ignore_errors=True)
        os.replace(out / "page.new", out / "page")
        say(f"page: built in {time.monotonic() - started:.0f} s")
    return True


def _image(sources: Sources, out: Path, say: Say) -> Path:
    """Return the folder with the core, the archives and the snapshot."""
    image = out / "image" / sources.python_key()
    if not (image / "snapshot.bin").exists():
        say("page: fetching Pyodide")
        install_packages(HERE, out / "pyodide")
        stock = out / "pyodide" / "node_modules" / "pyodide"
        say("page: starting Python once, to keep its memory")
        shutil.rmtree(image.parent, ignore_errors=True)
        trim_core(stock, image)
        make_image(sources.client, sources.loader, stock, image)
    return image


def _publish(sources: Sources, image: Path, publication: Publication) -> None:
    www, add = sources.www, publication.add
    snapshot = (image / "snapshot.bin").read_bytes()
    urls = {
        "glue": add("pyodide.mjs", (image / GLUE).read_bytes()),
        "wasm": add("pyodide.wasm", (image / WASM).read_bytes()),
        "snapshot": add("snapshot.bin", snapshot),
        "library": add("library.zip", (image / "library.zip").read_bytes()),
        "client": add("client.zip", (image / "client.zip").read_bytes()),
        "loader": publication.add_source(sources.loader),
        "devices": publication.add_source(www / "devices.js"),
        **{path.stem: publication.add_source(path) for path in sources.workers},
    }
    index = (www / "index.html").read_text("utf-8")
    index = _join_styles(index, www, publication)
    index = index.replace(MARKER, _links(urls, hashlib.sha256(snapshot).hexdigest()))
    index = publication.rewrite(index, www)
    publication.put("/", "index.html", index.encode(), immutable=False)
    # A room's page opens with its lobby: painted before any script runs.
    room = index.replace('data-room="none"', 'data-room="open"', 1)
    publication.put("/r/{room}", "room.html", room.encode(), immutable=False)


def _join_styles(index: str, www: Path, publication: Publication) -> str:
    """Put the style sheets into one: nothing is painted before the last has come."""
    names = _STYLE.findall(index)
    bodies = (publication.rewrite((www / name).read_text(), www) for name in names)
    url = publication.add("page.css", "".join(bodies).encode())
    first = _STYLE.search(index)
    assert first is not None
    return (
        index[: first.start()]
        + f'  <link rel="stylesheet" href="{url}">\n'
        + _STYLE.sub("", index[first.end() :])
    )


def _links(urls: dict[str, str], digest: str) -> str:
    """Return the elements that tell the browser, and boot.js, what to fetch."""
    fetched = 'rel="preload" as="fetch" crossorigin="anonymous"'
    attributes = {
        "glue": 'rel="modulepreload"',
        "loader": 'rel="modulepreload"',
        "devices": 'rel="modulepreload"',
        "wasm": fetched,
        # Not before parts.js has looked whether it is kept.
        "snapshot": f'data-digest="{digest}"',
    }
    # Those without rel are named, and fetched only when they are needed.
    return "\n  ".join(
        f'<link {attributes.get(part, "")} data-part="{part}" href="{url}">'.replace(
            "  ", " "
        )
        for part, url in urls.items()
    )


def _built(out: Path) -> str:
    try:
        return str(json.loads((out / "page/manifest.json").read_text()).get("key"))
    except (OSError, ValueError):
        return ""


def main() -> None:
    """Build the page of this repository."""
    parser = argparse.ArgumentParser(description="Build the served page.")
    parser.add_argument("--draft", action="store_true", help="pack fast, not tightly")
    quality = DRAFT if parser.parse_args().draft else BEST
    try:
        if not build(quality=quality):
            print("page: up to date")
    except ToolError as error:
        sys.exit(f"page: {error}")


if __name__ == "__main__":
    main()
