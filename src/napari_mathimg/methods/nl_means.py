"""Non-local means: means of pixels whose patches are similar."""

import math

import numpy as np

from ..contract import types as t
from ..contract.operation import BlockInfo
from ..contract.reach import Neighborhood
from .similar_pixels import average_similar, half_of_shifts


def patch_reach(patch_size: tuple[int, ...], patch_distance: tuple[int, ...]) -> Neighborhood:
    """Return the reach: half a patch beyond the largest distance."""
    radius = tuple(s // 2 + d for s, d in zip(patch_size, patch_distance, strict=True))
    return Neighborhood(radius, beyond=radius)


def check_patch(patch_size: tuple[int, ...]) -> None:
    """Raise ValueError for patches of even size."""
    if any(n % 2 == 0 for n in patch_size):
        raise ValueError(f"patch_size={patch_size}: must be odd")


def non_local_mean(
    image: t.Array, info: BlockInfo, size: tuple[int, ...], distance: tuple[int, ...], h: float, sigma: float
) -> t.Array:
    """Return the means of pixels with similar patches; parameters as in `denoise_nl_means`."""
    shifts = half_of_shifts(distance)
    count = math.prod(size) * math.prod(image.shape[len(size) :])
    scale, floor = 1 / (h * h * count), 2 * sigma * sigma * count
    return average_similar(image, info, size, distance, shifts, np.ones(len(shifts)), scale, floor)
