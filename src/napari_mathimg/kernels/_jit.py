"""How every kernel is compiled."""

import functools
import inspect
import sys
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import numba

Compiled = Callable[..., Any]


def kernel(function: Compiled) -> Compiled:
    """Compile on first use, keep the machine code on disk, release the interpreter's lock.

    Numba compiles again what it finds on disk when the file of the function has changed, but not when one has that it
    takes functions from: the name under which the code is kept tells these.
    """
    function.__qualname__ += f"-{_lenders_sum(function.__globals__):08x}"
    compiled: Compiled = numba.njit(nogil=True, cache=True, error_model="numpy")(function)
    return compiled


def inline(function: Compiled) -> Compiled:
    """Compile into the kernels that call it."""
    compiled: Compiled = numba.njit(nogil=True, inline="always", error_model="numpy")(function)
    return compiled


def _lenders_sum(names: Mapping[str, Any]) -> int:
    """Return a checksum of the modules of this package that a module takes functions from, itself left out."""
    found, new = set[str](), _lenders(names)
    while new:
        found |= new
        new = {own for each in new for own in _lenders(vars(sys.modules[each]))} - found
    return zlib.crc32("".join(map(_source, sorted(found - {names["__name__"]}))).encode())


def _lenders(names: Mapping[str, Any]) -> set[str]:
    modules = (getattr(value, "__module__", None) or "" for value in names.values())
    return {name for name in modules if name.startswith(f"{__package__}.")} - {names["__name__"]}


@functools.cache
def _source(module: str) -> str:
    return inspect.getsource(sys.modules[module])
