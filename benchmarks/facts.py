"""How long a plan takes to prepare: without facts, with none known, and with those of the plan before known.

    python benchmarks/facts.py [--side 4096] [--threads 2]

Each row is an operation and what changes from plan to plan. "digest" is the time with facts that count only if a digest
of the pixels agrees, as for a run. The last rows are of a stack of planes in Dask chunks, of which one is prepared.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy import ndimage as ndi

from napari_mathimg import Options, operations
from napari_mathimg.contract.progress import run_to_end
from napari_mathimg.engine import Facts, Plan, prepare

ROUNDS = 7
ROWS: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    ("adjust_gamma", "gamma", {"gamma": 0.5}, {"gamma": 0.6}),
    ("equalize_hist", "nothing", {}, {}),
    ("equalize_adapthist", "nothing", {}, {}),
    ("equalize_adapthist", "clip_limit", {"clip_limit": 0.01}, {"clip_limit": 0.02}),
    ("equalize_adapthist", "kernel_size", {"kernel_size": 512}, {"kernel_size": 400}),
    ("wiener_filter", "size", {"size": 5}, {"size": 7}),
    ("denoise_wavelet", "mode", {"mode": "soft"}, {"mode": "hard"}),
    ("denoise_wavelet", "wavelet", {"wavelet": "db2"}, {"wavelet": "db3"}),
    ("match_histograms", "nothing", {}, {}),
    ("denoise_nl_means", "h", {"h": 0.1}, {"h": 0.2}),
]


def cells(shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """Return blobs on a dim ground, with normal noise."""
    rng = np.random.default_rng(0)
    image = ndi.zoom(ndi.gaussian_filter(rng.random([n // 8 for n in shape[-2:]]), 3), 8, order=1)
    image = 5000 + 40000 * (image - image.min()) / np.ptp(image) + 900 * rng.standard_normal(shape)
    return image.astype(dtype) if dtype == "f4" else np.clip(image, 0, 65535).astype(dtype)


def milliseconds(work: Callable[[int], Any]) -> float:
    """Return the median time of some calls."""
    times = []
    for number in range(ROUNDS):
        begun = time.perf_counter()
        work(number)
        times.append(time.perf_counter() - begun)
    return 1000 * statistics.median(times)


def row(
    name: str, image: Any, images: tuple[Any, ...], before: Mapping[str, Any], after: Mapping[str, Any], **how: Any
) -> list[float]:
    """Return the times in ms: without facts, with unknown ones, with those of the plan before, and with digests."""
    threads = how.pop("threads")

    def plan(parameters: Mapping[str, Any], facts: Facts | None, trust: Any = "revision") -> Plan:
        steps = prepare(
            operations()[name], image, images, Options(), parameters, threads, facts=facts, trust=trust, **how
        )
        return run_to_end(steps)

    plan(after, None)
    stores = [Facts() for _ in range(2 * ROUNDS)]
    cold = milliseconds(lambda number: plan(before, stores[number]))
    for store in stores[ROUNDS:]:
        plan(before, store)
    warm = milliseconds(lambda number: plan(after, stores[number]))
    digested = milliseconds(lambda number: plan(after, stores[ROUNDS + number], "digest"))
    return [milliseconds(lambda _: plan(after, None)), cold, warm, digested]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=4096)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    print(f"| {'operation':20} | {'changed':12} | type | no facts | unknown | known | digest |  (ms)")
    for dtype in ("u2", "f4"):
        image = cells((given.side, given.side), dtype)
        for name, changed, before, after in ROWS:
            further = (image[::2, ::2].copy(),) if name == "match_histograms" else ()
            times = row(name, image, further, before, after, threads=given.threads)
            print(f"| {name:20} | {changed:12} | {dtype} | " + " | ".join(f"{ms:8.1f}" for ms in times))
    import dask.array as da

    stack = da.from_array(cells((64, given.side // 4, given.side // 4), "u2"), chunks=(1, -1, -1))
    for name, changed, before, after in ROWS:
        if name in ("equalize_adapthist", "denoise_wavelet"):
            times = row(name, stack, (), before, after, threads=given.threads, items=[(30,)])
            print(f"| {name:20} | {changed:12} | one of 64 | " + " | ".join(f"{ms:8.1f}" for ms in times))


if __name__ == "__main__":
    main()
