"""Gaussian smoothing by separable convolution."""

import numpy as np

from ..contract.operation import BlockInfo
from ..contract.reach import POINTWISE, Reach, margin
from ..contract.types import Array
from .blur_kernels import gaussian_weights
from .direct_convolution import correlate_separable
from .padding import padded_block, window_reach


def smoothing_reach(sigma: tuple[float, ...], truncate: float, mode: str) -> Reach:
    """Return the reach of Gaussians truncated at `truncate` standard deviations."""
    return window_reach(tuple(margin(s, truncate) for s in sigma), mode)


def smooth_block(
    image: Array, info: BlockInfo, sigma: tuple[float, ...], mode: str, cval: float, truncate: float = 4.0
) -> Array:
    """Return the wanted box of a block smoothed as by scipy.ndimage.gaussian_filter, in the block's type."""
    weights = [gaussian_weights(s, truncate) for s in sigma]
    if all(len(w) == 1 for w in weights):
        return image[info.inner]
    padded = padded_block(image, info, tuple(len(w) // 2 for w in weights), mode, cval)
    return correlate_separable(padded, [w.astype(image.dtype) for w in weights])


def smooth(image: Array, sigma: tuple[float, ...], mode: str, cval: float) -> Array:
    """Smooth all of an array, channels last if there are any, as if its edges were those of the image."""
    if image.ndim > len(sigma):
        return np.stack([smooth(image[..., c], sigma, mode, cval) for c in range(image.shape[-1])], axis=-1)
    box = tuple((0, n) for n in image.shape)
    return smooth_block(image, BlockInfo((), image.shape, box, box, POINTWISE), sigma, mode, cval)
