"""The tiles of a result, which depend on its shape and the reach, but never on the machine."""

import itertools
import math
from collections.abc import Iterator

from ..contract.reach import Box, Gather, Neighborhood, Reach, Whole, size

PIXELS = 2**18  # in a tile: few enough for caches and quick cancellation, enough to outweigh the cost of a call
SIDES = {2: 256, 3: 128}  # pixels; smallest side along the last two axes, by the number of axes of an item


def tiles(
    shape: tuple[int, ...], reach: Reach, pixels: int = PIXELS, side: int | None = None, halos: int | None = None,
    inside: Box | None = None,
) -> list[Box]:  # fmt: skip
    """Return boxes that cover each pixel of a result once.

    Parameters
    ----------
    shape
        Shape of an item of the image.
    reach
        Reach of the operation.
    pixels
        Number of pixels of a tile, roughly.
    side
        Smallest side of a tile in pixels along the last two axes; by default from `SIDES`.
    halos
        Smallest side of a tile as a multiple of the radius; by default that of the reach.
    inside
        Box of the result that is covered, in tiles of about the same size; by default all of it. Only for a reach that
        is not bound to fixed tiles.
    """
    if isinstance(reach, Whole):
        return [tuple((0, n) for n in shape)]
    if isinstance(reach, Gather):
        return list(_split(reach, inside or tuple((0, n) for n in reach.shape), shape, pixels))
    halos = reach.halos if halos is None else halos
    side = SIDES.get(len(shape), SIDES[2]) if side is None else side
    sides: list[int] = []
    for axis, (n, halo) in enumerate(zip(shape, reach.halo(len(shape)), strict=True)):
        pixels_per_layer = math.prod(shape[axis + 1 :]) * math.prod(sides)
        least = max(halos * halo, side if axis >= len(shape) - 2 else 1)
        length = min(max(least, pixels // pixels_per_layer), n)
        sides.append(-(-length // reach.align) * reach.align)
    if inside is not None:
        assert not is_fixed(reach)
        return list(itertools.product(*(_equal_parts(a, b, s) for (a, b), s in zip(inside, sides, strict=True))))
    spans = ([(a, min(a + s, n)) for a in range(0, n, s)] for n, s in zip(shape, sides, strict=True))
    return list(itertools.product(*spans))


def is_fixed(reach: Reach) -> bool:
    """Whether a result is computed in the same tiles always, because other tiles would change it."""
    return isinstance(reach, Whole) or (isinstance(reach, Neighborhood) and not (reach.exact and reach.align == 1))


def _equal_parts(first: int, stop: int, length: int) -> list[tuple[int, int]]:
    """Cut a span into parts of about a length."""
    count = max(round((stop - first) / length), 1)
    ends = [first + (stop - first) * k // count for k in range(count + 1)]
    return list(itertools.pairwise(ends))


def _split(reach: Gather, core: Box, shape: tuple[int, ...], pixels: int) -> Iterator[Box]:
    """Halve a box of the result until neither the box nor the box that it reads is large."""
    lengths = size(core)
    if math.prod(lengths) <= pixels:
        read = math.prod(size(reach.reads(core, shape)))
        if read <= 4 * pixels or max(lengths) == 1 or read <= 4 * math.prod(lengths):
            yield core
            return
    axis = lengths.index(max(lengths))
    a, b = core[axis]
    for half in ((a, (a + b) // 2), ((a + b) // 2, b)):
        yield from _split(reach, (*core[:axis], half, *core[axis + 1 :]), shape, pixels)
