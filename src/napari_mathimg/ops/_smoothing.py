"""Gaussian smoothing and local means that can be cancelled."""

from collections.abc import Callable

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
    def smoothed(band: Array, out: Array) -> None:
        ndi.gaussian_filter1d(band, sigma, axis, output=out, mode=mode, cval=cval, truncate=truncate)

    return _in_bands(image, axis, 2 * margin(sigma, truncate) + 1, smoothed)


def local_means(image: Array, size: tuple[int, ...], mode: str) -> Array:
    """Return the mean of the pixels in a box of odd size around each, added up in the same order everywhere."""
    for axis, n in enumerate(size):
        if n > 1:
            image = _mean_along(image, axis, n, mode)
    return image


def _mean_along(image: Array, axis: int, size: int, mode: str) -> Array:
    def averaged(band: Array, out: Array) -> None:
        ndi.correlate1d(band, np.full(size, 1 / size), axis, output=out, mode=mode)

    return _in_bands(image, axis, size, averaged)


def _in_bands(image: Array, axis: int, taps: int, filter_into: Callable[[Array, Array], None]) -> Array:
    """Filter along an axis band by band across it, with a checkpoint before each."""
    out = np.empty_like(image)
    across = 0 if axis or image.ndim == 1 else 1
    cost = image.size // image.shape[across] * taps
    step = image.shape[axis] if across == axis else max(1, PRODUCTS // cost)
    for start in range(0, image.shape[across], step):
        checkpoint()
        band = (slice(None),) * across + (slice(start, start + step),)
        filter_into(image[band], out[band])
    return out
