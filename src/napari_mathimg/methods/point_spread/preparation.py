"""Preparation of point-spread functions for deconvolution: nonnegative, centered, of odd sides and with the sum 1."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ...contract.quantities import count, number, percent
from ...contract.types import Array

Center = Literal["array", "centroid"]
Border = Literal["keep", "subtract"]
Kernel = NDArray[np.float64]
MIN_SHIFT = 1e-3  # pixels; smaller shifts are ignored
OFFSET_SHARE = 0.25  # of all light that the lowest border values would be, from which they count as an offset


def border_offset(psf: Array) -> float:
    """Return the offset that an array seems to have, the median of the pixels at its border; 0 if it has none.

    If nearly all of these pixels are far from zero, about alike, and less bright than the peak, they hold an offset,
    such as that of a camera.
    """
    array = np.asarray(psf, np.float64)
    border, peak = _border(array), float(array.max())
    if border.size < 8:  # of a line, the ends say nothing
        return 0.0
    floor, middle, top = (float(v) for v in np.percentile(border, (10, 50, 90)))
    is_even = top - floor < 0.5 * middle and peak > border.max()
    is_offset = is_even and floor * array.size > OFFSET_SHARE * float(array.clip(0).sum())
    return middle if is_offset else 0.0


def _border(array: Kernel) -> Kernel:
    """Return the outermost pixels along the axes of at least three pixels."""
    is_border = np.ones(array.shape, bool)
    is_border[tuple(slice(1, -1) if n >= 3 else slice(None) for n in array.shape)] = False
    return array[is_border]


def prepare_psf(psf: Array, center: Center, border: Border = "keep") -> tuple[Kernel, tuple[str, ...]]:
    """Return a point-spread function with its center in the middle pixel, and a description of the changes.

    The median of its border is subtracted if `border` says so. Negative values become 0. The rest is divided by its
    sum, padded with zeros so that the center is in the middle, and trimmed of surrounding zeros.

    Parameters
    ----------
    psf
        Array with as many axes as the planes or volumes to be deconvolved.
    center
        Point that moves to the middle pixel: "array" is the pixel with index ``n // 2`` along each axis of length n,
        "centroid" the center of mass. Padding moves it by whole pixels. A remainder of d pixels along an axis is
        shifted by linear interpolation, which keeps signs, sum and centroid and adds ``|d| (1 - |d|)`` px² to the
        variance along that axis.
    border
        What becomes of a border far from zero, as the offset of a camera leaves it: "keep" or "subtract".

    Returns
    -------
    kernel
        Array of odd sides and with the sum 1.
    changes
        One sentence for each change.

    Raises
    ------
    ValueError
        If a value is not finite, or no value is positive.
    """
    array = np.asarray(psf, np.float64)
    if not array.size or not np.isfinite(array).all():
        raise ValueError("psf: must contain finite numbers only, and at least one")
    if not (array > 0).any():
        raise ValueError(f"psf: must have a positive value, but the highest is {number(array.max())}")
    changes = []
    offset = border_offset(array)
    if offset and border == "subtract":
        array = array - offset
        changes.append(f"The median of the PSF's border, {number(offset)}, was subtracted from it.")
    elif offset:
        changes.append(
            f"The border of the PSF is far from zero: its median is {number(offset)}, as a camera's offset leaves it,"
            f" {percent(round(offset / array.max(), 2))} of the peak; psf_border='subtract' subtracts it."
        )
    if (array < 0).any():
        negative = int(np.count_nonzero(array < 0))
        changes.append(f"{count(negative)} negative values of the PSF, down to {number(array.min())}, were set to 0.")
        array = np.maximum(array, 0)
    peak = float(array.max())
    array = array / peak  # keeps the sum finite
    total = float(array.sum())
    array = array / total
    if abs(peak * total - 1) > 1e-3:
        changes.append(f"The PSF was divided by its sum, {number(peak * total)}.")
    middle = tuple(n // 2 for n in array.shape)
    if center == "centroid":
        array, middle, shifts = _shift_centroid(array)
        changes += shifts
    kernel = _trim(_pad_around(array, middle))
    return kernel, tuple(changes)


def check_extent(kernel: Kernel, shape: tuple[int, ...]) -> None:
    """Raise ValueError for a point-spread function that does not fit images of a shape."""
    if kernel.ndim != len(shape):
        raise ValueError(f"psf: must have {len(shape)} axes, as the image does here, not {kernel.ndim}")
    for axis, (k, n) in enumerate(zip(kernel.shape, shape, strict=True)):
        if k > 2 * n - 1:
            raise ValueError(
                f"psf: must have at most {2 * n - 1} px along axis {axis}, where the image has {n} px, not {k}"
            )


def rms_radius(kernel: Kernel) -> tuple[float, ...]:
    """Return the root mean square distance from the middle pixel along each axis, in pixels."""
    return tuple(
        float(np.sqrt((np.moveaxis(kernel, axis, -1) @ (np.arange(n) - n // 2) ** 2.0).sum()))
        for axis, n in enumerate(kernel.shape)
    )


def _shift_centroid(array: Kernel) -> tuple[Kernel, tuple[int, ...], list[str]]:
    """Shift the centroid to the nearest pixel; return the array, that pixel and a description of the shift."""
    centroid = [float((np.moveaxis(array, axis, -1) @ np.arange(n)).sum()) for axis, n in enumerate(array.shape)]
    middle, shifts = [round(c) for c in centroid], []
    for axis, c in enumerate(centroid):
        d = c - middle[axis]
        shifts.append(d if abs(d) > MIN_SHIFT else 0.0)
        if shifts[axis]:
            padded = np.pad(array, [(1, 1) if a == axis else (0, 0) for a in range(array.ndim)])
            array = (1 - abs(d)) * padded + abs(d) * np.roll(padded, -1 if d > 0 else 1, axis)
            middle[axis] += 1
    position = ", ".join(f"{c:.2f}" for c in centroid)
    if any(shifts):
        shift = ", ".join(f"{-d:+.2f}" for d in shifts)
        variance = ", ".join(f"{abs(d) * (1 - abs(d)):.2f}" for d in shifts)
        return array, tuple(middle), [
            f"The PSF's centroid ({position}) was shifted by ({shift}) px onto a pixel by linear interpolation, which"
            f" adds ({variance}) px² to its variance."
        ]  # fmt: skip
    off = any(m != n // 2 for m, n in zip(middle, array.shape, strict=True))
    return array, tuple(middle), [f"The PSF is centered on its centroid, ({position})."] if off else []


def _pad_around(array: Kernel, middle: tuple[int, ...]) -> Kernel:
    """Pad an array with zeros until a given pixel is the middle one."""
    halves = [max(m, n - 1 - m) for m, n in zip(middle, array.shape, strict=True)]
    ends = zip(halves, middle, array.shape, strict=True)
    return np.pad(array, [(h - m, h - (n - 1 - m)) for h, m, n in ends])


def _trim(kernel: Kernel) -> Kernel:
    """Remove surrounding zeros, as many on either side."""
    for axis, n in enumerate(kernel.shape):
        others = tuple(a for a in range(kernel.ndim) if a != axis)
        used = np.flatnonzero(kernel.any(axis=others))
        half = int(np.abs(used - n // 2).max())
        kernel = kernel.take(range(n // 2 - half, n // 2 + half + 1), axis)
    return np.ascontiguousarray(kernel)
