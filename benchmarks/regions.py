"""How soon a preview has its pixels: 800 x 1280 pixels in the middle of 4096 x 4096 uint16, and all of them zoomed out.

For each operation, with its statistics known: milliseconds until the piece around the middle (at least 256 x 256
pixels) is there, and until all are; and how long closing takes, at worst, if it comes at any moment. Times are medians
and, after the slash, the slowest. ``python benchmarks/regions.py [--rounds 9] [NAME ...]``
"""

import argparse
import statistics
import time
from typing import Any

import numpy as np
from scipy import ndimage as ndi

from napari_mathimg import operations
from napari_mathimg.contract.progress import run_to_end
from napari_mathimg.contract.reach import Box
from napari_mathimg.engine import prepare
from napari_mathimg.engine.regions import regions

Array = np.ndarray[Any, Any]
SIDE, WINDOW = 4096, ((1648, 2448), (1408, 2688))
ALL = ((0, SIDE), (0, SIDE))


def image() -> Array:
    rng = np.random.default_rng(0)
    smooth = ndi.zoom(rng.random((SIDE // 16, SIDE // 16)), 16, order=1)
    return np.rint(np.clip(smooth + 0.05 * rng.standard_normal(smooth.shape), 0, 1) * 60000).astype(np.uint16)


def cases() -> list[tuple[str, dict[str, Any], Box, int]]:
    """Return operations, parameters, boxes and steps."""
    window: list[tuple[str, dict[str, Any]]] = [
        ("adjust_gamma", {"gamma": 2.0}), ("rotate", {"angle": 30.0}), ("gaussian", {"sigma": 2.0}),
        ("median", {"size": 5.0}), ("blur_box", {"size": 5}), ("add_gaussian_noise", {}), ("add_poisson_noise", {}),
        ("equalize_hist", {}), ("equalize_adapthist", {}), ("denoise_bilateral", {}), ("denoise_nl_means", {}),
        ("denoise_tv_chambolle", {}), ("denoise_tv_bregman", {}), ("wiener_filter", {}), ("denoise_wavelet", {}),
        ("richardson_lucy", {"num_iter": 10}),
    ]  # fmt: skip
    out = [(name, given, WINDOW, 1) for name, given in window]
    zoomed = ["adjust_gamma", "rotate", "swirl", "rescale", "gaussian", "add_gaussian_noise", "equalize_adapthist"]
    given = dict(window) | {"swirl": {}, "rescale": {"scale": 1.5}}
    return [*out, *((name, given[name], ALL, 6) for name in zoomed)]


def timed(plan: Any, box: Box, step: int) -> tuple[float, float]:
    """Return the milliseconds until the first piece, and until all."""
    begin, first = time.perf_counter(), 0.0
    for found in regions(plan, (), box, step):
        if found is not None and not first:
            first = time.perf_counter() - begin
    return 1e3 * first, 1e3 * (time.perf_counter() - begin)


def closing(plan: Any, box: Box, step: int, after: float) -> float:
    """Return how many milliseconds closing takes some milliseconds after the begin."""
    begin, steps = time.perf_counter(), regions(plan, (), box, step)
    for _ in steps:
        if 1e3 * (time.perf_counter() - begin) > after:
            break
    begin = time.perf_counter()
    steps.close()
    return 1e3 * (time.perf_counter() - begin)


def told(values: list[float]) -> str:
    return f"{statistics.median(values):6.0f} /{max(values):5.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--rounds", type=int, default=9)
    asked = parser.parse_args()
    source = image()
    y, x = np.indices((17, 17)) - 8
    psf = np.exp(-(x * x + y * y) / 8)
    print(f"{'':26}first piece          all      closing")
    for name, given, box, step in cases():
        if asked.names and name not in asked.names:
            continue
        op = operations()[name]
        plan = run_to_end(prepare(op, source, (psf,) if name == "richardson_lucy" else (), None, given))
        place = (
            box if all(b <= n for (_, b), n in zip(box, plan.item, strict=True)) else tuple((0, n) for n in plan.item)
        )
        timed(plan, place, step)
        firsts, wholes = zip(*(timed(plan, place, step) for _ in range(asked.rounds)), strict=True)
        moments = np.linspace(0, statistics.median(wholes), asked.rounds)
        closed = [closing(plan, place, step, float(after)) for after in moments]
        print(f"{name:22}{step:2} {told(list(firsts))} {told(list(wholes))} {told(closed)}", flush=True)


if __name__ == "__main__":
    main()
