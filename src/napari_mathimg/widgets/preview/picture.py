"""The pixels of a preview: an array as large as what is on screen, filled piece by piece."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .view import Box, View

Array = NDArray[Any]

Ends = tuple[float, float]

UNKNOWN, NEAR, EXACT = 0, 1, 2  # what is known of a pixel: nothing, about what it will be, or what it is


class Picture:
    """The pixels of a view, of which not all need to be known.

    Parameters
    ----------
    view
        What is shown.
    dtype
        Type of the result.
    channels
        Number of its channels; 0 without a channel axis.

    Attributes
    ----------
    values
        The pixels, in the type of the result, of the shape of the view and, if there are some, channels.
    known
        Of each pixel `UNKNOWN`, `NEAR` or `EXACT`.
    ends
        The lowest and the highest finite value that was written; None if there is none.
    """

    def __init__(self, view: View, dtype: Any, channels: int = 0) -> None:
        self.view = view
        self.values = np.zeros((*view.shape, *((channels,) if channels else ())), dtype)
        self.known = np.zeros(view.shape, np.uint8)
        self.ends: Ends | None = None

    @property
    def share(self) -> float:
        """The part of the pixels that is exact."""
        return float(np.count_nonzero(self.known == EXACT) / self.known.size)

    def write(self, box: Box, block: Array, how: int = EXACT) -> None:
        """Write what is taken of a box of the layer; less exact pixels replace no others."""
        place, part = [], []
        for (a, b), (start, stop), step in zip(box, self.view.box, self.view.step, strict=True):
            first = -(-(max(a, start) - start) // step)
            last = -(-(min(b, stop) - start) // step)
            if first >= last:
                return
            skipped = (start + first * step - (a + -(a - start) % step)) // step
            place.append(slice(first, last))
            part.append(slice(skipped, skipped + last - first))
        inside, block = tuple(place), block[tuple(part)]
        self.ends = joined(self.ends, ends_of(block))
        better = self.known[inside] <= how
        if better.all():
            self.values[inside] = block
            self.known[inside] = how
        else:
            self.values[inside][better] = block[better]
            self.known[inside][better] = how

    def take_over(self, other: "Picture") -> None:
        """Copy what another picture of the same result knows."""
        if not self.view.is_like(other.view) or other.values.dtype != self.values.dtype:
            return
        self.ends = other.ends
        here, there = [], []
        for (a, b), (c, d), step in zip(self.view.box, other.view.box, self.view.step, strict=True):
            first, last = max(a, c), min(b, d)
            if first >= last:
                return
            here.append(slice((first - a) // step, -(-(last - a) // step)))
            there.append(slice((first - c) // step, -(-(last - c) // step)))
        self.values[tuple(here)] = other.values[tuple(there)]
        self.known[tuple(here)] = other.known[tuple(there)]

    def missing(self) -> list[Box]:
        """Return boxes of the layer that hold all pixels that are not exact, and few others: four or fewer.

        What is known is taken to be a rectangle of the displayed plane, as it is after a pan; anything else is missing
        as a whole.
        """
        if len(self.view.displayed) > 2:
            return [self.view.box] if self.share < 1 else []
        low, high = sorted(self.view.displayed)
        others = tuple(k for k in range(self.known.ndim) if k not in (low, high))
        exact = self.known.min(axis=others) == EXACT if others else self.known == EXACT
        kept = _rectangle(exact)
        if kept is None:
            return [self.view.box]
        (top, bottom), (left, right) = kept
        high_end, wide_end = exact.shape
        parts = [
            ((0, top), (0, wide_end)), ((bottom, high_end), (0, wide_end)), ((top, bottom), (0, left)),
            ((top, bottom), (right, wide_end)),
        ]  # fmt: skip
        boxes = []
        for first, second in parts:
            if first[0] < first[1] and second[0] < second[1]:
                box = list(self.view.box)
                for axis, (a, b) in ((low, first), (high, second)):
                    start, stop = self.view.box[axis]
                    step = self.view.step[axis]
                    box[axis] = start + a * step, min(start + b * step, stop)
                boxes.append(tuple(box))
        return boxes


def _rectangle(exact: Array) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """Return the rectangle that is marked, as (start, stop) on both axes; None if what is marked is none."""
    rows, columns = np.flatnonzero(exact.any(axis=1)), np.flatnonzero(exact.any(axis=0))
    if not len(rows):
        return None
    top, bottom, left, right = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    if not exact[top:bottom, left:right].all():
        return None
    return (top, bottom), (left, right)


def ends_of(values: Array) -> Ends | None:
    """Return the lowest and the highest finite value; None if there is none."""
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        values = values[np.isfinite(values)]
    return (float(values.min()), float(values.max())) if values.size else None


def joined(one: Ends | None, other: Ends | None) -> Ends | None:
    """Return the lowest and the highest of the values of two parts."""
    if one is None or other is None:
        return one or other
    return min(one[0], other[0]), max(one[1], other[1])
