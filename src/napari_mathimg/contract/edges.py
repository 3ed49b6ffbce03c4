"""Edge modes: which pixel stands for one beyond the image, in scipy.ndimage's terms."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

MODES = {"constant": 0, "nearest": 1, "reflect": 2, "mirror": 3, "grid-wrap": 4}  # and their numbers in kernels


def folded(index: NDArray[Any], n: int, mode: str) -> NDArray[Any]:
    """Return the pixels of an axis that stand for some indices.

    Parameters
    ----------
    index
        Integers of any shape; those from 0 to ``n - 1`` stand for themselves.
    n
        Number of pixels of the axis.
    mode
        A name in `MODES`.

    Returns
    -------
    ndarray of int
        Indices from 0 to ``n - 1``; -1 where mode "constant" puts its fill value.
    """
    found: NDArray[Any]
    if mode == "constant":
        found = np.where((index >= 0) & (index < n), index, -1)
    elif mode == "nearest" or n == 1:
        found = np.clip(index, 0, n - 1)
    elif mode == "grid-wrap":
        found = index % n
    elif mode == "reflect":
        found = np.minimum(index % (2 * n), 2 * n - 1 - index % (2 * n))
    else:
        found = np.minimum(index % (2 * n - 2), 2 * n - 2 - index % (2 * n - 2))
    return found
