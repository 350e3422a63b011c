"""How much memory a device has free for models: the GPU's own figure, or what machine and container leave."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path


def free_bytes(device: str) -> int | None:
    """Of a torch device; none where nothing tells."""
    if device.partition(":")[0] != "cuda":
        return cpu_free_bytes()
    import torch

    return int(torch.cuda.mem_get_info(torch.device(device))[0])


def cpu_free_bytes(root: Path = Path("/")) -> int | None:
    """The least of what Linux calls available and what the control groups leave; none on other systems."""
    found = [*_available(root), *_groups(root)]
    return min(found) if found else None


def _available(root: Path) -> Iterator[int]:
    for line in _lines(root / "proc/meminfo"):
        if line.startswith("MemAvailable:"):
            yield int(line.split()[1]) * 1024


def _groups(root: Path) -> Iterator[int]:
    """What is left in our group and those around it. Cached files count as free: the kernel drops them first."""
    own = next((line[3:] for line in _lines(root / "proc/self/cgroup") if line.startswith("0::")), "/").strip("/")
    top = root / "sys/fs/cgroup"
    for group in (top / own, *(top / own).parents):
        yield from _left(group / "memory.max", group / "memory.current", group / "memory.stat", "inactive_file")
        if group == top:
            break
    old = top / "memory"
    yield from _left(
        old / "memory.limit_in_bytes", old / "memory.usage_in_bytes", old / "memory.stat", "total_inactive_file"
    )


def _left(limit: Path, used: Path, stat: Path, cached: str) -> Iterator[int]:
    limits, uses = _lines(limit), _lines(used)
    if not limits or not uses or not limits[0].isdigit() or int(limits[0]) > 1 << 60:  # "max", or its old spelling
        return
    files = sum(int(line.split()[1]) for line in _lines(stat) if line.split()[0] == cached)
    yield max(0, int(limits[0]) - int(uses[0]) + files)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
