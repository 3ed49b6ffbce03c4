"""Convolution by the fastest of three ways: axis by axis, weight by weight, or by Fourier transforms."""

import math
from dataclasses import dataclass, replace
from functools import reduce
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from ..contract import types as t
from ..contract.operation import BlockInfo
from ..contract.progress import parallel_for
from ..contract.quantities import count
from ..contract.reach import Neighborhood, Reach
from ..contract.reach import size as size_of
from .array_cache import ArrayCache, digest
from .direct_convolution import average_windows, correlate_scattered, correlate_separable
from .holes import Mask, average_valid
from .padding import embedded, padded_block, window_reach

Floats = NDArray[np.float64]

MAX_PIXELS = 2**21  # of a kernel, to bound memory and time
CACHE_BYTES = 2**26  # of transfer functions
MAX_TAPS = 256  # nonzero weights up to which direct summation is faster than a transform
FFT_SIDES = {2: 512, 3: 128}  # minimum sides of a transform by the number of axes, if the image is that large
MAX_FFT_POINTS = 2**24  # of a transform with more than twice the kernel's sides
ROUNDING = {4: 2e-7, 8: 4e-15}  # error of separable weights up to which they are used, relative to the sum of all


@dataclass(frozen=True)
class Stencil:
    """Weights of the neighbors of a pixel; `low` is the offset of the first neighbor from the pixel."""

    low: tuple[int, ...]
    weights: Floats

    @property
    def radius(self) -> tuple[int, ...]:
        """Largest distance of a neighbor along each axis."""
        return tuple(max(-a, a + n - 1, 0) for a, n in zip(self.low, self.weights.shape, strict=True))

    def separate(self, precision: float) -> tuple[Floats, ...] | None:
        """Return one factor per axis whose outer product equals the weights to a precision; None if there is none."""
        peak = [int(i) for i in np.unravel_index(np.abs(self.weights).argmax(), self.weights.shape)]
        highest = self.weights[tuple(peak)]
        lines = [np.moveaxis(self.weights, axis, -1)[(*peak[:axis], *peak[axis + 1 :])] for axis in range(len(peak))]
        factors = (lines[0], *(line / highest for line in lines[1:]))
        error = np.abs(reduce(np.multiply.outer, factors) - self.weights).sum()
        return factors if error <= precision * np.abs(self.weights).sum() else None

    def is_direct(self, precision: float) -> bool:
        """Whether direct summation is used, whose result does not depend on where a box begins."""
        return int(np.count_nonzero(self.weights)) <= MAX_TAPS or self.separate(precision) is not None


def stencil(kernel: t.Array) -> Stencil:
    """Return the stencil of a kernel, without surrounding zeros; the kernel's center has the index n // 2."""
    array = kernel.astype(np.float64)
    used = [np.flatnonzero(array.any(axis=tuple({*range(array.ndim)} - {axis}))) for axis in range(array.ndim)]
    trimmed = array[tuple(slice(u[0], u[-1] + 1) for u in used)]
    low = tuple(int(n // 2 - u[-1]) for n, u in zip(array.shape, used, strict=True))
    return Stencil(low, np.ascontiguousarray(np.flip(trimmed)))


def check_kernel_size(name: str, value: Any, shape: tuple[int, ...]) -> None:
    """Raise ValueError for a kernel that is too large."""
    if math.prod(shape) > MAX_PIXELS:
        raise ValueError(
            f"{name}={value}: must give a kernel of at most {count(MAX_PIXELS)} pixels, not {count(math.prod(shape))}"
        )


def checked_kernel_reach(kernel: t.Array, shape: tuple[int, ...], mode: str) -> Reach:
    """Return the reach of a kernel; raise ValueError for one that images of a shape cannot be convolved with."""
    if kernel.ndim != len(shape):
        raise ValueError(f"kernel: must have {len(shape)} axes, not the shape {kernel.shape}")
    if not kernel.any():
        raise ValueError("kernel: must contain a number other than 0")
    check_kernel_size("kernel", "x".join(map(str, kernel.shape)), kernel.shape)
    return kernel_reach(kernel, mode)


def kernel_reach(kernel: t.Array, mode: str) -> Reach:
    """Return the reach of a kernel; it is not exact where Fourier transforms are used."""
    neighbors = stencil(kernel)
    reach = window_reach(neighbors.radius, mode)
    if isinstance(reach, Neighborhood) and not neighbors.is_direct(ROUNDING[8]):
        return replace(reach, exact=False, halos=6)  # tiles of three times the kernel are as large as one transform
    return reach


def convolve_block(
    image: t.Array, info: BlockInfo, kernel: t.Array, mode: str, cval: float, valid: Mask | None, level: float
) -> t.Array:
    """Return the convolution of a block with a kernel, in the block's type.

    Parameters
    ----------
    image, info
        Block, holes filled, and where it lies.
    kernel
        Kernel, whose center has the index n // 2.
    mode, cval
        How the image continues beyond its edges.
    valid
        Mask of the pixels that are no holes, or None. Holes have no weight, and the others share theirs, unless the
        kernel has negative weights.
    level
        Value that is subtracted before pixels are summed, and added afterward.
    """
    neighbors = stencil(kernel)
    shape = neighbors.weights.shape
    padded = _pad_for_windows(image, info, neighbors.low, shape, mode, cval, level)
    known = None
    if valid is not None and neighbors.weights.min() >= 0:
        known = _pad_for_windows(valid, info, neighbors.low, shape, mode, True)
    # Transforms in float32 are too coarse for the weights of fills.
    transformed = image.dtype if known is None else np.dtype(np.float64)
    out = average_valid(lambda x: _correlate(x, kernel, transformed), padded, known, shape)
    if level:
        out += image.dtype.type(level * float(neighbors.weights.sum()))
    return embedded(image, info, out)


def _correlate(padded: t.Array, kernel: t.Array, transformed: np.dtype[Any]) -> t.Array:
    """Return the weighted sums of all windows of an array, in its type; `transformed` is that of Fourier transforms."""
    neighbors = stencil(kernel)
    weights = neighbors.weights
    factors = neighbors.separate(ROUNDING[padded.dtype.itemsize])
    taps = int(np.count_nonzero(weights))
    if factors is not None and (taps > MAX_TAPS or sum(weights.shape) <= max(taps, weights.ndim)):
        return correlate_separable(padded, [f.astype(padded.dtype) for f in factors])
    if taps <= MAX_TAPS:
        return correlate_scattered(padded, weights.astype(padded.dtype))
    return _convolve_by_fft(padded, kernel, transformed)


def average_boxes(
    image: t.Array, info: BlockInfo, size: tuple[int, ...], mode: str, cval: float, valid: Mask | None
) -> t.Array:
    """Return the means of boxes around the pixels of a block, in float64; a box's center has the index n // 2.

    Holes, which are not `valid`, have no weight.
    """
    low = tuple(n // 2 - n + 1 for n in size)
    padded = _pad_for_windows(image, info, low, size, mode, cval)
    known = None if valid is None else _pad_for_windows(valid, info, low, size, mode, True)
    means = average_valid(lambda x: average_windows(x, size), padded, known, size)
    if max(padded.max(), -padded.min()) > np.finfo(padded.dtype).max / math.prod(size):  # sums may exceed the type
        count = math.prod(size)
        smaller = average_valid(lambda x: average_windows(x, size) * count, padded.astype(float) / count, known, size)
        means = np.where(np.isfinite(means), means, smaller)
    return embedded(image, info, means)


def _pad_for_windows(
    image: t.Array, info: BlockInfo, low: tuple[int, ...], shape: tuple[int, ...], mode: str, cval: float,
    level: float = 0.0,
) -> t.Array:  # fmt: skip
    """Return the pixels covered by all windows of a shape that begin at the offset `low` from the wanted pixels."""
    radius = tuple(max(-a, a + n - 1, 0) for a, n in zip(low, shape, strict=True))
    padded = padded_block(image, info, radius, mode, cval, level)
    sides = [m + n - 1 for m, n in zip(size_of(info.core), shape, strict=True)]
    return padded[tuple(slice(r + a, r + a + n) for r, a, n in zip(radius, low, sides, strict=True))]


def _convolve_by_fft(padded: t.Array, kernel: t.Array, dtype: np.dtype[Any]) -> t.Array:
    """Convolve by Fourier transforms of overlapping parts (overlap-save), which bounds their size."""
    shape = stencil(kernel).weights.shape
    sides = tuple(m - n + 1 for m, n in zip(padded.shape, shape, strict=True))
    steps = _part_sides(sides, shape)
    lengths = tuple(fft.next_fast_len(s + n - 1, real=True) for s, n in zip(steps, shape, strict=True))
    key = (digest(kernel), lengths, dtype.char)
    transfer = _transfer_functions.get(key, lambda: _transfer_function(kernel, lengths, dtype))
    out = np.empty(sides, padded.dtype)

    def work(start: tuple[int, ...]) -> None:
        box = tuple(slice(a, min(a + s, n)) for a, s, n in zip(start, steps, sides, strict=True))
        read = tuple(slice(b.start, b.stop + n - 1) for b, n in zip(box, shape, strict=True))
        spectrum = fft.rfftn(_extended(padded[read], lengths, dtype))
        spectrum *= transfer
        part = fft.irfftn(spectrum, lengths, overwrite_x=True)
        out[box] = part[tuple(slice(b.stop - b.start) for b in box)]

    parallel_for(work, product(*(range(0, m, s) for m, s in zip(sides, steps, strict=True))))
    return out


def _extended(part: t.Array, lengths: tuple[int, ...], dtype: np.dtype[Any]) -> t.Array:
    """Return an array of some lengths that ends with zeros; SciPy would keep a copy of its own beside another type."""
    extended = np.zeros(lengths, dtype)
    extended[tuple(map(slice, part.shape))] = part
    return extended


def _part_sides(sides: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the sides of about equal parts into which a box is divided for a kernel of a shape."""
    length = FFT_SIDES.get(len(sides), FFT_SIDES[3])
    wanted = [max(length, 4 * n) for n in shape]
    if math.prod(wanted) > MAX_FFT_POINTS:
        wanted = [max(length // 2, 2 * n) for n in shape]
    counts = [-(-m // (w - n + 1)) for m, w, n in zip(sides, wanted, shape, strict=True)]
    return tuple(-(-m // c) for m, c in zip(sides, counts, strict=True))


def _transfer_function(kernel: t.Array, lengths: tuple[int, ...], dtype: np.dtype[Any]) -> t.Array:
    """Return the conjugate transform of a stencil, which correlates with its weights."""
    spectrum: t.Array = np.conj(fft.rfftn(stencil(kernel).weights.astype(dtype), lengths))
    spectrum.flags.writeable = False
    return spectrum


_transfer_functions = ArrayCache(CACHE_BYTES)
