"""The public call: an operation by name on an array."""

from typing import Any

from ..catalog import find
from ..contract.progress import run_to_end
from .plan import Options
from .prepare import prepare
from .run import run


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
    plan = run_to_end(prepare(find(operation), image, images, options, parameters))
    return run_to_end(run(plan))
