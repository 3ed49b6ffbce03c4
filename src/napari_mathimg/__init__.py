"""Mathematical imaging for napari: operations on n-D images as pure functions with a declared reach."""

from typing import Any

__version__ = "0.1.0"
__all__ = ["Options", "apply", "operations", "psf"]

_HOME = {"Options": "engine", "apply": "engine", "operations": "catalog", "psf": "methods.point_spread.kinds"}


def __getattr__(name: str) -> Any:
    """Import the public names at first use, so that importing the package costs nothing."""
    if name in _HOME:
        from importlib import import_module

        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
