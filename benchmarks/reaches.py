"""How far boxes of a result, computed alone, differ from the whole image, over all parameters of inexact reaches.

A box reads as many pixels around it as the reach says. The largest difference is given as a multiple of what is
promised: 1e-6 of the range of the image or of the result, whichever is larger, times the root of the iterations for
Richardson-Lucy. Boxes of Chambolle's iteration must equal the whole to the bit. Run it with `--quick` for a part of the
grid.
"""

import itertools
import math
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import ndimage as ndi
from skimage import data

from napari_mathimg import Options, operations
from napari_mathimg.contract.progress import run_to_end
from napari_mathimg.engine import prepare
from napari_mathimg.engine.region import compute_block

QUICK = "--quick" in sys.argv
Array = np.ndarray[Any, Any]


def images(rows: int, columns: int) -> Iterator[tuple[str, Array]]:
    """Yield pictures that are hard for different reasons, each from 0 to 1."""
    for name, image in raw_images(rows, columns):
        yield name, (image - image.min()) / np.ptp(image)


def raw_images(rows: int, columns: int) -> Iterator[tuple[str, Array]]:
    rng = np.random.default_rng(0)
    shape = (rows, columns)
    grid = np.indices(shape)
    checks = (grid // 25).sum(0) % 2
    yield "noise", rng.random(shape)
    yield "steps", np.clip(0.1 + 0.8 * checks + 0.02 * rng.standard_normal(shape), 0, 1)
    yield "ramp", grid[0] / (rows - 1)
    yield "points", (rng.random(shape) < 0.002) + 0.01
    yield "photons", rng.poisson(5 + 50 * checks) / 100
    yield "sparse", ndi.gaussian_filter(rng.random(shape) * (rng.random(shape) < 0.03), 1)
    for name in ("camera", "brick", "moon", "cell"):
        photo = getattr(data, name)()[:512, :columns] / 255
        yield name, np.pad(photo, [(0, max(rows - len(photo), 0)), (0, 0)], mode="symmetric")[:rows]


def plan_of(name: str, image: Array, further: tuple[Array, ...], parameters: dict[str, Any]) -> Any:
    options = Options(value_range=(0.0, 1.0), ndim=image.ndim)
    return run_to_end(prepare(operations()[name], image, further, options, parameters))


def largest_difference(
    name: str, further: tuple[Array, ...], parameters: dict[str, Any], dtype: str
) -> tuple[float, str]:
    """Return the largest difference between boxes and the whole over all pictures, and the picture."""
    radius = plan_of(name, np.zeros((9999, 64), dtype), further, parameters).reach.halo(2)[0]
    found = []
    for kind, image in images(2 * radius + 90, 64):
        plan = plan_of(name, np.ascontiguousarray(image, dtype), further, parameters)
        rows, columns = image.shape
        whole = compute_block(plan, (), ((0, rows), (0, columns)))
        worst = 0.0
        for a, b in ((0, rows // 2), (rows // 2 - 11, rows), (rows // 2 - 5, rows // 2 + 20)):
            box = compute_block(plan, (), ((a, b), (0, columns)))
            worst = max(worst, float(np.abs(box - whole[a:b]).max() / max(np.ptp(whole), 1)))
        found.append((worst, kind))
    return max(found)


def psfs() -> Iterator[tuple[str, Array]]:
    y, x = np.indices((11, 11)) - 5
    yield "Gaussian", np.exp(-(x * x + y * y) / 8)
    yield "box", np.ones((7, 7))
    yield "disk", (x * x + y * y <= 25).astype(float)
    yield "two points", np.array([[1, 0, 0, 0, 1.0]]).T
    yield "lopsided", 1 + np.arange(21.0).reshape(7, 3) % 5


def cases() -> Iterator[tuple[str, str, tuple[Array, ...], dict[str, Any], float]]:
    """Yield an operation, what distinguishes the case, its images and parameters, and the difference promised."""
    iterations = (2, 10, 50, 200) if QUICK else (1, 2, 5, 10, 20, 50, 100, 200, 400, 700, 1000)
    strengths = (0.03, 0.3, 100.0) if QUICK else (0.001, 0.01, 0.03, 0.1, 0.3, 1.0, 10.0, 100.0)
    for num_iter, weight in itertools.product(iterations, strengths):
        given: dict[str, Any] = {"weight": weight, "num_iter": num_iter}
        yield "denoise_tv_chambolle", "", (), given, 0.0
        for isotropic in (True, False):
            yield "denoise_tv_bregman", "", (), {**given, "isotropic": isotropic}, 1e-6
    regularized = (0.0, 0.1) if QUICK else (0.0, 0.002, 0.1)
    for num_iter, (kind, psf), weight in itertools.product(iterations, psfs(), regularized):
        for boundary, background, saturation in (
            ("reflect", 0.0, "none"), ("zero", 0.0, "none"), ("reflect", 0.05, "none"), ("reflect", 0.0, 0.7),
        ):  # fmt: skip
            given = {
                "num_iter": num_iter, "boundary": boundary, "background": background, "regularization": weight,
                "saturation": saturation,
            }  # fmt: skip
            yield "richardson_lucy", kind, (psf,), given, 1e-6 * math.sqrt(num_iter)
    for radius in (9.5, 20.0) if QUICK else (9.5, 14.0, 20.0, 50.0, 100.0):
        yield "blur_defocus", "", (), {"radius": radius}, 1e-6
    for side in (17, 40) if QUICK else (17, 40, 99):
        weights = np.random.default_rng(0).random((side, side))
        yield "convolve", f"{side} random weights", (weights / weights.sum(),), {}, 1e-6
    yield "blur_motion", "", (), {"length": 400.0, "angle": 30.0}, 1e-6


if __name__ == "__main__":
    print(__doc__)
    failed = 0
    for name, kind, further, parameters, promised in cases():
        for dtype in ("f4", "f8"):
            difference, picture = largest_difference(name, further, parameters, dtype)
            failed += difference > promised
            share = (
                f"{difference / promised:8.3f}" if promised else "   equal" if difference == 0 else f"{difference:8.1e}"
            )
            print(f"{share}  {name} {dtype} {kind} {parameters} ({picture})", flush=True)
    print(f"{failed} cases differ by more than promised.")
    sys.exit(failed > 0)
