"""What the benchmarks share: rows of tools that do one task, their times, memory and errors.

All tools of a row run in turn, again and again; ratios are medians over the rounds of the first tool's time by the
tool's. Memory is the highest beyond what was in use before, in multiples of the input. The error is the largest on
a part of the image, edges left out, against a direct float64 implementation, as a share of the range.
"""

import argparse
import ctypes
import gc
import importlib
import statistics
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from scipy import ndimage as ndi

from napari_mathimg import Options, apply

Tool = Callable[[np.ndarray], np.ndarray]
STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
PART = {2: (slice(96), slice(128)), 3: (slice(12), slice(32), slice(32))}
MARGIN = 4
NOISE = 0.05


class Memory:
    """Peak of this process's resident memory, watched every 2 ms."""

    def __enter__(self) -> "Memory":
        self.process = psutil.Process()
        self.base = self.peak = self.process.memory_info().rss
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()
        return self

    def watch(self) -> None:
        while not self.stop.wait(0.002):
            self.peak = max(self.peak, self.process.memory_info().rss)

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.thread.join()


def optional(name: str) -> Any:
    """Return a module, or None where it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


@dataclass
class Row:
    """A task, the tools that do it, and the direct implementation."""

    name: str
    ndim: int
    tools: dict[str, Tool]
    oracle: Tool
    dtypes: tuple[str, ...] = ("u2", "f4")
    edge: int = MARGIN
    only: dict[str, tuple[str, ...]] = field(default_factory=dict)


def ours(name: str, ndim: int, *images: np.ndarray, **parameters: Any) -> Tool:
    options = Options(ndim=ndim, value_range="dtype")
    return lambda image: apply(image, name, *images, options=options, **parameters)


def cells(ndim: int, dtype: str) -> np.ndarray:
    """Blobs on a dim ground, with normal noise; integers fill their type."""
    rng = np.random.default_rng(0)
    shape = (1024, 1024) if ndim == 2 else (32, 256, 256)
    smooth = ndi.gaussian_filter(rng.standard_normal(shape), 4.0 if ndim == 2 else 2.0)
    image = np.maximum(smooth / smooth.std() - 0.3, 0) * 0.25 + 0.2 + NOISE * rng.standard_normal(shape)
    image = np.clip(image, 0, 1)
    return image.astype(dtype) if dtype[0] == "f" else np.rint(image * np.iinfo(dtype).max).astype(dtype)


def memory(key: str) -> int:
    return next(int(line.split()[1]) * 1024 for line in STATUS.read_text().splitlines() if line.startswith(key))


def peak(tool: Tool, image: np.ndarray) -> float:
    """Highest memory beyond what was in use, in multiples of the image; nan where the system does not tell."""
    if not RESET.exists():
        return float("nan")
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # else memory that was freed counts as in use
    RESET.write_text("5")
    before = memory("VmRSS")
    tool(image)
    return (memory("VmHWM") - before) / image.nbytes


def error(tool: Tool, row: Row, image: np.ndarray) -> float:
    part = np.ascontiguousarray(image[PART[row.ndim]])
    top = 1.0 if image.dtype.kind == "f" else float(np.iinfo(image.dtype).max)
    expected, result = row.oracle(part / top), tool(part).astype(float)
    if result.max() > 2:
        result = result / top
    edge = min(row.edge, min(part.shape) // 2 - 1)
    inner = (slice(edge, -edge or None),) * row.ndim
    return float(np.abs(result.reshape(part.shape) - expected)[inner].max())


def measure(row: Row, dtype: str, rounds: int) -> None:
    image = cells(row.ndim, dtype)
    tools = {name: tool for name, tool in row.tools.items() if dtype in row.only.get(name, (dtype,))}
    wrong = {name: error(tool, row, image) for name, tool in tools.items()}
    peaks = {name: peak(tool, image) for name, tool in tools.items()}
    times: dict[str, list[float]] = {name: [] for name in tools}
    for _ in range(rounds):
        for name, tool in tools.items():
            start = time.perf_counter()
            tool(image)
            times[name].append(time.perf_counter() - start)
    usual = next((times[name] for name in ("scikit-image", "SciPy") if name in times), None)
    size = "x".join(map(str, image.shape))
    for name, taken in times.items():
        ratio = statistics.median(a / b for a, b in zip(usual, taken, strict=True)) if usual else float("nan")
        middle = statistics.median(taken)
        print(
            f"| {row.name} | {size} {image.dtype} | {name} | {1e3 * middle:.1f} | {1e9 * middle / image.size:.1f} "
            f"| {ratio:.1f} | {peaks[name]:.1f} | {wrong[name]:.0e} |",
            flush=True,
        )


def compare(doc: str, rows: Iterable[Row]) -> None:
    """Measure the rows that are asked for on the command line, and write a table."""
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="part of the names of the rows to measure")
    arguments = parser.parse_args()
    print("| task | image | tool | ms | ns/px | times scikit-image | peak memory / input | error |")
    print("|---|---|---|---|---|---|---|---|")
    for row in rows:
        if arguments.only in row.name:
            for dtype in row.dtypes:
                measure(row, dtype, arguments.rounds)
