"""Maps of changes of domain: where each pixel of a result is read, result index -> input index."""

import math
from dataclasses import dataclass

import numpy as np

from ..contract.reach import Box, Floats, size
from ..kernels import maps


@dataclass(frozen=True)
class Separable:
    """Each axis on its own: ``scale * index + offset``."""

    scale: tuple[float, ...]
    offset: tuple[float, ...]

    def coordinates(self, core: Box) -> tuple[Floats, ...]:
        """Return the input coordinates of every pixel of a box."""
        grids = np.meshgrid(*(np.arange(a, b, dtype=float) for a, b in core), indexing="ij")
        return tuple(s * g + o for s, o, g in zip(self.scale, self.offset, grids, strict=True))

    def bounds(self, core: Box) -> tuple[tuple[float, float], ...]:
        """Return the interval of input coordinates along each axis."""
        ends = ((s * a + o, s * (b - 1) + o) for s, o, (a, b) in zip(self.scale, self.offset, core, strict=True))
        return tuple((min(e), max(e)) for e in ends)


@dataclass(frozen=True)
class Projective:
    """A 3 x 3 matrix on (row, column, 1)."""

    matrix: tuple[tuple[float, ...], ...]

    def coordinates(self, core: Box) -> tuple[Floats, ...]:
        """Return the rows and columns of every pixel of a box."""
        yy, xx = np.empty(size(core)), np.empty(size(core))
        maps.projective(np.array(self.matrix), core[0][0], core[1][0], yy, xx)
        return yy, xx

    def bounds(self, core: Box) -> tuple[tuple[float, float], ...]:
        """Return the intervals of rows and columns: a box's corners bound it unless the horizon crosses it."""
        ends = np.array([(r, c, 1.0) for r in (core[0][0], core[0][1] - 1) for c in (core[1][0], core[1][1] - 1)])
        y, x, w = np.array(self.matrix) @ ends.T
        if not (np.all(w > 0) or np.all(w < 0)):
            return ((-math.inf, math.inf),) * 2
        return tuple((float((v / w).min()), float((v / w).max())) for v in (y, x))


@dataclass(frozen=True)
class Swirl:
    """Points turned about `center` by an angle (radians) that decays with their distance."""

    center: tuple[float, float]
    strength: float
    decay: float
    rotation: float

    def coordinates(self, core: Box) -> tuple[Floats, ...]:
        """Return the rows and columns of every pixel of a box."""
        yy, xx = np.empty(size(core)), np.empty(size(core))
        maps.swirl(self.center, self.strength, self.decay, self.rotation, core[0][0], core[1][0], yy, xx)
        return yy, xx

    def bounds(self, core: Box) -> tuple[tuple[float, float], ...]:
        """Return intervals of rows and columns: the edges of a box go to the edges of what it becomes.

        No point moves further than ``1 + |strength| / e`` times as far as the pixel does that it is made for.
        """
        (top, bottom), (left, right) = core
        edges = [((top, top + 1), (left, right)), ((bottom - 1, bottom), (left, right))]
        edges += [((top, bottom), (left, left + 1)), ((top, bottom), (right - 1, right))]
        yy, xx = (np.concatenate(c, axis=None) for c in zip(*map(self.coordinates, edges), strict=True))
        between = 0.5 * (1 + abs(self.strength) / math.e)
        return tuple((float(c.min()) - between, float(c.max()) + between) for c in (yy, xx))
