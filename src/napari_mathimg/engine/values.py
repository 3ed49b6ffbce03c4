"""How an operation sees numbers, and how its results come back."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contract.operation import ValueRange

Array = NDArray[Any]
EXACT_IN_FLOAT64 = 2**53


def working_type(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Floating-point type that carries a dtype's values: float32 up to 16 bits and for float32, else float64."""
    wide = (dtype.kind in "iu" and dtype.itemsize > 2) or (dtype.kind == "f" and dtype.itemsize > 4)
    return np.dtype(np.float64 if wide else np.float32)


def dtype_range(dtype: np.dtype[Any]) -> tuple[float, float]:
    """Return what the value range "dtype" means: 0 to 1 for floating point, 0 to the highest integer."""
    return (0.0, 1.0) if dtype.kind in "bf" else (0.0, float(np.iinfo(dtype).max))


def to_working(block: Array, values: str, value_range: ValueRange) -> Array:
    """Return a contiguous block as an operation sees it; never the caller's memory changed."""
    if values == "exact":
        return np.ascontiguousarray(block)
    x = np.ascontiguousarray(block, working_type(block.dtype))
    if values == "normalized" and (value_range.low, value_range.width) != (0, 1):
        x = x - x.dtype.type(value_range.low)
        x /= x.dtype.type(value_range.width)
    return x


def from_working(block: Array, values: str, value_range: ValueRange, dtype: np.dtype[Any]) -> Array:
    """Return what an operation made in a dtype, rounded to the nearest number it holds."""
    if values == "normalized" and (value_range.low, value_range.width) != (0, 1):
        block = block * block.dtype.type(value_range.width)
        block += block.dtype.type(value_range.low)
    if dtype.kind in "biu" and block.dtype.kind == "f":
        ends = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
        rounded = np.rint(block)
        if not np.isfinite(rounded).all():
            rounded = np.nan_to_num(rounded, nan=0.0, posinf=ends[1], neginf=ends[0])
        with np.errstate(invalid="ignore"):
            out = np.clip(rounded, *ends).astype(dtype)
        if dtype.itemsize > 4:  # the largest 64-bit integers are no floating-point numbers
            out[rounded >= ends[1]] = ends[1]
        return out
    with np.errstate(over="ignore"):
        return block.astype(dtype, copy=False)


def gray_levels(dtype: np.dtype[Any]) -> Array | None:
    """All values of a type of at most 16 bits, in the order of their bits; None for others."""
    if dtype.kind == "b":
        return np.array([False, True])
    if dtype.kind not in "iu" or dtype.itemsize > 2:
        return None
    unsigned = np.dtype(f"u{dtype.itemsize}")
    return np.arange(2 ** (8 * dtype.itemsize)).astype(unsigned).view(dtype)


def look_up(table: Array, block: Array) -> Array:
    """Replace every value by its entry in a table over `gray_levels`."""
    found: Array = np.take(table, block.view(f"u{block.dtype.itemsize}"), axis=0)
    return found


def missing(block: Array) -> Array | None:
    """Mask of the pixels that hold no finite number; None where all do."""
    if block.dtype.kind != "f":
        return None
    bad = ~np.isfinite(block)
    return bad if bad.any() else None


def brightness(block: Array) -> Array:
    """V = max(R, G, B) of HSV, channels last."""
    return np.ascontiguousarray(block.max(axis=-1))


def recolor(block: Array, old: Array, new: Array) -> Array:
    """Scale colors (channels last) so that their brightness changes from `old` to `new`; black becomes gray."""
    dark = old <= 0
    factor = new / np.where(dark, 1, old)
    out: Array = block * factor[..., None]
    out[dark] = new[dark][..., None]
    return out
