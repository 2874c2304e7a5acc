"""Bring Python to the state that the snapshot keeps; runs in Pyodide, under Node."""

import gc
import importlib
import random
import sys
import typing
import zipimport
from collections.abc import AsyncGenerator, Generator, MutableSequence, Sequence
from types import SimpleNamespace

import _pyodide


def heat(turns: int = 2000) -> None:
    """Make the browser compile Python's interpreter before it has met anything.

    The interpreter is one function, and its machine code costs V8 150 to 350 ms of a
    core. What its calls through tables have met until then, V8 takes for all that
    there is; the first object of another kind throws the code away, Python runs
    several times slower until it is made anew, and a core is busy with that: in the
    middle of a join, on both sides. These turns call nothing through a table, so
    nothing is guessed. They are the first that runs, and take less than a millisecond.
    """
    while turns:
        turns -= 1


def warm(modules: list[str]) -> None:
    """Import ``modules`` and drop what was only needed to import them."""
    for name in modules:
        importlib.import_module(name)
    for clear in typing._cleanups:
        clear()
    # The archives aren't there when a snapshot starts: all they hold is loaded.
    zipimport._zip_directory_cache.clear()
    sys.path_importer_cache.clear()
    sys.path[:] = [path for path in sys.path if not path.endswith(".zip")]
    random.seed(1)  # the same at each build; boot.js seeds it anew
    sys._clear_internal_caches()
    # The glue, as trim.py leaves it, takes these instead of evaluating text.
    _pyodide.kept = SimpleNamespace(
        scope={},
        importlib=importlib,
        main=sys.modules["__main__"].__dict__,
        builtins=sys.modules["builtins"].__dict__,
        heat=heat,
    )
    for _ in range(3):
        heat()  # until each of its instructions is the one for what it meets
    # What the glue asks of an object that it hands to JavaScript; asked once, Python
    # knows it by the type, and runs no code of its own to find out.
    for example in (sys, _pyodide.kept, heat):
        for kind in (Generator, AsyncGenerator, Sequence, MutableSequence):
            isinstance(example, kind)
    gc.collect()
    gc.freeze()  # what is loaded now stays: no later collection walks it
