"""Fourier transforms of an image that is continued beyond its edges, one axis and one slab at a time.

An axis of `n` pixels lies on a circle of `size` places, its pixel k on place k; places below 0, up to `reach` of them,
are the last ones. Slabs are changed in place.
"""

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import fft

Slab: TypeAlias = NDArray[Any]
Boundary = Literal["reflect", "zero", "periodic"]


@dataclass(frozen=True)
class PaddedAxis:
    """An axis on a circle: its pixels, its places, and how it goes on for `reach` pixels beyond each end."""

    n: int
    size: int
    reach: int
    boundary: Boundary


def padded_axis(n: int, reach: int, boundary: Boundary) -> PaddedAxis:
    """Return the smallest circle with a fast transform on which what is `reach` pixels away does not come round."""
    if boundary == "periodic" or not reach:
        return PaddedAxis(n, n, reach, "periodic")
    wanted = n + (2 if boundary == "reflect" else 1) * reach
    size = fft.next_fast_len(wanted, real=True)  # of complex numbers, too, factors up to 5 are faster than 7 and 11
    return PaddedAxis(n, int(size), reach, boundary)


def _along(slab: Slab, axis: int, start: int, stop: int, step: int = 1) -> Slab:
    return slab[(slice(None),) * axis + (slice(start, stop if stop >= 0 else None, step),)]


def extend(slab: Slab, axis: int, c: PaddedAxis) -> None:
    """Fill the places beyond an axis's pixels with what lies there."""
    clear(slab, axis, c)
    if c.boundary == "reflect":
        _along(slab, axis, c.n, c.n + c.reach)[...] = _along(slab, axis, c.n - 1, c.n - 1 - c.reach, -1)
        _along(slab, axis, c.size - c.reach, c.size)[...] = _along(slab, axis, c.reach - 1, -1, -1)


def clear(slab: Slab, axis: int, c: PaddedAxis) -> None:
    """Fill the places beyond an axis's pixels with zeros."""
    _along(slab, axis, c.n, c.size)[...] = 0


def fold(slab: Slab, axis: int, c: PaddedAxis) -> None:
    """Add what lies beyond an axis's pixels to those that `extend` takes it from: its transpose."""
    if c.boundary == "reflect":
        _along(slab, axis, c.n - c.reach, c.n)[...] += _along(slab, axis, c.n + c.reach - 1, c.n - 1, -1)
        _along(slab, axis, 0, c.reach)[...] += _along(slab, axis, c.size - 1, c.size - 1 - c.reach, -1)


def fade(slab: Slab, axis: int, c: PaddedAxis) -> None:
    """Fill the places beyond an axis's pixels with its mirror images, the one after its end fading into the other."""
    clear(slab, axis, c)
    if c.boundary == "reflect" and c.size > c.n:
        gap = c.size - c.n
        share = ((np.arange(gap) + 0.5) / gap).astype(slab.real.dtype)
        share = share.reshape(-1, *(1,) * (slab.ndim - 1 - axis))
        after = slab.take(_mirrored(np.arange(c.n, c.size), c.n), axis)
        before = slab.take(_mirrored(np.arange(-gap, 0), c.n), axis)
        _along(slab, axis, c.n, c.size)[...] = (1 - share) * after + share * before


def _mirrored(places: NDArray[np.intp], n: int) -> NDArray[np.intp]:
    """Return the pixels of an axis that mirrors at both ends show at some places."""
    folded = places % (2 * n)
    return np.minimum(folded, 2 * n - 1 - folded)


def forward(slab: Slab, axis: int) -> None:
    """Transform a complex slab along an axis."""
    made = fft.fft(slab, axis=axis, overwrite_x=True)
    if made is not slab and not np.may_share_memory(made, slab):
        slab[...] = made


def backward(slab: Slab, axis: int) -> None:
    """Undo `forward`."""
    made = fft.ifft(slab, axis=axis, overwrite_x=True)
    if made is not slab and not np.may_share_memory(made, slab):
        slab[...] = made


def forward_real(rows: Slab, spectrum: Slab) -> None:
    """Transform real rows, the last axis, into the half of a spectrum that says all."""
    spectrum[...] = fft.rfft(rows, axis=-1)


def backward_real(spectrum: Slab, size: int) -> Slab:
    """Return the real rows of such a half."""
    rows: Slab = fft.irfft(spectrum, size, axis=-1)
    return rows
