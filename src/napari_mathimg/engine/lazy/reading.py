"""What a selection of positions reads of tiles, and where it goes in the array that is returned."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...contract.reach import Box, Spacing
from ..chunks import Grid
from ..source import Index
from .keys import Positions

Array = NDArray[Any]
Chosen = slice | NDArray[np.intp]  # positions along one axis of a block


class Part(NamedTuple):
    """A box of an item, the pixels of it that are chosen, and the place of these in the array that is returned."""

    of: Index
    box: Box
    chosen: tuple[Chosen, ...]
    target: tuple[slice | int, ...]
    is_whole: bool = False  # whether all pixels of the box are chosen


class Request(NamedTuple):
    """The positions that are read: of frames, of stack axes, of the axes of an item, and of channels."""

    frames: tuple[Positions, ...]
    leading: tuple[Positions, ...]
    item: tuple[Positions, ...]
    channels: tuple[Positions, ...]

    @classmethod
    def of(cls, positions: Sequence[Positions], frames: int, leading: int, item: int) -> "Request":
        """Return positions along all axes, which are sorted so, as a request."""
        ends = list(itertools.accumulate([frames, leading, item]))
        first, second, third = ends
        return cls(
            tuple(positions[:first]), tuple(positions[first:second]), tuple(positions[second:third]),
            tuple(positions[third:]),
        )  # fmt: skip

    @property
    def lengths(self) -> tuple[int, ...]:
        """Number of positions along each axis."""
        return tuple(len(p) for of_kind in self for p in of_kind)

    @property
    def spacing(self) -> Spacing:
        """Pixels from one position to the next along each axis of an item; () where they are not evenly spaced."""
        ranges = [p for p in self.item if isinstance(p, range)]
        return tuple(p.step if len(p) > 1 else 1 for p in ranges) if len(ranges) == len(self.item) else ()

    def indices(self) -> Iterator[tuple[Index, Index]]:
        """Yield the items that are read, and their places among them."""
        places = itertools.product(*(range(len(p)) for p in self.leading))
        for place in places:
            yield tuple(int(p[k]) for p, k in zip(self.leading, place, strict=True)), place

    def in_tiles(self, grid_of: Callable[[Index], Grid]) -> Iterator[Part]:
        """Yield the tiles that hold the positions."""
        groups: dict[int, list[list[tuple[int, Chosen, slice, bool]]]] = {}
        all_frames = tuple(slice(None) for _ in self.frames)
        for index, place in self.indices():
            grid = grid_of(index)
            if id(grid) not in groups:
                groups[id(grid)] = [_in_cells(p, e) for p, e in zip(self.item, grid.edges, strict=True)]
            for cells in itertools.product(*groups[id(grid)]):
                numbers, chosen, targets, whole = zip(*cells, strict=True)
                target = (*all_frames, *place, *targets)
                yield Part(index, grid.box(numbers), chosen, target, all(whole))

    def spaced(self, parts_of: Callable[[Index, Box, Spacing], Iterator[Box]]) -> Iterator[Part]:
        """Yield boxes of which every n-th pixel is chosen, in the parts in which they are computed."""
        spacing = self.spacing
        first = [int(p[0]) for p in self.item]
        box = tuple((int(p[0]), int(p[-1]) + 1) for p in self.item)
        all_frames, all_chosen = tuple(slice(None) for _ in self.frames), tuple(slice(None) for _ in self.item)
        for index, place in self.indices():
            for part in parts_of(index, box, spacing):
                spans = zip(part, first, spacing, strict=True)
                targets = [slice((a - f) // n, -(-(b - f) // n)) for (a, b), f, n in spans]
                yield Part(index, part, all_chosen, (*all_frames, *place, *targets))

    def chosen_of(self, part: Part, block: Array) -> Array:
        """Return what is chosen of the block of a part: frames, axes of an item, channels."""
        key = [*map(_as_chosen, self.frames), *part.chosen, *map(_as_chosen, self.channels)]
        if all(isinstance(k, slice) for k in key):
            return block[tuple(key)]
        some: Array = block[np.ix_(*(np.arange(n)[k] for n, k in zip(block.shape, key, strict=True)))]
        return some


def _as_chosen(positions: Positions) -> Chosen:
    """Return positions along an axis as an index of NumPy."""
    if isinstance(positions, range):
        return slice(positions.start, positions.stop, positions.step)
    return positions


def _in_cells(positions: Positions, edges: NDArray[np.int64]) -> list[tuple[int, Chosen, slice, bool]]:
    """Return the cells that ascending positions lie in: number, positions inside, their places, whether all are in."""
    at = np.asarray(positions)
    cells = np.searchsorted(edges, at, "right") - 1
    firsts = np.flatnonzero(np.diff(cells, prepend=-1))
    found = []
    for first, stop in itertools.pairwise([*firsts.tolist(), len(at)]):
        cell = int(cells[first])
        start, end = int(edges[cell]), int(edges[cell + 1])
        some = at[first:stop] - start
        inside: Chosen = some
        if isinstance(positions, range):
            inside = slice(int(some[0]), int(some[-1]) + 1, positions.step)
        found.append((cell, inside, slice(first, stop), stop - first == end - start))
    return found
