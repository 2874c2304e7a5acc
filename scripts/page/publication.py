"""Files under names that say their content, in every encoding, and their manifest."""

import gzip
import json
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import brotli

from page.sources import content_hash

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".mp3": "audio/mpeg",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
    ".zip": "application/zip",
}
_PACKED = {".mp3", ".png", ".webp", ".woff2"}  # compressed as they are
_REFERENCE = re.compile(r"""(["'(])(?:\./)?([\w./-]+\.\w+)(["')])""")
_WINDOW = 24  # bits: the most that browsers take
_KEPT = 14 * 86400  # seconds that packed files are kept after their last use
_WORTH_IT = 0.95  # of the size; an encoding that saves less is left out

# Each packs bytes; the name of the encoding is the one of HTTP.
_ENCODINGS: dict[str, tuple[str, Callable[[bytes, int], bytes]]] = {
    "br": (
        ".br",
        lambda body, quality: brotli.compress(body, quality=quality, lgwin=_WINDOW),
    ),
    "gzip": (
        ".gz",
        lambda body, quality: gzip.compress(body, min(quality, 9), mtime=0),
    ),
}


class Publication:
    """A folder of published files; what stays the same is packed only once."""

    def __init__(self, out: Path, cache: Path, quality: int) -> None:
        self._out = out
        self._cache = cache
        self._quality = quality
        self._files: dict[str, dict[str, object]] = {}
        self._urls: dict[Path, str] = {}
        shutil.rmtree(out, ignore_errors=True)  # left by a build that was ended
        (out / "assets").mkdir(parents=True)
        cache.mkdir(parents=True, exist_ok=True)

    def add(self, name: str, body: bytes) -> str:
        """Publish ``body`` for ever under a name made of ``name``; return its URL."""
        stem, dot, suffix = name.rpartition(".")
        file = f"assets/{stem}.{content_hash(body)}{dot}{suffix}"
        self.put(f"/{file}", file, body, immutable=True)
        return f"/{file}"

    def add_source(self, path: Path) -> str:
        """Publish a file of www/ once, after the files that it names."""
        if path not in self._urls:
            self._urls[path] = ""  # a reference back to itself stays as it is
            body = path.read_bytes()
            if path.suffix in (".css", ".js"):
                body = self.rewrite(body.decode(), path.parent).encode()
            self._urls[path] = self.add(path.name, body)
        return self._urls[path]

    def rewrite(self, text: str, folder: Path) -> str:
        """Replace the names of files in ``folder`` by their URLs."""

        def replaced(match: re.Match[str]) -> str:
            path = folder / match[2]
            url = self.add_source(path) if path.is_file() else ""
            return f"{match[1]}{url}{match[3]}" if url else match[0]

        return _REFERENCE.sub(replaced, text)

    def merge(self, other: Path) -> None:
        """Publish again what is published in another folder."""
        manifest = json.loads((other / "manifest.json").read_text())
        for url, entry in manifest["files"].items():
            for name in (entry["file"], *entry["encodings"].values()):
                shutil.copyfile(other / name, self._out / name)
            self._files[url] = entry

    def finish(self, key: str) -> None:
        """Write the manifest, last: a build without one is not complete."""
        manifest = {"key": key, "files": dict(sorted(self._files.items()))}
        text = json.dumps(manifest, indent=1) + "\n"
        (self._out / "manifest.json").write_text(text)
        for packed in self._cache.iterdir():
            if packed.stat().st_mtime < time.time() - _KEPT:
                packed.unlink()

    def put(self, url: str, name: str, body: bytes, *, immutable: bool) -> None:
        """Publish ``body`` under ``url``; what is not immutable is asked for anew."""
        suffix = Path(name).suffix
        (self._out / name).write_bytes(body)
        encodings = {}
        for coding, (extension, _) in _ENCODINGS.items():
            packed = None if suffix in _PACKED else self._pack(coding, body)
            if packed is not None:
                encodings[coding] = name + extension
                shutil.copyfile(packed, self._out / (name + extension))
        self._files[url] = {
            "file": name,
            "type": _TYPES.get(suffix, "application/octet-stream"),
            "encodings": encodings,
            "immutable": immutable,
        }

    def _pack(self, coding: str, body: bytes) -> Path | None:
        """Return the file with ``body`` packed, or nothing if that saves too little."""
        name = f"{content_hash(body)}.{self._quality}.{coding}"
        packed = self._cache / name
        if not packed.exists():
            unfinished = packed.with_suffix(".part")
            unfinished.write_bytes(_ENCODINGS[coding][1](body, self._quality))
            unfinished.replace(packed)
        packed.touch()
        return packed if packed.stat().st_size < _WORTH_IT * len(body) else None
