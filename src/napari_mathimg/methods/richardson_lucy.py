"""The Richardson-Lucy iteration on a block, and its reach."""

import math
from typing import Any, NamedTuple

import numpy as np

from ..contract.progress import checkpoint, parallel_for
from ..contract.quantities import number
from ..contract.reach import Neighborhood, Reach, Whole
from ..contract.types import Array
from ..kernels import deconvolution as kernels
from .fourier import Convolver, Part, as_volume, padded_axes, transfer_functions
from .holes import Mask
from .padded_axis import Boundary
from .point_spread.preparation import Border, Center, Kernel, check_extent, prepare_psf, rms_radius

MOST_EXPONENT = 126  # of the highest value, so that gains and their inverses are float32 numbers
LEAST_SEEN = 1e-4  # share of a pixel's light that must reach valid pixels, or nothing is known about the pixel
SLICE_PIXELS = 2**16  # of a piece of the total variation
CUTOFF = 6.0  # standard deviations of the PSF times the root of the iterations: see benchmarks/reaches.py
HALOS = 24  # threads share the work on a tile, so that few large tiles save repeated work
MAX_PIXELS = 2**24  # of such a tile with its margins, where smaller ones are possible
MAX_SINGLE = 30  # iterations whose rounding errors in float32 are small beside the tolerance


def iteration_reach(
    psf: Array, center: Center, psf_border: Border, boundary: Boundary, num_iter: int, tolerance: float,
    regularization: float, shape: tuple[int, ...],
) -> Reach:  # fmt: skip
    """Return the reach of some iterations; raise ValueError for a PSF that does not fit the image.

    Each iteration reaches two half-sizes of the PSF farther, but distant influences fade. An error is multiplied by
    ``1 - |H|²`` in each iteration: near zeros of H, it spreads like a Gaussian whose width grows with the square root
    of the number of iterations, until noise or darkness stops it.
    """
    kernel, _ = prepare_psf(psf, center, psf_border)
    check_extent(kernel, shape)
    if boundary == "periodic":
        return Whole("a periodic boundary joins opposite edges")
    if tolerance > 0:
        return Whole("the stopping rule looks at all pixels")
    gradient = 0.5 if regularization else 0
    full = [2 * num_iter * (k // 2 + gradient) for k in kernel.shape]
    cutoff = [CUTOFF * math.sqrt(num_iter) * (d + gradient) for d in rms_radius(kernel)]
    radius = tuple(math.ceil(min(both)) for both in zip(full, cutoff, strict=True))
    # A short axis is one tile: a narrow remainder would cost as much as its margins.
    short = [math.ceil(n / r) for n, r in zip(shape, radius, strict=True) if r and n < 2 * HALOS * r]
    for halos in (max(HALOS, *short, 0), *range(HALOS, 2, -1)):
        if math.prod(min(n, (halos + 2) * max(r, 1)) for n, r in zip(shape, radius, strict=True)) <= MAX_PIXELS:
            break
    return Neighborhood(radius, exact=False, halos=halos)


def iterated_type(dtype: np.dtype[Any], num_iter: int, masked: bool) -> np.dtype[Any]:
    """Return the type to iterate in: rounding errors add up, most where holes or saturated pixels hide the light."""
    return np.dtype(np.float64) if masked or num_iter > MAX_SINGLE else dtype


def refuse_negative(image: Array) -> tuple[Array, ...]:
    """Raise ValueError for a block with negative values; as a statistic, return nothing."""
    low = image.min()
    if low < 0:
        raise ValueError(
            f"image: must have no negative values, but has {number(low)}; clip it, or add {number(-low)} to"
            f" image and background"
        )
    return ()


class Model(NamedTuple):
    """How the image was formed: PSF, light beyond the edges, background, and the value at which pixels saturate."""

    kernel: Kernel
    boundary: Boundary
    background: float
    saturation: float


class Stop(NamedTuple):
    """When to stop: the number of iterations and the relative change; every `keep_every`-th estimate is kept."""

    num_iter: int
    tolerance: float
    keep_every: int


def iterate(image: Array, model: Model, regularization: float, stop: Stop, valid: Mask | None) -> Array:
    """Return the last estimate, or the kept ones along a first axis; holes, which are not `valid`, have no weight."""
    frames = stop.num_iter // stop.keep_every if stop.keep_every else 1
    kept = np.zeros((frames, *image.shape), image.dtype)
    highest = float(image.max(initial=0))
    if highest > 0:
        gain = 2.0 ** -min(math.frexp(highest)[1], MOST_EXPONENT)
        _Iteration(image, model, regularization, gain, stop, valid).run(kept)
    return kept if stop.keep_every else kept[0]


class _Iteration:
    """The state of an iteration; the image times `gain`, a power of 2, is about 1 at most."""

    def __init__(
        self, image: Array, model: Model, regularization: float, gain: float, stop: Stop, valid: Mask | None
    ) -> None:
        seen = image if valid is None else np.where(valid, image, image.dtype.type(np.inf))  # holes have no weight
        self.image, self.model, self.gain, self.stop = as_volume(seen), model, gain, stop
        self.number = image.dtype.type
        kernel = as_volume(model.kernel)
        axes = padded_axes(self.image.shape, kernel.shape, model.boundary)
        transfer = transfer_functions.of(kernel, tuple(axis.size for axis in axes), image.dtype)  # made in float64
        self.convolver = Convolver(axes, image.dtype)
        # Real and imaginary parts in turn, because a kernel's loops over real numbers vectorize.
        self._spectrum, self._transfer = self.convolver.spectrum.view(image.dtype), transfer.view(image.dtype)
        self.masked = model.saturation < math.inf or valid is not None
        initial = model.saturation * gain if model.saturation < math.inf else 1
        self.estimate = np.full(self.image.shape, initial, image.dtype)
        self.no_weight = np.empty((0, 1, 1), image.dtype)
        self.weight = self._inverse_sensitivity(kernel)
        self.unknown: Mask | None = None
        if valid is not None and self.weight is not None:  # far inside holes, their fill is all that is known
            self.unknown = (self.weight < 0) & ~as_volume(valid)
            self.fill = np.maximum(as_volume(image) * self.number(gain) - self.number(gain * model.background), 0)
        self.strength = regularization
        self.variation = np.empty_like(self.estimate) if regularization else None

    def run(self, kept: Array) -> None:
        """Iterate and fill `kept` with the estimates to be kept, scaled back to the values of the image."""
        num_iter, tolerance, every = self.stop
        every = every or num_iter
        count = 0
        for k in range(num_iter):
            change = self._step(k)
            stops = tolerance > 0 and k > 0 and change < tolerance
            if (k + 1) % every == 0 or stops:
                with np.errstate(over="ignore"):  # an estimate may exceed the type of the image
                    np.multiply(self.estimate, 1 / self.gain, out=as_volume(kept[count]))
                count += 1
            if stops:
                kept[count:] = kept[count - 1]
                return

    def _step(self, k: int) -> float:
        """Replace the estimate by the next one; return the relative change."""
        convolver, model = self.convolver, self.model
        changes: dict[tuple[int, int], tuple[float, float]] = {}
        background, nothing = self.number(model.background * self.gain), self.number(0)
        less, offset = (nothing, background) if k else (background, nothing)  # the initial constant has no background
        floor = self.number(np.finfo(self.number).eps)
        ceiling = self.number(model.saturation)

        def load(part: Part, pixels: Array) -> None:
            pixels[...] = self.estimate[part]

        def divide(part: Part, pixels: Array) -> None:
            kernels.divide(self.image[part], self.number(self.gain), less, offset, floor, ceiling, pixels)

        def improve(part: Part, pixels: Array) -> None:
            if self.variation is not None:
                pixels *= self.variation[part]
            weight = self.no_weight if self.weight is None else self.weight[part]
            kernels.improve(self.estimate[part], weight, pixels)
            if k == 0 and self.unknown is not None:
                np.copyto(pixels, self.fill[part], where=self.unknown[part])
            if self.stop.tolerance > 0:
                changes[part[0].start, part[1].start] = kernels.change(self.estimate[part], pixels)
            self.estimate[part] = pixels

        if k == 0:
            convolver.process_rows(load, extend=True)
        self._blur(k, 0.2)
        convolver.process_rows(divide, inverse=True)
        self._blur(k, 0.6, transposed=True)
        if self.variation is not None:
            self._update_variation()
        convolver.process_rows(improve, inverse=True, forward=k + 1 < self.stop.num_iter, fold=True, extend=True)
        checkpoint((k + 1) / self.stop.num_iter)
        change, total = np.sum([changes[part] for part in sorted(changes)], axis=0) if changes else (0.0, 0.0)
        return float(change / total) if total > 0 else 0.0

    def _blur(self, k: int, done: float, transposed: bool = False) -> None:
        """Multiply the spectrum by the transfer function, or by its conjugate for the transposed blur."""
        spectrum, transfer = self._spectrum, self._transfer
        checkpoint((k + done) / self.stop.num_iter)

        def multiply(rows: slice, columns: slice, box: Array) -> None:
            parts = slice(2 * columns.start, 2 * columns.stop)
            kernels.multiply(spectrum[:, rows, parts], transfer[:, rows, parts], transposed)

        self.convolver.process_frequencies(multiply, fold=transposed, extend=not transposed)

    def _update_variation(self) -> None:
        """Compute the factors by which the total variation corrects the next estimate."""
        assert self.variation is not None
        variation, number, n = self.variation, self.number, len(self.estimate)
        step = max(1, SLICE_PIXELS // self.estimate[0].size)
        level = 4 * np.count_nonzero(np.array(variation.shape) > 1) * self.strength  # keeps a step from overshooting

        def work(first: int) -> None:
            stop = min(first + step, n)
            kernels.total_variation(self.estimate, first, stop, number(self.strength), number(level), variation)

        parallel_for(work, range(0, n, step))

    def _inverse_sensitivity(self, kernel: Kernel) -> Array | None:
        """Return the inverse of the share of each pixel's light that is seen; None if all light is seen."""
        keeps_light = self.model.boundary != "reflect" or np.array_equal(kernel, np.flip(kernel))
        if keeps_light and not self.masked:
            return None
        bright = self.image >= self.model.saturation  # holes, which are infinite, too
        seen = self._share_seen(kernel, ~bright)
        most = np.ones_like(seen)
        if self.masked and self.model.boundary != "periodic":
            most = self._share_seen(kernel, np.ones_like(bright))
        with np.errstate(divide="ignore", invalid="ignore"):
            weight = (most if self.model.boundary == "zero" else 1) / seen
        weight[seen <= LEAST_SEEN * most] = -1 if self.masked else 0
        weight[most <= LEAST_SEEN] = 0
        return weight.astype(self.image.dtype)

    def _share_seen(self, kernel: Kernel, pixels: Mask) -> Array:
        """Return the share of each pixel's light that reaches some pixels, in float64: errors add up in iterations."""
        return blur(pixels.astype(np.float64), kernel, self.model.boundary, transposed=True)


def blur(image: Array, kernel: Kernel, boundary: Boundary, transposed: bool = False) -> Array:
    """Return the image convolved with a centered kernel, or the transpose of this operation applied to the image."""
    block, kernel = as_volume(image), as_volume(kernel)
    axes = padded_axes(block.shape, kernel.shape, boundary)
    transfer = transfer_functions.of(kernel, tuple(axis.size for axis in axes), image.dtype)
    convolver = Convolver(axes, image.dtype)
    out = np.empty_like(block)

    def load(part: Part, pixels: Array) -> None:
        pixels[...] = block[part]

    def multiply(rows: slice, columns: slice, box: Array) -> None:
        box *= np.conj(transfer[:, rows, columns]) if transposed else transfer[:, rows, columns]

    def keep(part: Part, pixels: Array) -> None:
        out[part] = pixels

    convolver.process_rows(load, extend=not transposed)
    convolver.process_frequencies(multiply, fold=transposed, extend=not transposed)
    convolver.process_rows(keep, inverse=True, forward=False, fold=transposed)
    return out.reshape(image.shape)
