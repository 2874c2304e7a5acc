"""Build the served page: python scripts/page/build.py [--draft]

What did not change is not built again. ``--draft`` packs less tightly and fast,
for work on the client.
"""

import argparse
import hashlib
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from page.image import HERE, find_client, make_image
from page.node import ToolError, install_packages
from page.publication import Publication, content_hash
from page.trim import GLUE, WASM, trim_core

ROOT = HERE.parents[1]
BEST, DRAFT = 11, 5  # brotli's qualities
MARKER = "<!-- preloads -->"
Say = Callable[[str], None]


def build(
    root: Path = ROOT,
    out: Path = ROOT / "build",
    *,
    client_root: Path | None = None,
    quality: int = BEST,
    say: Say = print,
) -> bool:
    """Build ``out``/page from ``root``/www and the client; tell if there was need."""
    page = out / "page"
    client = find_client(client_root or root)
    python_key = _key(
        HERE.glob("*.mjs"),
        HERE.glob("*.py"),
        [HERE / "package-lock.json", root / "www" / "python.js"],
        (client.root / file for file in client.files),
    )
    www = (path for path in (root / "www").rglob("*") if path.is_file())
    worker = root / "e2ee" / "worker.js"
    key = _key(www, [worker] if worker.exists() else [])
    key = content_hash(python_key.encode(), key.encode(), bytes([quality]))
    if _built(page / "manifest.json") == key:
        return False

    started = time.monotonic()
    say("page: fetching Pyodide")
    install_packages(HERE, out / "pyodide")
    stock = out / "pyodide" / "node_modules" / "pyodide"
    image = out / "image" / python_key
    if not (image / "snapshot.bin").exists():
        say("page: starting Python once, to keep its memory")
        shutil.rmtree(image.parent, ignore_errors=True)
        trim_core(stock, image)
        make_image(client, root / "www" / "python.js", stock, image)
    say("page: packing; the first time takes a minute or two")
    _publish(root, page, image, out / "packed", quality, key)
    say(f"page: built in {time.monotonic() - started:.0f} s")
    return True


def _publish(
    root: Path,
    page: Path,
    image: Path,
    cache: Path,
    quality: int,
    key: str,
) -> None:
    www = root / "www"
    fresh = page.with_name("page.new")
    shutil.rmtree(fresh, ignore_errors=True)
    publication = Publication(fresh, cache, quality)
    snapshot = (image / "snapshot.bin").read_bytes()
    add = publication.add
    urls = {
        "glue": add("pyodide.mjs", (image / GLUE).read_bytes()),
        "wasm": add("pyodide.wasm", (image / WASM).read_bytes()),
        "snapshot": add("snapshot.bin", snapshot),
        "library": add("library.zip", (image / "library.zip").read_bytes()),
        "client": add("client.zip", (image / "client.zip").read_bytes()),
        "loader": publication.add_source(www / "python.js"),
        "devices": publication.add_source(www / "devices.js"),
    }
    worker = root / "e2ee" / "worker.js"
    if worker.exists():
        urls["worker"] = publication.add_source(worker)
    index = (www / "index.html").read_text("utf-8")
    index = index.replace(MARKER, _links(urls, hashlib.sha256(snapshot).hexdigest()))
    index = publication.rewrite(index, www)
    publication.put("/", "index.html", index.encode(), immutable=False)
    publication.finish(key)
    shutil.rmtree(page, ignore_errors=True)
    os.replace(fresh, page)


def _links(urls: dict[str, str], digest: str) -> str:
    """Return the elements that tell the browser, and boot.js, what to fetch."""
    fetched = 'rel="preload" as="fetch" crossorigin="anonymous"'
    attributes = {
        "glue": 'rel="modulepreload"',
        "loader": 'rel="modulepreload"',
        "devices": 'rel="modulepreload"',
        "wasm": fetched,
        "snapshot": f'{fetched} data-digest="{digest}"',
    }
    # Those without rel are named, and fetched only when they are needed.
    return "\n  ".join(
        f'<link {attributes.get(part, "")} data-part="{part}" href="{url}">'.replace(
            "  ", " "
        )
        for part, url in urls.items()
    )


def _key(*groups: Iterable[Path]) -> str:
    # Names as they are inside the repository: where it lies makes no difference.
    named = sorted(
        ("/".join(path.parts[-2:]), path) for group in groups for path in group
    )
    return content_hash(
        *(part for name, path in named for part in (name.encode(), path.read_bytes()))
    )


def _built(manifest: Path) -> str:
    try:
        return str(json.loads(manifest.read_text()).get("key"))
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
