"""Somebody who calls from a site: a browser or a headless client of its own there."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Playwright

from client_py.testing import HeadlessParticipant, Participant, Room
from client_py.testing.browsers import Browsers, executable
from client_py.testing.cast import Cast
from client_py.testing.headless import Background
from tests.links import Witnesses
from tests.network.forwarder import Forwarder
from tests.network.site import Site
from tests.recorder import Recorder

_KEEP_CONNECTIONS = """
window.connections = [];
window.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(...rest) { super(...rest); window.connections.push(this); }
};
"""
_ROUTES = """
async () => {
  const routes = [];
  for (const connection of window.connections) {
    if (connection.connectionState !== "connected") continue;
    const report = await connection.getStats();
    for (const stats of report.values()) {
      if (stats.type !== "transport" || !stats.selectedCandidatePairId) continue;
      const pair = report.get(stats.selectedCandidatePairId);
      const local = report.get(pair.localCandidateId);
      const remote = report.get(pair.remoteCandidateId);
      let frames = 0;
      for (const each of report.values())
        if (each.type === "inbound-rtp" && each.kind === "video")
          frames += each.framesDecoded ?? 0;
      routes.push([
        local.candidateType, local.relayProtocol ?? "", remote.candidateType, frames,
      ]);
    }
  }
  return routes;
}
"""


@dataclass(frozen=True, slots=True)
class Route:
    """The candidate pair that carries a call, as one end's getStats tells it."""

    local: str  # RTCIceCandidateType: host, srflx, prflx, relay
    relay_protocol: str  # udp, tcp or tls: how this end talks to its relay
    remote: str
    frames: int  # decoded here so far

    @property
    def relays(self) -> bool:
        """Whether this end sends by a relay of its own."""
        return self.local == "relay"

    @property
    def relayed(self) -> bool:
        """Whether a relay of either end is on the way."""
        return "relay" in (self.local, self.remote)


class Caller:
    """All that runs on one host: a TCP forwarder, a browser, a headless client."""

    def __init__(
        self, site: Site, playwright: Playwright, directory: Path, *, fingerprint: str
    ) -> None:
        self.site = site
        self._playwright = playwright
        self._directory = directory
        self.browsers = Browsers(
            playwright,
            executable=self._wrapped,
            # For tests only: this one key may be certified by nobody.
            arguments=[f"--ignore-certificate-errors-spki-list={fingerprint}"],
        )
        self._background = Background(site.host.enter)
        self._forwarders: dict[str, tuple[Forwarder, int]] = {}
        self._cast: Cast | None = None
        self._recorder = Recorder()
        self._witnesses = Witnesses()

    def tab(self, room: Room, name: str, **options: Any) -> Participant:
        """Put somebody into the room, in a tab; the options are those of ``Cast``."""
        return self._people(room).tab(name, scripts=[_KEEP_CONNECTIONS], **options)

    def headless(self, room: Room, name: str) -> HeadlessParticipant:
        """Put somebody into the room, without a browser."""
        return self._people(room).headless(name)

    def clear(self) -> list[str]:
        """Let this call's people go; return what their pages complained of.

        Frames that came to them in plain are as much to complain of.
        """
        cast, self._cast = self._cast, None
        if cast is None:
            return []
        self._recorder.look()  # while the tabs are there
        complaints = cast.complaints + self._recorder.betrayed
        cast.close()
        return complaints + self._witnesses.betrayed

    def close(self) -> None:
        """End all that runs on the host."""
        self.clear()
        self.browsers.close()
        for forwarder, _ in self._forwarders.values():
            self._background.run(forwarder.close())
        self._background.close()

    def _people(self, room: Room) -> Cast:
        if self._cast is None:
            path = room.link.partition("/r/")[2]  # with its key
            link = Room(f"http://localhost:{self._forward(room)}/r/{path}")
            self._recorder, self._witnesses = Recorder(), Witnesses()
            self._cast = Cast(
                link,
                browser=self.browsers.__getitem__,
                background=lambda: self._background,
                let_go=self.browsers.let_go,
                end=self.browsers.end,
                connections=self._witnesses,
                prepare=self._recorder,
            )
        return self._cast

    def _forward(self, room: Room) -> int:
        """Return a port of this host that leads to the server of a room."""
        where = urlsplit(room.link)
        if where.netloc not in self._forwarders:
            forwarder = Forwarder(str(where.hostname), where.port or 80)
            port = self._background.run(forwarder.open())
            self._forwarders[where.netloc] = forwarder, port
        return self._forwarders[where.netloc][1]

    def _wrapped(self, engine: str) -> str:
        """Write a program that starts a browser on the host."""
        found = executable(engine) or getattr(self._playwright, engine).executable_path
        wrapper = self._directory / f"{engine}-{self.site.host.name}"
        wrapper.write_text(
            "#!/bin/sh\n"
            f'exec nsenter --net={self.site.host.path} {shlex.quote(found)} "$@"\n'
        )
        wrapper.chmod(0o755)
        return str(wrapper)


def routes(person: Participant) -> list[Route]:
    """Return the routes of all connected links of a tab."""
    return [Route(*each) for each in person.page.evaluate(_ROUTES)]
