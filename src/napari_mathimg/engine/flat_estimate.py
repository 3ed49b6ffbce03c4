"""The light that the planes of a stack were seen under."""

from collections.abc import Generator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contract.progress import Progress, run_to_end
from ..ops.lens import flat_field
from .plan import Options
from .prepare import count_statistics, resolve
from .threads import cores

Flat = NDArray[np.float32]


def estimate_flat(image: Any, *, dark: Any = None, degree: int = 6, options: Options | None = None) -> Flat:
    """Estimate the light that the planes of a stack have in common, as `flat_field` does where it gets no flat.

    Parameters
    ----------
    image
        Array (NumPy, Dask, Zarr), read box by box.
    dark
        An image without light, or None: one plane for all, or planes of its own.
    degree
        Degree of the polynomial; lower is smoother.
    options
        How the stack is read, as in `apply`.

    Returns
    -------
    ndarray, float32
        One plane of mean 1, with colors last where the image has some: what `flat_field` takes as `flat`, without
        the dark image.

    Raises
    ------
    ValueError
        If the images or the options are none, or most of the field is dark.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_mathimg.engine import estimate_flat
    >>> light = 1 + 0.5 * np.linspace(-1, 1, 64) * np.ones((48, 1))
    >>> levels = np.array([3.0, 5.0, 4.0])
    >>> bool(np.abs(estimate_flat(levels[:, None, None] * light) / light - 1).max() < 0.03)
    True
    """
    return run_to_end(estimate_flat_steps(image, dark, degree, options))


def estimate_flat_steps(
    image: Any, dark: Any = None, degree: int = 6, options: Options | None = None, threads: int | None = None
) -> Generator[Progress, None, Flat]:
    """Return what `estimate_flat` does, as the value of a generator that yields progress; closing it cancels."""
    threads = threads or cores()
    plan = yield from resolve(flat_field, image, (None, dark), options, {"degree": degree}, threads)
    yield from count_statistics(plan, threads)
    rows, columns = plan.source.item
    count = plan.source.colors if plan.source.channels else 1
    index = plan.source.indices[0]
    surfaces = [plan.measured_of(index, c).surface((0, rows), (0, columns), np.float32) for c in range(count)]
    return surfaces[0] if not plan.source.channels else np.stack(surfaces, axis=-1)
