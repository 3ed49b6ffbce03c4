"""Widths of point-spread functions, and their resampling to other pixel sizes."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...contract.types import Array

Floats = NDArray[np.float64]


class Kernel:
    """An array that is computed on first use."""

    @cached_property
    def array(self) -> Array:
        """The array, which is read-only."""
        computed = self._compute()
        computed.flags.writeable = False
        return computed

    def _compute(self) -> Array:
        raise NotImplementedError

    def record(self) -> dict[str, Any]:
        """Return the parameters from which the array is computed, for a recipe."""
        raise NotImplementedError

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array."""
        return self.array.shape

    @property
    def dtype(self) -> Any:
        """Type of the array's values."""
        return self.array.dtype

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        """Return the array to NumPy."""
        return np.array(self.array, dtype=dtype, copy=copy)


@dataclass(frozen=True, eq=False)
class Resampled(Kernel):
    """An array resampled to another pixel size; arguments as in `resample`."""

    source: Any
    pixel: tuple[float, ...]
    target: tuple[float, ...]

    def _compute(self) -> Array:
        return resample(np.asarray(self.source), self.pixel, self.target)

    def record(self) -> dict[str, Any]:
        """Return the pixel sizes before and after."""
        return {"resampled": {"pixel": self.pixel, "target": self.target}}


def fwhm(psf: ArrayLike) -> tuple[float, ...]:
    """Return the full width at half maximum along each axis, in pixels.

    It is measured along the line through the highest value (of several, the one closest to their middle), between the
    first positions on both sides at which the value falls to half, linearly interpolated between pixels. Beyond the
    array, values are 0.

    Raises
    ------
    ValueError
        If no value is positive.
    """
    array = np.asarray(psf, dtype=float)
    if not array.size or not array.max() > 0:
        raise ValueError("psf: must have a positive value")
    tops = np.argwhere(array >= (1 - 1e-9) * array.max())
    peak = [int(k) for k in tops[np.argmin(((tops - tops.mean(0)) ** 2).sum(1))]]
    widths = []
    for axis, position in enumerate(peak):
        through: tuple[Any, ...] = (*peak[:axis], slice(None), *peak[axis + 1 :])
        line = np.pad(array[through], 1)
        widths.append(_half_width(line[position + 1 :]) + _half_width(line[position + 1 :: -1]))
    return tuple(widths)


def _half_width(values: Floats) -> float:
    """Return the distance at which values first fall to half of the first one."""
    half = values[0] / 2
    after = int(np.argmax(values <= half))
    above, below = values[after - 1], values[after]
    return float(after - 1 + (above - half) / (above - below))


def resample(psf: ArrayLike, pixel: tuple[float, ...], target: tuple[float, ...]) -> Floats:
    """Return a point-spread function resampled to another pixel size.

    Pixels are integrals of light. Axis by axis, the cumulative light at the pixel edges is interpolated by a cubic
    spline, and a new pixel gets the light between its edges. The sum is kept, and the center stays the pixel with
    index ``n // 2``. Each axis gets the smallest odd length that holds the light. Near steep edges the spline
    overshoots, so that values may be negative.

    Parameters
    ----------
    psf
        Array with as many axes as there are sizes.
    pixel, target
        Size of a pixel along each axis before and after, in the same unit.

    Raises
    ------
    ValueError
        If a size is not positive, or the number of sizes is not that of axes.
    """
    out = np.asarray(psf, dtype=float)
    for name, size in (("pixel", pixel), ("target", target)):
        if len(size) != out.ndim or not all(0 < s < math.inf for s in size):
            raise ValueError(f"{name}={size}: must be {out.ndim} numbers greater than 0, one for each axis")
    for axis, (old, new) in enumerate(zip(pixel, target, strict=True)):
        if not math.isclose(old, new, rel_tol=1e-9):
            out = _resample_axis(out, axis, old / new)
    return out


def _resample_axis(values: Floats, axis: int, ratio: float) -> Floats:
    """Return an axis resampled to new pixels, `ratio` of which are as long as an old one."""
    from scipy.interpolate import CubicSpline

    middle = values.shape[axis] // 2
    if values.shape[axis] == 2 * middle:
        values = np.insert(values, 2 * middle, 0, axis)
    reach = max(math.ceil((middle + 0.5) * ratio - 0.5 - 1e-9), 0)
    edges = np.arange(2 * middle + 2) - middle - 0.5
    light = np.insert(np.cumsum(values, axis), 0, 0, axis)
    wanted = np.clip((np.arange(2 * reach + 2) - reach - 0.5) / ratio, edges[0], edges[-1])
    return np.diff(CubicSpline(edges, light, axis, bc_type="natural")(wanted), axis=axis)
