"""Maps and kernels for coarse levels: lengths are those of the finest level, divided by the size of a pixel."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...contract.reach import Box, Floats, Gather, Map, Spacing
from ...methods.maps import Projective, Separable
from ..pyramid import level_matrix


@dataclass(frozen=True)
class Stepped:
    """A map from pixels of a coarse level of the result to those of a coarse level of the image.

    Parameters
    ----------
    source
        Map between the finest levels.
    steps, sizes
        Pixels of the finest level that a pixel of the result's level has along each axis, as whole numbers and exactly.
    factors
        The latter of the image's level.
    """

    source: Map
    steps: Spacing
    sizes: tuple[float, ...]
    factors: tuple[float, ...]

    def coordinates(self, core: Box, spacing: Spacing = ()) -> tuple[Floats, ...]:
        """Return the coordinates of every pixel of a box, or every n-th.

        They are those of a whole pixel of the finest level near the middle, moved by the difference to the next one.
        """
        every = spacing or (1,) * len(core)
        first = tuple((n - 1) // 2 for n in self.steps)
        found = self._at(core, every, first)
        total = [x.copy() for x in found]
        for axis, ((a, b), n, m, f, s) in enumerate(zip(core, self.steps, first, self.sizes, every, strict=True)):
            index = np.arange(a, b, s).reshape([-1 if k == axis else 1 for k in range(len(core))])
            moved = index * (f - n) + (f - 1) / 2 - m
            further = self._at(core, every, tuple(k + (i == axis) for i, k in enumerate(first)))
            for x, before, after in zip(total, found, further, strict=True):
                x += (after - before) * moved
        return tuple((x - (g - 1) / 2) / g for x, g in zip(total, self.factors, strict=True))

    def _at(self, core: Box, every: Spacing, first: Spacing) -> tuple[Floats, ...]:
        box = tuple((a * n + m, b * n) for (a, b), n, m in zip(core, self.steps, first, strict=True))
        box = tuple((a, max(b, a + 1)) for a, b in box)
        return self.source.coordinates(box, tuple(n * s for n, s in zip(self.steps, every, strict=True)))

    def bounds(self, core: Box) -> tuple[tuple[float, float], ...]:
        """Return the intervals of these coordinates."""
        spans = zip(core, self.sizes, strict=True)
        found = self.source.bounds(tuple((math.floor(a * f), math.ceil(b * f) + 1) for (a, b), f in spans))
        both = zip(found, self.factors, strict=True)
        return tuple(((low - (g - 1) / 2) / g, (high - (g - 1) / 2) / g) for (low, high), g in both)


def gather_at(reach: Gather, factors: Sequence[float]) -> Gather:
    """Return a map for a level of the image, whose pixels are `factors` as long; that of the result has such pixels."""
    steps = tuple(max(round(g), 1) for g in factors)
    shape = tuple(-(-n // s) for n, s in zip(reach.shape, steps, strict=True))
    sizes = np.divide(reach.shape, shape)
    into, onto = np.linalg.inv(level_matrix(np.asarray(factors, float))), level_matrix(sizes)

    def at_level(source: Map) -> Map:
        if isinstance(source, Separable):
            spans = zip(source.scale, source.offset, sizes.tolist(), factors, strict=True)
            both = [(s * f / g, (s * (f - 1) / 2 + o - (g - 1) / 2) / g) for s, o, f, g in spans]
            return Separable(tuple(s for s, _ in both), tuple(o for _, o in both))
        if isinstance(source, Projective):
            matrix = (into @ np.array(source.matrix) @ onto).tolist()
            return Projective(tuple(map(tuple, matrix)))
        return Stepped(source, steps, tuple(sizes.tolist()), tuple(factors))

    return replace(
        reach, shape=shape, source=at_level(reach.source), placement=into @ reach.placement @ onto,
        smooth=tuple(s / g for s, g in zip(reach.smooth, factors, strict=True)) if reach.smooth else (),
        colors=tuple(map(at_level, reach.colors)),
    )  # fmt: skip


def kernel_at(kernel: NDArray[Any], factors: Sequence[float]) -> NDArray[Any]:
    """Return a kernel on larger pixels, its sum and its middle kept; its sides become odd."""
    for axis, g in enumerate(factors):
        n = kernel.shape[axis]
        places = np.rint((np.arange(n) - (n - 1) / 2) / g).astype(int)
        out = np.zeros((*kernel.shape[:axis], 2 * int(places.max()) + 1, *kernel.shape[axis + 1 :]), kernel.dtype)
        np.add.at(np.moveaxis(out, axis, 0), places + int(places.max()), np.moveaxis(kernel, axis, 0))
        kernel = out
    return kernel
