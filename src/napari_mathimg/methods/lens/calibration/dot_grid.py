"""Dots of a grid: blobs, whose middle is where the Laplacian of the smoothed image is strongest."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi
from skimage.feature import peak_local_max

from .chessboard import MOST, evened

Floats = NDArray[np.float64]

SCALES = (1.5, 2.1, 3.0, 4.2, 6.0, 8.5, 12.0)  # standard deviations; that of a disk of radius r is r / sqrt(2)
LEAST = 0.35  # of the strength that most dots reach


def response(image: Floats, sigma: float) -> Floats:
    """Return how much each place is a bright dot of a size, whatever the light; negative for dark dots."""
    return np.asarray(-(sigma**2) * ndi.gaussian_laplace(evened(image, 8 * sigma), sigma, mode="nearest"))


def candidates(response: Floats, sigma: float) -> tuple[Floats, float]:
    """Return the dots seen at a scale, as (row, column), and their usual strength."""
    least = max(0.3, LEAST * float(np.quantile(response, 0.999)))
    apart = max(round(sigma), 2)
    found = peak_local_max(
        response, min_distance=apart, threshold_abs=least, num_peaks=MOST, exclude_border=round(2 * sigma)
    )
    if not len(found):
        return np.empty((0, 2)), 0.0
    strength = response[tuple(found.T)]
    usual = float(np.median(strength))
    return _peaks(response, found[strength > LEAST * usual]), usual


def refined(image: Floats, points: Floats, sigma: float, sign: int) -> Floats:
    """Return the middles of dots near some points to a fraction of a pixel; NaN where there is none."""
    response = -sign * ndi.gaussian_laplace(image, sigma, mode="nearest")
    return _peaks(response, np.rint(points).astype(int))


def _peaks(response: Floats, pixels: NDArray[np.intp]) -> Floats:
    """Peaks of the surface of second degree through the nine pixels around some; NaN where there is none nearby."""
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
