"""The memory at hand: what the machine, its containers, job schedulers and limits of the process leave."""

import os
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import psutil

PROC = Path("/proc/self")
MIB = 2**20


class Groups(NamedTuple):
    """The folders of a control group and of all groups around it that are visible, and their version."""

    folders: list[Path]
    version: int


@cache
def control_groups(controller: str, proc: Path = PROC) -> list[Groups]:
    """Return the control groups (cgroups) of this process that may limit a resource: "memory" or "cpu".

    They are looked up once, because that takes longer than a small run.
    """
    try:
        lines = (proc / "cgroup").read_text().splitlines()
        mounts = list(_mounts((proc / "mountinfo").read_text()))
    except OSError:  # no Linux
        return []
    found = []
    for line in lines:
        _, names, path = line.split(":", 2)
        version = 1 if names else 2
        if names and controller not in names.split(","):
            continue
        for kind, root, folder, options in mounts:
            if kind == "cgroup2" if version == 2 else kind == "cgroup" and controller in options:
                found.append(Groups(_folders(folder, root, path), version))
    return found


def _mounts(mountinfo: str) -> Iterator[tuple[str, str, Path, list[str]]]:
    """Yield type, root within the file system, mount point and options of each mount."""
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        fields, last = before.split(), after.split()
        if len(fields) >= 5 and len(last) >= 3:
            yield last[0], fields[3], Path(fields[4].replace("\\040", " ")), last[2].split(",")


def _folders(mount: Path, root: str, path: str) -> list[Path]:
    """Return the folders of a group and its parents, of which a container sees only those from `root`."""
    inside = path.removeprefix(root.rstrip("/")) if path == root or path.startswith(root.rstrip("/") + "/") else "/"
    folder, folders = mount / inside.lstrip("/"), []
    while folder != mount and mount in folder.parents:
        folders.append(folder)
        folder = folder.parent
    return [*folders, mount]


def memory_at_hand(proc: Path = PROC) -> int:
    """Return how many bytes this process can allocate before the machine or a limit of it is short of memory.

    The least of the free memory of the machine; what the control groups of containers and job schedulers leave, not
    counting their page cache, which the system gives up; the job's memory by Slurm's variables; and the address space
    that `ulimit -v` leaves.
    """
    rooms = [psutil.virtual_memory().available, *_group_rooms(proc), *_job_rooms(), *_address_rooms()]
    return max(int(min(rooms)), 0)


def _group_rooms(proc: Path) -> Iterator[int]:
    for folders, version in control_groups("memory", proc):
        for folder in folders:
            if version == 2:
                limits = [_number(folder / name) for name in ("memory.max", "memory.high")]
                if limits == [None, None]:
                    continue
                statistics = _statistics(folder / "memory.stat")
                used, prefix = _number(folder / "memory.current"), ""
            else:
                statistics = _statistics(folder / "memory.stat")
                limits = [_number(folder / "memory.limit_in_bytes"), statistics.get("hierarchical_memory_limit")]
                used, prefix = _number(folder / "memory.usage_in_bytes"), "total_"
            cache = sum(statistics.get(f"{prefix}{name}_file", 0) for name in ("active", "inactive"))
            yield from (limit - max((used or 0) - cache, 0) for limit in limits if limit is not None)


def _number(path: Path) -> int | None:
    """Return the number in a file; None where there is no file, or it says "max"."""
    try:
        text = path.read_text().strip()
    except OSError:
        return None
    return int(text) if text.lstrip("-").isdigit() else None


def _statistics(path: Path) -> dict[str, int]:
    try:
        pairs = [line.split() for line in path.read_text().splitlines()]
    except OSError:
        return {}
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdigit()}


def _job_rooms() -> Iterator[int]:
    """Yield what this process may still take of the memory that Slurm has given to its job on this machine."""
    per_node, per_cpu = (_megabytes(f"SLURM_MEM_PER_{unit}") for unit in ("NODE", "CPU"))
    used = psutil.Process().memory_info().rss if per_node or per_cpu else 0
    if per_node:
        yield per_node - used
    if per_cpu:
        counts = (os.environ.get(f"SLURM_{name}", "") for name in ("CPUS_ON_NODE", "CPUS_PER_TASK"))
        yield per_cpu * next((int(count) for count in counts if count.isdigit()), 1) - used


def _megabytes(name: str) -> int:
    """Return a variable of the environment that holds MiB, in bytes; 0 where it is not set or sets no limit."""
    value = os.environ.get(name, "")
    return int(value) * MIB if value.isdigit() else 0


def _address_rooms() -> Iterator[int]:
    """Yield what the limit of the address space leaves."""
    if sys.platform == "win32":
        return
    import resource

    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit != resource.RLIM_INFINITY:
        yield limit - psutil.Process().memory_info().vms


def cpu_quotas(proc: Path = PROC) -> Iterator[float]:
    """Yield the numbers of cores that the control groups of this process allow it on average."""
    for folders, version in control_groups("cpu", proc):
        for folder in folders:
            if version == 2:
                try:
                    quota, period = (folder / "cpu.max").read_text().split()
                except (OSError, ValueError):
                    continue
                if quota != "max":
                    yield int(quota) / int(period)
            else:
                limit, length = (_number(folder / f"cpu.cfs_{name}_us") for name in ("quota", "period"))
                if limit is not None and limit > 0 and length:
                    yield limit / length
