"""Edge modes of scipy.ndimage: which pixel replaces one beyond the edge of the image."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

MODES = {"constant": 0, "nearest": 1, "reflect": 2, "mirror": 3, "grid-wrap": 4}  # numbers as in the kernels


def folded(index: NDArray[Any], n: int, mode: str) -> NDArray[Any]:
    """Map indices beyond the ends of an axis to the pixels that replace them.

    Parameters
    ----------
    index
        Integers of any shape; those from 0 to ``n - 1`` remain.
    n
        Number of pixels of the axis.
    mode
        Name in `MODES`.

    Returns
    -------
    ndarray of int
        Indices from 0 to ``n - 1``, shape of `index`; -1 where mode "constant" has its fill value.
    """
    pixels: NDArray[Any]
    if mode == "constant":
        pixels = np.where((index >= 0) & (index < n), index, -1)
    elif mode == "nearest" or n == 1:
        pixels = np.clip(index, 0, n - 1)
    elif mode == "grid-wrap":
        pixels = index % n
    elif mode == "reflect":
        pixels = np.minimum(index % (2 * n), 2 * n - 1 - index % (2 * n))
    else:
        pixels = np.minimum(index % (2 * n - 2), 2 * n - 2 - index % (2 * n - 2))
    return pixels
