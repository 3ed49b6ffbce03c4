"""The bilateral filter: means of pixels that are near and of similar value."""

import math

import numpy as np

from ..contract import types as t
from ..contract.operation import BlockInfo
from ..contract.quantities import count
from ..contract.reach import Neighborhood
from .similar_pixels import average_similar, half_of_shifts

MAX_PIXELS = 2**20  # of a window


def bilateral_radius(sigma_spatial: tuple[float, ...]) -> tuple[int, ...]:
    """Return the radius of the window: three standard deviations."""
    return tuple(math.ceil(3 * s) for s in sigma_spatial)


def check_window(sigma_spatial: tuple[float, ...]) -> None:
    """Raise ValueError for windows that are too large."""
    pixels = math.prod(2 * r + 1 for r in bilateral_radius(sigma_spatial))
    if pixels > MAX_PIXELS:
        raise ValueError(
            f"sigma_spatial={sigma_spatial}: must give a window of at most {count(MAX_PIXELS)} pixels,"
            f" not {count(pixels)}"
        )


def bilateral_reach(sigma_spatial: tuple[float, ...]) -> Neighborhood:
    """Return the reach: the radius of the window."""
    radius = bilateral_radius(sigma_spatial)
    return Neighborhood(radius, beyond=radius)


def bilateral_mean(image: t.Array, info: BlockInfo, sigma_color: float, sigma_spatial: tuple[float, ...]) -> t.Array:
    """Return the means of pixels that are near and of similar value; parameters as in `denoise_bilateral`."""
    radius = bilateral_radius(sigma_spatial)
    shifts = half_of_shifts(radius)
    sigma = np.array([s or 1.0 for s in sigma_spatial])
    nearness = np.exp(-0.5 * ((shifts[:, -len(radius) :] / sigma) ** 2).sum(1))
    return average_similar(image, info, (1,) * len(radius), radius, shifts, nearness, 1 / (2 * sigma_color**2), 0.0)
