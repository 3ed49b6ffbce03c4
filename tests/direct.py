"""Filters written as in their papers, in float64 over whole arrays: slow, and independent of the package's code.

Images have `ndim` axes; a further axis is the last one and holds channels.
"""

import itertools

import numpy as np
from scipy import ndimage as ndi
from scipy import optimize

from napari_mathimg.kernels import random


class OurNumbers(np.random.Generator):
    """A generator of the normal numbers that the package uses, two for each frequency of a sample."""

    def __init__(self, seed):
        super().__init__(np.random.PCG64(seed))
        self._seed, self._sample, self._second = seed, 0, None

    def standard_normal(self, shape):
        if self._second is not None:
            self._second, second = None, self._second
            return second
        pairs = np.zeros((1, 1, 2 * int(np.prod(shape))))
        random.add_normal(pairs, self._seed, self._sample, 0, 0, 0, 0.0, 1.0, pairs)
        self._sample += 1
        self._second = pairs[0, 0, 1::2].reshape(shape)
        return pairs[0, 0, ::2].reshape(shape)


def chambolle(image, weight, num_iter, ndim):
    """Vectorial total variation by A. Chambolle's algorithm, with gradients and divergences of whole arrays."""
    dual, out = np.zeros((ndim, *image.shape)), image
    for _ in range(num_iter - 1):
        gradient = np.stack([np.diff(out, axis=a, append=out.take([-1], a)) for a in range(ndim)])
        length = np.sqrt((gradient**2).sum((0, -1)))[..., None]
        dual = (dual - gradient / (2 * ndim)) / (1 + length / (2 * ndim * weight))
        out = image - sum(np.diff(dual[a], axis=a, prepend=0) for a in range(ndim))
    return out


def bregman(image, weight, num_iter, isotropic, ndim):
    """T. Goldstein and S. Osher (2009) with one Gauss-Seidel sweep per iteration, as in scikit-image for 2-D."""
    shape, fidelity = image.shape[:ndim], 1 / weight
    split = 2 * fidelity
    image = image.reshape(*shape, -1)
    out = np.pad(image, [(1, 1)] * ndim + [(0, 0)])
    for axis, n in enumerate(shape):  # fill the border around the image
        lines = np.moveaxis(out, axis, 0)
        lines[0], lines[n + 1] = lines[min(2, n)], lines[n]
    d, b = np.zeros((2, ndim, *out.shape))
    for _ in range(num_iter):
        for index in np.ndindex(shape):
            here = tuple(i + 1 for i in index)
            after = [tuple(i + (a == k) for k, i in enumerate(here)) for a in range(ndim)]
            before = [tuple(i - (a == k) for k, i in enumerate(here)) for a in range(ndim)]
            target = np.array([out[p] - out[here] + b[a][here] for a, p in enumerate(after)])
            total = sum(out[p] for p in after + before)
            total = total + sum((d - b)[a][p] - (d - b)[a][here] for a, p in enumerate(before))
            out[here] = (split * total + fidelity * image[index]) / (fidelity + 2 * ndim * split)
            length = np.sqrt((target**2).sum() if isotropic else (target**2).sum(-1, keepdims=True))
            factor = split * length / (split * length + 1)
            if not isotropic:
                factor = np.maximum(1 - 1 / split / np.maximum(length, 1e-300), 0)
            d[(slice(None), *here)] = factor * target
            b[(slice(None), *here)] = target - factor * target
    return out[(slice(1, -1),) * ndim]


def matrix(kernel, shape, mode):
    """Return the matrix of the convolution with a centered kernel; `mode` is that of scipy.ndimage."""
    units = np.eye(int(np.prod(shape))).reshape(-1, *shape)
    return np.stack([ndi.convolve(unit, kernel, mode=mode).ravel() for unit in units], axis=1)


def richardson_lucy(image, kernel, mode, num_iter, background=0.0, weight=0.0, counts=None):
    """N. Dey et al. (2006) with matrices, from a constant; `mode` "constant" corrects for light lost at the edges."""
    shape, blur = image.shape, matrix(kernel, image.shape, mode)
    counts = np.ones(image.size) if counts is None else counts.ravel().astype(float)
    seen = blur.T @ counts if mode != "constant" else blur.T @ counts / (blur.T @ np.ones(image.size))
    x = np.ones(image.size)
    for k in range(num_iter):
        light = image.ravel() if k else np.maximum(image.ravel() - background, 0)
        ratio = counts * light / (blur @ x + (background if k else 0))
        grid = x.reshape(shape)
        gradient = np.stack([np.diff(grid, axis=a, append=grid.take([-1], a)) for a in range(grid.ndim)])
        length = np.sqrt((gradient**2).sum(0) + (4 * grid.ndim * weight * grid) ** 2 + 1e-30)
        divergence = sum(np.diff(gradient[a] / length, axis=a, prepend=0) for a in range(grid.ndim))
        x = x * (blur.T @ ratio) / seen / (1 - weight * divergence.ravel())
    return x.reshape(shape)


def unsupervised_wiener(image, kernel, seed, burnin, least, most, threshold):
    """F. Orieux et al. (2010) with whole spectra on a periodic grid in n dimensions, with the package's numbers."""
    axes, pixels = range(image.ndim), image.size
    delta = np.zeros(image.shape)
    delta[(0,) * image.ndim] = 1
    transfer = np.fft.rfftn(ndi.convolve(delta, kernel, mode="wrap"))
    laplacian = np.fft.rfftn(sum(2 * delta - np.roll(delta, 1, a) - np.roll(delta, -1, a) for a in axes)).real
    data = np.fft.rfftn(image, norm="ortho")
    numbers, gamma = OurNumbers(seed), np.random.default_rng(seed).gamma
    weights = np.full(data.shape[-1], 2)
    weights[0] = 1
    weights[-1] = 2 if image.shape[-1] % 2 else 1
    noise = prior = 1.0
    samples = []
    for k in range(most):
        precision = noise * np.abs(transfer) ** 2 + prior * laplacian**2
        free = numbers.standard_normal(data.shape) + 1j * numbers.standard_normal(data.shape)
        sample = noise * np.conj(transfer) / precision * data + np.sqrt(0.5 / precision) * free
        noise = gamma(pixels / 2, 2 / (weights * np.abs(data - sample * transfer) ** 2).sum())
        prior = gamma((pixels - 1) / 2, 2 / (weights * np.abs(sample * laplacian) ** 2).sum())
        samples += [sample] if k > burnin else []
        if k > least and len(samples) > 1:
            means = np.mean(samples, 0), np.mean(samples[:-1], 0)
            change = np.abs(means[0] - means[1]).sum() / np.abs(np.sum(samples, 0)).sum() / len(samples)
            if change < threshold:
                break
    return np.fft.irfftn(np.mean(samples, 0), image.shape, axes=tuple(axes), norm="ortho")


def padded(image, margins):
    """Return an image with mirrored margins and a channel axis."""
    image = np.asarray(image, float).reshape(*image.shape[: len(margins)], -1)
    return np.pad(image, [*((m, m) for m in margins), (0, 0)], mode="reflect")


def shifted(image, margins, shift):
    """Remove the margins of a padded image, at a shift."""
    ends = zip(margins, shift, image.shape, strict=False)
    return image[tuple(slice(m + s, n - m + s) for m, s, n in ends)]


def nl_means(image, size, distance, h, sigma, ndim):
    """A. Buades et al. (2005): the pixels of the search window are weighted by the differences of their patches."""
    sizes = [size] * ndim if np.isscalar(size) else list(size)
    distances = [distance] * ndim if np.isscalar(distance) else list(distance)
    wide = padded(image, [s // 2 + d for s, d in zip(sizes, distances, strict=True)])
    halves = [s // 2 for s in sizes]
    middle = shifted(wide, distances, [0] * ndim)
    total, weights = 0.0, 0.0
    for shift in itertools.product(*(range(-d, d + 1) for d in distances)):
        other = shifted(wide, distances, shift)
        square = ((middle - other) ** 2).mean(-1)
        patches = np.lib.stride_tricks.sliding_window_view(square, sizes)
        difference = patches.mean(axis=tuple(range(ndim, 2 * ndim)))
        weight = np.exp(-np.maximum(difference - 2 * sigma**2, 0) / h**2)[..., None]
        total = total + weight * shifted(other, halves, [0] * ndim)
        weights = weights + weight
    return (total / weights).reshape(image.shape)


def bilateral(image, sigma_color, sigma_spatial, ndim):
    """C. Tomasi and R. Manduchi (1998): weights by distance and Euclidean color difference, truncated at 3 sigma."""
    sigmas = [sigma_spatial] * ndim if np.isscalar(sigma_spatial) else list(sigma_spatial)
    radius = [int(np.ceil(3 * s)) for s in sigmas]
    wide = padded(image, radius)
    middle = shifted(wide, radius, [0] * ndim)
    total, weights = 0.0, 0.0
    for shift in itertools.product(*(range(-r, r + 1) for r in radius)):
        other = shifted(wide, radius, shift)
        far = sum((d / s) ** 2 for d, s in zip(shift, sigmas, strict=True) if d)
        unlike = ((other - middle) ** 2).sum(-1, keepdims=True) / sigma_color**2
        weight = np.exp(-0.5 * (far + unlike))
        total, weights = total + weight * other, weights + weight
    return (total / weights).reshape(image.shape)


def disk(radius, sections=20000):
    """Return the share of a disk in each pixel, from the lengths of many chords."""
    half = int(np.ceil(radius - 0.5))
    edges = np.arange(-half, half + 2) - 0.5
    rows = []
    for low in edges[:-1]:
        y = low + (np.arange(sections) + 0.5) / sections
        chord = np.sqrt(np.maximum(radius**2 - y**2, 0))[:, None]
        rows.append(np.diff(np.clip(edges, -chord, chord)).mean(0))
    return np.stack(rows) / np.sum(rows)


def flat_of_a_plane(plane, degree):
    """Return the flat field of one plane: P. J. Huber's M-estimate (1964) of a polynomial fitted to means of cells."""
    cells = [-(-n // 8) for n in plane.shape]
    places = [np.arange(n) // 8 for n in plane.shape]
    label = places[0][:, None] * cells[1] + places[1]
    number = ndi.sum(np.ones(plane.shape), label, np.arange(cells[0] * cells[1]))
    each = np.flatnonzero(number >= 32)  # cells that are at least half full
    value = np.log(ndi.mean(plane, label, each) / np.median(ndi.mean(plane, label, each)))
    y, x = (ndi.mean(g, label, each) for g in np.indices(plane.shape))
    top, left = (min(degree, (c - 1) // 2) for c in cells)
    powers = [(i, j) for i in range(top + 1) for j in range(left + 1) if i + j <= degree]
    scaled = lambda g, n: 2 * g / (n - 1) - 1  # noqa: E731
    terms = lambda y, x: [scaled(y, plane.shape[0]) ** i * scaled(x, plane.shape[1]) ** j for i, j in powers]  # noqa: E731
    columns = np.stack(terms(y, x), axis=1)
    start = np.linalg.lstsq(columns, value)[0]
    limit = 1.345 * 1.4826 * np.median(np.abs(value - columns @ start))
    fit = optimize.least_squares(
        lambda c: columns @ c - value, start, loss="huber", f_scale=limit, xtol=1e-15, ftol=1e-15, gtol=1e-15
    )
    flat = np.exp(sum(c * t for c, t in zip(fit.x, terms(*np.indices(plane.shape)), strict=True)))
    return flat / flat.mean()
