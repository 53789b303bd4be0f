"""Where a model can run, and how much memory is free there."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil


@dataclass(frozen=True, slots=True)
class Device:
    """A place to run a model on."""

    kind: Literal["cpu", "cuda"]
    name: str
    """For people: "cpu", or the GPU's name."""
    free: int
    """Bytes that a model may take."""
    index: int = 0
    """Which GPU."""
    bf16: bool = True
    """Whether it computes with bf16 numbers; GPUs older than Ampere (the T4, for one) don't, nor do most CPUs."""
    staged: bool = False
    """Whether a model is read into main memory first and moved there when it is whole."""

    @property
    def torch_name(self) -> str:
        return "cpu" if self.kind == "cpu" else f"cuda:{self.index}"


def cpu(root: Path = Path("/")) -> Device:
    """This machine's CPU. Free is what the system has to give and the container it runs in allows.

    ``root`` is where the file system begins; tests set it.
    """
    return Device("cpu", "cpu", max(0, min([psutil.virtual_memory().available, *_container_rooms(root)])))


def _container_rooms(root: Path) -> Iterator[int]:
    """Bytes left under each control group that this process is in: first cgroup v2, then v1.

    Files and their meaning: kernel documentation, admin-guide/cgroup-v2 and cgroup-v1/memory.
    """
    top = root / "sys/fs/cgroup"
    for group in _groups(root, top):
        yield from _room(group, "memory.max", "memory.current", "inactive_file")
    yield from _room(top / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


def _groups(root: Path, top: Path) -> Iterator[Path]:
    """The v2 group of this process, and those around it."""
    yield top
    listing = root / "proc/self/cgroup"
    if listing.is_file():
        for line in listing.read_text().splitlines():
            if line.startswith("0::/"):
                group = top / line.removeprefix("0::/")
                yield from (group, *(parent for parent in group.parents if top in parent.parents))


def _room(group: Path, limit: str, usage: str, inactive: str) -> Iterator[int]:
    """The group's limit less its use; files cached in memory don't count as used. Nothing without a limit."""
    if not (group / limit).is_file() or (bound := (group / limit).read_text().strip()) == "max":
        return
    stat = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
    yield int(bound) - int((group / usage).read_text()) + int(stat.get(inactive, 0))
