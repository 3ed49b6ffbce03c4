"""Detection of a calibration target: its points in a picture, and their places in its grid."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ....contract.progress import Progress
from . import chessboard, dot_grid
from .lattice import index_points, is_smooth, step_length

Floats = NDArray[np.float64]
Kind = Literal["chessboard", "dots"]

MIN_POINTS = 9  # of a grid
MAX_EXTENT = 24.0  # pixels on each side of a corner that are used


@dataclass(frozen=True, eq=False)
class Target:
    """The points of a square grid in a picture.

    Parameters
    ----------
    points
        (n, 2) rows and columns in the picture, in pixels.
    places
        (n, 2) integers: row and column in the grid.
    shape
        Rows and columns of the picture.
    """

    points: Floats
    places: NDArray[np.intp]
    shape: tuple[int, int]


@dataclass(frozen=True, eq=False)
class Detection:
    """A picture and the target detected in it.

    Parameters
    ----------
    plane
        The picture, of rows and columns.
    kind
        Kind of the target.
    target
        Points of the target.
    step
        Median distance between neighboring points, in pixels.
    extent
        Pixels on each side of a point that show no other point.
    """

    plane: Floats
    kind: Kind
    target: Target
    step: float
    extent: float


def find_target(image: Any, kind: Kind = "chessboard") -> Generator[Progress, None, Target]:
    """Find the corners of a chessboard or the dots of a grid, in a generator that yields progress.

    Parameters
    ----------
    image
        Array of two axes, or of three with colors last. The target may be rotated, moderately tilted and partly
        outside; squares, or distances between dots, should be at least 8 pixels.
    kind
        "chessboard" or "dots", which may be dark or bright.

    Returns
    -------
    Target
        The points found, as the return value of the generator.

    Raises
    ------
    ValueError
        If the image or the kind is invalid, or no grid of at least 3 x 3 points is found.
    """
    return (yield from detect_target(image, kind)).target


def detect_target(image: Any, kind: Kind) -> Generator[Progress, None, Detection]:
    """Find a target as `find_target` does; the generator returns the picture together with the target."""
    if kind not in ("chessboard", "dots"):
        raise ValueError(f"kind={kind!r}: must be one of 'chessboard', 'dots'")
    plane = _plane(image)
    scales = [s for s in (dot_grid.SCALES if kind == "dots" else chessboard.SCALES) if 8 * s < min(plane.shape)]
    best: tuple[float, Floats, NDArray[np.intp], tuple[float, int]] | None = None
    for done, sigma in enumerate(scales):
        yield Progress("Target", done, len(scales) + 1)
        for sign, found, strength in _find_points(plane, kind, sigma):
            numbers, places = index_points(found)
            score = len(numbers) * strength
            if len(numbers) >= MIN_POINTS and (best is None or score > best[0]) and is_smooth(found[numbers], places):
                best = score, found[numbers], places, (sigma, sign)
    if best is None or min(np.ptp(best[2], axis=0)) < 2:
        points = "corners of a chessboard" if kind == "chessboard" else "dots"
        raise ValueError(f"image: must show a target, but no grid of at least 3 x 3 {points} was found")
    yield Progress("Target", len(scales), len(scales) + 1)
    return _refine(plane, kind, *best[1:])


def _find_points(plane: Floats, kind: Kind, sigma: float) -> Iterator[tuple[int, Floats, float]]:
    """Yield the points found at a scale with their sign and strength: bright dots (1) and dark dots (-1) separately."""
    if kind == "chessboard":
        yield 0, chessboard.find_corners(plane, sigma), 1.0
        return
    response = dot_grid.blob_response(plane, sigma)
    for sign in (1, -1):
        dots, strength = dot_grid.find_dots(sign * response, sigma)
        yield sign, dots[np.isfinite(dots).all(axis=1)], strength


def _refine(
    plane: Floats, kind: Kind, points: Floats, places: NDArray[np.intp], found_with: tuple[float, int]
) -> Detection:
    """Return the points refined with the contrast normalized over two steps of the grid.

    Corners are refined at the largest scale that is not affected by their neighbors. `found_with` holds the scale and
    the sign with which the points were found.
    """
    step, (sigma, sign) = step_length(points, places), found_with
    even = chessboard.normalize_contrast(plane, 2 * step)
    if kind == "dots":
        refined, extent = dot_grid.refine_dots(even, points, sigma, sign), 2 * sigma + 2
    else:
        sigma, extent = float(np.clip(step / 8, 1.0, 8.0)), MAX_EXTENT
        refined = chessboard.refine_corners(even, points, sigma)
    rows, columns = plane.shape
    to_edge = np.minimum(refined, np.array([rows, columns]) - 1 - refined).min(axis=1)
    good = (to_edge > 3 * sigma) & (np.hypot(*(refined - points).T) < step / 4)
    target = Target(refined[good], places[good], (rows, columns))
    return Detection(plane, kind, target, step, min(extent, 0.4 * step))


def _plane(image: Any) -> Floats:
    """Return a picture as a plane of finite numbers: colors are averaged, missing values replaced by the median."""
    plane = np.asarray(image)
    if plane.dtype.kind not in "biuf":
        raise ValueError(f"image: must contain real numbers, not {plane.dtype}")
    plane = plane.astype(float)
    if plane.ndim == 3 and plane.shape[2] in (3, 4):
        plane = plane[..., :3].mean(axis=2)
    if plane.ndim != 2 or min(plane.shape) < 16:
        raise ValueError(f"image: must have two axes of at least 16 px, and colors last, not shape {np.shape(image)}")
    known = np.isfinite(plane)
    if not known.any() or np.ptp(plane[known]) == 0:
        raise ValueError("image: must show a target, not the same value everywhere")
    return np.where(known, plane, np.median(plane[known]))
