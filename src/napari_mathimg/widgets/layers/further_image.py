"""A further image of a run, beside the one that it is applied to."""

from hashlib import blake2b
from typing import Any, NamedTuple

import numpy as np

from ...methods.point_spread.kinds import Kernel, Resampled


class FurtherImage(NamedTuple):
    """A further image of a run: the name of its layer or its kind, its array or what becomes one, and its level."""

    name: str
    array: Any
    level: int = 0

    def record(self) -> dict[str, Any]:
        """Return its name, shape, and a hash of its pixels where they lie in memory, or what it is declared by."""
        kept: dict[str, Any] = {"name": self.name, "shape": tuple(self.array.shape), "dtype": str(self.array.dtype)}
        if self.level:
            kept["level"] = self.level
        if isinstance(self.array, Kernel):
            kept |= self.array.record()
        if isinstance(self.array, np.ndarray | Resampled):
            pixels = np.ascontiguousarray(np.asarray(self.array))
            kept["blake2b"] = blake2b(pixels.data, digest_size=16).hexdigest()
        return kept
