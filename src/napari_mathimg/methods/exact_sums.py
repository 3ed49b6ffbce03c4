"""Exact sums of floating-point numbers, which do not depend on the order of tiles."""

import math

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]


def exact_sum(sums: Counts) -> float:
    """Return the sum that `add_exactly` counted, rounded once; infinite if it exceeds float64."""
    total = 0
    for exponent in np.flatnonzero(sums.any(axis=0)).tolist():
        total += ((int(sums[0, exponent]) << 26) + int(sums[1, exponent])) << exponent
    spare = max(total.bit_length() - 128, 0)
    try:
        return math.ldexp(total >> spare, spare - 1075)
    except OverflowError:
        return math.inf
