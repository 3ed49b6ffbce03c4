"""Measurement of a point-spread function: the average of images of beads."""

import itertools
from collections import Counter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...contract.progress import checkpoint
from ...contract.types import Array

Floats = NDArray[np.float64]

ROUNDS = 8  # of moving a box to the centroid of its bead
FOOT = 0.2  # share of a bead's height below which light is ignored by the centroid
MIN_HEIGHT = 5.0  # of a bead above the background, in standard deviations of the background
BORDER = 8  # pixels around a box that affect a cubic spline inside of it
EDGE, NEAR, TWICE, FAINT = "too near the edge", "too near to another", "marked twice", "too faint"


class Beads(NamedTuple):
    """A measured point-spread function, the centers of the beads used, and the numbers of skipped beads by reason."""

    psf: Floats
    middles: Floats
    skipped: dict[str, int]


def from_beads(image: Any, points: ArrayLike, size: tuple[int, ...]) -> Beads:
    """Return the mean of the boxes around beads, each centered and with its background subtracted.

    The center of a bead is the centroid of the light above a fifth of its height. The background is the median of the
    outermost pixels of the box. Beads are shifted by cubic splines. Bright beads have more weight than faint ones. The
    sum of the mean is 1; noise around 0 remains.

    Parameters
    ----------
    image
        Plane or volume; only the boxes are read.
    points
        (n, axes) approximate positions of the beads, in pixels.
    size
        Sides of the boxes in pixels: odd, at least 3.

    Returns
    -------
    Beads
        Beads are skipped if they are too near to the edge or to another bead, marked twice, or too faint.

    Raises
    ------
    ValueError
        If an argument is invalid, or no bead can be used.

    References
    ----------
    .. [1] R. W. Cole, T. Jinadasa and C. M. Brown, "Measuring and interpreting point spread functions to determine
       confocal microscope resolution and ensure quality control", Nature Protocols 6 (2011), 1929-1941.
    """
    positions = np.asarray(points, dtype=float)
    _check(image.shape, positions, size)
    half = np.array(size) // 2
    skipped: Counter[str] = Counter()
    usable: list[Floats] = []
    every: list[Floats] = []
    for position in positions:
        checkpoint()
        center, reason = _find_center(image, position, half)
        if not reason and any(np.abs(center - other).max() < 1 for other in usable):
            skipped[TWICE] += 1
            continue
        every.append(center)
        if reason:
            skipped[reason] += 1
        else:
            usable.append(center)
    near = {id(a) for a, b in itertools.permutations(every, 2) if np.all(np.abs(a - b) < np.array(size))}
    separate = [center for center in usable if id(center) not in near]
    if len(separate) < len(usable):
        skipped[NEAR] = len(usable) - len(separate)
    if not separate:
        reasons = ", ".join(f"{count} {reason}" for reason, count in skipped.items())
        raise ValueError(f"points: must mark a usable bead, but none of {len(positions)} is ({reasons})")
    total = np.zeros(size)
    for center in separate:
        checkpoint()
        total += _centered_box(image, center, half)
    return Beads(total / total.sum(), np.array(separate), dict(skipped))


def _check(shape: tuple[int, ...], positions: Floats, size: tuple[int, ...]) -> None:
    ndim = len(shape)
    if len(size) != ndim or any(n < 3 or n % 2 == 0 for n in size):
        raise ValueError(f"size={size}: must be {ndim} odd numbers of at least 3, one for each axis")
    if any(n > m for n, m in zip(size, shape, strict=True)):
        raise ValueError(f"size={size}: must not exceed the shape of the image, {shape}")
    if positions.ndim != 2 or not len(positions) or positions.shape[1] != ndim or not np.isfinite(positions).all():
        raise ValueError(f"points: must be points of {ndim} finite coordinates, not an array of {positions.shape}")


def _find_center(image: Any, position: Floats, half: Array) -> tuple[Floats, str]:
    """Return the center of the bead at a position, and why it cannot be used, or ""."""
    pixel = np.rint(position)
    center = position
    for _ in range(ROUNDS):
        if np.any(pixel < half) or np.any(pixel + half >= image.shape):
            return center, EDGE
        box = _crop(image, pixel - half, pixel + half)
        background, noise = _background(box)
        height = box.max() - background
        if height <= MIN_HEIGHT * noise:
            return center, FAINT
        light = np.maximum(box - background - FOOT * height, 0)
        center = pixel - half + [np.average(k, weights=light) for k in np.indices(box.shape)]
        if np.array_equal(np.rint(center), pixel):
            break
        pixel = np.rint(center)
    return center, ""


def _crop(image: Any, first: Floats, last: Floats) -> Floats:
    """Return the part of an image from one index to another, inclusive, as float64."""
    part = tuple(slice(int(a), int(b) + 1) for a, b in zip(first, last, strict=True))
    return np.asarray(image[part], dtype=float)


def _background(box: Floats) -> tuple[float, float]:
    """Return the median of the outermost pixels of a box, and their standard deviation from the median deviation."""
    inside = np.zeros(box.shape, dtype=bool)
    inside[(slice(1, -1),) * box.ndim] = True
    border = box[~inside]
    level = float(np.median(border))
    return level, float(1.4826 * np.median(np.abs(border - level)))


def _centered_box(image: Any, center: Floats, half: Array) -> Floats:
    """Return the box around a bead, shifted so that the bead is in its middle, with the background subtracted."""
    from scipy.ndimage import shift

    pixel = np.rint(center)
    first = np.maximum(pixel - half - BORDER, 0)
    last = np.minimum(pixel + half + BORDER, np.array(image.shape) - 1)
    surroundings = _crop(image, first, last)
    inner = tuple(slice(int(a), int(a) + 2 * int(h) + 1) for a, h in zip(pixel - half - first, half, strict=True))
    background, _ = _background(surroundings[inner])
    shifted: Floats = shift(surroundings - background, pixel - center, order=3, mode="nearest")
    return shifted[inner]
