"""Choose and compile what the page ships; runs inside Pyodide, under Node.

Only Pyodide's own Python writes bytecode that it will read. What is shipped is
what the client's modules import, so the list can't fall behind the client.
"""

import importlib
import sys

EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can say


def imported(library: str) -> dict[str, str]:
    """Map the path in ``library`` of each module imported so far to its file name."""
    found = {}
    for module in list(sys.modules.values()):
        origin = getattr(getattr(module, "__spec__", None), "origin", None) or ""
        if origin.startswith(library + "/"):
            found[origin.removeprefix(library + "/")] = origin
    return found


def write(archive: str, sources: dict[str, tuple[bytes, str]]) -> None:
    """Compile ``sources`` (path in the zip: source, file name) into ``archive``."""
    # Late: what this module imports must not count as imported by the client.
    import marshal
    from zipfile import ZIP_STORED, ZipFile, ZipInfo

    with ZipFile(archive, "w", ZIP_STORED) as file:
        for path in sorted(sources):
            source, name = sources[path]
            code = compile(source, name, "exec", dont_inherit=True, optimize=2)
            # Flags 1: hash-based and never checked, so no time stamp gets in.
            header = importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little")
            header += importlib.util.source_hash(source)
            file.writestr(ZipInfo(path + "c", EPOCH), header + marshal.dumps(code))


def freeze(
    modules: list[str], files: list[str], library: str, client: str, trimmed: str
) -> None:
    """Write ``client`` from ``files`` and ``trimmed`` from what ``modules`` import."""
    sys.path.insert(0, "/source")
    for name in modules:
        importlib.import_module(name)
    kept = imported(library)

    from zipfile import ZipFile

    with ZipFile(library) as file:
        write(trimmed, {path: (file.read(path), kept[path]) for path in kept})
    sources = {}
    for path in files:
        with open(f"/source/{path}", "rb") as file:
            sources[path] = (file.read(), path)
    write(client, sources)
