"""Decorators that compile kernels."""

import functools
import inspect
import sys
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import numba

Compiled = Callable[..., Any]


def kernel(function: Compiled) -> Compiled:
    """Compile on first use, cache the machine code on disk, and release the interpreter's lock.

    Numba recompiles a cached function when its own file has changed, but not when a module that it imports functions
    from has. The name under which the code is cached therefore contains a checksum of these modules.
    """
    function.__qualname__ += f"-{_imports_checksum(function.__globals__):08x}"
    compiled: Compiled = numba.njit(nogil=True, cache=True, error_model="numpy")(function)
    return compiled


def inline(function: Compiled) -> Compiled:
    """Let LLVM inline the function into the kernels that call it, which compiles faster than inlining by Numba."""
    compiled: Compiled = numba.njit(nogil=True, forceinline=True, error_model="numpy")(function)
    return compiled


def _imports_checksum(names: Mapping[str, Any]) -> int:
    """Return a checksum of all modules of this package that a module imports functions from, directly or not."""
    found, new = set[str](), _imported_modules(names)
    while new:
        found |= new
        new = {name for module in new for name in _imported_modules(vars(sys.modules[module]))} - found
    return zlib.crc32("".join(map(_source, sorted(found - {names["__name__"]}))).encode())


def _imported_modules(names: Mapping[str, Any]) -> set[str]:
    """Return the names of the modules of this package that a module imports functions from, except its own."""
    modules = (getattr(value, "__module__", None) or "" for value in names.values())
    return {name for name in modules if name.startswith(f"{__package__}.")} - {names["__name__"]}


@functools.cache
def _source(module: str) -> str:
    return inspect.getsource(sys.modules[module])
