"""Recipes on stacks larger than memory, OME-Zarr to OME-Zarr: seconds, memory, chunks decoded; the same by dask.

The chunk files of the source are hard links to a few, so that a large stack takes no space; they are decoded all the
same. Each run is a process of its own. What is told: MB of pixels of the source per second (or, with `--cpu`, per
second of all cores together), the highest memory of the process and its children, and how often a chunk is decoded.

    python benchmarks/batch.py [FOLDER] [--gigabytes 4] [--rows copy,gg] [--threads 2] [--keep]

Rows: copy (reading and writing alone), tone (gamma, then a clip, ranges given), gg (a 3-D Gaussian, then gamma), levels
(gg with four levels), stats (Gaussian, rotate, CLAHE, gamma), memory (stats, in memory), dask (gg by `map_overlap`,
over a sweep of its chunks), workers (gg with one and two processes), cluster (the same tasks through dask.distributed).
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil

CHUNK = (32, 256, 256)
SHARD = (64, 512, 512)
UNIQUE = 12  # different chunk files
PLANES = {0.5: (128, 1024, 2048), 1: (256, 1024, 2048), 4: (256, 2048, 4096), 20: (1280, 2048, 4096)}
GAUSSIAN = {"operation": "gaussian", "parameters": {"sigma": [0.8, 1.5, 1.5]}, "options": {"ndim": 3}}
GAMMA = {"operation": "adjust_gamma", "parameters": {"gamma": 0.7},
         "options": {"ndim": 3, "value_range": [0.0, 4095.0]}}  # fmt: skip
CLIP = {"operation": "clip", "parameters": {"low": 20.0, "high": 3000.0}, "options": {"ndim": 3}}
ROTATE = {"operation": "rotate", "parameters": {"angle": 5.0}, "options": {"ndim": 2}}
CLAHE = {"operation": "equalize_adapthist", "parameters": {"clip_limit": 0.02, "kernel_size": [64, 256, 256]},
         "options": {"ndim": 3}}  # fmt: skip
BY_DATA = {"operation": "adjust_gamma", "parameters": {"gamma": 0.7}, "options": {"ndim": 3}}
CHAINS = {
    "copy": [], "tone": [GAMMA, CLIP], "gg": [GAUSSIAN, GAMMA], "levels": [GAUSSIAN, GAMMA],
    "stats": [GAUSSIAN, ROTATE, CLAHE, BY_DATA],
}  # fmt: skip
HALOS = {0: 3, 1: 6, 2: 6}  # of the Gaussian
SWEEP = ((64, 512, 512), (64, 512, 1024), (64, 1024, 1024), (128, 512, 512), (32, 1024, 2048), (256, 512, 512))


class Watch(threading.Thread):
    """Peak of the memory of this process and its children, less what they share."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.process, self.peak, self.goes_on = psutil.Process(), 0, True

    def run(self) -> None:
        while self.goes_on:
            try:
                each = [self.process, *self.process.children(recursive=True)]
                self.peak = max(self.peak, sum(p.memory_info().rss for p in each))
            except psutil.Error:
                pass
            time.sleep(0.02)


def stack(folder: Path, gigabytes: float) -> Path:
    """Write a stack whose chunk files are hard links, and return its path."""
    import zarr

    shape = PLANES[gigabytes]
    path = folder / f"stack-{gigabytes:g}.zarr"
    if path.exists():
        return path
    rng = np.random.default_rng(0)
    array = zarr.create_array(
        str(path), shape=shape, chunks=CHUNK, dtype="u2", compressors=zarr.codecs.ZstdCodec(level=1), fill_value=0,
        dimension_names=("z", "y", "x"),
    )  # fmt: skip
    places = [*np.ndindex(*(n // c for n, c in zip(shape, CHUNK, strict=True)))]
    files = [path / "c" / "/".join(map(str, place)) for place in places]
    for number, place in enumerate(places[:UNIQUE]):
        z, y, x = np.ogrid[: CHUNK[0], : CHUNK[1], : CHUNK[2]]
        shade = 600 + 500 * np.sin((z + 7 * number) / 9) * np.cos(y / 31) * np.sin(x / 23)
        pixels = rng.poisson(np.maximum(shade, 10)).astype("u2")
        array[tuple(slice(k * c, (k + 1) * c) for k, c in zip(place, CHUNK, strict=True))] = pixels
    for number, file in enumerate(files[UNIQUE:], UNIQUE):
        file.parent.mkdir(parents=True, exist_ok=True)
        os.link(files[number * 7 % UNIQUE], file)
    return path


def reset(folder: Path) -> None:
    for place in (folder / "out.ome.zarr", folder / "out.ome.zarr.partial"):
        shutil.rmtree(place, ignore_errors=True)


def ours(source: Path, folder: Path, chain: str, given: Any) -> dict[str, Any]:
    """Run a chain in shards."""
    from napari_mathimg import Recipe
    from napari_mathimg.batch.shards import run as running
    from napari_mathimg.batch.shards.choices import ShardChoices, Source
    from napari_mathimg.contract.progress import run_to_end
    from napari_mathimg.io.zarr import pixels

    decoded = [0]
    real = pixels.ZarrPixels._copy

    def copy(self: Any, chunk: Any, data: bytes, out: Any, box: Any) -> None:
        decoded[0] += self.address.endswith(source.name)
        real(self, chunk, data, out, box)

    pixels.ZarrPixels._copy = copy  # type: ignore[method-assign]
    choices = ShardChoices(SHARD, CHUNK, 4 if chain == "levels" else 1, cuts=given.cuts)
    recipe = Recipe.from_plain({"format": "mathimg-recipe", "format_version": 1, "steps": CHAINS[chain] or [CLIP | {
        "off": True}]})  # fmt: skip
    more = {"scheduler": given.scheduler} if given.scheduler else {}
    steps = running.run_in_shards(
        recipe, Source(str(source)), folder / "out.ome.zarr", choices=choices, threads=given.threads,
        memory=given.memory, **more,
    )  # fmt: skip
    phases: dict[str, float] = {}
    before, phase = time.perf_counter(), ""

    def timed() -> Any:
        nonlocal before, phase
        try:
            while True:
                progress = next(steps)
                now = time.perf_counter()
                phases[phase] = phases.get(phase, 0.0) + now - before
                before, phase = now, progress.phase
                yield progress
        except StopIteration as stop:
            return stop.value

    outcome = run_to_end(timed())
    count = int(np.prod([-(-n // c) for n, c in zip(Source(str(source)).open().shape, CHUNK, strict=True)]))
    told = {name: round(s, 1) for name, s in phases.items() if s > 0.5}
    return {"decoded": round(decoded[0] / count, 2), "tasks": outcome.tasks, "phases": told}


def in_memory(source: Path, chain: str, given: Any) -> dict[str, Any]:
    """Read a stack and run a chain on it in memory."""
    from napari_mathimg import Recipe
    from napari_mathimg.io.reading import open_image

    recipe = Recipe.from_plain({"format": "mathimg-recipe", "format_version": 1, "steps": CHAINS[chain]})
    pixels = np.asarray(open_image(source).array[...])
    began = time.perf_counter()
    recipe.apply(pixels, threads=given.threads)
    return {"without_reading": round(time.perf_counter() - began, 1)}


def by_dask(source: Path, folder: Path, chunks: tuple[int, ...], given: Any) -> dict[str, Any]:
    """Run the Gaussian and gamma by `map_overlap`, with the same kernels, each block in one thread."""
    import dask
    import dask.array as da
    import zarr

    from napari_mathimg import Options, operations
    from napari_mathimg.contract.progress import run_to_end
    from napari_mathimg.engine import prepare, run

    def one(block: Any, step: Any) -> Any:
        if 0 in block.shape or block.size == 1:
            return block
        options = Options(ndim=3, value_range=tuple(step["options"].get("value_range", (0.0, 4095.0))))
        plan = run_to_end(prepare(operations()[step["operation"]], block, (), options, step["parameters"], 1))
        return run_to_end(run(plan, threads=1))

    array = da.from_zarr(str(source), chunks=chunks)
    empty = np.empty((0, 0, 0), array.dtype)
    array = da.map_overlap(one, array, depth=HALOS, boundary="none", dtype=array.dtype, step=GAUSSIAN, meta=empty)
    array = array.map_blocks(one, step=GAMMA, dtype=array.dtype, meta=empty)
    target = zarr.create_array(
        str(folder / "out.ome.zarr"), shape=array.shape, dtype=array.dtype, chunks=CHUNK, shards=SHARD, fill_value=0,
        compressors=zarr.codecs.ZstdCodec(level=1), config={"write_empty_chunks": True},
    )  # fmt: skip
    zarr.config.set({"threading.max_workers": 1, "async.concurrency": 4})
    with dask.config.set(scheduler="threads", num_workers=given.threads):
        da.store(array, target, lock=False)
    return {}


def child(given: Any) -> None:
    """Do one run, and print what it took."""
    source, folder = Path(given.source), Path(given.folder)
    reset(folder)
    watch = Watch()
    watch.start()
    began = time.perf_counter()
    if given.child == "memory":
        told = in_memory(source, "stats", given)
    elif given.child == "dask":
        told = by_dask(source, folder, tuple(map(int, given.chunks.split(","))), given)
    else:
        told = ours(source, folder, given.child, given)
    seconds = time.perf_counter() - began
    watch.goes_on = False
    used = psutil.Process().cpu_times()
    size = float(np.prod(PLANES[given.gigabytes])) * 2 / 1e6
    row = given.child + (f" {given.chunks}" if given.child == "dask" else "")
    row += f" {given.scheduler}" if given.scheduler else ""
    print(json.dumps({
        "row": row, "threads": given.threads, "s": round(seconds, 1), "MB/s": round(size / seconds, 1),
        "cpu_s": round(used.user + used.system, 1), "peak_MiB": watch.peak >> 20, **told,
    }), flush=True)  # fmt: skip
    if not given.keep:
        reset(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", default="/tmp/mathimg-batch")
    parser.add_argument("--gigabytes", type=float, default=4)
    parser.add_argument("--rows", default="copy,tone,gg,levels,stats,memory,dask,workers")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory", type=int)
    parser.add_argument("--cuts", default="auto")
    parser.add_argument("--chunks", default="")
    parser.add_argument("--scheduler", default="")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--child")
    parser.add_argument("--source")
    given = parser.parse_args()
    if given.child:
        child(given)
        return
    folder = Path(given.folder)
    folder.mkdir(parents=True, exist_ok=True)
    source = stack(folder, given.gigabytes)
    passed = ["--gigabytes", f"{given.gigabytes:g}", "--cuts", given.cuts, "--source", str(source)]
    passed += ["--memory", str(given.memory)] if given.memory is not None else []
    passed += ["--keep"] if given.keep else []
    for row in given.rows.split(","):
        runs: list[list[str]] = [["--child", row, "--threads", str(given.threads)]]
        if row == "dask":
            sweep = [given.chunks] if given.chunks else [",".join(map(str, chunks)) for chunks in SWEEP]
            runs = [[*runs[0], "--chunks", chunks] for chunks in sweep]
        if row == "workers":
            runs = [["--child", "gg", "--threads", str(n)] for n in (1, 2)]
        if row == "cluster":
            runs = [["--child", "gg", "--threads", "1", "--scheduler", f"local:{n}"] for n in (1, 2)]
        for more in runs:
            subprocess.run([sys.executable, __file__, str(folder), *passed, *more], check=True)


if __name__ == "__main__":
    main()
