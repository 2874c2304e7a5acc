"""What the page is made of, and the key that says whether it changed.

Nothing here needs what the build needs: who packs the wheel asks for the key too.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from page.image import HERE, find_client

BEST, DRAFT = 11, 5  # brotli's qualities


def content_hash(*bodies: bytes) -> str:
    """Return the hash that names contents."""
    state = hashlib.sha256()
    for body in bodies:
        state.update(len(body).to_bytes(8, "little") + body)
    return state.hexdigest()[:12]


class Sources:
    """The files that the page is made of."""

    def __init__(self, root: Path) -> None:
        self.www = root / "www"
        self.loader = self.www / "python.js"
        self.client = find_client(root)
        worker = root / "e2ee" / "worker.js"
        self.workers = [worker] if worker.exists() else []

    def python_key(self) -> str:
        """Return what changes when the snapshot must be made anew."""
        return _key(
            HERE.glob("*.mjs"),
            HERE.glob("*.py"),
            [HERE / "package-lock.json", self.loader],
            (self.client.root / file for file in self.client.files),
        )

    def key(self) -> str:
        """Return what changes with anything of the page."""
        www = (path for path in self.www.rglob("*") if path.is_file())
        return self.python_key() + _key(www, self.workers)

    def page_key(self, quality: int) -> str:
        """Return what ``key`` of a manifest says of a page packed like this."""
        return content_hash(self.key().encode(), bytes([quality]))


def _key(*groups: Iterable[Path]) -> str:
    # Names as they are inside the repository: where it lies makes no difference.
    named = sorted(
        ("/".join(path.parts[-2:]), path) for group in groups for path in group
    )
    return content_hash(
        *(part for name, path in named for part in (name.encode(), path.read_bytes()))
    )
