"""Noise models: random fields that are a function of seed and position."""

import math
from typing import Literal, NamedTuple

import numpy as np

from ..contract import types as t
from ..contract.operation import BlockInfo, ValueRange, operation
from ..contract.reach import POINTWISE
from ..kernels import random

__all__ = [
    "add_gaussian_noise",
    "add_localvar_noise",
    "add_poisson_noise",
    "add_salt_and_pepper_noise",
    "add_speckle_noise",
]

# Each model draws from a stream of its own, so that two in a row with the same seed stay independent.
GAUSSIAN, LOCALVAR, POISSON, SALT_AND_PEPPER, SPECKLE = range(5)


class Numbering(NamedTuple):
    """Number of a block's first pixel in the layer, and how far the numbers of neighboring rows and slices lie."""

    first: int
    row_step: int
    slice_step: int


def _numbering(info: BlockInfo) -> Numbering:
    steps = [math.prod(info.shape[axis + 1 :]) for axis in range(len(info.shape))]
    first = info.position + sum(low * step for (low, _), step in zip(info.read, steps, strict=True))
    return Numbering(first, steps[-2], steps[0] if len(steps) == 3 else 0)


def _as_volume(image: t.Array) -> t.Array:
    return image.reshape(1, *image.shape) if image.ndim == 2 else image


def _normal_field(image: t.Array, seed: int, stream: int, info: BlockInfo) -> t.Array:
    """Return a standard normal number for every pixel of a block."""
    field = np.zeros(_as_volume(image).shape, image.dtype)
    random.add_normal(field, seed, stream, *_numbering(info), 0.0, 1.0, field)
    return field.reshape(image.shape)


@operation("Gaussian noise", values="normalized", reach=POINTWISE)
def add_gaussian_noise(
    image: t.Image, /, *, mean: t.Offset = 0.0, var: t.Variance = 0.01, seed: t.Seed = 0, info: BlockInfo
) -> t.Image:
    """Add normally distributed noise, independent at every pixel.

    Values are not clipped; integer images end at the limits of their type. The same seed gives the same noise
    at a pixel whatever part of the layer is computed; no two planes or channels share it.

    Parameters
    ----------
    mean
        Mean of the noise, as a share of the value range.
    var
        Variance of the noise, as a share of the squared value range.
    seed
        Number of the random field.

    References
    ----------
    .. [1] A. K. Boyat and B. K. Joshi, "A review paper: noise models in digital image
           processing", Signal & Image Processing 6 (2015).

    Examples
    --------
    >>> import numpy as np
    >>> from napari_mathimg import Options, apply
    >>> gray = np.full((512, 512), 0.5)
    >>> noisy = apply(gray, "add_gaussian_noise", var=0.01, options=Options(value_range="dtype"))
    >>> bool(abs(noisy.std() - 0.1) < 1e-3)
    True
    """
    block = _as_volume(image)
    out = np.empty_like(block)
    random.add_normal(block, seed, GAUSSIAN, *_numbering(info), mean, math.sqrt(var), out)
    return out.reshape(image.shape)


def _ramp(info: BlockInfo, corner: str, near: float, far: float) -> t.Array:
    """Return what rises linearly over a plane, from a corner to the opposite one: the same on every slice."""
    rows, columns = info.shape[-2:]
    (top, bottom), (left, right) = info.read[-2:]
    i, j = np.arange(top, bottom)[:, None], np.arange(left, right)
    way = (i if "upper" in corner else rows - 1 - i) + (j if "left" in corner else columns - 1 - j)
    rising: t.Array = near + (far - near) * way / max(rows + columns - 2, 1)
    return rising


def _check_variance(variance: t.Array) -> None:
    wrong = ~((variance >= 0) & (variance < np.inf))
    if wrong.any():
        raise ValueError(f"variance: finite numbers of at least 0, not {variance[wrong][0]:g}")


@operation("Noise of local variance", values="normalized", reach=POINTWISE)
def add_localvar_noise(
    image: t.Image, variance: t.OptionalAlignedImage = None, /, *, corner: t.Corner = "upper left",
    var_near: t.NearVariance = 0.001, var_far: t.FarVariance = 0.251, seed: t.Seed = 0, info: BlockInfo,
) -> t.Image:  # fmt: skip
    """Add normally distributed noise whose variance differs from pixel to pixel.

    The variance is that of a second image of the same shape, such as a camera's calibration; without one, it rises
    linearly over each plane from one corner to the opposite one. It is a share of the squared value range: with the
    range (0, 1), the square of the image's own units. Values are not clipped; integer images end at the limits of
    their type. The same seed gives the same noise at a pixel whatever part of the layer is computed.

    Parameters
    ----------
    corner
        Where the variance begins to rise; not used with a variance image.
    var_near
        Variance at the corner, as a share of the squared value range; not used with a variance image.
    var_far
        Variance at the opposite corner, as a share of the squared value range; not used with a variance image.
    seed
        Number of the random field.

    Raises
    ------
    ValueError
        If the variance image has another shape, or numbers that are negative or not finite.

    References
    ----------
    .. [1] F. Huang et al., "Video-rate nanoscopy using sCMOS camera-specific single-molecule localization
           algorithms", Nature Methods 10 (2013): noise that differs from pixel to pixel.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_mathimg import apply
    >>> variance = np.array([[0.0, 0.0, 0.01]])
    >>> noisy = apply(np.array([[0.0, 0.5, 1.0]]), "add_localvar_noise", variance)
    >>> noisy == [[0, 0.5, 1]]
    array([[ True,  True, False]])
    """
    if variance is None:
        variance = _ramp(info, corner, var_near, var_far)
    _check_variance(variance)
    noisy: t.Array = image + np.sqrt(variance).astype(image.dtype) * _normal_field(image, seed, LOCALVAR, info)
    return noisy


def _check_photons(low: float) -> None:
    if low < 0:
        raise ValueError(f"image: values of at least 0, as numbers of photons are, not {low:g}")


@operation("Poisson noise", values="float", reach=POINTWISE, check=lambda values: _check_photons(values.low))
def add_poisson_noise(
    image: t.Image, /, *, photons: t.Photons = 256.0, seed: t.Seed = 0, info: BlockInfo, values: ValueRange
) -> t.Image:
    """Replace each value by what a detector would count: a Poisson number with this mean.

    A value of 0 is dark; the high end of the value range stands for `photons`. Values beyond it are carried through;
    integer images end at the limits of their type. The same seed gives the same noise at a pixel whatever part of the
    layer is computed; no two planes or channels share it.

    Parameters
    ----------
    photons
        Mean number of photons at the high end of the value range: the fewer, the more noise.
    seed
        Number of the random field.

    Raises
    ------
    ValueError
        If the image has negative values.

    References
    ----------
    .. [1] R. C. Gonzalez and R. E. Woods, "Digital Image Processing", 4th ed. (2018), section 5.2.
    .. [2] W. Hoermann, "The transformed rejection method for generating Poisson random variables",
           Insurance: Mathematics and Economics 12 (1993).

    Examples
    --------
    >>> import numpy as np
    >>> from napari_mathimg import Options, apply
    >>> gray = np.full((512, 512), 0.5)
    >>> counts = 100 * apply(gray, "add_poisson_noise", photons=100, options=Options(value_range="dtype"))
    >>> bool(abs(counts.mean() - 50) < 0.1), bool(abs(counts.var() - 50) < 1)
    (True, True)
    """
    _check_photons(float(image.min()))
    if values.high <= 0:
        return image
    block = _as_volume(image)
    out = np.empty_like(block)
    random.poisson(block, seed, POISSON, *_numbering(info), photons / values.high, out)
    return out.reshape(image.shape)


@operation("Salt-and-pepper noise", values="normalized", reach=POINTWISE)
def add_salt_and_pepper_noise(
    image: t.Image, /, *, amount: t.Share = 0.05, salt_vs_pepper: t.SaltShare = 0.5, seed: t.Seed = 0, info: BlockInfo
) -> t.Image:
    """Replace some pixels by the ends of the value range: dead and saturated pixels, errors of transmission.

    The other pixels are kept. The same seed gives the same noise at a pixel whatever part of the layer is computed; no
    two planes or channels share it.

    Parameters
    ----------
    amount
        Share of the pixels that are replaced.
    salt_vs_pepper
        Share of these that become the high end of the value range; the others become its low end.
    seed
        Number of the random field.

    References
    ----------
    .. [1] R. C. Gonzalez and R. E. Woods, "Digital Image Processing", 4th ed. (2018), section 5.2.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_mathimg import Options, apply
    >>> gray = np.full((512, 512), 128, np.uint8)
    >>> noisy = apply(gray, "add_salt_and_pepper_noise", amount=0.1, options=Options(value_range="dtype"))
    >>> levels, counts = np.unique(noisy, return_counts=True)
    >>> levels, counts.round(-3)
    (array([  0, 128, 255], dtype=uint8), array([ 13000, 236000,  13000]))
    """
    block = _as_volume(image)
    out = np.empty_like(block)
    random.salt_and_pepper(block, seed, SALT_AND_PEPPER, *_numbering(info), amount, salt_vs_pepper, out)
    return out.reshape(image.shape)


@operation("Speckle noise", values="float", reach=POINTWISE)
def add_speckle_noise(
    image: t.Image, /, *, var: t.RelativeVariance = 0.01, distribution: Literal["normal", "uniform"] = "normal",
    seed: t.Seed = 0, info: BlockInfo,
) -> t.Image:  # fmt: skip
    """Multiply each value by a random number around 1, as coherent light and radar do.

    The result is ``value + noise * value``: a value of 0 stays, whatever the value range. Values are not clipped;
    integer images end at the limits of their type. The same seed gives the same noise at a pixel whatever part of the
    layer is computed; no two planes or channels share it.

    Parameters
    ----------
    var
        Variance of the noise, as a share of the squared value.
    distribution
        Whether the noise is normally distributed, or uniformly between plus and minus ``sqrt(3 * var)``.
    seed
        Number of the random field.

    References
    ----------
    .. [1] J. W. Goodman, "Some fundamental properties of speckle", Journal of the Optical Society of America 66
           (1976).

    Examples
    --------
    >>> import numpy as np
    >>> from napari_mathimg import apply
    >>> noisy = apply(np.full((512, 512), 10.0), "add_speckle_noise", var=0.04)
    >>> bool(abs(noisy.mean() - 10) < 0.02), bool(abs(noisy.std() - 2) < 0.02)
    (True, True)
    """
    if distribution == "normal":
        noise = _normal_field(image, seed, SPECKLE, info) * image.dtype.type(math.sqrt(var))
    else:
        noise = np.empty_like(image)
        random.uniform(seed, SPECKLE, *_numbering(info), _as_volume(noise))
        noise *= image.dtype.type(math.sqrt(3 * var))
    with np.errstate(over="ignore"):
        noisy: t.Array = image + image * noise
    return noisy
