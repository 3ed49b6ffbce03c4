"""Gaussian smoothing that can be cancelled."""

import numpy as np
from scipy import ndimage as ndi

from ._operation import checkpoint
from ._reach import margin
from ._types import Array

PRODUCTS = 2**24  # multiplications between two checkpoints


def smooth(image: Array, sigma: tuple[float, ...], mode: str, cval: float, truncate: float = 4.0) -> Array:
    """Return what scipy.ndimage.gaussian_filter does, to the bit: axis by axis, in bands."""
    for axis, s in enumerate(sigma):
        if s > 1e-15:
            image = _smooth_axis(image, axis, s, mode, cval, truncate)
    return image


def _smooth_axis(image: Array, axis: int, sigma: float, mode: str, cval: float, truncate: float) -> Array:
    out = np.empty_like(image)
    across = 0 if axis or image.ndim == 1 else 1
    cost = image.size // image.shape[across] * (2 * margin(sigma, truncate) + 1)
    step = image.shape[axis] if across == axis else max(1, PRODUCTS // cost)
    for start in range(0, image.shape[across], step):
        checkpoint()
        band = (slice(None),) * across + (slice(start, start + step),)
        ndi.gaussian_filter1d(image[band], sigma, axis, output=out[band], mode=mode, cval=cval, truncate=truncate)
    return out
