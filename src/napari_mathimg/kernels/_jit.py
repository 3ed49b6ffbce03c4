"""How every kernel is compiled."""

from collections.abc import Callable
from typing import Any

import numba

Compiled = Callable[..., Any]


def kernel(function: Compiled) -> Compiled:
    """Compile on first use, keep the machine code on disk, release the interpreter's lock."""
    compiled: Compiled = numba.njit(nogil=True, cache=True, error_model="numpy")(function)
    return compiled


def inline(function: Compiled) -> Compiled:
    """Compile into the kernels that call it."""
    compiled: Compiled = numba.njit(nogil=True, inline="always", error_model="numpy")(function)
    return compiled
