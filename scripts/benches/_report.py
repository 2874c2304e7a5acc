"""What a benchmark prints: one JSON object, or a table for people."""

import json
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from os import cpu_count
from statistics import median


@dataclass(frozen=True)
class Row:
    """One measurement: medians of ``runs`` runs, alternated with the peer's."""

    name: str
    unit: str
    ours: float
    peer: float | None
    peer_name: str | None
    ratio: float | None
    runs: int


def row(
    name: str,
    unit: str,
    ours: Sequence[float],
    peer: Sequence[float] = (),
    peer_name: str | None = None,
) -> Row:
    """Return the row of two series."""
    mine = round(median(ours), 2)
    theirs = round(median(peer), 2) if peer else None
    return Row(
        name=name,
        unit=unit,
        ours=mine,
        peer=theirs,
        peer_name=peer_name if peer else None,
        ratio=round(mine / theirs, 3) if theirs else None,
        runs=len(ours),
    )


def report(bench: str, rows: Sequence[Row]) -> None:
    """Print the result, as JSON where ``--json`` was asked for."""
    machine = f"{cpu_count()} cores, {platform.machine()}, {platform.platform()}"
    if "--json" in sys.argv:
        rows_ = [asdict(each) for each in rows]
        print(json.dumps({"bench": bench, "machine": machine, "rows": rows_}))
        return
    print(f"{bench} on {machine}")
    for each in rows:
        peer = f"{each.peer_name} {each.peer:g}" if each.peer is not None else "–"
        ratio = f"× {each.ratio:g}" if each.ratio is not None else ""
        print(
            f"  {each.name:36} {each.ours:>10g} {each.unit:6} {peer:>28} {ratio:>9}"
            f"  ({each.runs} runs)"
        )


def progress(text: str) -> None:
    """Tell a person who waits how far it is, beside the result."""
    print(text, file=sys.stderr, flush=True)
