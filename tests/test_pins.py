"""The results of all rows of cases.py are those that were pinned; recipes rely on them."""

from dataclasses import replace

import numpy as np
import pytest

import pinned
from pinned import RENEW, Row, difference, read, row_of, rows

PINNED = read()
ROWS = [*rows()]


def test_every_row_is_pinned():
    now = [(case.operation, {n: repr(v) for n, v in given.items()}, dtype) for case, given, dtype in ROWS]
    then = [(row.about["operation"], row.about["parameters"], row.about["dtype"]) for row in PINNED]
    assert now == then, f"rows of tests/cases.py are new or changed: pin them by {RENEW}"
    stale = {case.operation for (case, *_), row in zip(ROWS, PINNED, strict=True)
             if case.declared.version != row.about["version"]}  # fmt: skip
    assert not stale, f"their version was raised: pin them by {RENEW}"


@pytest.mark.parametrize("operation", sorted({case.operation for case, *_ in ROWS}))
def test_results_are_those_that_were_pinned(operation):
    told = [
        f"{row.about['parameters']}, {dtype}: {text}"
        for (case, given, dtype), row in zip(ROWS, PINNED, strict=True)
        if case.operation == operation and (text := difference(row_of(case, given, dtype), row))
    ]
    assert not told, (
        f"{operation} gives other pixels than before: raise its version, so that recipes tell it, and pin the new"
        f" results by {RENEW}\n" + "\n".join(told)
    )


def test_a_small_change_is_noticed_and_rounding_is_not():
    row = PINNED[0]
    width = row.about["range"]
    noise = np.linspace(-0.9e-4, 0.9e-4, row.pixels.size).astype(np.float32) * np.float32(width)
    assert not difference(replace(row, pixels=row.pixels + noise), row)
    assert difference(replace(row, pixels=row.pixels + np.float32(2e-4 * width)), row)
    jump = row.pixels.copy()
    jump[5] += np.float32(width)
    assert not difference(replace(row, pixels=jump), row), "a pixel at the border of a bin"
    rounded = next(row for row in PINNED if row.about["result"] == "uint8")
    assert difference(replace(rounded, pixels=rounded.pixels + (np.arange(rounded.pixels.size) < 2)), rounded)
    assert difference(Row({**row.about, "shape": [1]}, row.pixels), row)
    assert difference(Row({**row.about, "result": "float64"}, row.pixels), row)
    assert len(read()) == len(ROWS)
    assert sum(path.stat().st_size for path in pinned.FOLDER.iterdir()) < 300_000
