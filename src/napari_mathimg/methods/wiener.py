"""Wiener filters on a whole item: of a given balance, and of one found by sampling."""

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

REACHES = 2  # half-sizes of the PSF beyond each edge, in which one fades into the other


class Sampling(NamedTuple):
    """How many samples are drawn, from which the mean is taken, and what change of the mean ends it."""

    seed: int
    burnin: int
    min_num_iter: int
    max_num_iter: int
    threshold: float


class _Filter:
    """The spectrum of an image, the PSF's transfer function and the Laplacian's, a term for each axis."""

    def __init__(self, image: Array, kernel: Kernel, boundary: Boundary) -> None:
        self.image = as_volume(image)
        block = as_volume(kernel)
        circles = padded_axes(self.image.shape, block.shape, boundary, REACHES)
        self.convolver = Convolver(circles, image.dtype, padded_axis.fade)
        self.sizes = tuple(c.size for c in circles)
        self.transfer = transfer_functions.of(block, self.sizes, image.dtype)
        counts = (*self.sizes[:2], self.convolver.shape[2])
        self.laplacians = [
            (2 - 2 * np.cos(2 * np.pi * np.arange(count) / size)).astype(image.dtype)
            for count, size in zip(counts, self.sizes, strict=True)
        ]

    def load(self, gain: float) -> None:
        """Begin with the pixels, times a factor."""

        def load(part: Part, pixels: Array) -> None:
            np.multiply(self.image[part], self.image.dtype.type(gain), out=pixels)

        self.convolver.rows(load, extend=True)

    def terms(self, rows: slice, columns: slice) -> tuple[Array, Array, Array]:
        """Return the terms of the Laplacian for a box of frequencies."""
        along, down, across = self.laplacians
        return along, down[rows], across[columns]

    def pixels(self, gain: float) -> Array:
        """Return the pixels of the spectrum, times a factor."""
        out = np.empty_like(self.image)

        def keep(part: Part, pixels: Array) -> None:
            np.multiply(pixels, out.dtype.type(gain), out=out[part])

        self.convolver.rows(keep, back=True, on=False)
        return out


def wiener_hunt(image: Array, kernel: Kernel, balance: float, boundary: Boundary) -> Array:
    """Return the image that the Wiener-Hunt filter of some balance makes."""
    own = _Filter(image, kernel, boundary)
    number = image.dtype.type

    def apply(rows: slice, columns: slice, box: Array) -> None:
        kernels.wiener(box, own.transfer[:, rows, columns], own.terms(rows, columns), number(balance))

    own.load(1.0)
    checkpoint(0.3)
    own.convolver.frequencies(apply, extend=True)
    checkpoint(0.7)
    return own.pixels(1.0).reshape(image.shape)


def sampled(image: Array, kernel: Kernel, boundary: Boundary, sampling: Sampling) -> Array:
    """Return the mean of images drawn by Gibbs sampling, with the precisions of noise and image drawn in turn."""
    top = float(np.abs(image).max())
    if not top > 0:
        return image
    own = _Filter(image, kernel, boundary)
    unit = math.sqrt(math.prod(own.sizes))
    own.load(1 / top / unit)
    own.convolver.frequencies(back=False, extend=True)
    mean = np.zeros_like(own.convolver.spectrum)
    count = _Chain(own, mean, sampling).run()
    own.convolver.spectrum = mean
    own.convolver.frequencies(on=False)
    return own.pixels(top * unit / count).reshape(image.shape)


class _Chain:
    """A Gibbs chain as scikit-image runs it; its normal numbers are functions of seed, sample and frequency."""

    def __init__(self, own: _Filter, mean: NDArray[Any], sampling: Sampling) -> None:
        self.own, self.mean, self.sampling = own, mean, sampling
        self.shape = own.convolver.shape
        self.random = np.random.default_rng(sampling.seed)
        self.weights = np.full(self.shape[2], 2.0)  # the spectrum's other half mirrors all columns but one or two
        self.weights[0] = 1
        if own.sizes[2] % 2 == 0:
            self.weights[-1] = 1

    def run(self) -> int:
        """Sample until the mean stays as it is; return how many samples were added."""
        _, burnin, least, most, threshold = self.sampling
        noise = prior = 1.0
        pixels = math.prod(self.own.sizes)
        for k in range(most):
            residual, rough, change, total = self._sample(k, noise, prior)
            noise = self.random.gamma(pixels / 2, 2 / max(residual, 1e-300))
            prior = self.random.gamma((pixels - 1) / 2, 2 / max(rough, 1e-300))
            checkpoint((k + 1) / most)
            kept = k - burnin
            if k > least and kept > 1 and change < threshold * total * kept:
                break
        return k - burnin

    def _sample(self, k: int, noise: float, prior: float) -> tuple[float, ...]:
        own, sums = self.own, {}
        _, down, across = self.shape

        def work(rows: slice, columns: slice, box: NDArray[Any]) -> None:
            first = rows.start * across + columns.start
            sums[rows.start, columns.start] = kernels.sample(
                box, own.transfer[:, rows, columns], own.terms(rows, columns), noise, prior,
                self.weights, self.sampling.seed, k, first, down, k - self.sampling.burnin, self.mean[:, rows, columns],
            )  # fmt: skip

        own.convolver.frequencies(work, on=False, back=False)
        return tuple(np.sum([sums[box] for box in sorted(sums)], axis=0).tolist())
