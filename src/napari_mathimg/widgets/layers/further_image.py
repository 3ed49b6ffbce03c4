"""An additional input image of a run, such as a PSF or a reference."""

from hashlib import blake2b
from typing import Any, NamedTuple

import numpy as np

from ...methods.point_spread.kinds import Kernel, Resampled


class FurtherImage(NamedTuple):
    """An additional input image: the name of its layer or kind, its array (or a lazy equivalent), and its level."""

    name: str
    array: Any
    level: int = 0

    def record(self) -> dict[str, Any]:
        """Return its name and shape, with a hash of pixels held in memory or the parameters of a computed kernel."""
        entry: dict[str, Any] = {"name": self.name, "shape": tuple(self.array.shape), "dtype": str(self.array.dtype)}
        if self.level:
            entry["level"] = self.level
        if isinstance(self.array, Kernel):
            entry |= self.array.record()
        if isinstance(self.array, np.ndarray | Resampled):
            pixels = np.ascontiguousarray(np.asarray(self.array))
            entry["blake2b"] = blake2b(pixels.data, digest_size=16).hexdigest()
        return entry
