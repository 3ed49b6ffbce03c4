"""Multiplication of a block's spectrum by transfer functions, in bounded pieces that threads share.

A block, a plane or a volume, always has three axes here; the middle one of a plane has a length of 1. All steps along
an axis are done while a piece of the spectrum is in the cache: padding and transform on the way to frequencies, inverse
transform and folding on the way back.
"""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contract.progress import checkpoint, parallel_for
from ..contract.types import Array
from . import padded_axis
from .array_cache import ArrayCache, digest
from .padded_axis import Boundary, PaddedAxis

PIECE = 2**17  # numbers transformed between two checkpoints
CACHE_BYTES = 2**27  # of transfer functions

Part = tuple[slice, slice]  # slices and rows of a block
PixelFunction = Callable[[Part, Array], None]
FrequencyFunction = Callable[[slice, slice, Array], None]


def as_volume(block: Array) -> Array:
    """Return a view with three axes."""
    return block.reshape(block.shape[0], 1, block.shape[1]) if block.ndim == 2 else block


def padded_axes(
    shape: tuple[int, ...], kernel: tuple[int, ...], boundary: Boundary, half_sizes: int = 1
) -> list[PaddedAxis]:
    """Return the padded axes of a block of three axes, with margins of some half-sizes of a kernel of odd sides."""
    return [padded_axis.padded_axis(n, half_sizes * (k // 2), boundary) for n, k in zip(shape, kernel, strict=True)]


def spectrum_numbers(shape: tuple[int, ...], kernel: tuple[int, ...], boundary: Boundary, half_sizes: int = 1) -> int:
    """Return of how many real numbers the spectrum of a plane or volume consists; arguments as in `padded_axes`."""
    padded = padded_axes(_three(shape), _three(kernel), boundary, half_sizes)
    return padded[0].size * padded[1].size * 2 * (padded[2].size // 2 + 1)


def _three(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (shape[0], 1, shape[1]) if len(shape) == 2 else shape


class Convolver:
    """The spectrum of a block, and the passes that compute, change and invert it.

    Parameters
    ----------
    axes
        The three padded axes.
    dtype
        Floating-point type of the block.
    pad
        Function that fills the padding of an axis.
    """

    def __init__(
        self,
        axes: list[PaddedAxis],
        dtype: Any,
        pad: Callable[[Array, int, PaddedAxis], None] = padded_axis.extend,
    ) -> None:
        self.axes = axes
        self.shape = (axes[0].size, axes[1].size, axes[2].size // 2 + 1)
        self.spectrum = np.empty(self.shape, np.result_type(dtype, np.complex64))
        self._pad = pad

    def process_rows(
        self,
        function: PixelFunction,
        *,
        inverse: bool = False,
        forward: bool = True,
        fold: bool = False,
        extend: bool = False,
    ) -> None:
        """Call a function that reads and changes the pixels, part by part, between transforms along two axes.

        Parameters
        ----------
        function
            Called with each part and its pixels, of shape (slices, rows, columns).
        inverse
            Transform the spectrum back along its last two axes first; otherwise the pixels are uninitialized.
        forward
            Transform the pixels along these axes afterward.
        fold
            Fold the padding back onto the pixels after the inverse transform.
        extend
            Pad the pixels as the boundary says before the forward transform; otherwise with zeros.
        """
        _, down, across = self.axes
        n = self.axes[0].n
        step = max(1, PIECE // (self.shape[1] * self.shape[2] * 2))
        pad = self._pad if extend else padded_axis.clear

        def work(first: int) -> None:
            slices = slice(first, min(first + step, n))
            slab = self.spectrum[slices]
            bands = list(_bands(slab.shape[2], slab.shape[0] * down.size)) if down.size > 1 else []
            if inverse:
                for band in bands:
                    checkpoint()
                    padded_axis.invert(slab[..., band], 1)
                    if fold:
                        padded_axis.fold(slab[..., band], 1, down)
            for rows in _bands(down.n, slab.shape[0] * slab.shape[2] * 2):
                checkpoint()
                if inverse:
                    pixels = padded_axis.invert_real(slab[:, rows], across.size)
                    if fold:
                        padded_axis.fold(pixels, 2, across)
                else:
                    pixels = np.empty((slab.shape[0], rows.stop - rows.start, across.size), self.spectrum.real.dtype)
                function((slices, rows), pixels[..., : across.n])
                if forward:
                    pad(pixels, 2, across)
                    padded_axis.transform_real(pixels, slab[:, rows])
            for band in bands if forward else ():
                checkpoint()
                pad(slab[..., band], 1, down)
                padded_axis.transform(slab[..., band], 1)

        parallel_for(work, range(0, n, step))

    def process_frequencies(
        self,
        function: FrequencyFunction | None = None,
        *,
        forward: bool = True,
        inverse: bool = True,
        fold: bool = False,
        extend: bool = False,
    ) -> None:
        """Call a function that changes the spectrum, box by box, between transforms along the first axis.

        Parameters
        ----------
        function
            Called with the rows and columns of each box and its frequencies; None changes nothing.
        forward, inverse
            Transform along the first axis first, and back afterward.
        fold, extend
            As in `process_rows`.
        """
        first = self.axes[0]
        pad = self._pad if extend else padded_axis.clear

        def work(box: tuple[slice, slice]) -> None:
            frequencies = self.spectrum[:, box[0], box[1]]
            if forward:
                pad(frequencies, 0, first)
                padded_axis.transform(frequencies, 0)
            if function is not None:
                function(*box, frequencies)
            if inverse:
                padded_axis.invert(frequencies, 0)
                if fold:
                    padded_axis.fold(frequencies, 0, first)

        parallel_for(work, self._boxes())

    def _boxes(self) -> Iterator[tuple[slice, slice]]:
        """Yield the rows and columns of the boxes in which frequencies are processed."""
        size, down, across = self.shape
        for columns in _bands(across, size):
            yield from ((rows, columns) for rows in _bands(down, size * (columns.stop - columns.start)))


def _bands(n: int, cost: int) -> Iterator[slice]:
    """Yield slices of an axis of length n, each index of which costs `cost` transformed numbers."""
    step = max(1, PIECE // max(cost, 1))
    for start in range(0, n, step):
        yield slice(start, min(start + step, n))


class TransferFunctions(ArrayCache):
    """A cache of the transfer functions of centered kernels, by their content."""

    def of(self, kernel: Array, sizes: tuple[int, ...], dtype: Any) -> NDArray[Any]:
        """Return the transfer function of a kernel of three axes for transforms of some sizes; callers only read it."""
        key = (digest(kernel), sizes, np.dtype(dtype).char)
        return self.get(key, lambda: _transfer_function(kernel, sizes, dtype))


def _transfer_function(kernel: Array, sizes: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    """Return the spectrum of a kernel whose middle pixel lies at the origin, rounded once: iterations add up errors."""
    convolver = Convolver([PaddedAxis(n, n, 0, "periodic") for n in sizes], np.float64)
    positions = [(np.arange(k) - k // 2) % n for k, n in zip(kernel.shape, sizes, strict=True)]

    def place(part: Part, pixels: Array) -> None:
        pixels[...] = 0
        inside = [np.flatnonzero((p >= s.start) & (p < s.stop)) for p, s in zip(positions, part, strict=False)]
        for i, j in itertools.product(*inside):
            row = pixels[positions[0][i] - part[0].start, positions[1][j] - part[1].start]
            np.add.at(row, positions[2], kernel[i, j])

    convolver.process_rows(place)
    convolver.process_frequencies(inverse=False)
    return convolver.spectrum.astype(np.result_type(dtype, np.complex64), copy=False)


transfer_functions = TransferFunctions(CACHE_BYTES)
