"""Network namespaces of this test run, and nothing of them left after it.

A name carries the run's process id and the time at which that process started. A run
that was killed can't clean up; the next one finds its names and removes them.
"""

import ctypes
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

_PREFIX = "tertulia"
_NEWNET = 0x40000000  # CLONE_NEWNET of <linux/sched.h>
_NAMED = Path("/run/netns")
_COMMANDS = {
    "ip": "iproute2",
    "tc": "iproute2",
    "nft": "nftables",
    "nsenter": "util-linux",
    "turnserver": "coturn",
}
_libc = ctypes.CDLL(None, use_errno=True)


class NetworkError(Exception):
    """The kernel, or one of its tools, did not do what the rig needs."""


class Namespace:
    """A network of its own: interfaces, routes, firewall and sockets."""

    def __init__(self, label: str) -> None:
        self.name = f"{_PREFIX}-{os.getpid()}-{_started(os.getpid())}-{label}"
        self.path = _NAMED / self.name
        command("ip", "netns", "add", self.name)
        self.ip("link set lo up")
        # One address family keeps the matrix one; IPv6 has no NAT to get through.
        self.set("net.ipv6.conf.all.disable_ipv6", "1")

    def ip(self, arguments: str) -> None:
        """Run ``ip`` with these words; raise ``NetworkError``."""
        command("ip", "-n", self.name, *arguments.split())

    def nft(self, rules: str) -> str:
        """Let ``nft`` read these rules; return what it says."""
        return self.command("nft", "-f", "-", given=rules)

    def command(self, *words: str, given: str = "") -> str:
        """Run a command in here and return its output; raise ``NetworkError``."""
        return command("nsenter", f"--net={self.path}", *words, given=given)

    def set(self, setting: str, value: str) -> None:
        """Set what ``sysctl`` calls by this name."""
        path = "/proc/sys/" + setting.replace(".", "/")
        self.inside(lambda: Path(path).write_text(value))

    def enter(self) -> None:
        """Move the calling thread, and what it starts from now on, in here."""
        with self.path.open() as file:
            if _libc.setns(file.fileno(), _NEWNET):
                raise NetworkError(f"setns: {os.strerror(ctypes.get_errno())}")

    def inside(self, work: Callable[[], T]) -> T:
        """Return what ``work`` returns in a thread that lives in here."""
        results: list[T] = []
        errors: list[BaseException] = []

        def run() -> None:
            try:
                self.enter()
                results.append(work())
            except BaseException as error:
                errors.append(error)

        thread = threading.Thread(target=run, name=self.name)
        thread.start()
        thread.join()
        if errors:
            raise errors[0]
        return results[0]

    def remove(self) -> None:
        """End all that runs in here, then the namespace. Idempotent."""
        if self.path.exists():
            _remove(self.name)


def link(one: Namespace, its: str, other: Namespace, others: str) -> None:
    """Lay a cable between two namespaces, its ends named like this."""
    one.ip(f"link add {its} type veth peer name {others} netns {other.name}")
    one.ip(f"link set {its} up")
    other.ip(f"link set {others} up")


def missing() -> list[str]:
    """Return what this machine lacks for the rig, in words for whoever runs it."""
    lacks = [] if os.geteuid() == 0 else ["root's rights"]
    lacks += sorted(
        {
            f"{package} (for {name})"
            for name, package in _COMMANDS.items()
            if not shutil.which(name)
        }
    )
    if lacks:
        return lacks
    try:
        trial = Namespace("trial")
    except (NetworkError, OSError) as error:
        return [f"network namespaces: {error}"]
    try:
        for feature, attempt in _FEATURES.items():
            try:
                attempt(trial)
            except (NetworkError, OSError) as error:
                lacks.append(f"{feature}: {error}")
    finally:
        trial.remove()
    return lacks


def remove_leftovers() -> list[str]:
    """Remove the namespaces of runs that are dead; return their names."""
    gone = []
    for path in sorted(_NAMED.glob(f"{_PREFIX}-*-*-*")) if _NAMED.is_dir() else []:
        _, pid, started, _ = path.name.split("-", 3)
        if not pid.isdigit() or _started(int(pid)) == started:
            continue
        _remove(path.name)
        gone.append(path.name)
    return gone


def command(*words: str, given: str = "") -> str:
    """Run a command and return its output; raise ``NetworkError`` with its words."""
    done = subprocess.run(words, input=given, capture_output=True, text=True)
    if done.returncode:
        raise NetworkError(f"{' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


_FEATURES: dict[str, Callable[[Namespace], object]] = {
    "veth and bridge": lambda trial: (
        trial.ip("link add one type veth peer name other"),
        trial.ip("link add segment type bridge"),
    ),
    "TUN devices": lambda trial: trial.ip("tuntap add dev line mode tun"),
    "token bucket filter": lambda trial: trial.command(
        *"tc qdisc add dev lo root tbf rate 1mbit burst 4k latency 50ms".split()
    ),
    "rules of routing": lambda trial: trial.ip("rule add iif lo lookup 100"),
    "nftables with NAT, connection tracking and numgen": lambda trial: trial.nft(
        "table ip trial {\n"
        "chain leave { type nat hook postrouting priority 100;"
        " masquerade fully-random; }\n"
        "chain pass { type filter hook forward priority 0; ct state new drop;"
        " numgen random mod 10 < 1 counter drop; }\n}\n"
    ),
}


def _started(pid: int) -> str:
    """Return when a process started, in clock ticks; empty if there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    # The name of the program is in brackets and may hold anything (proc(5)).
    return stat.rpartition(")")[2].split()[19]


def _remove(name: str) -> None:
    for pid in command("ip", "netns", "pids", name).split():
        # A thread of our own that lives there must not end all the others.
        if int(pid) != os.getpid():
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
    command("ip", "netns", "delete", name)
