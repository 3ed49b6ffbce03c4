"""Faulty pixels of flats and darks, and what they take from their neighbors."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ...contract import types as t

WINDOW = 5  # pixels; side of the neighborhood from which a faulty pixel takes its value
BRIGHT = 80  # percentile of that neighborhood which a hot pixel exceeds twice over
SPREADS = 5  # times the distance to the 20th percentile that a hot pixel of a dark exceeds it by, so that noise is kept
PIECE = 2**14  # neighborhoods that are sorted at a time


def is_faulty(light: t.Array) -> NDArray[np.bool_]:
    """Return where the brightness of a flat above the dark is no finite number above 0."""
    with np.errstate(invalid="ignore"):
        return np.asarray(~((light > 0) & np.isfinite(light)))


def is_faulty_or_hot(light: t.Array) -> NDArray[np.bool_]:
    """Return where the brightness of a flat above the dark is faulty, or more than twice as bright as around."""
    faulty = is_faulty(light)
    return faulty | _is_hot(np.where(faulty, np.nan, light), ~faulty)


def median_of_numbers(values: t.Array, axis: int) -> t.Array:
    """Return the median of the numbers along an axis; NaN if there are none."""
    if not np.isnan(values).any():
        return np.asarray(np.median(values, axis=axis))
    with warnings.catch_warnings(action="ignore", category=RuntimeWarning):  # about slices without numbers
        return np.asarray(np.nanmedian(values, axis=axis))


def filled(values: t.Array, faulty: NDArray[np.bool_]) -> t.Array:
    """Return a plane whose faulty pixels have the median of the others around them; not-a-number if there are none."""
    if not faulty.any():
        return values
    out = values.copy()
    out[faulty] = median_of_numbers(_windows(np.where(faulty, np.nan, values), np.nonzero(faulty)), axis=1)
    return out


def without_faults(dark: t.Array, flat: t.Array) -> t.Array:
    """Return a dark whose hot and missing pixels have that of their neighbors, or 0 if there are none.

    A pixel is hot if it alone makes the flat no brighter than the dark.
    """
    faulty = ~np.isfinite(dark)
    suspect = is_faulty(flat - dark) & np.isfinite(flat)
    if suspect.any():
        faulty |= suspect & (flat > filled(dark, faulty | suspect))
    return np.asarray(np.nan_to_num(filled(dark, faulty), nan=0.0))


def without_outliers(dark: t.Array, image: t.Array) -> tuple[t.Array, NDArray[np.bool_]]:
    """Return a dark whose hot and missing pixels have that of their neighbors, or 0 if there are none, and where.

    A pixel is hot if its dark is far above those around, and the image nearer to these than to it.
    """
    faulty = ~np.isfinite(dark)
    out = np.nan_to_num(filled(np.where(faulty, np.nan, dark), faulty), nan=0.0)
    hot = _is_hot(np.where(faulty, np.nan, dark), ~faulty & (out > image), SPREADS)
    if hot.any():
        places = np.nonzero(hot)
        around = _windows(out, places)
        around[:, WINDOW**2 // 2] = np.nan
        middle = median_of_numbers(around, axis=1)
        hot[places] = 2 * image[places] < middle + out[places]
        out[hot] = middle[hot[places]]
    return out, faulty | hot


def _is_hot(values: t.Array, where: NDArray[np.bool_], spreads: float = 0.0) -> NDArray[np.bool_]:
    """Return which of some pixels exceed the 80th percentile around them twice over, and by so many spreads."""
    hot = np.zeros(values.shape, np.bool_)
    if where.any():
        least = ndimage.minimum_filter(np.where(np.isnan(values), np.inf, values), WINDOW, mode="constant", cval=np.inf)
        rows, columns = np.nonzero(where & (values > 2 * least))
        for start in range(0, rows.size, PIECE):
            places = rows[start : start + PIECE], columns[start : start + PIECE]
            around = np.sort(_windows(values, places), axis=1)
            bright = _percentile(around, BRIGHT)
            limit = np.maximum(2 * bright, bright + spreads * (bright - _percentile(around, 100 - BRIGHT)))
            hot[places] = values[places] > limit
    return hot


def _percentile(rising: t.Array, percentile: int) -> t.Array:
    """Return a percentile of the numbers of each row, which rise and end with NaN."""
    last = np.count_nonzero(~np.isnan(rising), axis=1) - 1
    rank = last * percentile / 100
    low, row = rank.astype(np.intp), np.arange(len(rising))
    values = rising[row, low], rising[row, np.minimum(low + 1, last)]
    return np.asarray(values[0] + (rank - low) * (values[1] - values[0]))


def _windows(values: t.Array, places: tuple[NDArray[Any], ...]) -> t.Array:
    """Return the neighborhoods of some pixels of a plane, one a row; not-a-number beyond the edges."""
    around = np.pad(values, WINDOW // 2, constant_values=np.nan)
    windows: t.Array = np.lib.stride_tricks.sliding_window_view(around, (WINDOW, WINDOW))[places]
    return windows.reshape(-1, WINDOW**2)
