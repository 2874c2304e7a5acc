"""The proxies of ``docs/OPERATIONS.md``, by the very text that stands there.

Changed are only the ports, the paths of the certificate, and which address is
listened on: so what the document says can't be wrong for long.
"""

import re
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.services.service import PATIENCE, Service, free_port

HOST: Final = "call.example.org"
_TEXT: Final = Path(__file__).parents[2] / "docs" / "OPERATIONS.md"
_UPSTREAM: Final = "127.0.0.1:8000"
_LIVE: Final = f"/etc/letsencrypt/live/{HOST}"


def documented(name: str) -> str:
    """Return the configuration that follows the first mention of a proxy's name."""
    behind = _TEXT.read_text().partition("## Behind a proxy")[2]
    found = re.search(rf"^{name}\b.*?^```\w*\n(.*?)^```$", behind, re.M | re.S)
    assert found, f"no configuration for {name} in {_TEXT.name}"
    return found[1]


def replaced(text: str, *pairs: tuple[str, str]) -> str:
    """Replace what has to be there; as often as it is."""
    for old, new in pairs:
        assert old in text, f"{old} isn't there any more"
        text = text.replace(old, new)
    return text


@contextmanager
def nginx(directory: Path, upstream: str) -> Iterator[int]:
    """Run nginx before the server at ``host:port``; yield its port."""
    port = free_port()
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt"]
        + ["ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={HOST}"]
        + ["-keyout", "privkey.pem", "-out", "fullchain.pem", "-days", "1"],
        cwd=directory,
        check=True,
        capture_output=True,
    )
    text = replaced(
        documented("nginx"),
        (_UPSTREAM, upstream),
        (_LIVE, str(directory)),
        ("listen 443 ", f"listen 127.0.0.1:{port} "),
    )
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = "".join(f"{kind}_temp_path {directory}/{kind};" for kind in kinds)
    settings = directory / "nginx.conf"
    settings.write_text(
        "daemon off; user root; worker_processes 1;"
        f" pid {directory}/nginx.pid; error_log stderr warn;\n"
        f"events {{ worker_connections 256; }}\nhttp {{ access_log off; {paths}\n"
        f"{text}}}\n"
    )
    # What it says before it has read where to say it goes to a file of its own.
    command = ["nginx", "-e", "stderr", "-c", str(settings)]
    with Service("nginx", command, directory, port):
        yield port


@contextmanager
def caddy(directory: Path, upstream: str) -> Iterator[int]:
    """Run Caddy before the server at ``host:port``; yield its port."""
    port = free_port()
    settings = directory / "Caddyfile"
    settings.write_text(
        f"{{\nadmin off\nlocal_certs\nskip_install_trust\ndefault_bind 127.0.0.1\n"
        f"http_port {free_port()}\nhttps_port {port}\n}}\n"
        + replaced(documented("Caddy"), (_UPSTREAM, upstream))
    )
    command = ["caddy", "run", "--config", str(settings), "--adapter", "caddyfile"]
    homes = {name: str(directory) for name in ("HOME", "XDG_DATA_HOME")}
    with Service("caddy", command, directory, port, homes):
        _await_certificate(port)
        yield port


def _await_certificate(port: int) -> None:
    """Return once there is a certificate: Caddy listens before it has made one."""
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    end = time.monotonic() + PATIENCE
    while True:
        try:
            with (
                socket.create_connection(("127.0.0.1", port), 1.0) as plain,
                trusting.wrap_socket(plain, server_hostname=HOST),
            ):
                return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)  # it tells nobody when it is ready
