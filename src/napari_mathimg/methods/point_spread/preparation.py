"""Point-spread functions made fit for deconvolution: not negative, with the sum 1 and an odd number of pixels."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ...contract.types import Array

Center = Literal["array", "centroid"]
Kernel = NDArray[np.float64]
NO_SHIFT = 1e-3  # pixels


def prepared(psf: Array, center: Center) -> tuple[Kernel, tuple[str, ...]]:
    """Return a point-spread function whose middle is its center, and what was changed to make it so.

    Negative values become 0, the rest is divided by its sum and padded with zeros; zeros around it are cut off.

    Parameters
    ----------
    psf
        Array with as many axes as an item.
    center
        What comes to lie in the middle: "array" the pixel with index ``n // 2`` along each axis of length n,
        "centroid" the center of mass. To the nearest pixel that takes zeros only; the rest of it, d pixels along an
        axis, is shifted by linear interpolation, which keeps sign, sum and centroid and adds ``|d| (1 - |d|)`` to the
        variance along that axis.

    Returns
    -------
    kernel
        Odd along each axis, of sum 1.
    changes
        What was changed, a sentence each.

    Raises
    ------
    ValueError
        If there are numbers that are not finite, or none above 0.
    """
    array = np.asarray(psf, np.float64)
    if not array.size or not np.isfinite(array).all():
        raise ValueError("psf: finite numbers only, at least one")
    if not (array > 0).any():
        raise ValueError(f"psf: at least one value above 0; the highest of these is {array.max():g}")
    changes = []
    if (array < 0).any():
        changes.append(f"{np.count_nonzero(array < 0):,} negative values of the PSF, down to {array.min():.3g}, are 0.")
        array = np.maximum(array, 0)
    array = array / array.max()  # so that the sum stays finite
    total = array.sum()
    given = np.asarray(psf, np.float64).clip(0).sum()
    array = array / total
    if abs(given - 1) > 1e-3:
        changes.append(f"The PSF was divided by its sum, {given:.4g}.")
    middle = tuple(n // 2 for n in array.shape)
    if center == "centroid":
        array, middle, moved = _at_centroid(array)
        changes += moved
    kernel = _trimmed(_padded(array, middle))
    return kernel, tuple(changes)


def check_extent(kernel: Kernel, shape: tuple[int, ...]) -> None:
    """Refuse a point-spread function that has other axes than an item, or reaches beyond all of its pixels."""
    if kernel.ndim != len(shape):
        raise ValueError(f"psf: {len(shape)} axes, as the items have, not {kernel.ndim}")
    for axis, (k, n) in enumerate(zip(kernel.shape, shape, strict=True)):
        if k > 2 * n - 1:
            raise ValueError(
                f"psf: at most {2 * n - 1} pixels along axis {axis}, where the image has {n}, not {k}; crop it"
            )


def rms_radius(kernel: Kernel) -> tuple[float, ...]:
    """Return the root mean square distance from the middle along each axis, in pixels."""
    return tuple(
        float(np.sqrt((np.moveaxis(kernel, axis, -1) @ (np.arange(n) - n // 2) ** 2.0).sum()))
        for axis, n in enumerate(kernel.shape)
    )


def _at_centroid(array: Kernel) -> tuple[Kernel, tuple[int, ...], list[str]]:
    """Shift by the fraction of a pixel that brings the centroid onto a pixel; return that pixel and what was done."""
    found = [float((np.moveaxis(array, axis, -1) @ np.arange(n)).sum()) for axis, n in enumerate(array.shape)]
    middle, shifts = [round(c) for c in found], []
    for axis, c in enumerate(found):
        d = c - middle[axis]
        shifts.append(d if abs(d) > NO_SHIFT else 0.0)
        if shifts[axis]:
            grown = np.pad(array, [(1, 1) if a == axis else (0, 0) for a in range(array.ndim)])
            array = (1 - abs(d)) * grown + abs(d) * np.roll(grown, -1 if d > 0 else 1, axis)
            middle[axis] += 1
    places = ", ".join(f"{c:.2f}" for c in found)
    if any(shifts):
        moved = ", ".join(f"{-d:+.2f}" for d in shifts)
        wider = ", ".join(f"{abs(d) * (1 - abs(d)):.2f}" for d in shifts)
        return array, tuple(middle), [
            f"The PSF's centroid ({places}) was shifted by ({moved}) px onto a pixel by linear interpolation, which"
            f" adds ({wider}) px² to its variance."
        ]  # fmt: skip
    off = any(m != n // 2 for m, n in zip(middle, array.shape, strict=True))
    return array, tuple(middle), [f"The PSF is centered on its centroid, ({places})."] if off else []


def _padded(array: Kernel, middle: tuple[int, ...]) -> Kernel:
    """Pad with zeros until a pixel is the middle."""
    halves = [max(m, n - 1 - m) for m, n in zip(middle, array.shape, strict=True)]
    ends = zip(halves, middle, array.shape, strict=True)
    return np.pad(array, [(h - m, h - (n - 1 - m)) for h, m, n in ends])


def _trimmed(kernel: Kernel) -> Kernel:
    """Cut off zeros on both sides alike."""
    for axis, n in enumerate(kernel.shape):
        others = tuple(a for a in range(kernel.ndim) if a != axis)
        used = np.flatnonzero(kernel.any(axis=others))
        half = int(np.abs(used - n // 2).max())
        kernel = kernel.take(range(n // 2 - half, n // 2 + half + 1), axis)
    return np.ascontiguousarray(kernel)
