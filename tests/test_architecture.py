"""The rules of the house that a machine can check.

Each rule is a function that returns what breaks it; beside every check of the
tree stands one that the rule can fail.
"""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
STDLIB = frozenset(sys.stdlib_module_names)

OURS = {
    "protocol",
    "e2ee",
    "server",
    "client_py.core",
    "client_py.browser",
    "client_py.headless",
    "client_py.testing",
}
APART = {"tests", "scripts"}  # nothing imports them

#: What each package may import besides itself and the standard library.
MAY_IMPORT: dict[str, set[str]] = {
    "protocol": set(),
    "e2ee": set(),
    "client_py.core": {"protocol", "e2ee"},
    "client_py.browser": {"client_py.core", "protocol", "e2ee", "js", "pyodide"},
    "client_py.headless": {
        *("client_py.core", "protocol", "e2ee"),
        *("aiortc", "av", "numpy", "cryptography", "websockets", "httpx"),
    },
    "client_py.testing": {
        *("client_py.core", "client_py.headless", "protocol", "e2ee"),
        *("pytest", "playwright", "httpx", "numpy"),
    },
    "server": {
        "protocol",
        *("starlette", "uvicorn", "uvloop", "httptools", "websockets"),
        *("joserfc", "msgspec"),
        *("authlib", "httpx", "httpx2", "motor", "pymongo", "bson", "redis", "hiredis"),
        *("structlog", "prometheus_client"),
    },
}

IN_THE_PAGE = ("protocol", "e2ee", "client_py.core", "client_py.browser")
TWINS = ("rtc", "socket", "media", "crypto", "main")
OLDEST = (3, 11)
LONGEST = 400  # lines of a Python file outside of tests
LONGEST_WORKER = 200
SCRIPTS = ("setup", "run", "test", "check", "services", "bench")

REGISTRY_HOSTS = re.compile(
    "|".join(
        re.escape(".".join(parts))
        for parts in (
            ("pypi", "org"),
            ("pythonhosted", "org"),
            ("npmjs", "org"),
            ("npmjs", "com"),
            ("yarnpkg", "com"),
            ("jsdelivr", "net"),
            ("unpkg", "com"),
        )
    )
)
MACHINE_PATHS = re.compile(r"(?<![\w./<>{}-])/(?:work|root|Users|mnt)(?=[/\s\"'`]|$)")


# -- the rules


def imports(tree: ast.AST, package: str) -> Iterator[str]:
    """Yield the dotted names that a module imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package if node.level else ""
            base = ".".join(filter(None, (base, node.module)))
            yield from (f"{base}.{alias.name}" for alias in node.names)


def owner(name: str) -> str:
    """Return which package a dotted name belongs to."""
    parts = name.split(".")
    longer = ".".join(parts[:2])
    return longer if longer in OURS else parts[0]


def broken_imports(source: str, package: str) -> list[str]:
    """Return what a module of a package imports against the table."""
    allowed = {package, *MAY_IMPORT[package]}
    owners = {owner(name) for name in imports(ast.parse(source), package)}
    return sorted(owners - allowed - STDLIB)


def uses(source: str, name: str) -> bool:
    """Tell whether a name occurs in code, be it as an attribute or an alias."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Name(id=found) | ast.Attribute(attr=found) | ast.alias(name=found):
                if found == name:
                    return True
    return False


def parses(source: str, version: tuple[int, int]) -> bool:
    """Tell whether a module is of this version's language."""
    try:
        ast.parse(source, feature_version=version)
    except SyntaxError:
        return False
    return True


def betrayals(text: str) -> list[str]:
    """Return the hosts and paths that tell where something was made."""
    return REGISTRY_HOSTS.findall(text) + MACHINE_PATHS.findall(text)


# -- the tree


def tracked() -> list[Path]:
    """Return every file of the repository; of a plain copy, every file of ours."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if listing.returncode:
        return [
            each for top in ("tests", "scripts", "docs", "www") for each in files(top)
        ]
    listed = [ROOT / name for name in listing.stdout.split("\0") if name]
    return [path for path in listed if path.is_file()]


def files(folder: str) -> list[Path]:
    return sorted(each for each in (ROOT / folder).rglob("*") if each.is_file())


def modules(package: str) -> list[Path]:
    """Return the modules of a package, without those of a package within."""
    return sorted((ROOT / package.replace(".", "/")).rglob("*.py"))


def short(path: Path) -> str:
    return str(path.relative_to(ROOT))


# -- who may import whom


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_packages_import_only_what_the_table_allows(package: str) -> None:
    broken = {
        short(path): names
        for path in modules(package)
        if (names := broken_imports(path.read_text(), package))
    }
    assert broken == {}


def test_table_knows_every_package_of_ours() -> None:
    assert MAY_IMPORT.keys() == OURS
    tops = {path.parent.name for path in ROOT.glob("*/__init__.py")} - APART
    assert tops == {"protocol", "e2ee", "server", "client_py"}
    inner = {path.parent.name for path in ROOT.glob("client_py/*/__init__.py")}
    assert {f"client_py.{each}" for each in inner} <= OURS
    assert (
        broken_imports((ROOT / "client_py/__init__.py").read_text(), "protocol") == []
    )


@pytest.mark.parametrize(
    ("package", "source"),
    [
        ("protocol", "import msgspec"),
        ("protocol", "from client_py.core import event"),
        ("e2ee", "import protocol.codes"),
        ("e2ee", "def f():\n    from cryptography import x509"),
        ("client_py.core", "import js"),
        ("client_py.core", "from client_py import browser"),
        ("client_py.core", "from client_py.headless.rtc import Connections"),
        ("client_py.core", "import aiortc.mediastreams as a"),
        ("client_py.browser", "from client_py.headless import rtc"),
        ("client_py.browser", "import numpy"),
        ("client_py.headless", "if 0:\n    import client_py.browser.dom"),
        ("client_py.headless", "from pyodide.ffi import create_proxy"),
        ("client_py.headless", "from server.app import create_app"),
        ("client_py.testing", "from client_py.browser import main"),
        ("server", "import client_py.core.session"),
        ("server", "from e2ee import sframe"),
        ("server", "from tests.server.guest import Guest"),
        ("client_py.testing", "import scripts.page"),
    ],
)
def test_import_against_the_table_is_found(package: str, source: str) -> None:
    assert len(broken_imports(source, package)) == 1


@pytest.mark.parametrize(
    ("package", "source"),
    [
        ("protocol", "import json, dataclasses\nfrom protocol.codes import VERSION"),
        ("protocol", "from . import codes"),
        ("client_py.core", "from client_py.core.slot import Slot\nimport e2ee.sframe"),
        ("client_py.browser", "from js import window\nfrom pyodide.ffi import to_js"),
        ("client_py.headless", "from client_py.core import event\nimport av.frame"),
    ],
)
def test_import_within_the_table_is_not(package: str, source: str) -> None:
    assert broken_imports(source, package) == []


# -- proxies


def test_proxies_are_made_in_one_file() -> None:
    found = [
        short(path)
        for package in ("client_py", "e2ee", "protocol")
        for path in modules(package)
        if uses(path.read_text(), "create_proxy")
    ]
    assert found == ["client_py/browser/dom.py"]


@pytest.mark.parametrize(
    "source",
    [
        "from pyodide.ffi import create_proxy",
        "from pyodide.ffi import create_proxy as keep",
        "import pyodide.ffi\npyodide.ffi.create_proxy(print)",
        "from pyodide import ffi\nmake = ffi.create_proxy",
    ],
)
def test_proxy_under_any_name_is_found(source: str) -> None:
    assert uses(source, "create_proxy")


# -- sizes


def test_no_module_is_longer_than_400_lines() -> None:
    long = {
        short(path): lines
        for path in tracked()
        if path.suffix == ".py" and short(path).split("/")[0] != "tests"
        if (lines := len(path.read_text().splitlines())) > LONGEST
    }
    assert long == {}


def test_worker_is_not_longer_than_200_lines() -> None:
    worker = ROOT / "e2ee" / "worker.js"
    assert not worker.exists() or len(worker.read_text().splitlines()) <= LONGEST_WORKER


# -- what runs in the page


@pytest.mark.parametrize("package", IN_THE_PAGE)
def test_code_for_the_page_is_of_the_oldest_python(package: str) -> None:
    assert [
        short(path) for path in modules(package) if not parses(path.read_text(), OLDEST)
    ] == []


@pytest.mark.parametrize(
    "source",
    [
        "type Name = str",
        "def first[T](items: list[T]) -> T: ...",
        "class Box[T]: ...",
        "try:\n    pass\nexcept ValueError, TypeError:\n    pass",
    ],
)
def test_newer_syntax_is_found(source: str) -> None:
    assert not parses(source, OLDEST)


@pytest.mark.parametrize("name", TWINS)
def test_adapters_have_twin_names(name: str) -> None:
    twins = [f"client_py/{each}/{name}.py" for each in ("browser", "headless")]
    assert [each for each in twins if not (ROOT / each).is_file()] == []


# -- the repository


def test_no_file_tells_where_it_was_made() -> None:
    found = {}
    for path in tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a picture or a font
        if telling := betrayals(text):
            found[short(path)] = telling
    assert found == {}


@pytest.mark.parametrize(
    "text",
    [
        "https://" + "pypi" + ".org/simple",
        '"resolved": "https://registry.' + "npmjs" + '.org/ws"',
        "cd /" + "work/main",
        '"/' + 'root"',
        "#!/" + "root/venv/bin/python",
    ],
)
def test_telling_text_is_found(text: str) -> None:
    assert len(betrayals(text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        ":root {",
        "the network/worker",
        "a/root/of",
        "https://example.org/work/",
        "/r/room",
    ],
)
def test_harmless_text_is_not(text: str) -> None:
    assert betrayals(text) == []


def test_scripts_can_be_run() -> None:
    scripts = [ROOT / "scripts" / name for name in SCRIPTS]
    there = [path for path in scripts if path.exists()]
    assert there, "no script at all"
    assert [short(path) for path in there if not os.access(path, os.X_OK)] == []
    assert [
        short(path) for path in there if not path.read_text().startswith("#!")
    ] == []
