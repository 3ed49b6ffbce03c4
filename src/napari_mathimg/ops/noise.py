"""Noise models: random fields that are a function of seed and position."""

import math

import numpy as np

from ..kernels import random
from . import _types as t
from ._operation import POINTWISE, At, operation

__all__ = ["add_gaussian_noise"]


@operation("Gaussian noise", values="normalized", reach=POINTWISE)
def add_gaussian_noise(
    image: t.Image, /, *, mean: t.Offset = 0.0, var: t.Variance = 0.01, seed: t.Seed = 0, at: At
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
    >>> grey = np.full((512, 512), 0.5)
    >>> noisy = apply(grey, "add_gaussian_noise", var=0.01, options=Options(value_range="dtype"))
    >>> bool(abs(noisy.std() - 0.1) < 1e-3)
    True
    """
    steps = [math.prod(at.shape[axis + 1 :]) for axis in range(len(at.shape))]
    first = at.position + sum(low * step for (low, _), step in zip(at.read, steps, strict=True))
    block = image.reshape(1, *image.shape) if image.ndim == 2 else image
    out = np.empty_like(block)
    slice_step, row_step = (0, steps[0]) if image.ndim == 2 else (steps[0], steps[1])
    random.add_normal(block, seed, first, row_step, slice_step, mean, math.sqrt(var), out)
    return out.reshape(image.shape)
