"""The pictures in docs/dashboards.md, from a real run: `python -m tests.dashboards.pictures --write`, about 7 minutes.

Workers of two pools serve all five tasks in both languages with the starter models; a rush arrives, a second text
worker joins, a nightly run arrives, the first worker is asked to leave and drains.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.dashboards.scene import ROOT, Scene, scene
from tests.servers import PrometheusServer

PICTURES = (
    ("overview", "dashboard-overview.png", ()),
    ("engine", "dashboard-engine.png", ()),
    ("overview", "dashboard-lateness.png", ("--row", "Promises", "--row", "How late", "--theme", "light")),
)
"""(dashboard, file in docs/, options)"""

EVERY_S = 3.0
"""Of Prometheus; a scrape of a busy worker on a busy machine may take more than a second."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="into docs/; else into the folder of --to")
    parser.add_argument("--to", type=Path, default=Path())
    parser.add_argument("--minutes", type=float, default=6.0)
    parser.add_argument("--keep", action="store_true", help="leave Prometheus running until Enter")
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="storehand-pictures-") as folder,
        scene(Path(folder), every_s=EVERY_S) as play,
    ):
        took_s = perform(play, given.minutes)
        draw(play.server, ROOT / "docs" if given.write else given.to, last_s=took_s)
        if given.keep:
            print(f"Prometheus: {play.server.url}; Enter ends it", flush=True)
            sys.stdin.readline()


def perform(play: Scene, minutes: float) -> float:
    """Seconds that are worth a look; beside `minutes` those in which the second worker starts."""
    tenth_s = minutes * 6
    with play.load(per_s=4):
        play.nightly_run(6)
        time.sleep(tenth_s)
        began = time.monotonic()
        time.sleep(tenth_s * 2)
        play.rush(1200)
        time.sleep(tenth_s)
        play.second.start()
        time.sleep(tenth_s)
        play.nightly_run(1500)
        time.sleep(2)
        play.first.ask_to_leave()
        time.sleep(tenth_s * 4)
        return time.monotonic() - began


def draw(server: PrometheusServer, folder: Path, *, last_s: float) -> None:
    end = time.time()  # the same for all: drawing takes seconds, too
    for name, file, options in PICTURES:
        command = [sys.executable, "-m", "storehand.cli", "preview", name, "--prometheus", server.url]
        times = [
            "--last",
            f"{last_s:.0f}s",
            "--until",
            f"{end:.0f}",
            "--scrape-interval",
            f"{2 * EVERY_S:g}s",
        ]  # smoother rates
        subprocess.run([*command, *times, "--out", str(folder / file), "--list-empty", *options], check=False)


if __name__ == "__main__":
    main()
