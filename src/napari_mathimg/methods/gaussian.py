"""Gaussian smoothing, axis by axis."""

import numpy as np

from ..contract.operation import BlockInfo
from ..contract.reach import POINTWISE, Reach, margin
from ..contract.types import Array
from .blur_kernels import gaussian_weights
from .padding import padded_block, window_reach
from .window_sums import weighted


def smoothing_reach(sigma: tuple[float, ...], truncate: float, mode: str) -> Reach:
    """Return how far Gaussians cut at `truncate` standard deviations reach."""
    return window_reach(tuple(margin(s, truncate) for s in sigma), mode)


def smoothed(
    image: Array, info: BlockInfo, sigma: tuple[float, ...], mode: str, cval: float, truncate: float = 4.0
) -> Array:
    """Return what scipy.ndimage.gaussian_filter makes of the wanted box of a block, in the block's type."""
    weights = [gaussian_weights(s, truncate) for s in sigma]
    if all(len(w) == 1 for w in weights):
        return image[info.inner]
    wide = padded_block(image, info, tuple(len(w) // 2 for w in weights), mode, cval)
    return weighted(wide, [w.astype(image.dtype) for w in weights])


def smooth(image: Array, sigma: tuple[float, ...], mode: str, cval: float) -> Array:
    """Smooth an array whose edges are those of the image, or far from what is asked for; channels last, if any."""
    if image.ndim > len(sigma):
        return np.stack([smooth(image[..., c], sigma, mode, cval) for c in range(image.shape[-1])], axis=-1)
    box = tuple((0, n) for n in image.shape)
    return smoothed(image, BlockInfo((), image.shape, box, box, POINTWISE), sigma, mode, cval)
