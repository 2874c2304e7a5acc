"""``python -m client_py.headless http://host:port/r/ROOM --name Ada``.

Joins and prints what it knows, sees and hears, one JSON object a line.
"""

import argparse
import asyncio
import json
import signal
import sys
import time
from contextlib import suppress
from typing import Any

from client_py.core.errors import SignalingError
from client_py.headless.main import Person, participant


def main() -> int:
    """Run the command line and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m client_py.headless")
    parser.add_argument("url", help="a room's link, or a server's for a new room")
    parser.add_argument("--name", default="Headless")
    parser.add_argument("--no-camera", action="store_true")
    parser.add_argument("--no-microphone", action="store_true")
    parser.add_argument("--seconds", type=float, help="leave after so long")
    options = parser.parse_args()
    try:
        with suppress(KeyboardInterrupt):
            asyncio.run(_stay(options))
    except SignalingError as error:
        _say({"failed": error.problem.value})
        return 1
    return 0


async def _stay(options: argparse.Namespace) -> None:
    gone = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, gone.set)
    async with participant(
        options.url,
        options.name,
        microphone=not options.no_microphone,
        camera=not options.no_camera,
    ) as person:
        reporting = asyncio.ensure_future(_report(person))
        with suppress(TimeoutError):
            async with asyncio.timeout(options.seconds):
                await gone.wait()
        reporting.cancel()
    _say({"left": True})


async def _report(person: Person) -> None:
    began = time.monotonic()
    while True:
        _say({"at": round(time.monotonic() - began, 1), **_state(person)})
        await asyncio.sleep(1)


def _state(person: Person) -> dict[str, Any]:
    snapshot = person.snapshot
    return {
        "url": person.url,
        "phase": snapshot.phase.value,
        "participants": [
            {
                "name": each.name,
                "connection": each.connection.value,
                "quality": each.quality.value,
                "slots": {
                    slot.word: {
                        "frames": sink.frames,
                        "sees": sink.seen and sink.seen.name,
                        "hears": sink.pitch,
                    }
                    for (who, slot), sink in person.media.sinks.items()
                    if who == each.id and sink.frames
                },
            }
            for each in snapshot.participants[1:]
        ],
    }


def _say(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
