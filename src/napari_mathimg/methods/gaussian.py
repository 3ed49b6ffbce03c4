"""Gaussian smoothing by separable convolution."""

import numpy as np

from ..contract.operation import BlockInfo
from ..contract.reach import POINTWISE, Reach, margin
from ..contract.types import Array
from .blur_kernels import gaussian_weights
from .direct_convolution import correlate_separable
from .holes import Mask, average_valid
from .padding import padded_block, window_reach

LEAST_WIDTH = 0.8  # standard deviation in blocks of pixels that are replaced by their means


def is_wide(sigma: tuple[float, ...]) -> bool:
    """Return whether Gaussians are wide enough to be computed on means of pixels: see ``benchmarks/coarse.py``."""
    return all(s == 0 or s >= LEAST_WIDTH for s in sigma)


def smoothing_reach(sigma: tuple[float, ...], truncate: float, mode: str) -> Reach:
    """Return the reach of Gaussians truncated at `truncate` standard deviations."""
    return window_reach(tuple(margin(s, truncate) for s in sigma), mode)


def smooth_block(
    image: Array, info: BlockInfo, sigma: tuple[float, ...], mode: str, cval: float, truncate: float = 4.0,
    valid: Mask | None = None, level: float = 0.0,
) -> Array:  # fmt: skip
    """Return the wanted box of a block smoothed as by scipy.ndimage.gaussian_filter, in the block's type.

    `valid` and `level` as in `convolve_block`.
    """
    weights = [gaussian_weights(s, truncate) for s in sigma]
    if all(len(w) == 1 for w in weights):
        return image[info.inner]
    factors = [w.astype(image.dtype) for w in weights]
    radius = tuple(len(w) // 2 for w in weights)
    padded = padded_block(image, info, radius, mode, cval, level)
    known = None if valid is None else padded_block(valid, info, radius, mode, True)
    window = tuple(len(w) for w in weights)
    smoothed: Array = average_valid(lambda x: correlate_separable(x, factors), padded, known, window)
    if level:
        smoothed += image.dtype.type(level)
    return smoothed


def smooth(image: Array, sigma: tuple[float, ...], mode: str, cval: float) -> Array:
    """Smooth all of an array, channels last if there are any, as if its edges were those of the image.

    Pixels that hold no finite number keep it, and have no weight.
    """
    if image.ndim > len(sigma):
        return np.stack([smooth(image[..., c], sigma, mode, cval) for c in range(image.shape[-1])], axis=-1)
    box = tuple((0, n) for n in image.shape)
    info = BlockInfo((), image.shape, box, box, POINTWISE)
    valid = np.isfinite(image)
    if valid.all():
        return smooth_block(image, info, sigma, mode, cval)
    smoothed = smooth_block(np.where(valid, image, 0), info, sigma, mode, cval, valid=valid)
    return np.where(valid, smoothed, image)
