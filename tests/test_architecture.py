"""The rules of the house that a machine can check.

Each rule is a function that returns what breaks it; beside every check of the
tree stands one that the rule can fail.
"""

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
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
    "client_py.browser": {
        *("client_py.core", "protocol", "e2ee"),
        *("js", "pyodide", "pyodide_js"),
    },
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
LONGEST_FUNCTION = 40  # lines
MOST_PUBLIC = 10  # members of a class
MOST_POSITIONAL = 4  # arguments, without the first of a method
SCRIPTS = ("setup", "run", "test", "check", "services", "bench")

Function = ast.FunctionDef | ast.AsyncFunctionDef

#: What was too large when the rule came. It may shrink, and so has its number then:
#: nothing is added.
LONG_STILL = {
    "client_py/browser/action.py Actions.__init__": 71,
    "client_py/browser/stats.py totals": 44,
    "client_py/core/conference.py Conference._perform": 63,
    "client_py/core/peer.py Peer.__init__": 56,
    "client_py/core/peer.py Peer._take": 50,
    "client_py/core/session.py Session._take": 44,
    "client_py/headless/main.py participant": 44,
    "scripts/benches/resume.py cuts": 56,
    "server/app.py create_app": 132,
    "server/cluster/snapshot.py restore": 41,
    "server/cluster/snapshot.py take": 54,
    "server/openapi.py document": 155,
    "server/settings.py Settings.from_env": 43,
    "server/store/schema.py prune": 41,
}
POSITIONAL_STILL = {
    "client_py/core/peer.py Peer.__init__": 6,
    "client_py/core/sealing.py Seal.__init__": 6,
    "e2ee/handshake.py Handshake.__init__": 5,
    "e2ee/handshake.py Handshake._got_hello": 8,
    "e2ee/handshake.py Handshake._got_reply": 5,
    "scripts/benches/_report.py row": 5,
    "scripts/benches/mesh.py raw": 5,
    "scripts/page/freeze.py freeze": 5,
    "server/awaited.py Awaited.keep": 5,
    "server/cluster/following.py Following.__init__": 7,
    "server/cluster/snapshot.py take": 5,
    "server/cluster/switchboard.py SharedSwitchboard.refuse": 6,
    "server/denial.py deny": 5,
    "server/ice.py ice_servers": 6,
    "server/journal.py Journal.__init__": 6,
    "server/monitoring.py Monitoring.__init__": 5,
    "server/seating.py Seating.__init__": 5,
    "server/socket.py SocketEndpoint.__init__": 6,
    "server/socket.py _Connection.__init__": 5,
    "server/store/sqlite.py _record": 13,
    "server/switchboard.py Switchboard.__init__": 8,
    "server/switchboard.py Switchboard.refuse": 6,
    "server/tokens.py Tokens.room": 5,
    "server/websocket.py WebSocketTransport.__init__": 5,
}
PUBLIC_STILL = {
    "client_py/browser/media.py BrowserMedia": 11,
    "client_py/browser/rtc.py BrowserPeerConnection": 11,
    "client_py/core/link.py Link": 15,
    "client_py/core/membership.py Membership": 12,
    "client_py/core/peer.py Peer": 13,
    "client_py/core/ports.py PeerConnection": 12,
    "client_py/core/roster.py Roster": 23,
    "client_py/core/sealing.py Seal": 11,
    "client_py/core/stay.py Stay": 18,
    "client_py/headless/media.py HeadlessMedia": 19,
    "client_py/headless/rtc.py HeadlessPeerConnection": 11,
    "client_py/testing/headless.py HeadlessParticipant": 25,
    "client_py/testing/participant.py Participant": 36,
    "client_py/testing/someone.py Someone": 25,
    "server/cluster/streams.py Streams": 18,
    "server/journal.py Journal": 14,
    "server/room.py Room": 22,
    "server/rooms.py Rooms": 25,
    "server/store/__init__.py Store": 20,
    "server/store/mongo.py MongoStore": 20,
    "server/store/sqlite.py SqliteStore": 20,
    "server/switchboard.py Switchboard": 17,
    "server/transport.py HttpTransport": 13,
    "server/websocket.py WebSocketTransport": 11,
}

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


def functions(tree: ast.Module) -> Iterator[tuple[str, Function]]:
    """Yield every function of a module, by its qualified name."""
    for name, node in _named(tree, ""):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield name, node


def _named(node: ast.AST, within: str) -> Iterator[tuple[str, ast.AST]]:
    for child in ast.iter_child_nodes(node):
        name = within
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = f"{within}.{child.name}".lstrip(".")
            yield name, child
        yield from _named(child, name)


def long_functions(source: str) -> dict[str, int]:
    """Return the functions that are too long, with their lines."""
    found = {
        name: (each.end_lineno or 0) - each.lineno + 1
        for name, each in functions(ast.parse(source))
    }
    return {name: lines for name, lines in found.items() if lines > LONGEST_FUNCTION}


def broad_functions(source: str) -> dict[str, int]:
    """Return the functions that take too many arguments by position."""
    found = {}
    for name, each in functions(ast.parse(source)):
        taken = [arg.arg for arg in (*each.args.posonlyargs, *each.args.args)]
        count = len(taken) - (taken[:1] in (["self"], ["cls"]))
        if count > MOST_POSITIONAL:
            found[name] = count
    return found


def broad_classes(source: str) -> dict[str, int]:
    """Return the classes that show too many methods and properties."""
    found = {}
    for name, node in _named(ast.parse(source), ""):
        if isinstance(node, ast.ClassDef):
            members = {
                each.name
                for each in node.body
                if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
                if not each.name.startswith("_")
            }
            if len(members) > MOST_PUBLIC:
                found[name] = len(members)
    return found


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


def over(rule: Callable[[str], dict[str, int]]) -> dict[str, int]:
    """Return what breaks a rule outside of the tests."""
    return {
        f"{short(path)} {name}": count
        for path in tracked()
        if path.suffix == ".py" and short(path).split("/")[0] != "tests"
        for name, count in rule(path.read_text()).items()
    }


def test_no_function_is_longer_than_40_lines_but_those_that_were() -> None:
    assert over(long_functions) == LONG_STILL


def test_no_function_takes_more_than_4_by_position_but_those_that_did() -> None:
    assert over(broad_functions) == POSITIONAL_STILL


def test_no_class_shows_more_than_10_members_but_those_that_did() -> None:
    assert over(broad_classes) == PUBLIC_STILL


def test_what_is_too_large_is_found() -> None:
    body = "\n".join(["        pass"] * 40)
    method = f"class A:\n    async def long(self):\n{body}"
    assert long_functions(method) == {"A.long": 41}
    assert long_functions(method.replace("        pass\n", "", 1)) == {}
    taking = (
        "def f(a, b, /, c, d, e, *, g): ...\nclass A:\n def g(self, a, b, c, d): ..."
    )
    assert broad_functions(taking) == {"f": 5}
    members = "".join(f" def m{n}(self): ...\n" for n in range(11))
    assert broad_classes(f"class A:\n{members} def _p(self): ...") == {"A": 11}
    both = " @property\n def m0(self): ...\n @m0.setter\n def m0(self, to): ...\n"
    fewer = "".join(f" def m{n}(self): ...\n" for n in range(1, 10))
    assert broad_classes(f"class A:\n{both}{fewer}") == {}


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


# -- JavaScript


def test_what_says_that_its_types_are_checked_is_checked() -> None:
    scripts = [path for path in tracked() if path.suffix in (".js", ".mjs", ".cjs")]
    says = [path for path in scripts if path.read_text().startswith("// @ts-check\n")]
    home = ROOT / "scripts" / "javascript"
    listed = [
        short((home / name).resolve())
        for place in ("page", "worker", "node")
        for name in json.loads((home / f"{place}.json").read_text())["files"]
    ]
    assert sorted(listed) == sorted(map(short, says))
    served = {"www", "e2ee"}
    others = {short(path).split("/")[0] for path in scripts if path not in says}
    assert not served & others


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
