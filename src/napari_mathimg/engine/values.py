"""Pixel values: the conversion to the working type of an operation and back to the type of the result."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contract.operation import ValueRange

Array = NDArray[Any]
EXACT_IN_FLOAT64 = 2**53


def working_type(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the floating-point type for a dtype: float32 for types of at most 16 bits and float32, else float64."""
    wide = (dtype.kind in "iu" and dtype.itemsize > 2) or (dtype.kind == "f" and dtype.itemsize > 4)
    return np.dtype(np.float64 if wide else np.float32)


def dtype_range(dtype: np.dtype[Any]) -> tuple[float, float]:
    """Return the value range "dtype": 0 and 1 for booleans and floating point, 0 and the highest value of integers."""
    return (0.0, 1.0) if dtype.kind in "bf" else (0.0, float(np.iinfo(dtype).max))


def to_working(block: Array, values: str, value_range: ValueRange) -> Array:
    """Return a contiguous block as an operation sees it; the given block is not changed."""
    if values == "exact":
        return np.ascontiguousarray(block)
    x = np.ascontiguousarray(block, working_type(block.dtype))
    if values == "normalized" and (value_range.low, value_range.width) != (0, 1):
        x = value_range.normalize(x)
    return x


def from_working(block: Array, values: str, value_range: ValueRange, dtype: np.dtype[Any]) -> Array:
    """Return a computed block in the type of the result, rounded and clipped to the values of that type."""
    if values == "normalized" and (value_range.low, value_range.width) != (0, 1):
        block = value_range.restore(block)
    if dtype.kind in "biu" and block.dtype.kind == "f":
        ends = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
        rounded = np.rint(block)
        if not np.isfinite(rounded).all():
            rounded = np.nan_to_num(rounded, nan=0.0, posinf=ends[1], neginf=ends[0])
        with np.errstate(invalid="ignore"):
            out = np.clip(rounded, *ends).astype(dtype)
        if dtype.itemsize > 4:  # floating point does not represent the largest 64-bit integers
            out[rounded >= ends[1]] = ends[1]
        return out
    with np.errstate(over="ignore"):
        return block.astype(dtype, copy=False)


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
