"""The public call that returns the result of an operation as a lazy array."""

from functools import cache
from typing import Any

from ...catalog import find
from ...contract.progress import run_to_end
from ..facts import Facts
from ..plan import Options
from ..prepare import prepare
from .array import LazyArray


def lazy(image: Any, operation: str, /, *images: Any, options: Options | None = None, **parameters: Any) -> LazyArray:
    """Apply an operation to an array, and return the result as an array whose pixels are computed where they are read.

    All is checked, and what the operation must know of the whole image is counted, before this returns: a value range
    that is not given, histograms, and noise for "auto". Nothing is counted twice of a lazy image. In a chain whose
    tiles do not fit their cache, each step that counts computes all steps before it again: give its value range to
    avoid that.

    Parameters
    ----------
    image
        Array (NumPy, Dask, Zarr, or a lazy one, so that steps form a chain), as for `apply`. It must not be changed as
        long as the result is used.
    operation
        Id of an operation; `operations()` lists all.
    *images
        Further images, as for `apply`.
    options
        How the operation is applied; `Options()` by default.
    **parameters
        Parameters of the operation, as for `apply`.

    Returns
    -------
    LazyArray
        The result: any part of it, such as ``[2, :512, :512]``, equals that part of what `apply` returns to the bit.
        Tiles that were computed are kept in memory, 256 MiB of all lazy arrays, and 64 MiB of chunks
        that no run needs any more.

    Raises
    ------
    ValueError
        ``name=value: must be ...`` for whatever cannot be done.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_mathimg import Options, lazy
    >>> image = np.arange(10_000.0).reshape(100, 100)
    >>> smooth = lazy(image, "gaussian", sigma=2.0)
    >>> inverted = lazy(smooth, "invert", options=Options(value_range=(0, 9999)))
    >>> inverted[50, 50]
    np.float64(4949.0)
    """
    plan = prepare(
        find(operation), image, images, options, parameters, facts=_facts(), trust="digest", count_saturated=False
    )
    return LazyArray(run_to_end(plan))


@cache
def _facts() -> Facts:
    """Return what was counted for lazy arrays."""
    return Facts()
