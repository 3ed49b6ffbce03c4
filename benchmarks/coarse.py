"""How far coarse pictures of a preview are from the result, for operations that look at neighbors.

A coarse picture applies an operation to the means of n x n pixels, with all lengths in pixels divided by n. Its
distance from the means of the exact result is given as a share of the effect of the operation: of the root mean square
of (result - image), at full resolution; and, in parentheses, of that of their means. "offered" says that previews show
the picture: the rule `scales` that an operation declares must leave the first share at most 0.1 there, for all pictures
with grain and without. ``python benchmarks/coarse.py [NAME]``
"""

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
from skimage import data, transform

from napari_mathimg import Options, operations
from napari_mathimg.contract.progress import run_to_end
from napari_mathimg.engine import prepare, run
from napari_mathimg.engine.regions.coarse import coarse_plan, is_close_at

Array = np.ndarray[Any, Any]
SIDE, STEPS = 2048, (4, 6)
NOISE = 0.05  # of the value range, of the grain that pictures are given after they were enlarged


def pictures(side: int) -> Iterator[tuple[str, Array]]:
    """Yield photographs enlarged to a size, and the same with the grain of a camera, as uint16."""
    rng = np.random.default_rng(0)
    for name in ("camera", "coins", "cell"):
        image = transform.resize(getattr(data, name)() / 255, (side, side), order=3)
        for kind, noise in (("", 0.0), ("+grain", NOISE)):
            grainy = np.clip(image + noise * rng.standard_normal(image.shape), 0, 1)
            yield name + kind, np.rint(grainy * 65535).astype(np.uint16)


def cases() -> Iterator[tuple[str, tuple[Array, ...], dict[str, Any]]]:
    """Yield an operation, its further images and its parameters."""
    y, x = np.indices((17, 17)) - 8
    psf = np.exp(-(x * x + y * y) / 18)
    for sigma in (1.0, 2.0, 3.2, 4.8, 20.0):
        yield "gaussian", (), {"sigma": sigma}
    for size in (3, 5, 10, 45):
        yield "blur_box", (), {"size": size}
    for radius in (3.0, 4.0, 6.0, 12.0):
        yield "blur_defocus", (), {"radius": radius}
    for length in (15.0, 60.0):
        yield "blur_motion", (), {"length": length, "angle": 30.0}
    for window in (3.0, 5.0, 25.0):
        yield "median", (), {"size": window}
    for size in (7, 31):
        yield "wiener_filter", (), {"size": size}
    for sigma in (1.5, 3.2, 4.8):
        yield "denoise_bilateral", (), {"sigma_spatial": sigma}
    yield "denoise_nl_means", (), {}
    yield "denoise_tv_chambolle", (), {}
    yield "denoise_tv_bregman", (), {}
    yield "denoise_wavelet", (), {}
    yield "richardson_lucy", (psf,), {"num_iter": 10}


def means(image: Array, step: int) -> Array:
    """Return the means of blocks, of which those at the end are left out if they are not whole."""
    rows, columns = (n // step for n in image.shape)
    blocks = image[: rows * step, : columns * step].astype(float).reshape(rows, step, columns, step)
    return np.asarray(blocks.mean(axis=(1, 3)))


def rms(image: Array) -> float:
    return float(np.sqrt(np.mean(np.square(image, dtype=float))))


def shares(plan: Any, image: Array, result: Array, step: int) -> tuple[float, float]:
    """Return the distance of the coarse picture as a share of the effect, and of the effect on means."""
    small = run_to_end(run(coarse_plan(plan, (), (step, step))))
    whole = tuple(slice(n // step) for n in image.shape)
    off = rms(small[whole] - means(result, step))
    return off / rms(result - image.astype(float)), off / rms(means(result, step) - means(image, step))


if __name__ == "__main__":
    print(__doc__)
    worst: dict[tuple[str, bool], float] = {}
    for picture, image in pictures(SIDE):
        for name, further, parameters in cases():
            if len(sys.argv) > 1 and name not in sys.argv[1:]:
                continue
            plan = run_to_end(prepare(operations()[name], image, further, Options(dtype="float32"), parameters))
            result = run_to_end(run(plan))
            found = []
            for step in STEPS:
                of_effect, of_means = shares(plan, image, result, step)
                offered = is_close_at(plan, step)
                found.append(f"step {step} {of_effect:.3f} ({of_means:.2f}){' offered' if offered else ''}")
                worst[name, offered] = max(worst.get((name, offered), 0), of_effect)
            print(f"{name:22} {picture:12} {', '.join(found)}  {parameters}", flush=True)
    for (name, offered), share in sorted(worst.items(), key=lambda item: item[1]):
        print(f"{share:6.3f}  {name}{'  offered' if offered else ''}")
