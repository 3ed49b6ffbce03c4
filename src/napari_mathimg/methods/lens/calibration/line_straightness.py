"""Straightness of the rows and columns of a target."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
MIN_POINTS = 3  # of a line that can deviate from a straight one


def straightness(points: Floats, places: NDArray[np.intp]) -> float:
    """Return the root mean square distance of a grid's points from straight rows and columns, in pixels.

    A line of least squared distances is fitted to each row and column of at least three points. Perspective keeps lines
    straight, so that the tilt of a target has no effect.

    Parameters
    ----------
    points
        (n, 2) rows and columns in a picture.
    places
        (n, 2) row and column in the grid.
    """
    squares, count = 0.0, 0
    for axis in (0, 1):
        for line in np.unique(places[:, axis]):
            on_line = points[places[:, axis] == line]
            if len(on_line) >= MIN_POINTS:
                centered = on_line - on_line.mean(axis=0)
                squares += float(np.linalg.svd(centered, compute_uv=False)[-1] ** 2)
                count += len(on_line)
    return float(np.sqrt(squares / max(count, 1)))
