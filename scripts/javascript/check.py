"""Check the types of all JavaScript: python scripts/javascript/check.py

Each of the three places it runs in knows other names: the page, a worker, Node.
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from page.node import ToolError, install_packages, node

HERE = Path(__file__).parent
TARGET = HERE.parents[1] / "build" / "javascript"
PLACES = ("page", "worker", "node")


def main() -> None:
    """Say what is wrong, place by place; end with 1 if anything was."""
    try:
        install_packages(HERE, TARGET)
    except ToolError as error:
        sys.exit(f"javascript: {error}")
    tsc = TARGET / "node_modules" / "typescript" / "bin" / "tsc"
    wrong = False
    for place in PLACES:
        try:
            node(tsc, "--project", HERE / f"{place}.json", "--pretty", "false")
        except ToolError as error:
            print(error)
            wrong = True
    print("javascript: " + ("see above" if wrong else "no type is wrong"))
    sys.exit(wrong)


if __name__ == "__main__":
    main()
