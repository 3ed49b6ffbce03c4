"""Zarrs in chunks of every kind: how often a run reads each byte, its peak memory and its time.

For each layout of chunks, ``python benchmarks/chunks.py`` makes a zarr of 4 GiB in a temporary folder (``--gib 0.25``:
of 0.25 GiB). Each operation runs on it in a process of its own and writes its result to another zarr; the histogram
writes nothing. A line tells

- `read`: bytes read from the store in the pass that reads most, divided by the bytes of the array;
- `memory`: by how much the peak of the resident memory exceeds that of a process that reads one chunk with zarr alone
  and, in parentheses, of one that reads and writes one chunk with zarr alone;
- seconds, and the number of passes.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from zarr.abc.store import ByteRequest
from zarr.storage import LocalStore

PLANE = 1024
OPERATIONS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "pointwise": ("adjust_gamma", {"gamma": 0.8}, {"value_range": (0, 4095)}),
    "windowed": ("gaussian", {"sigma": 2.0}, {}),
    "counting": ("equalize_hist", {}, {}),
    "histogram": ("histogram", {}, {}),
}


def layouts(shape: tuple[int, ...]) -> dict[str, dict[str, Any]]:
    """Return chunks and shards of each layout."""
    return {
        "planes": {"chunks": (1, *shape[1:])},
        "volumes": {"chunks": (64, 512, 512)},
        "whole stack": {"chunks": shape},
        "64 px": {"chunks": (64, 64, 64)},
        "64 px in shards": {"chunks": (64, 64, 64), "shards": (64, 256, 512)},
    }


class CountingStore(LocalStore):
    """A store that counts the bytes of chunks that are read, and how often each byte range is."""

    read = 0

    async def get(self, key: str, prototype: Any, byte_range: ByteRequest | None = None) -> Any:
        found = await super().get(key, prototype, byte_range)
        if found is not None and not key.endswith("zarr.json"):
            CountingStore.read += len(found)
        return found


def make(path: Path, shape: tuple[int, ...], layout: dict[str, Any]) -> None:
    """Write noise of 12 bits without compression, so that a pass reads as many bytes as the array has."""
    array = zarr.create_array(str(path), shape=shape, dtype="u2", compressors=None, **layout)
    written = layout.get("shards", layout["chunks"])[0]
    rng = np.random.default_rng(0)
    for first in range(0, shape[0], written):
        stop = min(first + written, shape[0])
        block = np.empty((stop - first, *shape[1:]), np.uint16)
        for plane in block:
            plane[...] = rng.integers(0, 4096, plane.shape, np.uint16)
        array[first:stop] = block


def peak() -> int:
    """Return the peak of the resident memory of this process, in bytes."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) * 1024


def read_one_chunk(path: Path, out: Path) -> dict[str, Any]:
    """Read one chunk with zarr alone; then write it to a zarr. All modules of a run are loaded on both sides."""
    from napari_mathimg import operations

    operations()
    array = zarr.open_array(str(path), mode="r")
    block = array[tuple(slice(n) for n in array.chunks)]
    at_reading = peak()
    if out.exists():
        written = zarr.open_array(str(out), mode="r+")
        box = tuple(slice(min(n, m)) for n, m in zip(array.chunks, written.chunks, strict=True))
        written[box] = block[box]
    return {"peak": at_reading, "with_writing": peak()}


def run_one(path: Path, out: Path, name: str) -> dict[str, Any]:
    """Run an operation; return bytes read in each pass, peak memory and seconds."""
    from napari_mathimg import Options, operations
    from napari_mathimg.contract.progress import Progress
    from napari_mathimg.engine import prepare, run
    from napari_mathimg.histogram import histogram_steps

    operation, parameters, options = OPERATIONS[name]
    source = zarr.open_array(CountingStore(str(path), read_only=True), mode="r")

    def steps() -> Iterator[Progress]:
        if operation == "histogram":
            yield from histogram_steps(source)
            return
        plan = yield from prepare(operations()[operation], source, (), Options(**options), parameters)
        yield from run(plan, zarr.open_array(str(out), mode="r+"))

    begun, passes, before = time.perf_counter(), [], None
    for step in steps():
        if before is None or step.phase != before.phase or step.done < before.done:
            passes.append(CountingStore.read)
        before = step
    ends = [*passes[1:], CountingStore.read]
    seconds = time.perf_counter() - begun
    return {"passes": [b - a for a, b in zip(passes, ends, strict=True)], "peak": peak(), "seconds": seconds}


def in_a_process(*arguments: object) -> dict[str, Any]:
    command = [sys.executable, __file__, *map(str, arguments)]
    told: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gib", type=float, default=4.0, help="size of the array")
    parser.add_argument("--layouts", nargs="*", help="only these")
    parser.add_argument("--operations", nargs="*", help="only these")
    parser.add_argument("--folder", help="where the temporary folder is made")
    parser.add_argument("--task", nargs=4, metavar=("KIND", "SOURCE", "OUT", "NAME"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    shape = (int(given.gib * 2**30) // (2 * PLANE * PLANE), PLANE, PLANE)
    if given.task:
        kind, source, out, name = given.task
        done: dict[str, Any] = {}
        if kind == "make":
            make(Path(source), shape, layouts(shape)[name])
        elif kind == "alone":
            done = read_one_chunk(Path(source), Path(out))
        else:
            done = run_one(Path(source), Path(out), name)
        print(json.dumps(done))
        return
    total = 2 * int(np.prod(shape))
    print(f"{' x '.join(map(str, shape))} uint16, {total / 2**30:.2f} GiB")
    for layout, chunks in layouts(shape).items():
        if given.layouts and layout not in given.layouts:
            continue
        folder = Path(tempfile.mkdtemp(dir=given.folder))
        try:
            in_a_process("--gib", given.gib, "--task", "make", folder / "source", "-", layout)
            # The result of one chunk for all would have to be held as a whole, too: it is written in planes.
            written = layouts(shape)["planes"] if layout == "whole stack" else chunks
            for name, (operation, _, _) in OPERATIONS.items():
                if given.operations and name not in given.operations:
                    continue
                out = folder / "out"
                if operation != "histogram":
                    zarr.create_array(str(out), shape=shape, dtype="u2", compressors=None, overwrite=True, **written)
                alone = in_a_process("--task", "alone", folder / "source", out, name)
                done = in_a_process("--task", "run", folder / "source", out, name)
                most = max(done["passes"]) / total
                above, beyond = ((done["peak"] - alone[key]) / 2**20 for key in ("peak", "with_writing"))
                print(
                    f"{layout:16} {name:18} read {most:5.3f}, memory {above:+6.0f} MiB ({beyond:+6.0f}), "
                    f"{done['seconds']:6.1f} s in {len(done['passes'])} passes",
                    flush=True,
                )
                shutil.rmtree(out, ignore_errors=True)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
