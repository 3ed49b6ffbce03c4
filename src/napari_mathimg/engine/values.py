"""Pixel values: the conversion to the working type of an operation and back to the type of the result."""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..contract.operation import ValueRange
from ..kernels import counting

Array = NDArray[Any]
EXACT_IN_FLOAT64 = 2**53
SAMPLED = 16  # of so many values one is looked at for rounding errors


def working_type(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the floating-point type for a dtype: float32 for types of at most 16 bits and float32, else float64."""
    wide = (dtype.kind in "iu" and dtype.itemsize > 2) or (dtype.kind == "f" and dtype.itemsize > 4)
    return np.dtype(np.float64 if wide else np.float32)


def dtype_range(dtype: np.dtype[Any]) -> tuple[float, float]:
    """Return the value range "dtype": 0 and 1 for booleans and floating point, 0 and the highest value of integers."""
    return (0.0, 1.0) if dtype.kind in "bf" else (0.0, float(np.iinfo(dtype).max))


def type_ends(dtype: np.dtype[Any]) -> tuple[int, int]:
    """Return the lowest and the highest value of a type of integers or booleans."""
    return (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)


def to_working(block: Array, values: str, value_range: ValueRange) -> Array:
    """Return a contiguous block as an operation sees it; the given block is not changed."""
    if values == "exact":
        return np.ascontiguousarray(block)
    x = np.ascontiguousarray(block, working_type(block.dtype))
    if values == "normalized" and (value_range.low, value_range.width) != (0, 1):
        x = value_range.normalize(x)
    return x


class Losses(NamedTuple):
    """What the values of a result lost when they were brought into its type.

    Parameters
    ----------
    below, above
        Numbers of values that were clipped to the lowest and to the highest value of the type.
    sampled, mean, spread, error
        Of a sample of the others, which were rounded: their number, mean, sum of squared differences from the mean, and
        sum of squared rounding errors.
    outside
        Number of values of the image that were clipped to the value range, if the plan does not tell it.
    """

    below: int = 0
    above: int = 0
    sampled: int = 0
    mean: float = 0.0
    spread: float = 0.0
    error: float = 0.0
    outside: int = 0

    def joined(self, other: "Losses") -> "Losses":
        """Return the losses of both; the spread by T. F. Chan, G. H. Golub and R. J. LeVeque (1979)."""
        count, shift = self.sampled + other.sampled, other.mean - self.mean
        share = other.sampled / max(count, 1)
        return Losses(
            self.below + other.below, self.above + other.above, count, self.mean + shift * share,
            self.spread + other.spread + shift * shift * self.sampled * share, self.error + other.error,
            self.outside + other.outside,
        )  # fmt: skip

    @property
    def rounding(self) -> float:
        """Root mean square of the rounding errors, as a share of the standard deviation of the values; 0 if it is 0."""
        return math.sqrt(self.error / self.spread) if self.spread > 0 else 0.0


def from_working(
    block: Array, values: str, value_range: ValueRange, dtype: np.dtype[Any], losses: list[Losses] | None = None
) -> Array:
    """Return a computed block in the type of the result, rounded and clipped; append what it lost to `losses`."""
    if values == "normalized" and (value_range.low, value_range.width) != (0, 1):
        block = value_range.restore(block)
    if dtype.kind in "biu" and block.dtype.kind == "f":
        out, lost = _rounded(np.ascontiguousarray(block), dtype)
    else:
        with np.errstate(over="ignore"):
            out = block.astype(dtype, copy=False)
        lost = _overflows(block, out)
    if losses is not None:
        losses.append(lost)
    return out


def _rounded(block: Array, dtype: np.dtype[Any]) -> tuple[Array, Losses]:
    """Return the nearest integers of a type."""
    low, high = type_ends(dtype)
    out = np.empty(block.shape, np.uint8 if dtype.kind == "b" else dtype)
    highest: float = high
    if high > EXACT_IN_FLOAT64:  # the largest 64-bit integers are no floating-point numbers
        highest = float(np.nextafter(float(high), 0))
    flat, lowest = block.reshape(-1), float(low)
    below, above = counting.round_into(flat, lowest, highest, out.reshape(-1))
    count, first, total, squares, error = counting.rounding_errors(flat, lowest, highest, SAMPLED)
    if highest != high:
        out[block > highest] = high
    mean = total / max(count, 1)
    lost = Losses(int(below), int(above), int(count), first + mean, max(squares - mean * total, 0.0), error)
    return out.view(bool) if dtype.kind == "b" else out, lost


def _overflows(block: Array, out: Array) -> Losses:
    """Count the finite numbers that are infinite in a smaller type."""
    if out.dtype.kind != "f" or out.dtype.itemsize >= block.dtype.itemsize or not np.isinf(out).any():
        return Losses()
    over = np.isinf(out) & np.isfinite(block)
    return Losses(int(np.count_nonzero(over & (block < 0))), int(np.count_nonzero(over & (block > 0))))


def gray_levels(dtype: np.dtype[Any]) -> Array | None:
    """Return all values of an integer type of at most 16 bits, in the order of their bits; None for other types."""
    if dtype.kind == "b":
        return np.array([False, True])
    if dtype.kind not in "iu" or dtype.itemsize > 2:
        return None
    unsigned = np.dtype(f"u{dtype.itemsize}")
    return np.arange(2 ** (8 * dtype.itemsize)).astype(unsigned).view(dtype)


def look_up(table: Array, block: Array) -> Array:
    """Replace every value by its entry in a table over `gray_levels`."""
    entries: Array = np.take(table, block.view(f"u{block.dtype.itemsize}"), axis=0)
    return entries


def missing(block: Array) -> Array | None:
    """Return the mask of the pixels that hold no finite number; None if all do."""
    if block.dtype.kind != "f":
        return None
    mask = ~np.isfinite(block)
    return mask if mask.any() else None


def brightness(block: Array) -> Array:
    """Return the brightness of colors, V = max(R, G, B) of HSV; channels last."""
    return np.ascontiguousarray(block.max(axis=-1))


def recolor(block: Array, old: Array, new: Array, black: float = 0.0) -> Array:
    """Scale colors, channels last, so that their brightness changes from `old` to `new`; `black` becomes gray."""
    dark = old <= black
    zero = block.dtype.type(black)
    factor = (new - zero) / np.where(dark, 1, old - zero)
    out: Array = (block - zero) * factor[..., None] + zero
    out[dark] = new[dark][..., None]
    return out
