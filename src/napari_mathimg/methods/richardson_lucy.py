"""The Richardson-Lucy iteration on a block."""

import math
from typing import NamedTuple

import numpy as np

from ..contract.progress import checkpoint, parallel_for
from ..contract.types import Array
from ..kernels import deconvolution as kernels
from .fourier import Convolver, Part, as_volume, padded_axes, transfer_functions
from .padded_axis import Boundary
from .point_spread.preparation import Kernel

KNOWN = 1e-4  # of the light of a pixel: where less of it reaches pixels that count, nothing is known
SLICES = 2**16  # pixels of a piece of the total variation


class Model(NamedTuple):
    """How an image came about: the PSF, what lies beyond the edges, an offset, and where pixels saturate."""

    kernel: Kernel
    boundary: Boundary
    background: float
    saturation: float


class Stop(NamedTuple):
    """How long to iterate: at most so many times, until the change is small, keeping each so many-th estimate."""

    num_iter: int
    tolerance: float
    keep_every: int


def estimates(image: Array, model: Model, regularization: float, stop: Stop) -> Array:
    """Return the last estimate, or where some are kept all of these on a first axis."""
    frames = stop.num_iter // stop.keep_every if stop.keep_every else 1
    kept = np.zeros((frames, *image.shape), image.dtype)
    top = float(image.max(initial=0))
    if top > 0:
        _Iteration(image, model, regularization, 2.0 ** -math.frexp(top)[1], stop).fill(kept)
    return kept if stop.keep_every else kept[0]


class _Iteration:
    """The state of an iteration, its values from 0 to 1."""

    def __init__(self, image: Array, model: Model, regularization: float, gain: float, stop: Stop) -> None:
        self.image, self.model, self.gain, self.stop = as_volume(image), model, gain, stop
        self.number = image.dtype.type
        kernel = as_volume(model.kernel)
        self.convolver = Convolver(padded_axes(self.image.shape, kernel.shape, model.boundary), image.dtype)
        sizes = tuple(c.size for c in self.convolver.circles)
        transfer = transfer_functions.of(kernel, sizes, image.dtype)
        self._parts = self.convolver.spectrum.view(image.dtype), transfer.view(image.dtype)
        self.masked = model.saturation < math.inf
        self.estimate = np.full(self.image.shape, model.saturation * gain if self.masked else 1, image.dtype)
        self.none = np.empty((0, 1, 1), image.dtype)
        self.weight = self._sensitivity(kernel)
        self.strength = regularization
        self.slopes = np.empty_like(self.estimate) if regularization else None

    def fill(self, kept: Array) -> None:
        """Iterate, and copy the estimates that are kept, in the image's own values."""
        num_iter, tolerance, every = self.stop
        every = every or num_iter
        made = 0
        for k in range(num_iter):
            change = self._step(k)
            stops = tolerance > 0 and k > 0 and change < tolerance
            if (k + 1) % every == 0 or stops:
                np.multiply(self.estimate, 1 / self.gain, out=as_volume(kept[made]))
                made += 1
            if stops:
                kept[made:] = kept[made - 1]
                return

    def _step(self, k: int) -> float:
        """Replace the estimate by the next one; return its relative change."""
        convolver, model = self.convolver, self.model
        changes: dict[tuple[int, int], tuple[float, float]] = {}
        background, nothing = self.number(model.background * self.gain), self.number(0)
        less, offset = (nothing, background) if k else (background, nothing)  # the first is an image of light alone
        floor = self.number(np.finfo(self.number).eps)
        ceiling = self.number(model.saturation)

        def load(part: Part, pixels: Array) -> None:
            pixels[...] = self.estimate[part]

        def divide(part: Part, pixels: Array) -> None:
            kernels.divide(self.image[part], self.number(self.gain), less, offset, floor, ceiling, pixels)

        def improve(part: Part, pixels: Array) -> None:
            if self.slopes is not None:
                pixels *= self.slopes[part]
            weight = self.none if self.weight is None else self.weight[part]
            kernels.improve(self.estimate[part], weight, pixels)
            if self.stop.tolerance > 0:
                changes[part[0].start, part[1].start] = kernels.change(self.estimate[part], pixels)
            self.estimate[part] = pixels

        if k == 0:
            convolver.rows(load, extend=True)
        self._blur(k, 0.2)
        convolver.rows(divide, back=True)
        self._blur(k, 0.6, transposed=True)
        if self.slopes is not None:
            self._vary()
        convolver.rows(improve, back=True, on=k + 1 < self.stop.num_iter, fold=True, extend=True)
        checkpoint((k + 1) / self.stop.num_iter)
        change, total = np.sum([changes[part] for part in sorted(changes)], axis=0) if changes else (0.0, 0.0)
        return float(change / total) if total > 0 else 0.0

    def _blur(self, k: int, done: float, transposed: bool = False) -> None:
        spectrum, transfer = self._parts
        checkpoint((k + done) / self.stop.num_iter)

        def multiply(rows: slice, columns: slice, own: Array) -> None:
            both = slice(2 * columns.start, 2 * columns.stop)
            kernels.multiply(spectrum[:, rows, both], transfer[:, rows, both], transposed)

        self.convolver.frequencies(multiply, fold=transposed, extend=not transposed)

    def _vary(self) -> None:
        """Find what the total variation divides by."""
        assert self.slopes is not None
        slopes, number, n = self.slopes, self.number, len(self.estimate)
        step = max(1, SLICES // self.estimate[0].size)
        level = 4 * np.count_nonzero(np.array(slopes.shape) > 1) * self.strength  # lest a step overshoots

        def work(first: int) -> None:
            stop = min(first + step, n)
            kernels.total_variation(self.estimate, first, stop, number(self.strength), number(level), slopes)

        parallel_for(work, range(0, n, step))

    def _sensitivity(self, kernel: Kernel) -> Array | None:
        """Return one over the share of each pixel's light that is seen; None where it is 1 everywhere."""
        edgeless = self.model.boundary != "reflect" or np.array_equal(kernel, np.flip(kernel))
        if edgeless and not self.masked:
            return None
        seen = self._seen(self.model.saturation)
        whole = self._seen(math.inf) if self.masked and self.model.boundary != "periodic" else np.ones_like(seen)
        with np.errstate(divide="ignore", invalid="ignore"):
            weight: Array = (whole if self.model.boundary == "zero" else 1) / seen
        weight[seen <= KNOWN * whole] = -1 if self.masked else 0
        weight[whole <= KNOWN] = 0
        return weight

    def _seen(self, ceiling: float) -> Array:
        """Return the transpose of the blur, applied to the pixels that count."""
        out = np.empty_like(self.estimate)

        def load(part: Part, pixels: Array) -> None:
            pixels[...] = self.image[part] < ceiling

        def keep(part: Part, pixels: Array) -> None:
            out[part] = pixels

        self.convolver.rows(load)
        self._blur(0, 0, transposed=True)
        self.convolver.rows(keep, back=True, on=False, fold=True)
        return out


def blurred(image: Array, kernel: Kernel, boundary: Boundary, transposed: bool = False) -> Array:
    """Return an image convolved with a kernel on its middle, or the transpose of that operation applied to it."""
    block, kernel = as_volume(image), as_volume(kernel)
    convolver = Convolver(padded_axes(block.shape, kernel.shape, boundary), image.dtype)
    transfer = transfer_functions.of(kernel, tuple(c.size for c in convolver.circles), image.dtype)
    out = np.empty_like(block)

    def load(part: Part, pixels: Array) -> None:
        pixels[...] = block[part]

    def multiply(rows: slice, columns: slice, own: Array) -> None:
        own *= np.conj(transfer[:, rows, columns]) if transposed else transfer[:, rows, columns]

    def keep(part: Part, pixels: Array) -> None:
        out[part] = pixels

    convolver.rows(load, extend=not transposed)
    convolver.frequencies(multiply, fold=transposed, extend=not transposed)
    convolver.rows(keep, back=True, on=False, fold=transposed)
    return out.reshape(image.shape)
