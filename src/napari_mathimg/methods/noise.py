"""Noise models on a block, with random numbers that are functions of the seed and the pixel."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ..contract.operation import BlockInfo
from ..contract.quantities import number
from ..contract.reach import Spacing
from ..contract.types import Array
from ..kernels import random
from .padding import volume

# Each model draws from its own stream, so that two models with the same seed are independent.
GAUSSIAN, LOCAL_VARIANCE, POISSON, SALT_AND_PEPPER, SPECKLE = range(5)


class Numbering(NamedTuple):
    """Number of a block's first pixel in the layer, and the differences between neighboring rows and slices."""

    first: int
    row_step: int
    slice_step: int


def _numbering(info: BlockInfo, spacing: Spacing) -> Numbering:
    steps = [math.prod(info.shape[axis + 1 :]) for axis in range(len(info.shape))]
    first = info.position + sum(low * step for (low, _), step in zip(info.read, steps, strict=True))
    steps = [step * n for step, n in zip(steps, spacing, strict=True)]
    return Numbering(first, steps[-2], steps[0] if len(steps) == 3 else 0)


def _drawn(image: Array, spacing: Spacing, draw: Callable[[Array, Array], None]) -> Array:
    """Return what `draw` stores for a block in a second array; it also gets the columns that the spacing leaves out."""
    block, right = volume(image, image.ndim), spacing[-1]
    if right > 1:
        wide = np.zeros((*block.shape[:-1], (block.shape[-1] - 1) * right + 1), block.dtype)
        wide[..., ::right] = block
        block = wide
    out = np.empty_like(block)
    draw(block, out)
    return np.ascontiguousarray(out[..., ::right]).reshape(image.shape)


def add_gaussian(image: Array, info: BlockInfo, spacing: Spacing, seed: int, mean: float, var: float) -> Array:
    """Return a block plus Gaussian noise of a mean and a variance."""

    def draw(block: Array, out: Array) -> None:
        random.add_normal(block, seed, GAUSSIAN, *_numbering(info, spacing), mean, math.sqrt(var), out)

    return _drawn(image, spacing, draw)


def _standard_normal(image: Array, info: BlockInfo, spacing: Spacing, seed: int, stream: int) -> Array:
    """Return a standard normal number for every pixel of a block."""

    def draw(block: Array, out: Array) -> None:
        random.add_normal(block, seed, stream, *_numbering(info, spacing), 0.0, 1.0, out)

    return _drawn(np.zeros_like(image), spacing, draw)


def variance_ramp(info: BlockInfo, spacing: Spacing, corner: str, near: float, far: float) -> Array:
    """Return variances that change linearly over a plane, from `near` at a corner to `far` at the opposite one."""
    rows, columns = info.shape[-2:]
    i, j = (np.arange(*span, n) for span, n in zip(info.read[-2:], spacing[-2:], strict=True))
    i = i[:, None]
    distance = (i if "upper" in corner else rows - 1 - i) + (j if "left" in corner else columns - 1 - j)
    variance: Array = near + (far - near) * distance / max(rows + columns - 2, 1)
    return variance


def add_gaussian_of_variance(image: Array, info: BlockInfo, spacing: Spacing, seed: int, variance: Array) -> Array:
    """Return a block plus Gaussian noise whose variance at every pixel is given by an array.

    Raises
    ------
    ValueError
        If a variance is negative or not finite.
    """
    wrong = ~((variance >= 0) & (variance < np.inf))
    if wrong.any():
        raise ValueError(f"variance: must have finite values of at least 0, but has {variance[wrong][0]:g}")
    normal = _standard_normal(image, info, spacing, seed, LOCAL_VARIANCE)
    noisy: Array = image + np.sqrt(variance).astype(image.dtype) * normal
    return noisy


def check_photons(low: float) -> None:
    """Raise ValueError for an image whose lowest value is negative."""
    if low < 0:
        raise ValueError(f"image: must have no negative values, as photon counts have none, but has {number(low)}")


def draw_poisson(image: Array, info: BlockInfo, spacing: Spacing, seed: int, photons: float, high: float) -> Array:
    """Return a block of Poisson counts in the units of the image, in which the value `high` stands for `photons`."""
    check_photons(float(image.min()))
    if high <= 0:
        return image

    def draw(block: Array, out: Array) -> None:
        random.poisson(block, seed, POISSON, *_numbering(info, spacing), photons / high, out)

    return _drawn(image, spacing, draw)


def replace_randomly(image: Array, info: BlockInfo, spacing: Spacing, seed: int, amount: float, salt: float) -> Array:
    """Return a block, channels last, with a fraction `amount` of its pixels replaced by 1 (`salt` of them) or 0."""

    def draw(block: Array, replaced: Array) -> None:
        random.salt_and_pepper(block, seed, SALT_AND_PEPPER, *_numbering(info, spacing), amount, salt, replaced)

    ndim, out = len(info.shape), np.empty_like(image)
    for c in np.ndindex(image.shape[ndim:]):
        out[(..., *c)] = _drawn(np.ascontiguousarray(image[(..., *c)]), spacing, draw)
    return out


def multiply_speckle(
    image: Array, info: BlockInfo, spacing: Spacing, seed: int, var: float, distribution: str
) -> Array:
    """Return a block multiplied by 1 plus noise of a variance, normally or uniformly distributed."""
    if distribution == "normal":
        noise = _standard_normal(image, info, spacing, seed, SPECKLE) * image.dtype.type(math.sqrt(var))
    else:

        def draw(block: Array, out: Array) -> None:
            random.uniform(seed, SPECKLE, *_numbering(info, spacing), out)

        noise = _drawn(image, spacing, draw)
        noise *= image.dtype.type(math.sqrt(3 * var))
    with np.errstate(over="ignore"):
        noisy: Array = image + image * noise
    return noisy
