"""Inner loops of deconvolution over pixels and frequencies, on blocks of three axes whose last one is contiguous."""

import math

import numpy as np

from ._jit import inline, kernel
from .random import key, normal_pairs

ONE = np.uintp(1)
RUN = 256
TINY = np.float32(1e-30)


@kernel
def multiply(spectrum, transfer, conjugate):  # type: ignore[no-untyped-def]
    """Multiply a spectrum by a transfer function or its conjugate; both hold real and imaginary parts in turn."""
    sign = transfer.dtype.type(-1 if conjugate else 1)
    for s in range(spectrum.shape[0]):
        for y in range(spectrum.shape[1]):
            a, b = spectrum[s, y], transfer[s, y]
            for k in range(np.uintp(a.size // 2)):
                i = k + k
                re, im = a[i], a[i + ONE]
                u, v = b[i], sign * b[i + ONE]
                a[i] = re * u - im * v
                a[i + ONE] = re * v + im * u


@kernel
def divide(image, gain, less, offset, floor, ceiling, values):  # type: ignore[no-untyped-def]
    """Replace blurred values by the ratio ``(gain * image - less) / (values + offset)``.

    The numerator is at least 0 and the denominator at least `floor`. Where the image reaches `ceiling`, the ratio is 0.
    """
    zero = values.dtype.type(0)
    for s in range(values.shape[0]):
        for y in range(values.shape[1]):
            a, v = image[s, y], values[s, y]
            for k in range(np.uintp(v.size)):
                ratio = max(gain * a[k] - less, zero) / max(v[k] + offset, floor)
                v[k] = ratio if a[k] < ceiling else zero


@kernel
def improve(estimate, weight, values):  # type: ignore[no-untyped-def]
    """Multiply the positive part of `values` by the estimate and, if `weight` has as many slices, by weights.

    A negative weight marks a pixel about which nothing is known; it keeps its estimate.
    """
    weighted = weight.shape[0] == values.shape[0]
    zero = values.dtype.type(0)
    for s in range(values.shape[0]):
        for y in range(values.shape[1]):
            x, v = estimate[s, y], values[s, y]
            for k in range(np.uintp(v.size)):
                v[k] = x[k] * max(v[k], zero)
            if weighted:
                w = weight[s, y]
                for k in range(np.uintp(v.size)):
                    v[k] = v[k] * w[k] if w[k] >= zero else x[k]


@kernel
def change(before, after):  # type: ignore[no-untyped-def]
    """Return the sum of absolute changes and the sum of the values after them."""
    changed, total = 0.0, 0.0
    for s in range(after.shape[0]):
        for y in range(after.shape[1]):
            x, v = before[s, y], after[s, y]
            for k in range(np.uintp(v.size)):
                changed += abs(np.float64(v[k]) - np.float64(x[k]))
                total += v[k]
    return changed, total


@inline
def inverse_lengths(x, s, y, level, out):  # type: ignore[no-untyped-def]
    """Fill a row with the inverse length of the gradient (forward differences), each at least ``level * x`` long."""
    here = x[s, y]
    last = here.size - 1
    for k in range(here.size):
        low = level * here[k]
        out[k] = low * low + TINY
    for k in range(last):
        d = here[k + 1] - here[k]
        out[k] += d * d
    if s + 1 < x.shape[0]:
        there = x[s + 1, y]
        for k in range(here.size):
            d = there[k] - here[k]
            out[k] += d * d
    if y + 1 < x.shape[1]:
        there = x[s, y + 1]
        for k in range(here.size):
            d = there[k] - here[k]
            out[k] += d * d
    one = level / level
    for k in range(here.size):
        out[k] = one / np.sqrt(out[k])


@kernel
def total_variation(x, first, stop, strength, level, out):  # type: ignore[no-untyped-def]
    """Fill slices `first` to `stop` of `out` with ``1 / (1 - strength * div(grad x / |grad x|))``."""
    here_length, there_length = np.empty(x.shape[2], x.dtype), np.empty(x.shape[2], x.dtype)
    one = strength / strength
    for s in range(first, stop):
        for y in range(x.shape[1]):
            here, div = x[s, y], out[s, y]
            inverse_lengths(x, s, y, level, here_length)
            div[:] = 0
            for k in range(here.size - 1):
                flow = (here[k + 1] - here[k]) * here_length[k]
                div[k] += flow
                div[k + 1] -= flow
            if s + 1 < x.shape[0]:
                there = x[s + 1, y]
                for k in range(here.size):
                    div[k] += (there[k] - here[k]) * here_length[k]
            if y + 1 < x.shape[1]:
                there = x[s, y + 1]
                for k in range(here.size):
                    div[k] += (there[k] - here[k]) * here_length[k]
            if s > 0:
                there = x[s - 1, y]
                inverse_lengths(x, s - 1, y, level, there_length)
                for k in range(here.size):
                    div[k] -= (here[k] - there[k]) * there_length[k]
            if y > 0:
                there = x[s, y - 1]
                inverse_lengths(x, s, y - 1, level, there_length)
                for k in range(here.size):
                    div[k] -= (here[k] - there[k]) * there_length[k]
            for k in range(here.size):
                div[k] = one / (one - strength * div[k])


@kernel
def wiener(spectrum, transfer, laplacians, balance):  # type: ignore[no-untyped-def]
    """Multiply a spectrum by ``conj(H) / (|H|² + balance L²)``, L being the sum of one term per axis; 0 where 0 / 0."""
    along, down, across = laplacians
    for s in range(spectrum.shape[0]):
        for y in range(spectrum.shape[1]):
            f, h = spectrum[s, y], transfer[s, y]
            for k in range(f.size):
                laplacian = along[s] + down[y] + across[k]
                h2 = h[k].real * h[k].real + h[k].imag * h[k].imag
                power = h2 + balance * laplacian * laplacian
                f[k] = f[k] * np.conj(h[k]) / power if power > 0 else f.dtype.type(0)


@kernel
def sample(data, transfer, laplacians, noise, prior, weights, seed, stream, first, step, kept, mean):  # type: ignore[no-untyped-def]
    """Draw one sample of a block of the spectrum, and add it to the sum in `mean` if its number `kept` is at least 1.

    Frequency (s, y, k) of the block has the number ``first + (s * step + y) * weights.size + k`` in the spectrum.
    `weights` holds how often each frequency of a whole row counts; the block begins at ``first % weights.size``.
    Returns the sums of the squared residual, of the squared Laplacian, of the change of the mean and of the magnitude
    of the sum.
    """
    along, down, across = laplacians
    row = weights.size
    k0 = first % row
    pair_key = key(seed, stream)
    cosines, sines = np.empty(RUN, np.float32), np.empty(RUN, np.float32)
    residual, rough, change, total = 0.0, 0.0, 0.0, 0.0
    for s in range(data.shape[0]):
        for y in range(data.shape[1]):
            d, h, m = data[s, y], transfer[s, y], mean[s, y]
            start = first + (s * step + y) * row
            for begin in range(0, d.size, RUN):
                n = min(RUN, d.size - begin)
                normal_pairs(np.uint64(start + begin), n, pair_key, cosines, sines)
                for i in range(n):
                    k = begin + i
                    laplacian = along[s] + down[y] + across[k]
                    l2 = laplacian * laplacian
                    h2 = h[k].real * h[k].real + h[k].imag * h[k].imag
                    precision = noise * h2 + prior * l2
                    spread = math.sqrt(0.5 / precision)
                    a = noise / precision
                    re = a * (h[k].real * d[k].real + h[k].imag * d[k].imag) + spread * cosines[i]
                    im = a * (h[k].real * d[k].imag - h[k].imag * d[k].real) + spread * sines[i]
                    u = d[k].real - (re * h[k].real - im * h[k].imag)
                    v = d[k].imag - (re * h[k].imag + im * h[k].real)
                    weight = weights[k0 + k]
                    residual += weight * (u * u + v * v)
                    rough += weight * l2 * (re * re + im * im)
                    if kept > 0:
                        p, q = m[k].real, m[k].imag
                        re, im = p + re, q + im
                        m[k] = complex(re, im)
                        total += math.sqrt(re * re + im * im)
                        if kept > 1:
                            p, q = re / kept - p / (kept - 1), im / kept - q / (kept - 1)
                            change += math.sqrt(p * p + q * q)
    return residual, rough, change, total
