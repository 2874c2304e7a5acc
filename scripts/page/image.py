"""The Python part of the page: two archives and the snapshot of a memory.

Both are made by Pyodide itself under Node. The snapshot holds every module that
the archives hold, so a page that starts from it needs no archive.
"""

import ast
import json
from dataclasses import dataclass
from pathlib import Path

from page.node import node

HERE = Path(__file__).parent
CLIENT = (
    "protocol/**/*.py",
    "e2ee/*.py",
    "client_py/__init__.py",
    "client_py/core/**/*.py",
    "client_py/browser/**/*.py",
)
# The standard library imports these only when it first needs them.
LATE = (
    "_colorize",
    "asyncio",
    "encodings.ascii",
    "encodings.latin_1",
    "linecache",
    "random",
    "traceback",
)


@dataclass(frozen=True)
class Client:
    """The client's source files, and what they ask of the page and of Python."""

    root: Path
    files: tuple[str, ...]
    modules: tuple[str, ...]
    globals: tuple[str, ...]


def find_client(root: Path) -> Client:
    """Read the sources under ``root``."""
    files = {
        path.relative_to(root).as_posix()
        for pattern in CLIENT
        for path in root.glob(pattern)
    }
    modules, names = set(LATE), set()
    for file in files:
        name = file.removesuffix(".py").replace("/", ".")
        modules.add(name.removesuffix(".__init__"))
        late, taken = _imports(ast.parse((root / file).read_bytes()))
        modules |= late
        names |= taken
    return Client(root, tuple(sorted(files)), tuple(sorted(modules)), tuple(names))


def _imports(tree: ast.AST) -> tuple[set[str], set[str]]:
    """Return the modules that functions import, and the names taken from ``js``."""
    late, taken = set(), set()
    for node_ in ast.walk(tree):
        if isinstance(node_, ast.ImportFrom) and node_.module == "js":
            taken |= {alias.name for alias in node_.names}
        if isinstance(node_, ast.FunctionDef | ast.AsyncFunctionDef):
            for inner in ast.walk(node_):
                if isinstance(inner, ast.Import):
                    late |= {alias.name for alias in inner.names}
                elif isinstance(inner, ast.ImportFrom) and inner.module:
                    late.add(inner.module)
    return late - {"js"}, taken


def make_image(client: Client, loader: Path, stock: Path, out: Path) -> None:
    """Write ``client.zip``, ``library.zip`` and ``snapshot.bin`` into ``out``.

    Pyodide's core is there already; only the library is the one of ``stock``.
    """
    plan = out / "plan.json"
    plan.write_text(
        json.dumps(
            {
                "source": str(client.root),
                "files": client.files,
                "modules": client.modules,
                "globals": sorted(client.globals),
                "loader": str(loader),
                "library": str(stock / "python_stdlib.zip"),
                "out": str(out),
            }
        )
    )
    node(HERE / "freeze.mjs", plan)
    node(HERE / "snapshot.mjs", plan)
