"""The pieces in which a box is computed: a small one for each thread around its middle, and larger ones around."""

import itertools
import math
from collections.abc import Sequence

from ...contract.reach import Box, Spacing, size

NEAR = 264**2  # pixels of the pieces in the middle together, on any grid 256**2 at least; or a tenth of all
FAR = 2**18  # pixels of other pieces at most: few enough for several threads and to show progress
NEAR_HALOS, FAR_HALOS = 2, 8  # smallest sides as multiples of the halo, most of which is computed in vain
LEAST = 64  # smallest side of a part of the middle that a thread has for itself
SLIVER = 0.75  # part of a side below which no piece is left beside the one in the middle


def pieces(
    box: Box, halo: tuple[int, ...], spacing: Spacing, middle: Sequence[float], threads: int, skips: bool
) -> list[Box]:
    """Return boxes that cover a box: one for each thread around its pixel nearest to a point, then others around them.

    Parameters
    ----------
    box
        (start, stop) along each axis.
    halo
        Number of pixels around a piece that are read for it, along each axis.
    spacing
        Grid on which pieces begin, except at the start of the box.
    middle
        The point.
    threads
        Number of threads, each of which gets two pieces at least.
    skips
        Whether only every n-th pixel of a piece is computed, n being the spacing, so that pieces may be larger.
    """
    unit = spacing if skips else (1,) * len(box)
    counts = size(box, unit)
    whole = math.prod(counts)
    inside, outside = min(max(whole // 10, LEAST**2), NEAR), min(max(whole // (2 * threads), NEAR), FAR)
    near, far = (
        [s * n for s, n in zip(sides(counts, pixels, [halos * h for h in halo]), unit, strict=True)]
        for pixels, halos in ((inside, NEAR_HALOS), (outside, FAR_HALOS))
    )
    found: list[Box] = []
    for axis in sorted(range(len(box)), key=lambda k: counts[k], reverse=True):
        (start, stop), n = box[axis], spacing[axis]
        first, last = (_on_grid(end, n, start, stop) for end in _around(box[axis], near[axis], middle[axis]))
        for side in ((start, first), (last, stop)):
            if side[0] < side[1]:
                found += _parts((*box[:axis], side, *box[axis + 1 :]), far, spacing)
        box = (*box[:axis], (first, last), *box[axis + 1 :])
    longest = max(range(len(box)), key=lambda k: near[k])
    count = min(threads, near[longest] // max(NEAR_HALOS * halo[longest], LEAST * unit[longest])) or 1
    inner = _parts(box, [-(-side // (count if k == longest else 1)) for k, side in enumerate(near)], spacing)
    return [part for some in (inner, found) for part in sorted(some, key=lambda part: distance(part, middle))]


def distance(box: Box, point: Sequence[float]) -> float:
    """Return the squared distance from the middle of a box to a point, in pixels."""
    return sum(((a + b) / 2 - p) ** 2 for (a, b), p in zip(box, point, strict=True))


def sides(lengths: Sequence[int], pixels: int, least: Sequence[int]) -> list[int]:
    """Return sides about as long as each other, of a box of so many pixels; short axes count in full."""
    found, left = list(lengths), float(pixels)
    for rank, axis in enumerate(sorted(range(len(lengths)), key=lambda k: lengths[k])):
        side = left ** (1 / (len(lengths) - rank))
        found[axis] = min(lengths[axis], max(round(side), least[axis], 1))
        left = max(left / found[axis], 1.0)
    return found


def _around(span: tuple[int, int], side: int, point: float) -> tuple[int, int]:
    """Return the part of a span, about as long as a side, around a point; up to an end where little would be left."""
    start, stop = span
    begin = round(min(max(point - side / 2, start), stop - side))
    first = start if begin - start < SLIVER * side else begin
    last = stop if stop - begin - side < SLIVER * side else begin + side
    return (first, last) if last - first <= 2 * side else (first, begin + side)


def _on_grid(edge: int, spacing: int, start: int, stop: int) -> int:
    """Return the grid point nearest to an edge inside of a span; the ends of the span stay."""
    return edge if edge in (start, stop) else min(max(round(edge / spacing) * spacing, start), stop)


def _parts(box: Box, lengths: Sequence[int], spacing: Spacing) -> list[Box]:
    """Cut a box into parts of about equal sides that begin on a grid."""
    spans = []
    for (start, stop), length, n in zip(box, lengths, spacing, strict=True):
        count = max(round((stop - start) / length), 1)
        ends = [_on_grid(start + (stop - start) * k // count, n, start, stop) for k in range(count + 1)]
        spans.append([span for span in itertools.pairwise(ends) if span[0] < span[1]])
    return list(itertools.product(*spans))
