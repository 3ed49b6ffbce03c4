"""How straight the rows and columns of a target are."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
FEWEST = 3  # points of a line that can be bent


def straightness(points: Floats, places: NDArray[np.intp]) -> float:
    """Return how far the points of a grid lie from straight rows and columns: root mean square, in pixels.

    Each row and each column of at least three points has its own line of least squared distances. Perspective keeps
    lines straight, so that a tilted target does no harm.

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
            own = points[places[:, axis] == line]
            if len(own) >= FEWEST:
                centered = own - own.mean(axis=0)
                squares += float(np.linalg.svd(centered, compute_uv=False)[-1] ** 2)
                count += len(own)
    return float(np.sqrt(squares / max(count, 1)))
