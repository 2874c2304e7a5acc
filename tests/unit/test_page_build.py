"""The page's build: the same input gives the same bytes, and nothing is missing."""

import gzip
import json
import os
import re
import shutil
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import brotli
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from page.build import build  # noqa: E402
from page.image import find_client  # noqa: E402
from page.node import node  # noqa: E402
from page.publication import Publication  # noqa: E402
from page.trim import REPLACED, trim_glue, trim_wasm  # noqa: E402

pytestmark = pytest.mark.timeout(180)  # the build itself is what takes long
FAST = 1  # brotli's quality
FIRST_VISIT = 9_000_000  # bytes, compressed


def fresh(out: Path) -> Path:
    """Make a folder to build in, with Pyodide if it was fetched before."""
    out.mkdir(parents=True)
    fetched = ROOT / "build" / "pyodide"
    if fetched.is_dir():
        (out / "pyodide").symlink_to(fetched)
    return out


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the sources, which may change in the repository meanwhile."""
    root = tmp_path_factory.mktemp("root")
    for name in ("client_py", "e2ee", "protocol", "www"):
        shutil.copytree(ROOT / name, root / name)
    return root


@pytest.fixture(scope="module")
def built(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = fresh(tmp_path_factory.mktemp("page") / "build")
    assert build(root, out, quality=FAST, say=lambda _: None)
    return out


@pytest.fixture(scope="module")
def manifest(built: Path) -> dict[str, Any]:
    files: dict[str, Any] = json.loads((built / "page/manifest.json").read_text())
    return files["files"]  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def image(built: Path) -> Path:
    return next((built / "image").iterdir())


@pytest.fixture
def run(root: Path, image: Path, tmp_path: Path) -> Callable[..., Any]:
    """Run Python text in a Pyodide under Node and return what it evaluates to."""

    def run(text: str, *, snapshot: bool) -> Any:
        script = tmp_path / "run.mjs"
        settings = {
            "page": str(ROOT / "scripts/page/node.mjs"),
            "loader": str(root / "www/python.js"),
            "core": str(image),
            "snapshot": snapshot,
            "globals": sorted(find_client(root).globals),
            "text": text,
        }
        script.write_text(f"const plan = {json.dumps(settings)};\n" + RUN)
        return json.loads(node(script).splitlines()[-1])

    return run


RUN = """
import { readFileSync } from "node:fs";
const { fail, launch, standIn } = await import(plan.page);
const read = (name) => readFileSync(`${plan.core}/${name}`);
const options = { globals: standIn(plan.globals) };
if (plan.snapshot) {
  const { buffer, byteOffset, length } = read("snapshot.bin");
  options.snapshot = buffer.slice(byteOffset, byteOffset + length);
} else {
  options.files = {
    "/lib/python314.zip": read("library.zip"),
    "/lib/client.zip": read("client.zip"),
  };
  options.env = { PYTHONHASHSEED: "1", PYTHONPATH: "/lib/client.zip" };
}
try {
  const python = await launch(plan.loader, plan.core, options);
  console.log(python.runPython(plan.text));
  process.exit(0);
} catch (error) {
  fail(error);
}
"""


def files_of(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def test_two_builds_are_the_same_byte_for_byte(
    root: Path, built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    monkeypatch.setenv("LANG", "de_DE.UTF-8")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    out = fresh(tmp_path / "some" / "other" / "place")
    build(root, out, quality=FAST, say=lambda _: None)
    one, other = files_of(built / "page"), files_of(out / "page")
    assert one.keys() == other.keys()
    assert [name for name in one if one[name] != other[name]] == []


def test_nothing_is_built_twice(root: Path, built: Path) -> None:
    before = (built / "page/manifest.json").stat().st_mtime_ns
    said: list[str] = []
    assert not build(root, built, quality=FAST, say=said.append)
    assert said == []
    assert (built / "page/manifest.json").stat().st_mtime_ns == before


def test_a_change_of_the_page_keeps_the_snapshot(
    root: Path, built: Path, image: Path, tmp_path: Path
) -> None:
    changed = tmp_path / "root"
    shutil.copytree(root, changed)
    with (changed / "www/index.html").open("a") as file:
        file.write("<!-- changed -->")
    out = tmp_path / "build"
    out.mkdir()
    for name in ("image", "packed", "pyodide"):
        shutil.copytree(built / name, out / name, symlinks=True)
    said: list[str] = []
    assert build(changed, out, quality=FAST, say=said.append)
    assert not any("starting Python" in line for line in said)
    assert (out / "image" / image.name / "snapshot.bin").exists()


def test_every_file_of_the_manifest_is_there_and_unpacks(
    built: Path, manifest: dict[str, Any]
) -> None:
    unpack = {"br": brotli.decompress, "gzip": gzip.decompress}
    for entry in manifest.values():
        body = (built / "page" / entry["file"]).read_bytes()
        for coding, name in entry["encodings"].items():
            packed = (built / "page" / name).read_bytes()
            assert unpack[coding](packed) == body
            assert len(packed) < len(body)


def test_names_of_immutable_files_say_their_content(manifest: dict[str, Any]) -> None:
    for url, entry in manifest.items():
        if entry["immutable"]:
            assert re.fullmatch(r"/assets/[\w-]+\.[0-9a-f]{12}\.\w+", url)
    assert not manifest["/"]["immutable"]
    assert manifest["/"]["type"] == "text/html; charset=utf-8"
    types = {Path(url).suffix: entry["type"] for url, entry in manifest.items()}
    assert types[".wasm"] == "application/wasm"  # or it isn't compiled while it comes
    assert types[".mjs"].startswith("text/javascript")


def test_the_page_names_only_published_files(
    built: Path, manifest: dict[str, Any]
) -> None:
    for url, entry in manifest.items():
        if Path(url).suffix in (".css", ".js") or url == "/":
            text = (built / "page" / entry["file"]).read_text()
            named = re.findall(r"/assets/[\w./-]+", text)
            assert [name for name in named if name not in manifest] == []
            assert not re.search(r"""["'(](?:\./)?[\w-]+\.(?:js|css|svg)["')]""", text)
    index = (built / "page/index.html").read_text()
    parts = set(re.findall(r'data-part="(\w+)"', index))
    assert parts >= {"glue", "wasm", "snapshot", "library", "client", "loader"}


def test_a_first_visit_gets_no_more_than_9_megabytes(
    built: Path, manifest: dict[str, Any]
) -> None:
    index = (built / "page/index.html").read_text()
    # Both are for whom the snapshot fails; no visit gets them beside it.
    spare = re.findall(r'data-part="(?:library|client)" href="([^"]+)"', index)
    assert len(spare) == 2
    got = [entry for url, entry in manifest.items() if url not in spare]
    named = [entry["encodings"].get("br", entry["file"]) for entry in got]
    size = sum((built / "page" / name).stat().st_size for name in named)
    # What is served is packed more tightly than this.
    assert 2_000_000 < size < FIRST_VISIT


def test_the_style_sheets_are_one_in_the_order_of_the_page(
    root: Path, built: Path
) -> None:
    linked = re.compile(r'rel="stylesheet" href="/?([\w./-]+)"')
    sources = linked.findall((root / "www/index.html").read_text())
    (published,) = linked.findall((built / "page/index.html").read_text())
    style = (built / "page" / published).read_text()
    begins = [(root / "www" / name).read_text().splitlines()[0] for name in sources]
    assert len(sources) > 1
    assert sorted(begins, key=style.index) == begins


def test_every_module_of_the_client_imports_without_the_snapshot(
    root: Path, run: Callable[..., Any]
) -> None:
    names = list(find_client(root).modules)
    text = f"""
import importlib, json
failed = []
for name in {names!r}:
    try:
        importlib.import_module(name)
    except Exception as error:
        failed.append(f"{{name}}: {{error!r}}")
json.dumps(failed)
"""
    assert run(text, snapshot=False) == []


def test_the_snapshot_has_every_module_of_the_archives(
    run: Callable[..., Any], image: Path
) -> None:
    shipped = set()
    for archive in ("client.zip", "library.zip"):
        for path in zipfile.ZipFile(image / archive).namelist():
            name = path.removesuffix(".pyc").removesuffix("/__init__")
            shipped.add(name.replace("/", "."))
    loaded = run("import json, sys; json.dumps(list(sys.modules))", snapshot=True)
    # __main__ stands for itself in a running interpreter.
    assert shipped - set(loaded) <= {"__main__", "__init__"}


def test_a_failure_after_the_snapshot_is_told_with_its_line(
    run: Callable[..., Any],
) -> None:
    text = """
import json, traceback
from protocol import codec
try:
    codec.Codec(None, None, None).decode("x")
except Exception:
    said = traceback.format_exc()
json.dumps(said)
"""
    said = run(text, snapshot=True)
    assert 'File "protocol/codec.py", line' in said


def test_the_snapshot_says_nothing_of_where_it_was_made(
    root: Path, image: Path
) -> None:
    snapshot = (image / "snapshot.bin").read_bytes()
    for told in (ROOT, root, Path.home(), image, Path(sys.prefix)):
        if len(str(told)) > 5:
            assert os.fsencode(told) not in snapshot


def test_a_publication_renames_what_sources_name(tmp_path: Path) -> None:
    www = tmp_path / "www"
    www.mkdir()
    (www / "a.js").write_text('import { b } from "./b.js"; a("c.js"); // "b.js"x')
    (www / "b.js").write_text("export const b = 1;")
    (www / "d.css").write_text("@import 'e.css'; i { background: url(f.svg) }")
    (www / "e.css").write_text("")
    (www / "f.svg").write_text("<svg/>")
    publication = Publication(tmp_path / "out", tmp_path / "cache", FAST)
    text = publication.rewrite('<script src="a.js"><link href="d.css">', www)
    publication.finish("key")
    files = json.loads((tmp_path / "out/manifest.json").read_text())["files"]
    urls = {url.split("/")[-1].split(".")[0]: url for url in files}
    assert text == f'<script src="{urls["a"]}"><link href="{urls["d"]}">'

    def read(name: str) -> str:
        return (tmp_path / "out" / urls[name].lstrip("/")).read_text()

    assert read("a").startswith(f'import {{ b }} from "{urls["b"]}"; a("c.js");')
    assert read("d") == f"@import '{urls['e']}'; i {{ background: url({urls['f']}) }}"


def test_trimming_keeps_the_exports_that_the_glue_uses() -> None:
    glue = (
        "".join(old for old, _ in REPLACED) + 'Module["c"]=c;Module["d"]=d;Module.d();'
        "var _a,_b,memory;function assignWasmExports(wasmExports){"
        'memory=wasmExports["memory"];_a=Module["_a"]=wasmExports["a"];'
        '_b=Module["_b"]=wasmExports["b"];}_a();wasmExports.c'
    )
    trimmed, exports = trim_glue(glue)
    assert {"a", "c", "memory"} <= exports
    assert "b" not in exports
    assert '"_b"' not in trimmed and "updateGOT" not in trimmed
    assert 'Module["c"]' not in trimmed and 'Module["d"]' in trimmed
    export = b"\x01a\x00\x01\x01b\x00\x02"
    wasm = b"\0asm\1\0\0\0" + b"\x07" + bytes([len(export) + 1]) + b"\x02" + export
    assert trim_wasm(wasm, {"a"}) == b"\0asm\1\0\0\0\x07\x05\x01\x01a\x00\x01"


def test_another_glue_is_refused() -> None:
    with pytest.raises(ValueError, match="changed"):
        trim_glue("function assignWasmExports(){}")
