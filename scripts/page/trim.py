"""Cut from Pyodide's core what only dynamic linking needs.

Stock Pyodide exports all of CPython and of the C library, 8 000 names, so that
packages with compiled extensions can link to it, and at each start its glue goes
through them all and compiles a wrapper for each function of OpenGL. The page loads
no such package. The text that is replaced is checked to be there: npm's lock file
pins the version, and another one must be looked at anew.
"""

import re
from collections import Counter
from pathlib import Path

GLUE, WASM = "pyodide.asm.mjs", "pyodide.asm.wasm"

# Not used by the glue itself, but by www/python.js and the making of the snapshot.
_ALSO = {"_emscripten_stack_get_end"}
_MODULE_ALSO = {"ENV", "FS", "stackSave"}
_ASSIGNED = re.compile(r'(_\w+)=Module\["\1"\]=wasmExports\["(\w+)"\](?:\.value>>>0)?;')
_BY_NAME = re.compile(r'wasmExports(?:\.|\[")(\w+)')
_WORD = re.compile(r"[\w$]+")
_PUBLISHED = re.compile(r'Module\["(\w+)"\]=\1;')
_MODULE = re.compile(r'Module(?:\.|\[")(\w+)')
REPLACED = (
    ("updateGOT(origExports);", ""),
    # What stays undefined is never called; a null pointer says so.
    (
        "if(entry.value==-1){var value=",
        'if(entry.value==-1){if(symName.startsWith("emscripten_gl"))'
        "{entry.value=0;continue}var value=",
    ),
    # A snapshot (``t``) has it all: neither parser nor compiler, a third of the
    # time that its start took, need to run. warm.py leaves what is ``kept``; the first
    # of it is ``heat``, before anything else of Python runs.
    (
        '=API.rawRun("import _pyodide_core")',
        '=t?(API._pyodide.kept.heat(),[0,""]):API.rawRun("import _pyodide_core")',
    ),
    *(
        (f"=API.{call}", f"=t?API._pyodide.kept.{name}:API.{call}")
        for name, call in (
            ("scope", '_pyodide._base.eval_code("{}")'),
            ("importlib", 'runPythonInternal("import importlib; importlib")'),
            ("main", 'runPythonInternal("import __main__; __main__.__dict__")'),
            ("builtins", 'runPythonInternal("import builtins; builtins.__dict__")'),
        )
    ),
)
_EXPORT_SECTION = 7


def trim_core(stock: Path, out: Path) -> None:
    """Write the trimmed glue and wasm of the distribution ``stock`` into ``out``."""
    out.mkdir(parents=True, exist_ok=True)
    glue, exports = trim_glue((stock / GLUE).read_text("utf-8"))
    (out / GLUE).write_text(glue, "utf-8")
    (out / WASM).write_bytes(trim_wasm((stock / WASM).read_bytes(), exports))


def trim_glue(glue: str) -> tuple[str, set[str]]:
    """Return the glue without what it never uses, and the exports that it needs."""
    for old, new in REPLACED:
        if glue.count(old) != 1:
            raise ValueError(f"the glue of Pyodide changed: {old}")
        glue = glue.replace(old, new)
    glue = _trim_module(glue)
    start = glue.index("function assignWasmExports(")
    end = glue.index("}", start)
    # The declaration of all those names stands right before.
    declared = glue.rindex("var ", 0, start)
    rest = glue[:declared] + _ASSIGNED.sub("", glue[start:end]) + glue[end:]
    used = Counter(_WORD.findall(rest))
    names = {match[1]: match[2] for match in _ASSIGNED.finditer(glue[start:end])}
    kept = {name for name in names if used[name] or name in _ALSO}
    exports = {
        "__main_argc_argv",
        *(names[name] for name in kept),
        *_BY_NAME.findall(rest),
    }

    variables = glue[declared + 4 : start].rstrip(";").split(",")
    variables = [name for name in variables if name not in names or name in kept]
    assigned = _ASSIGNED.sub(
        lambda match: match[0] if match[1] in kept else "", glue[start:end]
    )
    before = glue[:declared] + f"var {','.join(variables)};"
    return before + assigned + glue[end:], exports


def _trim_module(glue: str) -> str:
    """Leave out the properties of ``Module`` that nothing reads."""
    read = _MODULE_ALSO | set(_MODULE.findall(_PUBLISHED.sub("", glue)))
    return _PUBLISHED.sub(lambda match: match[0] if match[1] in read else "", glue)


def trim_wasm(wasm: bytes, exports: set[str]) -> bytes:
    """Return the module with no exports but these."""
    out = bytearray(wasm[:8])
    at = 8
    while at < len(wasm):
        size, body = _unsigned(wasm, at + 1)
        end = body + size
        section = wasm[body:end]
        if wasm[at] == _EXPORT_SECTION:
            section = _trim_exports(section, exports)
        out += wasm[at : at + 1] + _encoded(len(section)) + section
        at = end
    return bytes(out)


def _trim_exports(section: bytes, exports: set[str]) -> bytes:
    count, at = _unsigned(section, 0)
    kept = []
    for _ in range(count):
        length, name = _unsigned(section, at)
        _, end = _unsigned(section, name + length + 1)  # after the kind: an index
        if section[name : name + length].decode() in exports:
            kept.append(section[at:end])
        at = end
    return _encoded(len(kept)) + b"".join(kept)


def _unsigned(data: bytes, at: int) -> tuple[int, int]:
    """Read a LEB128; return it and where it ends."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def _encoded(value: int) -> bytes:
    out = bytearray()
    while True:
        byte, value = value & 0x7F, value >> 7
        if not value:
            return bytes(out) + bytes([byte])
        out.append(byte | 0x80)
