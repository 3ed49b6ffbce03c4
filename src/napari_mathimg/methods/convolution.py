"""Convolution by the way that suits a kernel: axis by axis, pixel by pixel, or through Fourier transforms."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache, reduce
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from ..contract import types as t
from ..contract.operation import BlockInfo
from ..contract.progress import parallel_for
from ..contract.reach import Neighborhood, Reach
from ..contract.reach import size as size_of
from .padding import embedded, padded_block, window_reach
from .window_sums import box_means, tap_sums, weighted

Floats = NDArray[np.float64]

MOST_PIXELS = 2**21  # of a kernel: what it needs in memory and time stays bounded
MOST_TAPS = 256  # that are faster one by one than through a transform
SIDES = {2: 512, 3: 128}  # of a transform at least, by the number of axes, where the image is as large
MOST_POINTS = 2**24  # of a transform that is larger than twice the kernel
ROUNDING = {4: 2e-7, 8: 4e-15}  # of a product of one factor an axis, as a share of the sum of absolute weights


@dataclass(frozen=True)
class Stencil:
    """Of which pixels a result is made: the place of the first, relative to it, and the weights from there on."""

    low: tuple[int, ...]
    weights: Floats

    @property
    def radius(self) -> tuple[int, ...]:
        """How far away along each axis a pixel may count."""
        return tuple(max(-a, a + n - 1, 0) for a, n in zip(self.low, self.weights.shape, strict=True))

    def factors(self, precision: float) -> tuple[Floats, ...] | None:
        """Return one factor along each axis whose product the weights are, where there are such."""
        top = [int(i) for i in np.unravel_index(np.abs(self.weights).argmax(), self.weights.shape)]
        highest = self.weights[tuple(top)]
        lines = [np.moveaxis(self.weights, axis, -1)[(*top[:axis], *top[axis + 1 :])] for axis in range(len(top))]
        factors = (lines[0], *(line / highest for line in lines[1:]))
        left = np.abs(reduce(np.multiply.outer, factors) - self.weights).sum()
        return factors if left <= precision * np.abs(self.weights).sum() else None

    def is_quick(self, precision: float) -> bool:
        """Whether passes or single taps are the way, which leave nothing of the place of a box in the result."""
        return int(np.count_nonzero(self.weights)) <= MOST_TAPS or self.factors(precision) is not None


@dataclass(frozen=True)
class _Itself:
    """An array that equals itself only: a key of what was made of it."""

    array: t.Array

    def __hash__(self) -> int:
        return id(self.array)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Itself) and other.array is self.array


def stencil(kernel: t.Array) -> Stencil:
    """Return the stencil of a kernel whose pixel n // 2 along each axis is its middle, without zeros around it."""
    return _stencil(_Itself(kernel))


@lru_cache(maxsize=4)
def _stencil(kernel: _Itself) -> Stencil:
    array = kernel.array.astype(np.float64)
    used = [np.flatnonzero(array.any(axis=tuple({*range(array.ndim)} - {axis}))) for axis in range(array.ndim)]
    cut = array[tuple(slice(u[0], u[-1] + 1) for u in used)]
    low = tuple(int(n // 2 - u[-1]) for n, u in zip(array.shape, used, strict=True))
    return Stencil(low, np.ascontiguousarray(np.flip(cut)))


def check_kernel_size(name: str, value: Any, shape: tuple[int, ...]) -> None:
    """Refuse a kernel of more pixels than can be convolved with in reasonable memory."""
    if math.prod(shape) > MOST_PIXELS:
        raise ValueError(f"{name}={value}: a kernel of at most {MOST_PIXELS:,} pixels, not {math.prod(shape):,}")


def kernel_reach(kernel: t.Array, mode: str) -> Reach:
    """Return how far a kernel reaches; transforms agree with the whole to a tolerance only."""
    own = stencil(kernel)
    reach = window_reach(own.radius, mode)
    if isinstance(reach, Neighborhood) and not own.is_quick(ROUNDING[8]):
        return replace(reach, exact=False, halos=6)  # three times the kernel: as large as one transform's part
    return reach


def convolved(image: t.Array, info: BlockInfo, kernel: t.Array, mode: str, cval: float) -> t.Array:
    """Return the convolution of a block with a kernel, its sum as it is."""
    own = stencil(kernel)
    precision = ROUNDING[image.dtype.itemsize]
    wide = _windows(image, info, own.low, own.weights.shape, mode, cval)
    factors = own.factors(precision)
    taps = int(np.count_nonzero(own.weights))
    if factors is not None and (taps > MOST_TAPS or sum(own.weights.shape) <= max(taps, own.weights.ndim)):
        out = weighted(wide, [f.astype(image.dtype) for f in factors])
    elif taps <= MOST_TAPS:
        out = tap_sums(wide, own.weights.astype(image.dtype))
    else:
        out = _transformed(wide, kernel)
    return embedded(image, info, out)


def averaged(image: t.Array, info: BlockInfo, size: tuple[int, ...], mode: str, cval: float) -> t.Array:
    """Return the means over boxes whose pixel n // 2 is in the middle, in float64."""
    wide = _windows(image, info, tuple(n // 2 - n + 1 for n in size), size, mode, cval)
    return embedded(image, info, box_means(wide, size))


def _windows(
    image: t.Array, info: BlockInfo, low: tuple[int, ...], shape: tuple[int, ...], mode: str, cval: float
) -> t.Array:  # fmt: skip
    """Return all pixels that windows of a shape cover, which begin at `low` from each pixel of the wanted box."""
    radius = tuple(max(-a, a + n - 1, 0) for a, n in zip(low, shape, strict=True))
    wide = padded_block(image, info, radius, mode, cval)
    sides = [m + n - 1 for m, n in zip(size_of(info.core), shape, strict=True)]
    return wide[tuple(slice(r + a, r + a + n) for r, a, n in zip(radius, low, sides, strict=True))]


def _transformed(wide: t.Array, kernel: t.Array) -> t.Array:
    """Convolve by transforms of overlapping parts, of bounded size."""
    shape = stencil(kernel).weights.shape
    sides = tuple(m - n + 1 for m, n in zip(wide.shape, shape, strict=True))
    steps = _steps(sides, shape)
    lengths = tuple(fft.next_fast_len(s + n - 1, real=True) for s, n in zip(steps, shape, strict=True))
    spectrum = _spectrum(_Itself(kernel), lengths, wide.dtype)
    out = np.empty(sides, wide.dtype)

    def work(start: tuple[int, ...]) -> None:
        box = tuple(slice(a, min(a + s, n)) for a, s, n in zip(start, steps, sides, strict=True))
        read = tuple(slice(b.start, b.stop + n - 1) for b, n in zip(box, shape, strict=True))
        found = fft.rfftn(wide[read], lengths)
        found *= spectrum
        made = fft.irfftn(found, lengths, overwrite_x=True)
        out[box] = made[tuple(slice(b.stop - b.start) for b in box)]

    parallel_for(work, _starts(sides, steps))
    return out


def _steps(sides: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the sides of the parts into which a box is cut, about equal."""
    length = SIDES.get(len(sides), SIDES[3])
    wanted = [max(length, 4 * n) for n in shape]
    if math.prod(wanted) > MOST_POINTS:
        wanted = [max(length // 2, 2 * n) for n in shape]
    counts = [-(-m // (w - n + 1)) for m, w, n in zip(sides, wanted, shape, strict=True)]
    return tuple(-(-m // c) for m, c in zip(sides, counts, strict=True))


def _starts(sides: tuple[int, ...], steps: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    return product(*(range(0, m, s) for m, s in zip(sides, steps, strict=True)))


@lru_cache(maxsize=4)  # the parts at an edge may be smaller
def _spectrum(kernel: _Itself, lengths: tuple[int, ...], dtype: np.dtype[Any]) -> t.Array:
    """Return the conjugate transform of a stencil: a window's weights belong to the pixels after its first."""
    weights = stencil(kernel.array).weights.astype(dtype)
    spectrum: t.Array = np.conj(fft.rfftn(weights, lengths))
    spectrum.flags.writeable = False
    return spectrum
