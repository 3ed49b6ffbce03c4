"""Weighted means over a neighborhood: what is alike counts, by patches (non-local means) or by pixels (bilateral)."""

import math

import numpy as np
from numpy.typing import NDArray

from ..contract import types as t
from ..contract.operation import BlockInfo
from ..contract.progress import checkpoint
from ..contract.reach import Neighborhood
from ..contract.reach import size as size_of
from ..kernels import nl_means as kernels
from .padding import embedded, padded_block

MOST_PIXELS = 2**20  # of a window
PIXELS = 2**17  # of a box whose sums stay in the cache
WORK = 2**25  # pixels times shifts between two checkpoints


def patch_reach(patch_size: tuple[int, ...], patch_distance: tuple[int, ...]) -> Neighborhood:
    """Return half a patch and the distance."""
    return Neighborhood(tuple(s // 2 + d for s, d in zip(patch_size, patch_distance, strict=True)))


def check_patch(patch_size: tuple[int, ...]) -> None:
    """Refuse patches without a middle pixel."""
    if any(n % 2 == 0 for n in patch_size):
        raise ValueError(f"patch_size={patch_size}: odd numbers, so that a patch has a pixel in its middle")


def bilateral_radius(sigma_spatial: tuple[float, ...]) -> tuple[int, ...]:
    """Return three standard deviations."""
    return tuple(math.ceil(3 * s) for s in sigma_spatial)


def check_window(sigma_spatial: tuple[float, ...]) -> None:
    """Refuse windows of more pixels than a mean should take."""
    pixels = math.prod(2 * r + 1 for r in bilateral_radius(sigma_spatial))
    if pixels > MOST_PIXELS:
        raise ValueError(f"sigma_spatial={sigma_spatial}: windows of at most {MOST_PIXELS:,} pixels, not {pixels:,}")


def bilateral_reach(sigma_spatial: tuple[float, ...]) -> Neighborhood:
    """Return where the spatial weight ends."""
    return Neighborhood(bilateral_radius(sigma_spatial))


def non_local_mean(
    image: t.Array, info: BlockInfo, size: tuple[int, ...], distance: tuple[int, ...], h: float, sigma: float
) -> t.Array:
    """Return the means of pixels in patches that are alike."""
    shifts = half_of_shifts(distance)
    values = math.prod(size) * math.prod(image.shape[len(size) :])
    scale, floor = 1 / (h * h * values), 2 * sigma * sigma * values
    return _mean(image, info, size, distance, shifts, np.ones(len(shifts)), scale, floor)


def bilateral_mean(image: t.Array, info: BlockInfo, sigma_color: float, sigma_spatial: tuple[float, ...]) -> t.Array:
    """Return the means of pixels that are near and alike."""
    radius = bilateral_radius(sigma_spatial)
    shifts = half_of_shifts(radius)
    spread = np.array([s or 1.0 for s in sigma_spatial])
    nearness = np.exp(-0.5 * ((shifts[:, -len(radius) :] / spread) ** 2).sum(1))
    return _mean(image, info, (1,) * len(radius), radius, shifts, nearness, 1 / (2 * sigma_color**2), 0.0)


def half_of_shifts(distance: tuple[int, ...]) -> NDArray[np.intp]:
    """Return the shifts (planes, rows, columns) up to a distance that come after (0, 0, 0) in the order of an array."""
    full = (0,) * (3 - len(distance)) + tuple(distance)
    steps = np.indices([2 * d + 1 for d in full]).reshape(3, -1).T - np.array(full)
    return np.ascontiguousarray(steps[len(steps) // 2 + 1 :])


def _mean(
    image: t.Array, info: BlockInfo, size: tuple[int, ...], distance: tuple[int, ...], shifts: NDArray[np.intp],
    nearness: NDArray[np.float64], scale: float, floor: float,
) -> t.Array:  # fmt: skip
    ndim, core = len(size), size_of(info.core)
    radius = tuple(s // 2 + d for s, d in zip(size, distance, strict=True))
    block = _planar(padded_block(image, info, radius), ndim)
    lead = (1,) * (3 - ndim)
    margins, patch = (0,) * (3 - ndim) + radius, lead + tuple(size)
    planes, rows, columns = lead + core
    wide = -(-columns // kernels.PAD) * kernels.PAD
    number = block.dtype.type
    inside = tuple(slice(m, m + n) for m, n in zip(margins, (planes, rows, wide), strict=True))
    pixels = block[(slice(None), *inside)]
    sums, totals = np.zeros(pixels.shape, block.dtype), np.ones(pixels.shape[1:], block.dtype)
    weights = nearness.astype(block.dtype)
    for box in _boxes(planes, rows, wide):
        step = max(1, WORK // (math.prod(b - a for a, b in box) * wide))
        for first in range(0, len(shifts), step):
            checkpoint()
            kernels.add_similar(
                block, margins, box, columns, shifts[first : first + step], weights[first : first + step], patch,
                number(scale), number(floor), sums, totals,
            )  # fmt: skip
    sums /= totals
    sums += pixels
    found = np.moveaxis(sums[..., :columns], 0, -1).reshape(*core, *image.shape[ndim:])
    return embedded(image, info, found)


def _planar(image: t.Array, ndim: int) -> t.Array:
    """Return a block, channels last or none, as (channels, planes, rows, columns), with room for whole loops."""
    planar = np.moveaxis(image.reshape(*(1,) * (3 - ndim), *image.shape[:ndim], -1), -1, 0)
    columns = planar.shape[-1]
    out = np.zeros((*planar.shape[:-1], columns + 3 * kernels.PAD), image.dtype)
    out[..., :columns] = planar
    return out


def _boxes(planes: int, rows: int, columns: int) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Boxes of whole rows, few enough for the cache."""
    deep = min(planes, 16)
    high = max(1, min(rows, PIXELS // (deep * columns)))
    return [
        ((z, min(z + deep, planes)), (y, min(y + high, rows)))
        for z in range(0, planes, deep)
        for y in range(0, rows, high)
    ]
