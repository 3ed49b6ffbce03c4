"""What any array that is a point-spread function can be asked and made into: its widths, other pixels."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...contract.types import Array

Floats = NDArray[np.float64]


class Kernel:
    """Something that stands for an array, which is computed when it is asked for the first time."""

    @cached_property
    def array(self) -> Array:
        """The array, which cannot be written to."""
        computed = self._compute()
        computed.flags.writeable = False
        return computed

    def _compute(self) -> Array:
        raise NotImplementedError

    def record(self) -> dict[str, Any]:
        """Return what makes it, as far as it is not in the array that it is made of."""
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
    """An array with pixels of another size; arguments as in `resample`."""

    source: Any
    pixel: tuple[float, ...]
    target: tuple[float, ...]

    def _compute(self) -> Array:
        return resample(np.asarray(self.source), self.pixel, self.target)

    def record(self) -> dict[str, Any]:
        """Return the sizes of the pixels before and after."""
        return {"resampled": {"pixel": self.pixel, "target": self.target}}


def fwhm(psf: ArrayLike) -> tuple[float, ...]:
    """Return the full width at half maximum along each axis, in pixels.

    Along the line through the largest value (of several, the one in their middle), it is the distance of the first
    places to both sides where the value has fallen to half of it, between two pixels by linear interpolation. Beyond
    the ends of the array there are zeros.

    Raises
    ------
    ValueError
        If no value is positive.
    """
    array = np.asarray(psf, dtype=float)
    if not array.size or not array.max() > 0:
        raise ValueError("psf: a positive value at least")
    tops = np.argwhere(array >= (1 - 1e-9) * array.max())
    peak = [int(k) for k in tops[np.argmin(((tops - tops.mean(0)) ** 2).sum(1))]]
    out = []
    for axis, at in enumerate(peak):
        through: tuple[Any, ...] = (*peak[:axis], slice(None), *peak[axis + 1 :])
        line = np.pad(array[through], 1)
        out.append(_fall(line[at + 1 :]) + _fall(line[at + 1 :: -1]))
    return tuple(out)


def _fall(values: Floats) -> float:
    """Return where values first fall to half of the first one."""
    half = values[0] / 2
    after = int(np.argmax(values <= half))
    above, below = values[after - 1], values[after]
    return float(after - 1 + (above - half) / (above - below))


def resample(psf: ArrayLike, pixel: tuple[float, ...], target: tuple[float, ...]) -> Floats:
    """Return a point-spread function with pixels of another size.

    Each pixel is taken as the light that falls on it: axis by axis, the light up to each edge is interpolated by a
    cubic spline, and a new pixel gets what lies between its edges. So the sum is kept, and the middle (index
    ``n // 2``) stays the middle. Each axis becomes odd and just long enough. Next to steep edges the spline swings:
    values may be negative there.

    Parameters
    ----------
    psf
        Array with as many axes as there are sizes.
    pixel, target
        Size of a pixel along each axis before and after, in the same unit.

    Raises
    ------
    ValueError
        If a size is not positive, or their number is not that of the axes.
    """
    out = np.asarray(psf, dtype=float)
    for name, size in (("pixel", pixel), ("target", target)):
        if len(size) != out.ndim or not all(0 < s < math.inf for s in size):
            raise ValueError(f"{name}={size}: {out.ndim} numbers above 0, one for each axis")
    for axis, (old, new) in enumerate(zip(pixel, target, strict=True)):
        if not math.isclose(old, new, rel_tol=1e-9):
            out = _resample_axis(out, axis, old / new)
    return out


def _resample_axis(values: Floats, axis: int, ratio: float) -> Floats:
    """Give an axis pixels of which `ratio` are as long as one now."""
    from scipy.interpolate import CubicSpline

    middle = values.shape[axis] // 2
    if values.shape[axis] == 2 * middle:
        values = np.insert(values, 2 * middle, 0, axis)
    reach = max(math.ceil((middle + 0.5) * ratio - 0.5 - 1e-9), 0)
    edges = np.arange(2 * middle + 2) - middle - 0.5
    light = np.insert(np.cumsum(values, axis), 0, 0, axis)
    wanted = np.clip((np.arange(2 * reach + 2) - reach - 0.5) / ratio, edges[0], edges[-1])
    return np.diff(CubicSpline(edges, light, axis, bc_type="natural")(wanted), axis=axis)
