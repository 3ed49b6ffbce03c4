"""Detection of the dots of a grid, at whose centers the Laplacian of the smoothed image has extrema."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi
from skimage.feature import peak_local_max

from .chessboard import MAX_CANDIDATES, normalize_contrast

Floats = NDArray[np.float64]

SCALES = (1.5, 2.1, 3.0, 4.2, 6.0, 8.5, 12.0)  # standard deviations; that of a disk of radius r is r / sqrt(2)
MIN_STRENGTH = 0.35  # of a dot, relative to the median of all dots


def blob_response(image: Floats, sigma: float) -> Floats:
    """Return the response to bright dots of a size, independent of illumination; it is negative for dark dots."""
    even = normalize_contrast(image, 8 * sigma)
    return np.asarray(-(sigma**2) * ndi.gaussian_laplace(even, sigma, mode="nearest"))


def find_dots(response: Floats, sigma: float) -> tuple[Floats, float]:
    """Return the dots found at a scale, as (row, column), and their median strength."""
    threshold = max(0.3, MIN_STRENGTH * float(np.quantile(response, 0.999)))
    pixels = peak_local_max(
        response, min_distance=max(round(sigma), 2), threshold_abs=threshold, num_peaks=MAX_CANDIDATES,
        exclude_border=round(2 * sigma),
    )  # fmt: skip
    if not len(pixels):
        return np.empty((0, 2)), 0.0
    strength = response[tuple(pixels.T)]
    usual = float(np.median(strength))
    return _refine_peaks(response, pixels[strength > MIN_STRENGTH * usual]), usual


def refine_dots(image: Floats, points: Floats, sigma: float, sign: int) -> Floats:
    """Return the centers of dots near some points with subpixel accuracy; NaN if there is none."""
    response = -sign * ndi.gaussian_laplace(image, sigma, mode="nearest")
    return _refine_peaks(response, np.rint(points).astype(int))


def _refine_peaks(response: Floats, pixels: NDArray[np.intp]) -> Floats:
    """Return the peaks of quadratic surfaces fitted to 3 x 3 pixels; NaN if there is no peak nearby."""
    inside = np.all((pixels >= 1) & (pixels < np.array(response.shape) - 1), axis=1)
    row, column = np.where(inside[:, None], pixels, 1).T

    def value(down: int, right: int) -> Floats:
        return np.asarray(response[row + down, column + right], float)

    lines = {d: (value(d, -1), value(d, 0), value(d, 1)) for d in (-1, 0, 1)}
    gy = (sum(lines[1]) - sum(lines[-1])) / 6
    gx = (sum(lines[d][2] for d in lines) - sum(lines[d][0] for d in lines)) / 6
    yy = (sum(lines[1]) + sum(lines[-1]) - 2 * sum(lines[0])) / 3
    xx = sum(lines[d][2] + lines[d][0] - 2 * lines[d][1] for d in lines) / 3
    yx = (lines[1][2] + lines[-1][0] - lines[1][0] - lines[-1][2]) / 4
    determinant = yy * xx - yx * yx
    peak = inside & (determinant > 0) & (yy < 0)
    safe = np.where(peak, determinant, 1.0)
    moved = np.stack([(yx * gx - xx * gy) / safe, (yx * gy - yy * gx) / safe], axis=1)
    moved[~peak | (np.abs(moved) > 1.5).any(axis=1)] = np.nan
    return pixels + moved
