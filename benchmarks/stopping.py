"""How long runs take to stop, how often they tell how far they are, and how soon a histogram has a first look.

Of each operation, the time from closing a run with several threads at work to its end, and the longest gap between two
reports before; medians over the rounds::

    python benchmarks/stopping.py
    python benchmarks/stopping.py --only wiener
"""

import argparse
import itertools
import statistics
import time
from typing import Any

import numpy as np

from napari_mathimg import Options, operations
from napari_mathimg.contract.progress import run_to_end
from napari_mathimg.engine import prepare, run
from napari_mathimg.histogram import Region, tally, tally_steps

PLANE, VOLUME = (2048, 2048), (40, 300, 300)
ENDLESS = {"min_num_iter": 1000, "max_num_iter": 1000, "boundary": "periodic"}
ROWS: list[tuple[str, tuple[int, ...], str, dict[str, Any]]] = [
    *((name, shape, "f4", parameters) for shape in (PLANE, VOLUME) for name, parameters in (
        ("denoise_bilateral", {"sigma_color": 0.15, "sigma_spatial": 3.0}),
        ("denoise_nl_means", {"patch_size": 7, "patch_distance": 11, "h": 0.06}),
        ("denoise_tv_bregman", {"weight": 0.1, "isotropic": False}),
        ("denoise_tv_chambolle", {"weight": 0.1, "num_iter": 30}),
    )),
    ("median", PLANE, "u2", {"size": 201.0}), ("median", PLANE, "f4", {"size": 101.0}),
    ("blur_box", (3000, 3000), "f4", {"size": 50, "mode": "grid-wrap"}),
    ("blur_defocus", (3000, 3000), "f4", {"radius": 40.0, "mode": "grid-wrap"}),
    ("gaussian", (3000, 3000), "f4", {"sigma": 60.0, "mode": "grid-wrap"}),
    *(("richardson_lucy", shape, "f4", {"num_iter": 1000, "boundary": "periodic"}) for shape in (PLANE, VOLUME)),
    *(("unsupervised_wiener", shape, "f4", ENDLESS) for shape in (PLANE, VOLUME)),
]  # fmt: skip


def stop(name: str, shape: tuple[int, ...], dtype: str, parameters: dict[str, Any]) -> tuple[float, float]:
    """Seconds from closing a run to its end, and the longest gap between two of its reports."""
    image = (np.random.default_rng(0).random(shape) * (60000 if dtype == "u2" else 1)).astype(dtype)
    op = operations()[name]
    images = (np.ones((9,) * len(shape)),) if op.images[1:] else ()
    steps = run(run_to_end(prepare(op, image, images, Options(ndim=len(shape)), parameters)))
    gaps, last = [], time.perf_counter()
    for _ in itertools.islice(steps, 4):
        now = time.perf_counter()
        gaps.append(now - last)
        last = now
    steps.close()
    return time.perf_counter() - last, max(gaps)


def look(dtype: str) -> float:
    """Seconds to the first look at a plane in memory."""
    image = (np.random.default_rng(0).random((3000, 3000)) * 60000).astype(dtype)
    tally(Region(image[:64, :64]))
    start = time.perf_counter()
    next(tally_steps(Region(image)))
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="part of the names of the operations to measure")
    arguments = parser.parse_args()
    print("| operation | image | to stop, ms | between reports, ms |\n|---|---|---|---|")
    for name, shape, dtype, parameters in ROWS:
        if arguments.only in name:
            stop(name, shape, dtype, parameters)  # compiles
            found = zip(*(stop(name, shape, dtype, parameters) for _ in range(arguments.rounds)), strict=True)
            times = " | ".join(f"{1e3 * statistics.median(values):.0f}" for values in found)
            print(f"| {name} | {'x'.join(map(str, shape))} {dtype} | {times} |", flush=True)
    for dtype in ("u2", "f4"):
        if arguments.only in "first look":
            middle = statistics.median(look(dtype) for _ in range(arguments.rounds))
            print(f"first look at 3000x3000 {dtype}: {1e3 * middle:.0f} ms")


if __name__ == "__main__":
    main()
