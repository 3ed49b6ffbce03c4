"""Write docs/lens.md: how well shading and distortion are found from the images themselves.

python scripts/lens.py    three minutes on two cores
"""

import itertools
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from napari_mathimg import Options, apply
from napari_mathimg.engine import estimate_flat
from napari_mathimg.methods.lens.calibration import calibrate
from napari_mathimg.methods.lens.distortion import undistorted

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))
import photographed  # noqa: E402  (what the tests have, too: lines seen by lensfun, targets by a renderer)
from targets import Scene  # noqa: E402

PAGE = ROOT / "docs" / "lens.md"
HEAD = """# Lenses and light, measured

Written by `scripts/lens.py`; do not edit.

## Flat field

Stacks of 384 x 512 pixels: cells of other places, sizes and brightness in each plane over an even background, the level
of each plane its own, under a light that falls to a third towards a corner; photon noise, and an offset of 100 to 113
counts with structure. *Before* and *after* are the standard deviation of the relative error on a scale of 64 pixels,
where shading shows and noise does not. *Flat* is that of the estimated flat over the true one, pixel by pixel, and its
largest error.

| flat | planes | cells in a plane | before | after | flat, standard deviation | largest |
|---|---|---|---|---|---|---|
"""
PHOTOGRAPHED = """
## Lenses of the database

Upright lines on {rows} x {columns} pixels, photographed by lensfunpy's own reverse modifier, not by the product, and
straightened by `correct_lens`: the greatest distance of a line from the straight line that fits it best.

| model | camera | lens | focal length | before | after |
|---|---|---|---|---|---|
"""
CALIBRATION = """
## Calibration

Targets of 480 x 640 pixels with squares (or dots, half as wide as their distance) of {step:g} pixels, through a known
lens, tilted, turned, under light that falls by 40 %; blur as a standard deviation, noise as a share of the contrast.
The pictures are made by a renderer that shares no code with the product. *Before* and *after* are the root mean square
distance of points from straight rows and columns. *Correction* is its largest error anywhere in the picture, less what
a change of viewpoint explains; beside it the standard error that the calibration tells of the place where it is
largest. *Center* is how far it is off. *Seconds* are those of one core.

| target | model | blur | noise | points | before | after | correction | told | center | pixel size | seconds |
|---|---|---|---|---|---|---|---|---|---|---|---|
"""
TOLD = """
The correction is off by {usual:.1f} times what is told (root mean square of {count} cases), and by {most:.1f} times at
most. The true pixel size is 1; where the target is tilted, that in its middle differs.
"""
LENSES: dict[str, tuple[dict[str, float], dict[str, Any]]] = {
    "poly3": ({"k1": -0.05}, {"turn": 7.0}),
    "poly5": ({"k1": -0.08, "k2": 0.01}, {"tilt": (0.05, -0.08)}),
    "ptlens": ({"a": 0.01, "b": -0.05, "c": 0.02}, {"turn": -20.0}),
    "brown": ({"k1": -0.09, "k2": 0.012, "k3": -0.0008, "p1": 0.003, "p2": -0.002}, {"tilt": (-0.06, 0.04)}),
}
SHAPE, CENTER, STEP = (480, 640), (232.0, 333.0), 24.0


def light(shape: tuple[int, int]) -> Any:
    """Vignetting off center: three times as bright in the middle as in the darkest corner, mean 1."""
    y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    falling = 1 / (1 + 0.27 * ((y + 0.15) ** 2 + (x - 0.2) ** 2)) ** 2
    return falling / falling.mean()


def cells(count: int, per_plane: int, shape: tuple[int, int]) -> Any:
    """Photons of planes with blobs over an even background."""
    rng = np.random.default_rng(0)
    y, x = np.ogrid[: shape[0], : shape[1]]
    planes = np.full((count, *shape), 150.0)
    for plane in planes:
        for _ in range(per_plane):
            (row, column), size = rng.uniform(-20, np.array(shape) + 20), rng.uniform(8, 25)
            plane += rng.uniform(200, 1500) * np.exp(-((((y - row) ** 2 + (x - column) ** 2) / size**2) ** 2))
        plane *= rng.uniform(0.7, 1.3)
    return planes


def deviation(result: Any, truth: Any) -> float:
    """Standard deviation of the relative errors of means over 64 x 64 pixels."""
    rows, columns = (n // 64 for n in truth.shape[-2:])
    means = [x.reshape(-1, rows, 64, columns, 64).mean(axis=(-3, -1)) for x in (result, truth)]
    return float(np.std(means[0] / means[1]))


def flats() -> Iterator[str]:
    """Rows of the table of flat fields."""
    shape = (384, 512)
    shade, rng = light(shape), np.random.default_rng(1)
    dark = 100 + 8 * rng.random(shape[1]) + np.linspace(0, 5, shape[0])[:, None]
    flat = np.mean([rng.poisson(20_000 * shade) + dark for _ in range(16)], axis=0)
    for how, count, per_plane in (
        ("given: mean of 16 of 20,000 photons", 10, 40), ("estimated", 10, 20), ("estimated", 30, 20),
        ("estimated", 30, 60), ("estimated", 100, 60),
    ):  # fmt: skip
        truth = cells(count, per_plane, shape)
        stack = (rng.poisson(truth * shade) + dark).astype(np.uint16)
        options = Options(dtype="float32")
        result = apply(stack, "flat_field", None if how == "estimated" else flat, dark, options=options)
        errors = " |  |"
        if how == "estimated":
            found = estimate_flat(stack, dark=dark) / shade
            errors = f"{np.std(found):.2%} | {np.abs(found - 1).max():.1%} |"
        before, after = deviation(stack - dark, truth), deviation(result, truth)
        yield f"| {how} | {count} | {per_plane} | {before:.1%} | {after:.2%} | {errors}"


def perspective(places: Any, moved: Any) -> Any:
    """Of a displacement, that which a change of viewpoint makes."""
    y, x = ((places - places.mean(axis=0)) / 240).T
    one, none = np.ones_like(x), np.zeros_like(x)
    down = np.stack([y, x, one, none, none, none, y * y, y * x], axis=1)
    right = np.stack([none, none, none, y, x, one, x * y, x * x], axis=1)
    design = np.stack([down, right], axis=1).reshape(-1, 8)
    return (design @ np.linalg.lstsq(design, moved.ravel(), rcond=None)[0]).reshape(-1, 2)


def lenses() -> Iterator[str]:
    """Rows of the table of lenses."""
    for model, all_taken in photographed.LENSES.items():
        for camera, lens, focal_length in all_taken:
            at = photographed.places(camera, lens, focal_length)[..., 0]
            picture = photographed.lines(at - photographed.SHAPE[1] / 2)
            given = {"camera": camera, "lens": lens, "focal_length": focal_length, "vignetting": False, "order": 3}
            straight = apply(picture, "correct_lens", **given)
            before, after = (photographed.crookedness(x) for x in (picture, straight))
            yield f"| {model} | {camera} | {lens} | {focal_length:g} mm | {before:.2f} px | {after:.3f} px |"


def calibrations(told: list[float]) -> Iterator[str]:
    """Rows of the table of calibrations; `told` takes the quotients of errors and what is told of them."""
    rows, columns = (np.linspace(0, n - 1, 17) for n in SHAPE)
    places = np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1).reshape(-1, 2)
    conditions = ((0.8, 0.0), (0.8, 4.0), (0.8, 12.0), (1.6, 4.0))
    for kind, (model, (coefficients, view)), (blur, noise) in itertools.product(
        ("chessboard", "dots"), LENSES.items(), conditions
    ):
        scene = Scene(SHAPE, model, coefficients, CENTER, step=STEP, **view)
        picture = scene.picture(kind, fine=6, blur=blur, noise=noise, uneven=0.4, seed=len(told))
        begun = time.process_time()
        found = calibrate(picture, kind, model, spacing=STEP)
        seconds = time.process_time() - begun
        numbers = tuple(coefficients.values())
        moved = found.corrected(places) - undistorted(places, model, numbers, CENTER, found.radius)
        error = float(np.hypot(*(moved - perspective(places, moved)).T).max())
        off = float(np.hypot(*np.subtract(found.center, CENTER)))
        told.append(error / found.unsure)
        yield (
            f"| {kind} | {model} | {blur} px | {noise / 170:.1%} | {len(found.target.points)} | {found.before:.2f} px"
            f" | {found.after:.3f} px | {error:.3f} px | {found.unsure:.3f} px | {off:.2f} px | {found.pixel_size:.4f}"
            f" | {seconds:.1f} |"
        )


def main() -> None:
    """Write the page."""
    told: list[float] = []
    rows, columns = photographed.SHAPE
    tables = [
        HEAD + "\n".join(flats()),
        PHOTOGRAPHED.format(rows=rows, columns=columns) + "\n".join(lenses()),
        CALIBRATION.format(step=STEP) + "\n".join(calibrations(told)),
    ]
    usual = np.sqrt(np.mean(np.square(told)))
    PAGE.write_text("\n".join(tables) + "\n" + TOLD.format(usual=usual, most=max(told), count=len(told)))
    print(PAGE.read_text())


if __name__ == "__main__":
    main()
