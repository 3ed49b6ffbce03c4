"""Maps of geometric transformations, from the pixels of the result to positions in the image."""

import math
from dataclasses import dataclass

import numpy as np

from ..contract.reach import Box, Floats, Gather, Spacing, size
from ..kernels import maps


@dataclass(frozen=True)
class Separable:
    """A map of each axis on its own: ``scale * index + offset``."""

    scale: tuple[float, ...]
    offset: tuple[float, ...]

    def coordinates(self, core: Box, spacing: Spacing = ()) -> tuple[Floats, ...]:
        """Return the source coordinates of every pixel of a box, or every n-th, one array per axis."""
        every = spacing or (1,) * len(core)
        indices = (np.arange(a, b, n, dtype=float) for (a, b), n in zip(core, every, strict=True))
        grids = np.meshgrid(*indices, indexing="ij")
        return tuple(s * g + o for s, o, g in zip(self.scale, self.offset, grids, strict=True))

    def bounds(self, core: Box) -> tuple[tuple[float, float], ...]:
        """Return the interval of source coordinates of a box along each axis."""
        ends = ((s * a + o, s * (b - 1) + o) for s, o, (a, b) in zip(self.scale, self.offset, core, strict=True))
        return tuple((min(e), max(e)) for e in ends)


def resize_map(
    shape: tuple[int, ...], size: tuple[int, ...], order: int, mode: str, cval: float, anti_aliasing: bool
) -> Gather:
    """Return the resizing of an image to a size, outer edges on outer edges.

    Result pixel r is read at ``factor * (r + 0.5) - 0.5``, the factor being the ratio of the two shapes.
    """
    factor = tuple(n / m for n, m in zip(shape, size, strict=True))
    offset = tuple((f - 1) / 2 for f in factor)
    placement = np.diag([*factor, 1.0])
    placement[:-1, -1] = offset
    smooth = tuple(max(0.0, o) for o in offset) if anti_aliasing and order else ()
    return Gather(size, Separable(factor, offset), placement, order, mode, cval, smooth)


@dataclass(frozen=True)
class Projective:
    """A map by a 3 x 3 matrix on (row, column, 1)."""

    matrix: tuple[tuple[float, ...], ...]

    def coordinates(self, core: Box, spacing: Spacing = ()) -> tuple[Floats, ...]:
        """Return the source rows and columns of every pixel of a box, or every n-th."""
        yy, xx = np.empty((2, *size(core, spacing)))
        down, right = spacing or (1, 1)
        maps.projective(np.array(self.matrix), core[0][0], core[1][0], down, right, yy, xx)
        return yy, xx

    def bounds(self, core: Box) -> tuple[tuple[float, float], ...]:
        """Return the intervals of source rows and columns: those of the corners, or infinite if the horizon crosses."""
        ends = np.array([(r, c, 1.0) for r in (core[0][0], core[0][1] - 1) for c in (core[1][0], core[1][1] - 1)])
        y, x, w = np.array(self.matrix) @ ends.T
        if not (np.all(w > 0) or np.all(w < 0)):
            return ((-math.inf, math.inf),) * 2
        return tuple((float((v / w).min()), float((v / w).max())) for v in (y, x))


@dataclass(frozen=True)
class Swirl:
    """A rotation about `center` by an angle (radians) that decays with the distance; `sides` are those of a pixel."""

    center: tuple[float, float]
    strength: float
    decay: float
    rotation: float
    sides: tuple[float, float] = (1.0, 1.0)

    def coordinates(self, core: Box, spacing: Spacing = ()) -> tuple[Floats, ...]:
        """Return the source rows and columns of every pixel of a box, or every n-th."""
        yy, xx = np.empty((2, *size(core, spacing)))
        down, right = spacing or (1, 1)
        turns = self.strength, self.decay, self.rotation
        maps.swirl(self.center, *turns, self.sides, core[0][0], core[1][0], down, right, yy, xx)
        return yy, xx

    def bounds(self, core: Box) -> tuple[tuple[float, float], ...]:
        """Return the intervals of source rows and columns, from those of the edges of the box.

        The source of an edge is the edge of the source. Between two neighboring pixels of an edge, the source moves by
        at most ``1 + |strength| / e`` times the longer side of a pixel.
        """
        (top, bottom), (left, right) = core
        edges = [((top, top + 1), (left, right)), ((bottom - 1, bottom), (left, right))]
        edges += [((top, bottom), (left, left + 1)), ((top, bottom), (right - 1, right))]
        yy, xx = (np.concatenate(c, axis=None) for c in zip(*map(self.coordinates, edges), strict=True))
        longest = 0.5 * (1 + abs(self.strength) / math.e) * max(map(abs, self.sides))
        margins = [longest / abs(side) for side in self.sides]
        return tuple((float(c.min()) - m, float(c.max()) + m) for c, m in zip((yy, xx), margins, strict=True))
