"""Products with transfer functions on blocks of any size: bounded pieces, side by side, each of which can be canceled.

A block is a plane or a volume; here it always has three axes, the middle one of a plane being 1 long. All that happens
along one axis is done where a piece of the spectrum lies in the cache: the image is continued beyond its edges, then
transformed, on the way back transformed and folded.
"""

import hashlib
import itertools
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contract.progress import checkpoint, parallel_for
from ..contract.types import Array
from . import padded_axis
from .padded_axis import Boundary, PaddedAxis

PIECE = 2**17  # numbers transformed between two checkpoints
KEPT = 2**27  # bytes of transfer functions

Part = tuple[slice, slice]  # slices and rows of a block
Use = Callable[[Part, Array], None]
Change = Callable[[slice, slice, Array], None]


def as_volume(block: Array) -> Array:
    """Return a view with three axes."""
    return block.reshape(block.shape[0], 1, block.shape[1]) if block.ndim == 2 else block


def padded_axes(
    shape: tuple[int, ...], kernel: tuple[int, ...], boundary: Boundary, reaches: int = 1
) -> list[PaddedAxis]:
    """Return the circles on which a block (three axes) is convolved with an odd kernel, seen so many times as far."""
    return [padded_axis.padded_axis(n, reaches * (k // 2), boundary) for n, k in zip(shape, kernel, strict=True)]


class Convolver:
    """The spectrum of a block, and the passes in which it is made, changed and turned back.

    Parameters
    ----------
    circles
        One for each of three axes.
    dtype
        Floating-point type of the block.
    extend
        How an axis goes on beyond its ends.
    """

    def __init__(
        self,
        circles: list[PaddedAxis],
        dtype: Any,
        extend: Callable[[Array, int, PaddedAxis], None] = padded_axis.extend,
    ) -> None:
        self.circles = circles
        self.shape = (circles[0].size, circles[1].size, circles[2].size // 2 + 1)
        self.spectrum = np.empty(self.shape, np.result_type(dtype, np.complex64))
        self._extend = extend

    def rows(self, use: Use, *, back: bool = False, on: bool = True, fold: bool = False, extend: bool = False) -> None:
        """Let `use` see and change all pixels, part by part.

        `back` says that the pixels come from the spectrum (and whether what lies beyond the edges is folded back);
        `on` that they go to it (and whether they are continued beyond the edges, or followed by zeros).
        """
        _, down, across = self.circles
        n = self.circles[0].n
        step = max(1, PIECE // (self.shape[1] * self.shape[2] * 2))
        grow = self._extend if extend else padded_axis.clear

        def work(first: int) -> None:
            slices = slice(first, min(first + step, n))
            own = self.spectrum[slices]
            bands = list(_bands(own.shape[2], own.shape[0] * down.size)) if down.size > 1 else []
            if back:
                for band in bands:
                    checkpoint()
                    padded_axis.backward(own[..., band], 1)
                    if fold:
                        padded_axis.fold(own[..., band], 1, down)
            for rows in _bands(down.n, own.shape[0] * own.shape[2] * 2):
                checkpoint()
                if back:
                    pixels = padded_axis.backward_real(own[:, rows], across.size)
                    if fold:
                        padded_axis.fold(pixels, 2, across)
                else:
                    pixels = np.empty((own.shape[0], rows.stop - rows.start, across.size), self.spectrum.real.dtype)
                use((slices, rows), pixels[..., : across.n])
                if on:
                    grow(pixels, 2, across)
                    padded_axis.forward_real(pixels, own[:, rows])
            for band in bands if on else ():
                checkpoint()
                grow(own[..., band], 1, down)
                padded_axis.forward(own[..., band], 1)

        parallel_for(work, range(0, n, step))

    def frequencies(
        self,
        change: Change | None = None,
        *,
        back: bool = True,
        on: bool = True,
        fold: bool = False,
        extend: bool = False,
    ) -> None:
        """Let `change` change all frequencies, box by box, between the transform along the first axis and its inverse.

        `on` and `back` say whether these two are done, `extend` and `fold` are as in `rows`.
        """
        first = self.circles[0]
        grow = self._extend if extend else padded_axis.clear

        def work(box: tuple[slice, slice]) -> None:
            own = self.spectrum[:, box[0], box[1]]
            if on:
                grow(own, 0, first)
                padded_axis.forward(own, 0)
            if change is not None:
                change(*box, own)
            if back:
                padded_axis.backward(own, 0)
                if fold:
                    padded_axis.fold(own, 0, first)

        parallel_for(work, self.boxes())

    def boxes(self) -> Iterator[tuple[slice, slice]]:
        """Yield the boxes of the last two axes in which frequencies are changed."""
        size, down, across = self.shape
        for band in _bands(across, size):
            yield from ((part, band) for part in _bands(down, size * (band.stop - band.start)))


def _bands(n: int, cost: int) -> Iterator[slice]:
    """Yield slices of an axis of which each unit costs so much."""
    step = max(1, PIECE // max(cost, 1))
    for start in range(0, n, step):
        yield slice(start, min(start + step, n))


class TransferFunctions:
    """Transfer functions of kernels whose middle is their center; those used last are kept."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._cache: OrderedDict[Any, NDArray[Any]] = OrderedDict()
        self._locks: dict[Any, threading.Lock] = {}
        self._lock = threading.Lock()

    def of(self, kernel: Array, sizes: tuple[int, ...], dtype: Any) -> NDArray[Any]:
        """Return the transfer function of a kernel (three axes) on circles of some sizes; it is not to be changed."""
        digest = hashlib.blake2b(np.ascontiguousarray(kernel).data, digest_size=16).digest()
        name = (digest, kernel.shape, sizes, np.dtype(dtype).char)
        with self._lock:
            own = self._locks.setdefault(name, threading.Lock())
        try:
            with own:  # others that need the same one wait for it
                with self._lock:
                    if name in self._cache:
                        self._cache.move_to_end(name)
                        return self._cache[name]
                made = _transfer_function(kernel, sizes, dtype)
                with self._lock:
                    if made.nbytes <= self._capacity:
                        self._cache[name] = made
                    while sum(kept.nbytes for kept in self._cache.values()) > self._capacity:
                        self._cache.popitem(last=False)
                return made
        finally:
            with self._lock:
                self._locks.pop(name, None)


def _transfer_function(kernel: Array, sizes: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    """Lay a kernel's middle on the origin, the rest around it, and transform."""
    circles = [PaddedAxis(n, n, 0, "periodic") for n in sizes]
    made = Convolver(circles, dtype)
    places = [(np.arange(k) - k // 2) % n for k, n in zip(kernel.shape, sizes, strict=True)]

    def lay(part: Part, pixels: Array) -> None:
        pixels[...] = 0
        chosen = [np.flatnonzero((p >= s.start) & (p < s.stop)) for p, s in zip(places, part, strict=False)]
        for i, j in itertools.product(*chosen):
            np.add.at(pixels[places[0][i] - part[0].start, places[1][j] - part[1].start], places[2], kernel[i, j])

    made.rows(lay)
    made.frequencies(back=False)
    return made.spectrum


transfer_functions = TransferFunctions(KEPT)
