"""What statistics measure as plain arrays, and back."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...methods.cells import CellCounts, Cells
from ...methods.equalization import BinEnds

FIELDS = ("limits", "shift", "offset", "depth", "starts", "bits")


def as_arrays(values: Sequence[Any]) -> dict[str, NDArray[Any]] | None:
    """Return arrays, and counts of cells and bins, by names; None if a value is none of these."""
    out: dict[str, NDArray[Any]] = {}
    for k, value in enumerate(values):
        if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "biuf":
            out[f"{k}"] = np.asarray(value)
        elif isinstance(value, BinEnds):
            out |= {f"{k}.ends.low": value.low, f"{k}.ends.high": value.high}
        elif isinstance(value, CellCounts):
            cells = value.cells
            out |= {f"{k}.cells.{name}": np.asarray(getattr(cells, name)) for name in FIELDS}
            out |= {f"{k}.cells.{name}": getattr(value, name) for name in ("counts", "first", "last")}
            sample = value.sample or (np.empty(0, cells.dtype),)
            out[f"{k}.cells.sample"] = np.concatenate(sample)
        else:
            return None
    return out


def from_arrays(arrays: Mapping[str, NDArray[Any]]) -> list[Any]:
    """Return the values that `as_arrays` made arrays of."""
    values: list[Any] = []
    while True:
        k = len(values)
        if f"{k}" in arrays:
            values.append(arrays[f"{k}"])
        elif f"{k}.ends.low" in arrays:
            values.append(BinEnds(arrays[f"{k}.ends.low"], arrays[f"{k}.ends.high"]))
        elif f"{k}.cells.counts" in arrays:
            values.append(_cell_counts({n.rpartition(".")[2]: a for n, a in arrays.items() if n.startswith(f"{k}.c")}))
        else:
            return values


def _cell_counts(of: Mapping[str, NDArray[Any]]) -> CellCounts:
    low, high = of["limits"].tolist()
    dtype = np.dtype(f"f{of['starts'].dtype.itemsize}")
    cells = Cells(dtype, (low, high), of["shift"], of["offset"], int(of["depth"]), of["starts"], of["bits"])
    sample = (of["sample"],) if of["sample"].size else ()
    return CellCounts(cells, of["counts"], of["first"], of["last"], sample)
