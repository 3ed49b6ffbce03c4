"""A point-spread function measured on beads: images of points, put on top of each other and averaged."""

import itertools
from collections import Counter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...contract.progress import checkpoint
from ...contract.types import Array

Floats = NDArray[np.float64]

ROUNDS = 8  # of looking for the middle of a bead
FOOT = 0.2  # share of a bead's height below which light does not count for its middle
FAINT = 5.0  # standard deviations of the background that a bead must rise above it
BORDER = 8  # pixels around a box that a cubic spline sees
EDGE, NEAR, TWICE, DIM = "too near the edge", "too near to another", "marked twice", "too faint"


class Beads(NamedTuple):
    """A measured point-spread function, the middles of the beads it is the mean of, and what was left out, and why."""

    psf: Floats
    middles: Floats
    skipped: dict[str, int]


def from_beads(image: Any, points: ArrayLike, size: tuple[int, ...]) -> Beads:
    """Return the mean of the boxes around beads, each without its background and with its middle in the middle.

    The middle of a bead is the centroid of what rises above a fifth of its height. The background is the median of
    the outermost pixels of the box. A bead is shifted by cubic splines. Bright beads count more than dim ones; the
    sum of the mean is 1, and noise around 0 is left as it is.

    Parameters
    ----------
    image
        Plane or volume; only the boxes are read.
    points
        A place on each bead, one row of pixel coordinates per bead: the brightest place in a box around it need not
        be exactly there.
    size
        Size of the boxes along each axis: odd, at least 3.

    Returns
    -------
    Beads
        Without beads that are too near to the edge, whose boxes overlap, that are marked twice or hardly rise above
        the noise.

    Raises
    ------
    ValueError
        If an argument does not fit, or no bead is left.

    References
    ----------
    .. [1] R. W. Cole, T. Jinadasa and C. M. Brown, "Measuring and interpreting point spread functions to determine
       confocal microscope resolution and ensure quality control", Nature Protocols 6 (2011), 1929-1941.
    """
    places = np.asarray(points, dtype=float)
    _check(image.shape, places, size)
    half = np.array(size) // 2
    skipped: Counter[str] = Counter()
    found: list[Floats] = []
    crowd: list[Floats] = []
    for place in places:
        checkpoint()
        middle, fault = _middle(image, place, half)
        if not fault and any(np.abs(middle - other).max() < 1 for other in found):
            skipped[TWICE] += 1
            continue
        crowd.append(middle)
        if fault:
            skipped[fault] += 1
        else:
            found.append(middle)
    near = {id(a) for a, b in itertools.permutations(crowd, 2) if np.all(np.abs(a - b) < np.array(size))}
    alone = [middle for middle in found if id(middle) not in near]
    if len(alone) < len(found):
        skipped[NEAR] = len(found) - len(alone)
    if not alone:
        why = ", ".join(f"{count} {reason}" for reason, count in skipped.items())
        raise ValueError(f"points: no bead of {len(places)} can be used ({why})")
    total = np.zeros(size)
    for middle in alone:
        checkpoint()
        total += _centered(image, middle, half)
    return Beads(total / total.sum(), np.array(alone), dict(skipped))


def _check(shape: tuple[int, ...], places: Floats, size: tuple[int, ...]) -> None:
    ndim = len(shape)
    if len(size) != ndim or any(n < 3 or n % 2 == 0 for n in size):
        raise ValueError(f"size={size}: {ndim} odd numbers of at least 3, one for each axis")
    if any(n > m for n, m in zip(size, shape, strict=True)):
        raise ValueError(f"size={size}: not larger than the image, {shape}")
    if places.ndim != 2 or not len(places) or places.shape[1] != ndim or not np.isfinite(places).all():
        raise ValueError(f"points: at least one, each of {ndim} finite coordinates, not shape {places.shape}")


def _middle(image: Any, place: Floats, half: Array) -> tuple[Floats, str]:
    """Return the middle of the bead around a place, and why it cannot be used, or ""."""
    at = np.rint(place)
    middle = place
    for _ in range(ROUNDS):
        if np.any(at < half) or np.any(at + half >= image.shape):
            return middle, EDGE
        box = _cut(image, at - half, at + half)
        background, noise = _background(box)
        height = box.max() - background
        if height <= FAINT * noise:
            return middle, DIM
        light = np.maximum(box - background - FOOT * height, 0)
        middle = at - half + [np.average(k, weights=light) for k in np.indices(box.shape)]
        if np.array_equal(np.rint(middle), at):
            break
        at = np.rint(middle)
    return middle, ""


def _cut(image: Any, first: Floats, last: Floats) -> Floats:
    """Return the part of an image from one index to another, both included."""
    part = tuple(slice(int(a), int(b) + 1) for a, b in zip(first, last, strict=True))
    return np.asarray(image[part], dtype=float)


def _background(box: Floats) -> tuple[float, float]:
    """Return the median of the outermost pixels of a box, and their standard deviation by the median deviation."""
    inside = np.zeros(box.shape, dtype=bool)
    inside[(slice(1, -1),) * box.ndim] = True
    border = box[~inside]
    level = float(np.median(border))
    return level, float(1.4826 * np.median(np.abs(border - level)))


def _centered(image: Any, middle: Floats, half: Array) -> Floats:
    """Return the box around a bead, its background removed and its middle in the middle of the box."""
    from scipy.ndimage import shift

    at = np.rint(middle)
    first = np.maximum(at - half - BORDER, 0)
    last = np.minimum(at + half + BORDER, np.array(image.shape) - 1)
    around = _cut(image, first, last)
    inner = tuple(slice(int(a), int(a) + 2 * int(h) + 1) for a, h in zip(at - half - first, half, strict=True))
    background, _ = _background(around[inner])
    moved: Floats = shift(around - background, at - middle, order=3, mode="nearest")
    return moved[inner]
