"""A lazy chain of four operations on an image of 40 GiB that is computed where it is read: opening, panning, memory.

``python benchmarks/lazy.py [--gib 40] [--frames 60] [--kept 256]`` prints

- `open`: seconds from the call of `lazy` for the first of four steps to the array of the last one, ranges given;
- `first`: seconds to the first box of 1024 x 1024 pixels at full resolution;
- `pan`: boxes of 1024 x 1024 per second, each moved by a quarter of its side, along rows and then down;
- `jump`: boxes per second at random places;
- `memory`: by how much the resident memory exceeds that before the first chain; the tiles kept in it.

Kernels are compiled and loaded before, on a small image. The source is an image of uint16 that computes 512 x 512
chunks from their place, as a remote store would decode them.
"""

import argparse
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import psutil

from napari_mathimg import Options, lazy
from napari_mathimg.catalog import find
from napari_mathimg.contract.progress import run_to_end
from napari_mathimg.engine import LazyArray, TileCache, prepare

SIDE = 1024
GIVEN = Options(value_range=(0, 65535))
CHAINS = {
    "gaussian, gamma, box, sigmoid": [
        ("gaussian", {"sigma": 2.0}), ("adjust_gamma", {"gamma": 0.7}), ("blur_box", {"size": 5}),
        ("adjust_sigmoid", {"gain": 6.0}),
    ],
    "invert, gamma, logarithm, sigmoid": [
        ("invert", {}), ("adjust_gamma", {"gamma": 0.7}), ("adjust_log", {}), ("adjust_sigmoid", {}),
    ],
    "median, rotate, gaussian, gamma": [
        ("median", {"size": 3}), ("rotate", {"angle": 3.0}), ("gaussian", {"sigma": 1.0}), ("adjust_gamma", {}),
    ],
}  # fmt: skip


class Virtual:
    """An image of uint16, computed chunk by chunk from the place."""

    chunks = (512, 512)
    dtype = np.dtype(np.uint16)

    def __init__(self, side: int) -> None:
        self.shape, self.ndim = (side, side), 2

    def __getitem__(self, key: Any) -> np.ndarray:
        rows, columns = (np.arange(*k.indices(n), dtype=np.uint32) for k, n in zip(key, self.shape, strict=True))
        mixed = (rows[:, None] * np.uint32(2654435761)) ^ (columns * np.uint32(40503))
        return (mixed >> np.uint32(16)).astype(np.uint16)


def chain_of(image: Any, steps: list[tuple[str, dict[str, Any]]], cache: TileCache) -> LazyArray:
    """Return the lazy result of steps with a given range, whose tiles are kept in a cache."""
    for name, parameters in steps:
        plan = prepare(find(name), image, (), GIVEN, parameters, count_saturated=False)
        image = LazyArray(run_to_end(plan), cache)
    return image


def boxes(side: int, count: int) -> Iterator[tuple[slice, slice]]:
    """Yield boxes that move along rows and then down, by a quarter of their side."""
    row, column = side // 3, side // 5
    for k in range(count):
        yield np.s_[row : row + SIDE, column : column + SIDE]
        row, column = (row, column + SIDE // 4) if k < count // 2 else (row + SIDE // 4, column)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--gib", type=float, default=40.0)
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--kept", type=int, default=256, help="MiB of tiles")
    given = parser.parse_args()
    side = int((given.gib * 2**30 / 2) ** 0.5)
    process, rng = psutil.Process(), np.random.default_rng(0)
    lazy(np.zeros((64, 64), np.uint16), "invert", options=GIVEN)[...]
    before = process.memory_info().rss
    for name, steps in CHAINS.items():
        chain_of(Virtual(2 * SIDE), steps, TileCache())[...]
        cache = TileCache(given.kept * 2**20)
        start = time.perf_counter()
        array = chain_of(Virtual(side), steps, cache)
        opened = time.perf_counter() - start
        array[side // 2 : side // 2 + SIDE, :SIDE]
        first = time.perf_counter() - start - opened
        peak, rates = 0, []
        jumps = [rng.integers(0, side - SIDE, 2).tolist() for _ in range(given.frames // 2)]
        ways = [list(boxes(side, given.frames)), [np.s_[y : y + SIDE, x : x + SIDE] for y, x in jumps]]
        for way in ways:
            start = time.perf_counter()
            for box in way:
                array[box]
                peak = max(peak, process.memory_info().rss)
            rates.append(len(way) / (time.perf_counter() - start))
        print(
            f"{name:36} open {opened:.3f} s, first {first:.2f} s, pan {rates[0]:.1f}/s, jump {rates[1]:.1f}/s,"
            f" memory +{(peak - before) / 2**20:.0f} MiB, tiles {cache.nbytes / 2**20:.0f} MiB"
        )


if __name__ == "__main__":
    main()
