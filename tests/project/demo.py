"""The demo's whole output as a page: `python -m tests.project.demo --write` runs it and writes docs/demo.md."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "demo.md"
WIDTH = "120"

_PAGE = """# The demo's output

What `make demo` prints on a pipe, from its first line to its last, unedited. Written by `python -m tests.project.demo
--write`; texts repeat themselves, times are those of the machine it ran on (2 cores, no GPU).

```text
{output}```
"""


def output() -> str:
    """Runs the demo; raises when it fails."""
    command = [sys.executable, "-m", "storehand.cli", "demo", "--plain"]
    environment = {**os.environ, "COLUMNS": WIDTH, "NO_COLOR": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=True)
    return done.stdout


def main() -> None:
    page = _PAGE.format(output=output())
    if "--write" in sys.argv:
        PAGE.write_text(page, encoding="utf-8")
    else:
        sys.stdout.write(page)


if __name__ == "__main__":
    main()
