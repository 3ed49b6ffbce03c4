"""The strength of an image's noise."""

import math
from collections.abc import Generator
from typing import Any

from ..contract.progress import Progress, run_to_end
from ..methods.noise_level import noise_level
from .plan import Options
from .prepare import count_statistics, resolve
from .threads import cores


def estimate_sigma(image: Any, *, options: Options | None = None) -> float:
    """Estimate the standard deviation of white Gaussian noise in an image.

    It is the median magnitude of the finest diagonal wavelet coefficients over 0.6745, so that edges hardly count.
    Coefficients of 0, as of masked or saturated regions, are left out. Of colors, the root mean square.

    Parameters
    ----------
    image
        Array (NumPy, Dask, Zarr), read box by box.
    options
        How it is read, as in `apply`: with ``statistics="layer"`` all planes or volumes count together, else the root
        mean square of theirs is returned.

    Returns
    -------
    float
        The standard deviation as a share of the value range: what `denoise_wavelet` takes as `sigma`.

    Raises
    ------
    ValueError
        If the image or the options are none.

    References
    ----------
    .. [1] D. L. Donoho and I. M. Johnstone, "Ideal spatial adaptation by wavelet shrinkage", Biometrika 81 (1994).

    Examples
    --------
    >>> import numpy as np
    >>> from napari_mathimg import Options
    >>> from napari_mathimg.engine import estimate_sigma
    >>> ramp = np.linspace(0, 1, 256) + 0.05 * np.random.default_rng(0).standard_normal((256, 256))
    >>> round(estimate_sigma(ramp, options=Options(value_range="dtype")), 3)
    0.05
    """
    return run_to_end(estimate_sigma_steps(image, options))


def estimate_sigma_steps(
    image: Any, options: Options | None = None, threads: int | None = None
) -> Generator[Progress, None, float]:
    """Return what `estimate_sigma` does, as the value of a generator that yields progress; closing it cancels."""
    threads = threads or cores()
    plan = yield from resolve(noise_level, image, (), options, None, threads)
    yield from count_statistics(plan, threads)
    found = [sigma for sigmas in plan.measured.values() for sigma in sigmas]
    return math.sqrt(sum(sigma * sigma for sigma in found) / len(found))
