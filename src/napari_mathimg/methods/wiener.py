"""Wiener-Hunt filters of a whole plane or volume, with a given balance or with one found by Gibbs sampling."""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..contract.progress import checkpoint
from ..contract.types import Array
from ..kernels import deconvolution as kernels
from . import padded_axis
from .fourier import Convolver, Part, as_volume, padded_axes, transfer_functions
from .padded_axis import Boundary
from .point_spread.preparation import Kernel

GIANT = 2.0**64  # images of higher values are divided by it, lest their sums overflow
BLEND_HALF_SIZES = 2  # of the PSF beyond each edge, over which opposite edges are blended


class Sampling(NamedTuple):
    """Parameters of Gibbs sampling, as in `unsupervised_wiener`."""

    seed: int
    burnin: int
    min_num_iter: int
    max_num_iter: int
    threshold: float


class _Spectra:
    """The spectrum of an image, and the transfer functions of the PSF and of the Laplacian, one term per axis."""

    def __init__(self, image: Array, kernel: Kernel, boundary: Boundary) -> None:
        self.image = as_volume(image)
        block = as_volume(kernel)
        axes = padded_axes(self.image.shape, block.shape, boundary, BLEND_HALF_SIZES)
        self.sizes = tuple(axis.size for axis in axes)
        self.transfer = transfer_functions.of(block, self.sizes, image.dtype)  # made in float64
        self.convolver = Convolver(axes, image.dtype, padded_axis.blend_edges)
        counts = (*self.sizes[:2], self.convolver.shape[2])
        self.laplacians = [
            (2 - 2 * np.cos(2 * np.pi * np.arange(count) / size)).astype(image.dtype)
            for count, size in zip(counts, self.sizes, strict=True)
        ]

    def transform(self, gain: float) -> None:
        """Transform the image times a factor along its last two axes."""

        def load(part: Part, pixels: Array) -> None:
            np.multiply(self.image[part], self.image.dtype.type(gain), out=pixels)

        self.convolver.process_rows(load, extend=True)

    def laplacian_terms(self, rows: slice, columns: slice) -> tuple[Array, Array, Array]:
        """Return the terms of the Laplacian for a box of frequencies."""
        along, down, across = self.laplacians
        return along, down[rows], across[columns]

    def invert(self, gain: float) -> Array:
        """Transform the spectrum back along its last two axes; return the pixels times a factor."""
        out = np.empty_like(self.image)

        def keep(part: Part, pixels: Array) -> None:
            np.multiply(pixels, out.dtype.type(gain), out=out[part])

        self.convolver.process_rows(keep, inverse=True, forward=False)
        return out


def _grown(image: Array) -> Array:
    """Return an image that was divided by `GIANT` with its own values again; some may exceed its type."""
    with np.errstate(over="ignore"):
        grown: Array = image * image.dtype.type(GIANT)
    return grown


def wiener_hunt(image: Array, kernel: Kernel, balance: float, boundary: Boundary, level: float = 0.0) -> Array:
    """Return the image filtered by the Wiener-Hunt filter with a given balance.

    Where the boundary keeps constants, a level is subtracted first and added afterward.
    """
    if float(np.abs(image).max()) > GIANT:
        return _grown(wiener_hunt(image * image.dtype.type(1 / GIANT), kernel, balance, boundary))
    if level and boundary != "zero":
        filtered = wiener_hunt(image - image.dtype.type(level), kernel, balance, boundary)
        filtered += image.dtype.type(level)
        return filtered
    spectra = _Spectra(image, kernel, boundary)
    number = image.dtype.type

    def apply(rows: slice, columns: slice, box: Array) -> None:
        kernels.wiener(box, spectra.transfer[:, rows, columns], spectra.laplacian_terms(rows, columns), number(balance))

    spectra.transform(1.0)
    checkpoint(0.3)
    spectra.convolver.process_frequencies(apply, extend=True)
    checkpoint(0.7)
    return spectra.invert(1.0).reshape(image.shape)


def sample_mean(image: Array, kernel: Kernel, boundary: Boundary, sampling: Sampling) -> Array:
    """Return the mean of images drawn by Gibbs sampling, together with the precisions of noise and image.

    Where the boundary keeps constants, the mean of the image is subtracted first and added afterward, so that an offset
    of all values, such as that of a camera, has no effect on the precisions.
    """
    if float(np.abs(image).max()) > GIANT:
        return _grown(sample_mean(image * image.dtype.type(1 / GIANT), kernel, boundary, sampling))
    if boundary == "zero":
        return _sample_mean(image, kernel, boundary, sampling)
    level = image.dtype.type(image.mean(dtype=np.float64))
    mean = _sample_mean(image - level, kernel, boundary, sampling)
    mean += level
    return mean


def _sample_mean(image: Array, kernel: Kernel, boundary: Boundary, sampling: Sampling) -> Array:
    """Return the mean of images drawn by Gibbs sampling, of values that need no level."""
    highest = float(np.abs(image).max())
    if not highest > 0:
        return image.copy()
    spectra = _Spectra(image, kernel, boundary)
    norm = math.sqrt(math.prod(spectra.sizes))
    spectra.transform(1 / highest / norm)
    spectra.convolver.process_frequencies(inverse=False, extend=True)
    mean = np.zeros_like(spectra.convolver.spectrum)
    count = _Chain(spectra, mean, sampling).run()
    spectra.convolver.spectrum = mean
    spectra.convolver.process_frequencies(forward=False)
    return spectra.invert(highest * norm / count).reshape(image.shape)


class _Chain:
    """A Gibbs chain as in scikit-image; its normal numbers are functions of seed, sample and frequency."""

    def __init__(self, spectra: _Spectra, mean: NDArray[Any], sampling: Sampling) -> None:
        self.spectra, self.mean, self.sampling = spectra, mean, sampling
        self.shape = spectra.convolver.shape
        self.random = np.random.default_rng(sampling.seed)
        self.weights = np.full(self.shape[2], 2.0)  # the omitted half of the spectrum mirrors all but these columns:
        self.weights[0] = 1
        if spectra.sizes[2] % 2 == 0:
            self.weights[-1] = 1

    def run(self) -> int:
        """Draw samples until their mean is stable; return the number of samples in the sum."""
        _, burnin, least, most, threshold = self.sampling
        noise = prior = 1.0
        pixels = math.prod(self.spectra.sizes)
        for k in range(most):
            residual, roughness, change, total = self._sample(k, noise, prior)
            noise = self.random.gamma(pixels / 2, 2 / max(residual, 1e-300))
            prior = self.random.gamma((pixels - 1) / 2, 2 / max(roughness, 1e-300))
            checkpoint((k + 1) / most)
            kept = k - burnin
            if k > least and kept > 1 and change < threshold * total * kept:
                break
        return k - burnin

    def _sample(self, k: int, noise: float, prior: float) -> tuple[float, ...]:
        """Draw one sample of the spectrum and add it to the sum; return the sums of the kernel `sample`."""
        spectra, sums = self.spectra, {}
        _, down, across = self.shape

        def work(rows: slice, columns: slice, box: NDArray[Any]) -> None:
            first = rows.start * across + columns.start
            sums[rows.start, columns.start] = kernels.sample(
                box, spectra.transfer[:, rows, columns], spectra.laplacian_terms(rows, columns), noise, prior,
                self.weights, self.sampling.seed, k, first, down, k - self.sampling.burnin, self.mean[:, rows, columns],
            )  # fmt: skip

        spectra.convolver.process_frequencies(work, forward=False, inverse=False)
        return tuple(np.sum([sums[box] for box in sorted(sums)], axis=0).tolist())
