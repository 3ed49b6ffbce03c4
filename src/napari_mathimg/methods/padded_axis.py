"""Fourier transforms of an image that is padded beyond its edges, one axis and one slab at a time.

An axis of `n` pixels is padded to `size` samples, which the transform treats as periodic. Pixel k is sample k; the last
`margin` samples stand for those before the first pixel. Slabs are changed in place.
"""

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from ..contract.edges import folded

Slab: TypeAlias = NDArray[Any]
Boundary = Literal["reflect", "zero", "periodic"]


@dataclass(frozen=True)
class PaddedAxis:
    """An axis of `n` pixels padded to `size` samples, with `margin` pixels beyond each end as the boundary says."""

    n: int
    size: int
    margin: int
    boundary: Boundary


def padded_axis(n: int, margin: int, boundary: Boundary) -> PaddedAxis:
    """Return the smallest padded axis with a fast transform on which a kernel of half-size `margin` does not wrap."""
    if boundary == "periodic" or not margin:
        return PaddedAxis(n, n, margin, "periodic")
    wanted = n + (2 if boundary == "reflect" else 1) * margin
    size = fft.next_fast_len(wanted, real=True)  # factors up to 5 are faster than 7 and 11, for complex numbers too
    return PaddedAxis(n, int(size), margin, boundary)


def _along(slab: Slab, axis: int, start: int, stop: int, step: int = 1) -> Slab:
    """Return a view of a slab sliced along an axis; a negative `stop` means the beginning."""
    return slab[(slice(None),) * axis + (slice(start, stop if stop >= 0 else None, step),)]


def extend(slab: Slab, axis: int, a: PaddedAxis) -> None:
    """Fill the padding of an axis as its boundary says."""
    clear(slab, axis, a)
    if a.boundary == "reflect":
        _along(slab, axis, a.n, a.n + a.margin)[...] = _along(slab, axis, a.n - 1, a.n - 1 - a.margin, -1)
        _along(slab, axis, a.size - a.margin, a.size)[...] = _along(slab, axis, a.margin - 1, -1, -1)


def clear(slab: Slab, axis: int, a: PaddedAxis) -> None:
    """Fill the padding of an axis with zeros."""
    _along(slab, axis, a.n, a.size)[...] = 0


def fold(slab: Slab, axis: int, a: PaddedAxis) -> None:
    """Add the padding of an axis to the pixels that `extend` copies it from; this is the transpose of `extend`."""
    if a.boundary == "reflect":
        _along(slab, axis, a.n - a.margin, a.n)[...] += _along(slab, axis, a.n + a.margin - 1, a.n - 1, -1)
        _along(slab, axis, 0, a.margin)[...] += _along(slab, axis, a.size - 1, a.size - 1 - a.margin, -1)


def blend_edges(slab: Slab, axis: int, a: PaddedAxis) -> None:
    """Fill the padding of an axis with the mirror image beyond its end, blended into that before its beginning."""
    clear(slab, axis, a)
    if a.boundary == "reflect" and a.size > a.n:
        gap = a.size - a.n
        share = ((np.arange(gap) + 0.5) / gap).astype(slab.real.dtype)
        share = share.reshape(-1, *(1,) * (slab.ndim - 1 - axis))
        after = slab.take(folded(np.arange(a.n, a.size), a.n, "reflect"), axis)
        before = slab.take(folded(np.arange(-gap, 0), a.n, "reflect"), axis)
        _along(slab, axis, a.n, a.size)[...] = (1 - share) * after + share * before


def transform(slab: Slab, axis: int) -> None:
    """Transform a complex slab along an axis."""
    _replace(slab, fft.fft(slab, axis=axis, overwrite_x=True))


def invert(slab: Slab, axis: int) -> None:
    """Undo `transform`."""
    _replace(slab, fft.ifft(slab, axis=axis, overwrite_x=True))


def _replace(slab: Slab, result: Slab) -> None:
    """Copy a result to a slab, unless it was computed in place."""
    if result is not slab and not np.may_share_memory(result, slab):
        slab[...] = result


def transform_real(rows: Slab, spectrum: Slab) -> None:
    """Transform real rows along the last axis into the nonredundant half of their spectrum."""
    spectrum[...] = fft.rfft(rows, axis=-1)


def invert_real(spectrum: Slab, size: int) -> Slab:
    """Return the real rows of `size` samples whose half spectrum this is."""
    rows: Slab = fft.irfft(spectrum, size, axis=-1)
    return rows
