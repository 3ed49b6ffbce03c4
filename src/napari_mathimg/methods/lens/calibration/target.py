"""The points of a calibration target in a picture of it, and their places in its grid."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ....contract.progress import Progress
from . import chessboard, dot_grid
from .lattice import indexed, is_smooth, step_length

Floats = NDArray[np.float64]
Kind = Literal["chessboard", "dots"]

LEAST = 9  # points that make a grid
WIDEST = 24.0  # pixels on each side of a crossing that are looked at


@dataclass(frozen=True, eq=False)
class Target:
    """Points of a square grid seen in a picture.

    Parameters
    ----------
    points
        (n, 2) rows and columns in the picture, in pixels.
    places
        (n, 2) whole numbers: row and column in the grid.
    shape
        Rows and columns of the picture.
    """

    points: Floats
    places: NDArray[np.intp]
    shape: tuple[int, int]


@dataclass(frozen=True, eq=False)
class Sighting:
    """A picture and the target found in it.

    Parameters
    ----------
    plane
        The picture: rows and columns.
    kind
        What the target shows.
    target
        Its points.
    step
        Usual distance of neighboring points in pixels.
    around
        Pixels on each side of a point that show it and no other.
    """

    plane: Floats
    kind: Kind
    target: Target
    step: float
    around: float


def find_target(image: Any, kind: Kind = "chessboard") -> Generator[Progress, None, Target]:
    """Find the crossings of a chessboard or the dots of a grid, as the value of a generator that yields progress.

    Parameters
    ----------
    image
        Array of two axes, or of three with colors last. The target may be turned, tilted moderately and in part
        outside; squares or the distance of dots should be at least 8 pixels.
    kind
        "chessboard" or "dots", which may be dark or bright.

    Raises
    ------
    ValueError
        If the image or the kind is none, or no grid of at least 3 x 3 points is found.
    """
    return (yield from sight(image, kind)).target


def sight(image: Any, kind: Kind) -> Generator[Progress, None, Sighting]:
    """Return a picture with its target, as the value of a generator that yields progress; as `find_target`."""
    if kind not in ("chessboard", "dots"):
        raise ValueError(f"kind={kind!r}: one of 'chessboard', 'dots'")
    plane = _plane(image)
    scales = [s for s in (dot_grid.SCALES if kind == "dots" else chessboard.SCALES) if 8 * s < min(plane.shape)]
    best: tuple[float, Floats, NDArray[np.intp], tuple[float, int]] | None = None
    for done, sigma in enumerate(scales):
        yield Progress("Target", done, len(scales) + 1)
        for sign, found, strength in _seen(plane, kind, sigma):
            which, places = indexed(found)
            worth = len(which) * strength
            if len(which) >= LEAST and (best is None or worth > best[0]) and is_smooth(found[which], places):
                best = worth, found[which], places, (sigma, sign)
    if best is None or min(np.ptp(best[2], axis=0)) < 2:
        what = "crossings of a chessboard" if kind == "chessboard" else "dots"
        raise ValueError(f"image: a picture of a target; no grid of at least 3 x 3 {what} is found in it")
    yield Progress("Target", len(scales), len(scales) + 1)
    return _refined(plane, kind, *best[1:])


def _seen(plane: Floats, kind: Kind, sigma: float) -> Iterator[tuple[int, Floats, float]]:
    """Points seen at a scale, and how clearly; of dots the bright ones (1) and the dark ones (-1)."""
    if kind == "chessboard":
        yield 0, chessboard.candidates(plane, sigma), 1.0
        return
    response = dot_grid.response(plane, sigma)
    for sign in (1, -1):
        found, strength = dot_grid.candidates(sign * response, sigma)
        yield sign, found[np.isfinite(found).all(axis=1)], strength


def _refined(plane: Floats, kind: Kind, points: Floats, places: NDArray[np.intp], how: tuple[float, int]) -> Sighting:
    """Find the points anew, light evened to suit the grid; crossings at the widest scale that sees no neighbors."""
    step, (sigma, sign) = step_length(points, places), how
    even = chessboard.evened(plane, 2 * step)
    if kind == "dots":
        found, extent = dot_grid.refined(even, points, sigma, sign), 2 * sigma + 2
    else:
        sigma, extent = float(np.clip(step / 8, 1.0, 8.0)), WIDEST
        found = chessboard.refined(even, points, sigma)
    rows, columns = plane.shape
    edge = np.minimum(found, np.array([rows, columns]) - 1 - found).min(axis=1)  # what lies beyond is not known
    good = (edge > 3 * sigma) & (np.hypot(*(found - points).T) < step / 4)
    return Sighting(plane, kind, Target(found[good], places[good], (rows, columns)), step, min(extent, 0.4 * step))


def _plane(image: Any) -> Floats:
    """A picture as numbers of one channel, without missing ones."""
    plane = np.asarray(image)
    if plane.dtype.kind not in "biuf":
        raise ValueError(f"image: real numbers, not {plane.dtype}")
    plane = plane.astype(float)
    if plane.ndim == 3 and plane.shape[2] in (3, 4):
        plane = plane[..., :3].mean(axis=2)
    if plane.ndim != 2 or min(plane.shape) < 16:
        raise ValueError(f"image: two axes of at least 16 pixels, and colors last, not shape {np.shape(image)}")
    known = np.isfinite(plane)
    if not known.any() or np.ptp(plane[known]) == 0:
        raise ValueError("image: a picture of a target, not one value everywhere")
    return np.where(known, plane, np.median(plane[known]))
