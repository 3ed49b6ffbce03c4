"""Noise models, whose random numbers are functions of the seed and the pixel."""

from typing import Literal

from ..contract import types as t
from ..contract.operation import BlockInfo, ValueRange, operation
from ..contract.reach import POINTWISE, Spacing
from ..methods import noise

__all__ = [
    "add_gaussian_noise",
    "add_localvar_noise",
    "add_poisson_noise",
    "add_salt_and_pepper_noise",
    "add_speckle_noise",
]


@operation(
    "Gaussian noise", values="normalized", reach=POINTWISE, proportional=lambda mean: mean == 0,
    keywords="normal, random, read noise, simulate",
)  # fmt: skip
def add_gaussian_noise(
    image: t.Image,
    /,
    *,
    mean: t.Offset = 0.0,
    var: t.Variance = 0.01,
    seed: t.Seed = 0,
    info: BlockInfo,
    spacing: Spacing,
) -> t.Image:
    """Add Gaussian noise, independent at every pixel.

    Values are not clipped to the value range; integers are rounded and clipped to the limits of their type. The noise
    at a pixel depends only on the seed and the pixel's position, and differs between planes and between channels.
    Missing pixels (NaN or infinite) stay missing.

    Parameters
    ----------
    mean
        Mean of the noise, as a fraction of the value range.
    var
        Variance of the noise, as a fraction of the squared value range.
    seed
        Seed of the random numbers.

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
    return noise.add_gaussian(image, info, spacing, seed, mean, var)


@operation(
    "Noise of local variance", values="normalized", reach=POINTWISE, proportional=True,
    keywords="heteroscedastic, random, simulate, variance",
)  # fmt: skip
def add_localvar_noise(
    image: t.Image, variance: t.OptionalAlignedImage = None, /, *, corner: t.Corner = "upper left",
    var_near: t.NearVariance = 0.001, var_far: t.FarVariance = 0.251, seed: t.Seed = 0, info: BlockInfo,
    spacing: Spacing,
) -> t.Image:  # fmt: skip
    """Add Gaussian noise whose variance differs from pixel to pixel.

    The variance is given by a second image of the same shape, such as the calibration of a camera. Without one, it
    changes linearly over each plane from one corner to the opposite one. It is a fraction of the squared value range;
    with the value range (0, 1), it is in squared units of the image. Values are not clipped to the value range;
    integers are rounded and clipped to the limits of their type. The noise at a pixel depends only on the seed and the
    pixel's position, and differs between planes and between channels. Missing pixels (NaN or infinite) stay missing.

    Parameters
    ----------
    corner
        Corner at which the variance is `var_near`; not used with a variance image.
    var_near
        Variance at the corner, as a fraction of the squared value range; not used with a variance image.
    var_far
        Variance at the opposite corner, as a fraction of the squared value range; not used with a variance image.
    seed
        Seed of the random numbers.

    Raises
    ------
    ValueError
        If the variance image has another shape, or values that are negative or not finite.

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
        variance = noise.variance_ramp(info, spacing, corner, var_near, var_far)
    return noise.add_gaussian_of_variance(image, info, spacing, seed, variance)


@operation(
    "Poisson noise", values="float", reach=POINTWISE, check=lambda values: noise.check_photons(values.low),
    proportional=True, keywords="shot noise, photons, random, simulate, counts",
)  # fmt: skip
def add_poisson_noise(
    image: t.Image,
    /,
    *,
    photons: t.Photons = 256.0,
    seed: t.Seed = 0,
    info: BlockInfo,
    spacing: Spacing,
    values: ValueRange,
) -> t.Image:
    """Add Poisson noise (shot noise): replace each value by a random photon count with this mean.

    A value of 0 means no photons; the high end of the value range means `photons`. Values are not clipped to the value
    range; integers are rounded and clipped to the limits of their type. The noise at a pixel depends only on the seed
    and the pixel's position, and differs between planes and between channels. Missing pixels (NaN or infinite) stay
    missing.

    Parameters
    ----------
    photons
        Mean number of photons at the high end of the value range: fewer photons give more noise.
    seed
        Seed of the random numbers.

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
    return noise.draw_poisson(image, info, spacing, seed, photons, values.high)


@operation(
    "Salt-and-pepper noise", values="normalized", reach=POINTWISE, channels="joint",
    keywords="impulse, hot pixels, dead pixels, random, simulate",
)  # fmt: skip
def add_salt_and_pepper_noise(
    image: t.Image,
    /,
    *,
    amount: t.Share = 0.05,
    salt_vs_pepper: t.SaltShare = 0.5,
    seed: t.Seed = 0,
    info: BlockInfo,
    spacing: Spacing,
) -> t.Image:
    """Add salt-and-pepper noise: replace random pixels by the low or the high end of the value range.

    The other pixels are kept. All colors of a pixel are replaced together, by black or white. The noise at a pixel
    depends only on the seed and the pixel's position, and differs between planes. Missing pixels (NaN or infinite) stay
    missing. Such noise models dead and saturated pixels and transmission errors.

    Parameters
    ----------
    amount
        Fraction of the pixels that are replaced.
    salt_vs_pepper
        Fraction of the replaced pixels that get the high end of the value range; the others get the low end.
    seed
        Seed of the random numbers.

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
    return noise.replace_randomly(image, info, spacing, seed, amount, salt_vs_pepper)


@operation(
    "Speckle noise", values="float", reach=POINTWISE, proportional=True,
    keywords="multiplicative, laser, ultrasound, random, simulate",
)  # fmt: skip
def add_speckle_noise(
    image: t.Image, /, *, var: t.RelativeVariance = 0.01, distribution: Literal["normal", "uniform"] = "normal",
    seed: t.Seed = 0, info: BlockInfo, spacing: Spacing,
) -> t.Image:  # fmt: skip
    """Add speckle noise, as coherent light and radar produce: multiply each value by a random number around 1.

    The result is ``value + noise * value``, so that a value of 0 is kept, whatever the value range. Values are not
    clipped to the value range; integers are rounded and clipped to the limits of their type. The noise at a pixel
    depends only on the seed and the pixel's position, and differs between planes and between channels. Missing pixels
    (NaN or infinite) stay missing.

    Parameters
    ----------
    var
        Variance of the noise, as a fraction of the squared value.
    distribution
        Distribution of the noise: normal, or uniform between ``-sqrt(3 * var)`` and ``sqrt(3 * var)``.
    seed
        Seed of the random numbers.

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
    return noise.multiply_speckle(image, info, spacing, seed, var, distribution)
