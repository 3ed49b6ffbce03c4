"""The public call: an operation by name on an array."""

from collections.abc import Generator
from typing import Any, TypeVar

from ..catalog import find
from .plan import Options
from .prepare import prepare
from .run import run

Result = TypeVar("Result")


def apply(image: Any, operation: str, /, *images: Any, options: Options | None = None, **parameters: Any) -> Any:
    """Apply an operation to an array and return the result.

    Parameters
    ----------
    image
        Array (NumPy, Dask, Zarr): stack axes, then rows and columns (or planes, rows and columns with
        ``Options(ndim=3)``), and channels where `options` say. It is not changed.
    operation
        Id of an operation; `operations()` has them all.
    *images
        Further images the operation needs.
    options
        How to apply it; `Options()` by default.
    **parameters
        The operation's own parameters.

    Returns
    -------
    numpy.ndarray
        The result, in the image's type unless `options` say otherwise.

    Raises
    ------
    ValueError
        ``name=value: requirement`` for anything that cannot be done.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_mathimg import apply
    >>> apply(np.array([[1, 2], [3, 4]]), "rotate", angle=90)
    array([[2, 4],
           [1, 3]])
    """
    plan = finished(prepare(find(operation), image, images, options, parameters))
    return finished(run(plan))


def finished(steps: Generator[Any, None, Result]) -> Result:
    """Run a generator to its end and return its value."""
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            result: Result = stop.value
            return result
