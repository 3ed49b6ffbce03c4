"""The public call that applies an operation to an array."""

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
        ``Options(ndim=3)``; other axes with ``Options(axes=...)``), and channels at the axis that `options` name. It is
        not changed.
    operation
        Id of an operation; `operations()` lists all.
    *images
        Further images, in the order that the operation declares; instead of one, ``{"per": axis, "values": [...]}``
        gives one for each index along a stack axis.
    options
        How the operation is applied; `Options()` by default.
    **parameters
        Parameters of the operation; ``help(operations()["gaussian"])`` lists those of one. Instead of a value,
        ``{"per": axis, "values": [...]}`` gives one for each index along a stack axis.

    Returns
    -------
    numpy.ndarray
        The result, its axes in the order of those of the image. Its type is that of the image, or float32 if the image
        holds integers and the operation declares that values leave their type, unless `options` name another.

    Raises
    ------
    ValueError
        ``name=value: must be ...`` for whatever cannot be done; nothing is computed then.

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
