"""Noise models on a block, with random numbers that are functions of the seed and the pixel."""

import math
from typing import NamedTuple

import numpy as np

from ..contract.operation import BlockInfo
from ..contract.quantities import number
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


def _numbering(info: BlockInfo) -> Numbering:
    steps = [math.prod(info.shape[axis + 1 :]) for axis in range(len(info.shape))]
    first = info.position + sum(low * step for (low, _), step in zip(info.read, steps, strict=True))
    return Numbering(first, steps[-2], steps[0] if len(steps) == 3 else 0)


def add_gaussian(image: Array, info: BlockInfo, seed: int, mean: float, var: float) -> Array:
    """Return a block plus Gaussian noise of a mean and a variance."""
    block = volume(image, image.ndim)
    out = np.empty_like(block)
    random.add_normal(block, seed, GAUSSIAN, *_numbering(info), mean, math.sqrt(var), out)
    return out.reshape(image.shape)


def _standard_normal(image: Array, info: BlockInfo, seed: int, stream: int) -> Array:
    """Return a standard normal number for every pixel of a block."""
    field = np.zeros(volume(image, image.ndim).shape, image.dtype)
    random.add_normal(field, seed, stream, *_numbering(info), 0.0, 1.0, field)
    return field.reshape(image.shape)


def variance_ramp(info: BlockInfo, corner: str, near: float, far: float) -> Array:
    """Return variances that change linearly over a plane, from `near` at a corner to `far` at the opposite one."""
    rows, columns = info.shape[-2:]
    (top, bottom), (left, right) = info.read[-2:]
    i, j = np.arange(top, bottom)[:, None], np.arange(left, right)
    distance = (i if "upper" in corner else rows - 1 - i) + (j if "left" in corner else columns - 1 - j)
    variance: Array = near + (far - near) * distance / max(rows + columns - 2, 1)
    return variance


def add_gaussian_of_variance(image: Array, info: BlockInfo, seed: int, variance: Array) -> Array:
    """Return a block plus Gaussian noise whose variance at every pixel is given by an array.

    Raises
    ------
    ValueError
        If a variance is negative or not finite.
    """
    wrong = ~((variance >= 0) & (variance < np.inf))
    if wrong.any():
        raise ValueError(f"variance: must have finite values of at least 0, but has {variance[wrong][0]:g}")
    normal = _standard_normal(image, info, seed, LOCAL_VARIANCE)
    noisy: Array = image + np.sqrt(variance).astype(image.dtype) * normal
    return noisy


def check_photons(low: float) -> None:
    """Raise ValueError for an image whose lowest value is negative."""
    if low < 0:
        raise ValueError(f"image: must have no negative values, as photon counts have none, but has {number(low)}")


def draw_poisson(image: Array, info: BlockInfo, seed: int, photons: float, high: float) -> Array:
    """Return a block of Poisson counts in the units of the image, in which the value `high` stands for `photons`."""
    check_photons(float(image.min()))
    if high <= 0:
        return image
    block = volume(image, image.ndim)
    out = np.empty_like(block)
    random.poisson(block, seed, POISSON, *_numbering(info), photons / high, out)
    return out.reshape(image.shape)


def replace_randomly(image: Array, info: BlockInfo, seed: int, amount: float, salt: float) -> Array:
    """Return a block, channels last, with a fraction `amount` of its pixels replaced by 1 (`salt` of them) or 0."""
    ndim, out = len(info.shape), np.empty_like(image)
    for c in np.ndindex(image.shape[ndim:]):
        block = volume(np.ascontiguousarray(image[(..., *c)]), ndim)
        replaced = np.empty_like(block)
        random.salt_and_pepper(block, seed, SALT_AND_PEPPER, *_numbering(info), amount, salt, replaced)
        out[(..., *c)] = replaced.reshape(image.shape[:ndim])
    return out


def multiply_speckle(image: Array, info: BlockInfo, seed: int, var: float, distribution: str) -> Array:
    """Return a block multiplied by 1 plus noise of a variance, normally or uniformly distributed."""
    if distribution == "normal":
        noise = _standard_normal(image, info, seed, SPECKLE) * image.dtype.type(math.sqrt(var))
    else:
        noise = np.empty_like(image)
        random.uniform(seed, SPECKLE, *_numbering(info), volume(noise, noise.ndim))
        noise *= image.dtype.type(math.sqrt(3 * var))
    with np.errstate(over="ignore"):
        noisy: Array = image + image * noise
    return noisy
