"""coturn, as docs/TURN.md sets it up, on the public segment."""

import base64
import datetime
import hashlib
import ipaddress
import secrets
import socket
import subprocess
import time
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.network.namespace import Namespace, NetworkError
from tests.network.probe import STUN_PORT
from tests.network.site import RELAY, SECOND
from tests.services.coturn import DENIED, SAFE

TLS_PORT = 443
_PATIENCE = 10.0  # seconds

#: Networks for documentation are denied in the real world too; here they are it.
_WORLD = ("192.0.2.", "198.51.100.", "203.0.113.")


class Relay:
    """A coturn process: UDP and TCP on 3478, TLS on 443."""

    def __init__(self, namespace: Namespace, directory: Path) -> None:
        self.secret = secrets.token_urlsafe(32)
        self.log_path = directory / "coturn.log"
        self.authority = directory / "authority.pem"
        self.fingerprint = _certify(directory)
        self._namespace = namespace
        self._configured = directory / "turnserver.conf"
        self._configured.touch(0o600)
        self.start()

    def start(self, *settings: str) -> None:
        """Start it, perhaps again, with these settings besides its own."""
        lines = [*self._configuration(self._configured.parent), *settings, ""]
        self._configured.write_text("\n".join(lines))
        with self.log_path.open("a") as log:
            self._process = self._namespace.inside(
                lambda: subprocess.Popen(
                    ["turnserver", "-c", str(self._configured)],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                )
            )
        try:
            self._await_listeners()
        except BaseException:
            self.close()
            raise

    @property
    def urls(self) -> tuple[str, ...]:
        """What a server is told of it, the best first."""
        return (
            f"stun:{RELAY}:{STUN_PORT}",
            f"turn:{RELAY}:{STUN_PORT}?transport=udp",
            f"turn:{RELAY}:{STUN_PORT}?transport=tcp",
            f"turns:{RELAY}:{TLS_PORT}?transport=tcp",
        )

    @property
    def log(self) -> str:
        """What it wrote so far."""
        return self.log_path.read_text(errors="replace")

    def close(self) -> None:
        """End it. Idempotent."""
        self._process.kill()
        self._process.wait()

    def _configuration(self, directory: Path) -> list[str]:
        denied = [each for each in DENIED if not each.startswith(_WORLD)]
        return [
            f"listening-ip={RELAY}",
            f"listening-ip={SECOND}",
            f"relay-ip={RELAY}",
            f"listening-port={STUN_PORT}",
            f"tls-listening-port={TLS_PORT}",
            "min-port=49152",
            "max-port=49999",
            f"static-auth-secret={self.secret}",
            "realm=tertulia.example",
            *SAFE,
            *(f"denied-peer-ip={each}" for each in denied),
            f"cert={directory / 'relay.pem'}",
            f"pkey={directory / 'relay-key.pem'}",
            f"userdb={directory / 'turn.sqlite'}",
            f"pidfile={directory / 'turn.pid'}",
            "log-file=stdout",
            "simple-log",
            "verbose",  # it tells who asked for what
        ]

    def _await_listeners(self) -> None:
        """Wait until it takes connections: it tells nobody when it is ready."""
        end = time.monotonic() + _PATIENCE
        for port in (STUN_PORT, TLS_PORT):
            while not self._namespace.inside(lambda port=port: _listens(port)):
                if self._process.poll() is not None or time.monotonic() > end:
                    raise NetworkError(f"coturn did not start:\n{self.log}")
                time.sleep(0.05)


def _listens(port: int) -> bool:
    try:
        socket.create_connection((RELAY, port), timeout=1).close()
    except OSError:
        return False
    return True


def _certify(directory: Path) -> str:
    """Make an authority and the relay's certificate.

    Returns the hash of the relay's public key as Chromium wants it told.
    """
    day = datetime.timedelta(days=1)
    now = datetime.datetime.now(datetime.UTC)
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    names = [
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, each)])
        for each in ("An authority for one test", RELAY)
    ]
    made = []
    for index, name in enumerate(names):
        of_authority = index == 0
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(names[0])
            .public_key(keys[index].public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - day)
            .not_valid_after(now + day)
            .add_extension(x509.BasicConstraints(of_authority, None), critical=True)
        )
        if not of_authority:
            alternative = x509.IPAddress(ipaddress.ip_address(RELAY))
            builder = builder.add_extension(
                x509.SubjectAlternativeName([alternative]), critical=False
            )
        made.append(builder.sign(keys[0], hashes.SHA256()))
    pem = serialization.Encoding.PEM
    (directory / "authority.pem").write_bytes(made[0].public_bytes(pem))
    (directory / "relay.pem").write_bytes(made[1].public_bytes(pem))
    key = directory / "relay-key.pem"
    key.touch(0o600)
    key.write_bytes(
        keys[1].private_bytes(
            pem,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    public = keys[1].public_key()
    info = public.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return base64.b64encode(hashlib.sha256(info).digest()).decode()
