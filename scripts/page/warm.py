"""Bring Python to the state that the snapshot keeps; runs in Pyodide, under Node."""

import gc
import importlib
import random
import sys
import typing
import zipimport
from types import SimpleNamespace

import _pyodide


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
    )
    gc.collect()
    gc.freeze()  # what is loaded now stays: no later collection walks it
