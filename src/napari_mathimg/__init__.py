"""Mathematical imaging for napari: operations that change, restore and measure n-dimensional images.

``operations()`` lists them, ``help(operations()["gaussian"])`` explains one, ``apply`` applies it to an array with
`Options`, ``lazy`` does so where the result is read, and ``psf`` declares a point-spread function. A `Recipe` repeats a
chain of operations.
"""

from typing import Any

__version__ = "0.1.0"
__all__ = ["Options", "Recipe", "apply", "lazy", "operations", "psf"]

_MODULES = {
    "Options": "engine", "Recipe": "recipe.recipe", "apply": "engine", "lazy": "engine", "operations": "catalog",
    "psf": "methods.point_spread.kinds",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that importing the package is fast."""
    if name in _MODULES:
        from importlib import import_module

        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
