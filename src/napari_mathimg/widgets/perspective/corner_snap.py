"""Detection of the image corner nearest to a point, with subpixel accuracy."""

from collections.abc import Generator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...contract.progress import Progress

Array = NDArray[Any]

WINDOW = 11  # window of `corner_subpix`, in pixels
ALPHA = 0.05  # significance level of its test for a corner or a dot
WEAK = 0.02  # smallest response of a corner, relative to the strongest one nearby
SMOOTH = 0.7  # standard deviation of the gradient filter, in pixels
NEAR, FAR = 4.0, 7.0  # pixels: edges between these distances weigh most; nearer ones are rounded by blur
STEPS = 20  # iterations at most


def snap(image: Array, point: tuple[float, float], radius: int = 12) -> tuple[float, float] | None:
    """Return the corner of a plane nearest to a point (row, column), or None if there is none within `radius`.

    scikit-image's corner detector finds it; then the point is refined to the intersection of the edges around it. The
    corner itself is given little weight, because blur rounds it. The error is below 0.1 pixel for the corners of
    squares and the crossings of a chessboard.

    Parameters
    ----------
    image
        Plane of shape (rows, columns) of finite numbers, or (rows, columns, 3 or 4) in color.
    point
        Start of the search, in pixels.
    radius
        Greatest distance of the corner, in pixels.

    References
    ----------
    .. [1] W. Foerstner and E. Guelch, "A fast operator for detection and precise location of distinct points, corners
       and centers of circular features", ISPRS Intercommission Workshop, Interlaken (1987).
    """
    from skimage.feature import corner_harris, corner_peaks, corner_subpix

    reach = radius + int(2 * FAR) + 2
    low = [max(round(p) - reach, 0) for p in point]
    high = [min(round(p) + reach + 1, n) for p, n in zip(point, image.shape, strict=False)]
    if any(b - a < WINDOW // 2 for a, b in zip(low, high, strict=True)):
        return None
    part = np.asarray(image[low[0] : high[0], low[1] : high[1]]).astype(float)
    if part.ndim == 3:
        part = part[..., :3] @ (0.2126, 0.7152, 0.0722)
    if not np.isfinite(part).all() or np.ptp(part) == 0:
        return None
    part = np.pad((part - part.min()) / np.ptp(part), WINDOW, mode="edge")
    peaks = corner_peaks(corner_harris(part), min_distance=2, threshold_rel=WEAK, exclude_border=WINDOW)
    if not len(peaks):
        return None
    fine = corner_subpix(part, peaks, window_size=WINDOW, alpha=ALPHA)
    corners = np.where(np.isfinite(fine), fine, peaks)  # `corner_subpix` gives NaN for blunt corners, as for edges
    distance = np.linalg.norm(corners - WINDOW + low - point, axis=1)
    if distance.min() > radius:
        return None
    row, column = _edge_intersection(part, corners[distance.argmin()]) - WINDOW + low
    return float(row), float(column)


def snap_steps(
    plane: Any, corners: tuple[tuple[float, float], ...], radius: int, asker: Any
) -> Generator[Progress, None, tuple[Any, ...]]:
    """Return who asked, the corners, and each one as `snap` finds it in a plane that is read on demand."""
    snapped = []
    for done, corner in enumerate(corners):
        yield Progress("Snap", done, len(corners))
        snapped.append(snap(plane, corner, radius))
    return asker, corners, snapped


def _edge_intersection(image: Array, start: Array) -> Array:
    """Return the least-squares intersection of the edges around a point, or the point itself if there is none."""
    from scipy import ndimage as ndi

    place = np.indices(image.shape).astype(float)
    gradient = np.stack([ndi.gaussian_filter(image, SMOOTH, order=o) for o in ((1, 0), (0, 1))])
    along = (gradient * place).sum(axis=0)
    point = start
    for _ in range(STEPS):
        far2 = ((place - point[:, None, None]) ** 2).sum(axis=0)
        weight = np.exp(-far2 / (2 * FAR**2)) * (1 - np.exp(-far2 / (2 * NEAR**2))) * (far2 < (2 * FAR) ** 2)
        tensor = np.einsum("ayx,byx,yx->ab", gradient, gradient, weight)
        spread = np.linalg.eigvalsh(tensor)
        if spread[0] <= 1e-3 * spread[1]:
            return start
        before, point = point, np.linalg.solve(tensor, np.einsum("ayx,yx,yx->a", gradient, along, weight))
        if np.linalg.norm(point - start) > NEAR:
            return start
        if np.linalg.norm(point - before) < 1e-4:
            break
    return point
