"""The falloff of light toward the corners, and its correction."""

from dataclasses import dataclass

import numpy as np

from ...contract.quantities import percent
from ...contract.reach import Box, Floats, size
from ...contract.types import Array
from ...kernels import vignetting

Shape = tuple[int, ...]
Pair = tuple[float, float]


def half_diagonal(shape: Shape) -> float:
    """Return the distance from the middle to the center of a corner pixel."""
    return max(float(np.hypot(shape[0] - 1, shape[1] - 1)), 1.0) / 2


@dataclass(frozen=True)
class Falloff:
    """A falloff of light to the share ``1 + k1 r^2 + k2 r^4 + k3 r^6`` at the distance r from the center.

    Shares below 5 % count as 5 %.

    Parameters
    ----------
    coefficients
        k1, k2 and k3.
    center
        (row, column) in pixels.
    radius
        Distance in pixels at which r is 1.
    power
        Light is multiplied by the share to the power of ``-power``: 1 corrects the falloff, -1 applies it.
    encoding, gamma
        Relation of values to light: "linear", "sRGB", or "gamma" (light is value ** gamma).
    """

    coefficients: tuple[float, float, float]
    center: Pair
    radius: float
    power: float = 1.0
    encoding: str = "linear"
    gamma: float = 1.0

    def least(self, shape: Shape) -> float:
        """Return the lowest share of light anywhere in an image of a shape."""
        rows, columns = ((max(c, n - 1 - c) / self.radius) for c, n in zip(self.center, shape, strict=True))
        farthest = rows**2 + columns**2
        k1, k2, k3 = self.coefficients
        turning = np.roots([3 * k3, 2 * k2, k1])
        squares = [0.0, farthest, *(t.real for t in turning if abs(t.imag) < 1e-12 and 0 < t.real < farthest)]
        return float(min(1 + s * (k1 + s * (k2 + s * k3)) for s in squares))

    def gains(self, box: Box) -> Floats:
        """Return the factor that multiplies the light of every pixel of a box."""
        ones = np.ones((*size(box), 1))
        plain = Falloff(self.coefficients, self.center, self.radius, self.power)
        return plain.change(ones, box, 0.0, 1.0)[..., 0]

    def change(self, block: Array, read: Box, low: float, width: float) -> Array:
        """Return a block, channels last if any, with its light corrected; an opacity channel is kept."""
        image = np.ascontiguousarray(block).reshape(*size(read), -1)
        out = np.empty_like(image)
        vignetting.lighten(
            image, read[0][0], read[1][0], self.center, self.radius, self.coefficients, self.power,
            vignetting.ENCODINGS[self.encoding], self.gamma, low, width, 3, out,
        )  # fmt: skip
        return out.reshape(block.shape)


def check_falloff(shape: Shape, k1: float, k2: float, k3: float, center: Pair, radius: float) -> None:
    """Raise ValueError for a falloff to less than 5 % of the light."""
    least = Falloff((k1, k2, k3), center, radius).least(shape)
    if least < vignetting.LEAST:
        raise ValueError(
            f"k1={k1}, k2={k2}, k3={k3}: must leave at least 5 % of the light everywhere, not {percent(least)}"
        )
