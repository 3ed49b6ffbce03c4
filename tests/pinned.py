"""Results of all rows of cases.py, pinned at a few pixels, so that nobody changes what an operation gives unaware.

The last bits of a result follow the processor, and at the border of a bin or of a pixel rounding decides. Therefore
pixels are compared within a share of the range, and one of them may be another.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cases import CASES, Case, plane
from napari_mathimg import apply

FOLDER = Path(__file__).parent / "pins"
PIXELS = 96  # of each result
DTYPES = ("f4", "u1", "f8")
STEP = 7919  # a prime, so that the pixels lie all over
TOLERANCE = 1e-4  # of the range of the result
MAY_DIFFER = 1  # pixel
RENEW = "python scripts/pins.py"


@dataclass(frozen=True)
class Row:
    """A result: its description, and some of its pixels."""

    about: dict[str, Any]
    pixels: np.ndarray


def rows() -> Iterator[tuple[Case, dict[str, Any], str]]:
    """Yield each case with each of its sets of parameters and types: all sets of float32, the first of the others."""
    for case in CASES:
        for dtype in DTYPES:
            yield case, case.parameters, dtype
        for variant in case.variants:
            yield case, {**case.needed, **variant}, DTYPES[0]


def row_of(case: Case, parameters: dict[str, Any], dtype: str) -> Row:
    """Compute the result of a row; an image of integers covers their range."""
    shape = (61, 47) if parameters is case.parameters else (37, 29)  # as in the tests of both
    values = case.prepared(plane(shape))
    image = np.rint(values * 255) if np.dtype(dtype).kind == "u" else values
    image, options = np.maximum(image, 1 if case.light and dtype == "u1" else 0).astype(dtype), case.options()
    result = np.asarray(apply(image, case.operation, *case.further(shape, options.channel_axis), options=options,
                              **parameters))  # fmt: skip
    flat = result.reshape(-1)
    return Row(
        {
            "operation": case.operation, "version": case.declared.version, "dtype": dtype,
            "parameters": {name: repr(value) for name, value in parameters.items()},
            "shape": list(result.shape), "result": result.dtype.name, "range": float(f"{np.ptp(flat):.6g}"),
        },
        flat[np.arange(PIXELS) * STEP % flat.size].astype(np.float32),
    )  # fmt: skip


def read() -> list[Row]:
    """Return the pinned rows."""
    abouts = json.loads((FOLDER / "rows.json").read_text(encoding="utf-8"))
    pixels = np.load(FOLDER / "pixels.npy", allow_pickle=False)
    return [Row(about, each) for about, each in zip(abouts, pixels, strict=True)]


def write() -> None:
    """Pin the results as they are now."""
    found = [row_of(*row) for row in rows()]
    FOLDER.mkdir(exist_ok=True)
    lines = ",\n".join(json.dumps(row.about) for row in found)
    (FOLDER / "rows.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    np.save(FOLDER / "pixels.npy", np.array([row.pixels for row in found]), allow_pickle=False)


def difference(row: Row, pinned: Row) -> str:
    """Return how a result differs from the pinned one; "" if it does not."""
    if row.about["result"] != pinned.about["result"]:
        return f"is of the type {row.about['result']}, not {pinned.about['result']}"
    if row.about["shape"] != pinned.about["shape"]:
        return f"has the shape {row.about['shape']}, not {pinned.about['shape']}"
    apart = np.abs(row.pixels - pinned.pixels)
    count = int((apart > TOLERANCE * max(pinned.about["range"], 1e-6)).sum())
    if count <= MAY_DIFFER:
        return ""
    return (
        f"differs at {count} of {PIXELS} pixels, by up to {apart.max():.3g} of a range of {pinned.about['range']:.3g}"
    )
