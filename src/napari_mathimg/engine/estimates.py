"""Estimates from an image: the standard deviation of its noise, and the flat of a stack."""

from collections.abc import Generator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contract.progress import Progress, run_to_end
from ..methods.noise_level import noise_level
from ..ops.lens import flat_field
from .plan import Options
from .prepare import resolve
from .source import Index
from .statistics import measure_noise, measure_statistics
from .threads import cores

Flat = NDArray[np.float32]


def estimate_sigma(image: Any, *, options: Options | None = None) -> float:
    """Estimate the standard deviation of white Gaussian noise in an image.

    The estimate is the median magnitude of the finest diagonal wavelet coefficients of planes, divided by 0.6745, so
    that edges have little influence. Coefficients of 0, as in masked or saturated regions, and those at the edges are
    left out. For colors, it is the root mean square of the estimates of all channels. Of stacks and volumes, at most 16
    planes are measured, spread over them. This is what "auto" stands for in the parameters of denoisers.

    Parameters
    ----------
    image
        Array (NumPy, Dask, Zarr), read box by box.
    options
        How the image is read, as in `apply`. With ``statistics="layer"``, the planes are pooled; otherwise the
        estimate is the root mean square of those of all planes or volumes.

    Returns
    -------
    float
        Standard deviation as a fraction of the value range: the argument `sigma` of `denoise_wavelet`.

    Raises
    ------
    ValueError
        If the image or the options cannot be used, as in `apply`.

    References
    ----------
    .. [1] D. L. Donoho and I. M. Johnstone, "Ideal spatial adaptation by wavelet shrinkage", Biometrika 81 (1994).

    Examples
    --------
    >>> import numpy as np
    >>> from napari_mathimg import Options
    >>> from napari_mathimg.engine import estimate_sigma
    >>> ramp = np.linspace(0, 1, 256) + 0.05 * np.random.default_rng(0).standard_normal((256, 256))
    >>> round(estimate_sigma(ramp, options=Options(value_range="dtype")), 2)
    0.05
    """
    return run_to_end(estimate_sigma_steps(image, options))


def estimate_sigma_steps(
    image: Any, options: Options | None = None, threads: int | None = None, axis_names: tuple[str, ...] = ()
) -> Generator[Progress, None, float]:
    """Run `estimate_sigma` as a generator that yields progress and returns its value; closing it cancels."""
    threads = threads or cores()
    plan = yield from resolve(noise_level, image, (), options, None, threads, axis_names)
    ranges = plan.value_ranges, plan.color_ranges
    found = yield from measure_noise(plan.source, *ranges, plan.options, {"noise_level"}, threads)
    return float(found[()]["noise_level"])


def estimate_flat(
    image: Any, *, dark: Any = None, degree: int = 6, options: Options | None = None, axis_names: tuple[str, ...] = ()
) -> Flat:
    """Estimate the flat that the planes of a stack have in common, as `flat_field` does if it is given none.

    Parameters
    ----------
    image
        Array (NumPy, Dask, Zarr), read box by box.
    dark
        Image without light, or None: one plane for all, or as many planes as the image has.
    degree
        Degree of the polynomial, 0 to 10; a lower one is smoother.
    options
        How the stack is read, as in `apply`.
    axis_names
        Names of the axes of the stack; if one before the planes is "c", each channel gets a flat of its own.

    Returns
    -------
    ndarray, float32
        Plane of mean 1, shape (rows, columns), (rows, columns, colors) or (channels, rows, columns), or, if other axes
        follow that of the channels, a view of the shape of the stack: the argument `flat` of `flat_field` for a stack
        without a dark image.

    Raises
    ------
    ValueError
        If the images or the options cannot be used, or if most of the field is dark.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_mathimg.engine import estimate_flat
    >>> light = 1 + 0.5 * np.linspace(-1, 1, 64) * np.ones((48, 1))
    >>> levels = np.array([3.0, 5.0, 4.0])
    >>> bool(np.abs(estimate_flat(levels[:, None, None] * light) / light - 1).max() < 0.03)
    True
    """
    return run_to_end(estimate_flat_steps(image, dark, degree, options, axis_names=axis_names))


def estimate_flat_steps(
    image: Any, dark: Any = None, degree: int = 6, options: Options | None = None, threads: int | None = None,
    axis_names: tuple[str, ...] = (),
) -> Generator[Progress, None, Flat]:  # fmt: skip
    """Run `estimate_flat` as a generator that yields progress and returns its value; closing it cancels."""
    threads = threads or cores()
    plan = yield from resolve(flat_field, image, (None, dark), options, {"degree": degree}, threads, axis_names)
    yield from measure_statistics(plan, threads)
    source, box = plan.source, [(0, n) for n in plan.source.item]

    def surface(index: Index) -> Flat:
        each = [plan.measured_of(index, c).surface(*box, np.float32) for c in range(source.colors or 1)]
        return np.stack(each, axis=-1) if source.channels else each[0]

    place, stack = source.channel_place, len(source.leading)
    if place is None:
        return surface(source.indices[0])
    firsts = [tuple(c * (axis == place) for axis in range(stack)) for c in range(source.leading[place])]
    flats = np.stack([surface(index) for index in firsts])
    if place == stack - 1:
        return flats
    # Other stack axes follow that of the channels: the flats lie on the whole stack, without a copy for each plane.
    items = flats.reshape(*(len(flats) if axis == place else 1 for axis in range(stack)), *flats.shape[1:])
    lengths = [len(flats) if axis == place else n for axis, n in enumerate(source.full_leading)]
    whole = np.broadcast_to(items, (*lengths, *flats.shape[1:]))
    given = [*source.given_places, *([] if source.axis is None else [source.given[source.axis]])]
    return whole.transpose(np.argsort(given))
