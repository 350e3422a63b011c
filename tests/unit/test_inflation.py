"""Compressed messages are unpacked up to a limit."""

from __future__ import annotations

import subprocess
import sys

CODE = """
from kombu import compression
from storehand_worker.inflation import bound_decompression
bound_decompression(1000)
for name in ("gzip", "bzip2", "lzma"):
    small, _ = compression.compress(b"x" * 1000, name)
    assert compression.decompress(small, name) == b"x" * 1000, name
    for bad in (compression.compress(b"x" * 50_000_000, name)[0], small[:-3], b"no " + name.encode()):
        try:
            compression.decompress(bad, name)
        except Exception:
            continue
        raise SystemExit(f"{name} unpacked {bad[:20]!r}")
compression.register(lambda data: data, lambda data: data, "x/new", ["new"])
bound_decompression(1000)
try:
    compression.decompress(b"x", "new")
except Exception as error:
    assert "not accepted" in str(error)
else:
    raise SystemExit("an unknown method unpacks")
"""


def test_bombs_cut_off_data_and_unknown_methods_are_refused() -> None:
    """In a process of its own: it changes kombu's registry."""
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 0, done.stderr + done.stdout
