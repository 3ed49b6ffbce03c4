"""First and exact histograms beside NumPy, fast-histogram, napari's built-in and napari-matplotlib, in one run.

`np.histogram(x, bins=256, range=(lo, hi))` is the measure. "first" is what the dock shows first, "exact" the dock's
fine counts with all statistics, "between edges" the public `histogram` with the same range. Then a Zarr array of 8 GB,
by this package alone, with the peak of resident memory. Needs the `bench` dependency group and a display::

    xvfb-run -a -s "-screen 0 1280x800x24" python benchmarks/histogram.py
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import napari
import numpy as np
import psutil
import vispy.gloo.glir
import zarr
from fast_histogram import histogram1d
from napari.components.histogram import HistogramModel
from napari.layers import Image
from napari_matplotlib import HistogramWidget

from measuring import Memory
from napari_mathimg.histogram import Region, histogram, tally, tally_steps

vispy.gloo.glir.GlirProgram.delete = lambda self: None  # Mesa's software renderer may crash in it
CASES = {"4096² u16": ((4096, 4096), "u2"), "4096² f32": ((4096, 4096), "f4"), "64x1024² u16": ((64, 1024, 1024), "u2")}
BINS, RANGE = 256, (0, 4095)


def first_answer(image: Any) -> None:
    steps = tally_steps(Region(image))
    next(a for a in steps if a.tally is not None)
    steps.close()


def napari_s(image: Any, mode: str) -> Callable[[], Any]:
    """Return napari's own count: of at most a million samples, drawn at random."""
    layer = Image(image, contrast_limits=(0, 65535))

    def count() -> None:
        list(HistogramModel(layer, mode=mode).compute())

    return count


def matplotlib_s(viewer: Any, widget: Any, image: Any) -> Callable[[], Any]:
    """Return napari-matplotlib's drawing of the current plane."""
    viewer.layers.clear()
    viewer.layers.selection.active = viewer.add_image(image, contrast_limits=(0, 65535))
    return lambda: widget._draw()


def milliseconds(calls: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """Return each call's median time, taken in turns so that a busy machine is busy for all."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            begun = time.perf_counter()
            call()
            times[name].append(1e3 * (time.perf_counter() - begun))
    return {name: statistics.median(values) for name, values in times.items()}


def compare(viewer: Any, widget: Any, rounds: int) -> list[str]:
    lines = []
    for name, (shape, dtype) in CASES.items():
        image = np.random.default_rng(0).normal(2000, 300, shape).clip(0, 4095).astype(dtype)
        expected = np.histogram(image, BINS, RANGE)[0].sum()
        assert tally(Region(image)).pixels == histogram(image, bins=BINS, range=RANGE).counts.sum() == expected
        calls = {
            "numpy": lambda image=image: np.histogram(image, bins=BINS, range=RANGE),
            "first": lambda image=image: first_answer(image),
            "exact": lambda image=image: tally(Region(image)).histogram(BINS),
            "between edges": lambda image=image: histogram(image, bins=BINS, range=RANGE),
            "fast-histogram": lambda image=image: histogram1d(image, BINS, RANGE),
            "napari full, 1M samples": napari_s(image, "full"),
            "napari-matplotlib, a plane": matplotlib_s(viewer, widget, image),
        }
        for call in calls.values():
            call()
        found = milliseconds(calls, rounds)
        lines.append(name)
        lines += [f"  {what:<27} {t:8.1f} ms  {found['numpy'] / t:6.1f} x numpy" for what, t in found.items()]
        viewer.layers.clear()
    return lines


def large(folder: Path, gigabytes: float) -> list[str]:
    """Count a Zarr array on disk, each chunk read once."""
    planes = round(gigabytes * 2**30 / (2 * 2048 * 2048))
    stored = zarr.create_array(
        str(folder / "large.zarr"), shape=(planes, 2048, 2048), dtype="u2", chunks=(1, 1024, 1024), compressors=None
    )
    rng = np.random.default_rng(0)
    plane = rng.normal(2000, 300, (2048, 2048)).clip(0, 4095).astype("u2")
    for k in range(planes):
        stored[k] = plane + np.uint16(k % 50)
    tally(Region(plane))  # the kernels are loaded
    begun, first = time.perf_counter(), None
    with Memory() as memory:
        steps = tally_steps(Region(stored))
        while True:
            try:
                answer = next(steps)
            except StopIteration as done:
                found = done.value
                break
            if first is None and answer.tally is not None:
                first = time.perf_counter() - begun
    seconds = time.perf_counter() - begun
    assert found.exact
    assert found.pixels == planes * 2048 * 2048
    size = planes * 2048 * 2048 * 2 / 2**30
    return [
        f"zarr u16, {size:.1f} GiB in {stored.nchunks} chunks: first {1e3 * (first or seconds):.0f} ms,"
        f" exact {seconds:.1f} s, {size / seconds:.2f} GiB/s",
        f"  peak of resident memory {memory.peak / 2**20:.0f} MiB,"
        f" {(memory.peak - memory.base) / 2**20:.0f} more than before",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--gigabytes", type=float, default=8.0, help="size of the Zarr array; 0 for none")
    parser.add_argument("--folder", type=Path, help="where the Zarr array is written for a while")
    parser.add_argument("--report", type=Path, help="write the figures to this file too")
    arguments = parser.parse_args()
    lines = [f"{psutil.cpu_count()} cores, load {psutil.getloadavg()[0]:.1f}"]
    if arguments.gigabytes:
        with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
            lines += large(Path(folder), arguments.gigabytes)
    viewer = napari.Viewer(show=False)
    widget = HistogramWidget(viewer)
    lines += compare(viewer, widget, arguments.rounds)
    viewer.close()
    print("\n".join(lines))
    if arguments.report:
        arguments.report.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
