"""Packs the built page into the wheel: the build hook that pyproject.toml names."""

import json
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).resolve().parent))

from page.sources import BEST, Sources

WITHIN = "server/page"  # beside server/settings.py, which looks there first


class PageHook(BuildHookInterface):  # type: ignore[type-arg]
    """Adds the page, if it is there and of these sources, tightly packed."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Say where the page goes; end the build if there is none to bring."""
        if version == "editable":
            return  # a checkout serves what it has built
        root = Path(self.root)
        page = root / "build" / "page"
        if _key(page) != Sources(root).page_key(BEST):
            sys.exit(
                "The page is not built, or not of these sources: run scripts/setup"
            )
        build_data["force_include"][str(page)] = WITHIN


def _key(page: Path) -> str:
    try:
        return str(json.loads((page / "manifest.json").read_text("utf-8"))["key"])
    except FileNotFoundError:
        return ""
