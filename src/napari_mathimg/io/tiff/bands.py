"""Images read band by band, a number of rows of one plane at a time, their tiles and their coarse levels."""

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...contract.progress import checkpoint

Array = NDArray[Any]


class Band(NamedTuple):
    """Rows of a plane: the number of the plane, the first row, and the pixels."""

    plane: int
    first: int
    pixels: Array


def bands_of(array: Any, order: Sequence[int], lead: int, rows: int) -> Iterator[Band]:
    """Yield all pixels of an array in bands.

    Parameters
    ----------
    array
        Array with the basic indexing of NumPy.
    order
        Its axes in the order of the bands: `lead` ones of the planes, then rows, columns and samples.
    lead
        Number of axes before those of a plane.
    rows
        Number of rows of a band; the last one of a plane may have fewer.
    """
    shape = [int(array.shape[axis]) for axis in order]
    left = sorted(order[lead:])
    turn = [left.index(axis) for axis in order[lead:]]
    for plane, index in enumerate(itertools.product(*map(range, shape[:lead]))):
        for first in range(0, shape[lead], rows):
            checkpoint((plane + first / shape[lead]) / math.prod(shape[:lead]))
            key: dict[int, Any] = dict(zip(order, (*index, slice(first, min(first + rows, shape[lead]))), strict=False))
            part = array[tuple(key.get(axis, slice(None)) for axis in range(len(order)))]
            yield Band(plane, first, np.asarray(part).transpose(turn))


def tiles_of(pixels: Array, tile: tuple[int, int]) -> Iterator[Array]:
    """Yield the tiles of a band; the last ones are filled with 0."""
    for first in range(0, pixels.shape[1], tile[1]):
        part = pixels[:, first : first + tile[1]]
        missing = [(0, tile[0] - part.shape[0]), (0, tile[1] - part.shape[1])]
        yield np.ascontiguousarray(
            np.pad(part, [*missing, *[(0, 0)] * (part.ndim - 2)]) if part.shape[:2] != tile else part
        )


class CoarseLevels:
    """The levels of an image, each half as large as the one before, filled band by band.

    Parameters
    ----------
    stores
        Arrays of the levels, the finest of them first, whose first axis is that of the planes.
    """

    def __init__(self, stores: Sequence[Array]) -> None:
        self.stores = stores
        self._odd: dict[int, Array] = {}  # the last row of a level before it is rounded, which waits for the next one

    def fill(self, band: Band) -> None:
        """Compute the rows of each level that a band completes; the bands of a plane come in their order.

        A band begins at an even row.
        """
        rows, first, height = band.pixels, band.first, None
        if not first:
            self._odd.clear()
        for number, store in enumerate(self.stores):
            if number in self._odd:
                rows, first = np.concatenate([self._odd.pop(number), rows]), first - 1
            if len(rows) % 2 and height is not None and first + len(rows) < height:
                self._odd[number], rows = rows[-1:], rows[:-1]
            if not len(rows):
                return
            rows, first, height = halved(rows), first // 2, store.shape[1]
            store[band.plane, first : first + len(rows)] = rows if store.dtype.kind == "f" else np.rint(rows)


class CoarseLabels:
    """The levels of labels, each half as large as the one before, filled band by band with single pixels.

    A pixel of a level is the one in the middle of those that it covers, or the last one at the edge.

    Parameters
    ----------
    stores
        As of `CoarseLevels`.
    sides
        Number of rows and of columns of a plane.
    """

    def __init__(self, stores: Sequence[Array], sides: Sequence[int]) -> None:
        self.stores = stores
        self._middles = [[self._middle(level, n) for n in sides] for level in range(1, len(stores) + 1)]

    @staticmethod
    def _middle(level: int, n: int) -> NDArray[np.intp]:
        step = 2**level
        middles: NDArray[np.intp] = np.minimum(np.arange(0, n, step) + step // 2, n - 1)
        return middles

    def fill(self, band: Band) -> None:
        """Copy the pixels of a band that are in the levels."""
        for store, (rows, columns) in zip(self.stores, self._middles, strict=True):
            inside = np.flatnonzero((rows >= band.first) & (rows < band.first + len(band.pixels)))
            store[band.plane, inside] = band.pixels[rows[inside] - band.first][:, columns]


def halved(part: Array) -> Array:
    """Return the means of 2 x 2 pixels as float64, of those that are numbers; beyond an odd edge there are none.

    Examples
    --------
    >>> halved(np.array([[1, 2, 3], [5, np.nan, 7]])).tolist()
    [[2.6666666666666665, 5.0]]
    """
    rows, columns = (math.ceil(n / 2) for n in part.shape[:2])
    padding = [(0, 2 * rows - part.shape[0]), (0, 2 * columns - part.shape[1]), *[(0, 0)] * (part.ndim - 2)]
    padded = np.pad(part.astype(np.float64), padding, constant_values=np.nan)
    four = padded.reshape(rows, 2, columns, 2, *part.shape[2:])
    is_number = np.isfinite(four)
    count = is_number.sum((1, 3))
    total = np.where(is_number, four, 0).sum((1, 3))
    means: Array = np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
    return means
