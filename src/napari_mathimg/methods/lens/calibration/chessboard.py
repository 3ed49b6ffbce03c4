"""Crossings of a chessboard: where four squares meet, the smoothed image has a saddle point."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi
from skimage.feature import peak_local_max

Floats = NDArray[np.float64]

SCALES = (1.5, 2.5, 4.5, 8.0)  # standard deviations at which crossings are looked for, in pixels
LEAST = 0.06  # of the strength of a saddle; that of a sharp crossing is (2 / pi)^2 = 0.41
MOST = 20_000  # crossings that are looked at
RING = 16  # samples around a candidate
STEPS = 12  # of Newton's method at most


def evened(image: Floats, scale: float) -> Floats:
    """Return an image of local mean 0 and local standard deviation 1, whatever the light."""
    side = 2 * round(np.sqrt(3) * scale) + 1  # of a box with this standard deviation
    centered = image - ndi.uniform_filter(image, side, mode="nearest")
    spread = np.sqrt(np.maximum(ndi.uniform_filter(centered * centered, side, mode="nearest"), 0))
    return np.asarray(centered / np.maximum(spread, 0.05 * spread.max() + 1e-30))


def _derivatives(image: Floats, sigma: float, *orders: tuple[int, int]) -> list[Floats]:
    return [ndi.gaussian_filter(image, sigma, order, mode="nearest") for order in orders]


def candidates(image: Floats, sigma: float) -> Floats:
    """Return the crossings seen at a scale, as (row, column), the strongest first.

    A crossing is a saddle point, and around it the image is the same seen from opposite sides, bright and dark twice.
    """
    smooth = evened(image, 8 * sigma)
    yy, yx, xx = _derivatives(smooth, sigma, (2, 0), (1, 1), (0, 2))
    strength = sigma**4 * (yx * yx - yy * xx)
    found = peak_local_max(
        strength, min_distance=max(round(1.5 * sigma), 2), threshold_abs=LEAST, exclude_border=4, num_peaks=MOST
    )
    if not len(found):
        return np.empty((0, 2))
    found = refined(smooth, found.astype(float), sigma)
    found = found[np.isfinite(found).all(axis=1)]
    return found[_alternating(ndi.gaussian_filter(smooth, sigma / 2), found, 2.5 * sigma)]


def _alternating(image: Floats, points: Floats, radius: float) -> NDArray[np.bool_]:
    """Whether a ring around each point is bright and dark twice, and the same from opposite sides."""
    angles = 2 * np.pi * np.arange(RING) / RING
    rows = points[:, :1] + radius * np.sin(angles)
    columns = points[:, 1:] + radius * np.cos(angles)
    power = np.abs(np.fft.rfft(ndi.map_coordinates(image, [rows, columns], order=1, mode="nearest"), axis=1)) ** 2
    total = power[:, 1:].sum(axis=1) + 1e-30
    return np.asarray((power[:, 2] > 0.5 * total) & (power[:, 2::2].sum(axis=1) > 0.8 * total))


def refined(image: Floats, points: Floats, sigma: float) -> Floats:
    """Return the saddle points near some points to a fraction of a pixel; NaN where there is none within 2 `sigma`.

    They are where the gradient of the image smoothed by `sigma` vanishes, found by Newton's method. A crossing looks
    the same turned by half a turn, so that smoothing does not move it.
    """
    orders = ((1, 0), (0, 1), (2, 0), (1, 1), (0, 2))
    splines = [ndi.spline_filter(d, order=3) for d in _derivatives(image, sigma, *orders)]

    def at(spline: Floats, places: Floats) -> Any:
        return ndi.map_coordinates(spline, places.T, order=3, mode="mirror", prefilter=False)

    found = points.copy()
    for _ in range(STEPS):
        gy, gx, yy, yx, xx = (at(s, found) for s in splines)
        determinant = yy * xx - yx * yx
        saddle = determinant < 0
        safe = np.where(saddle, determinant, 1.0)
        step = np.stack([(yx * gx - xx * gy) / safe, (yx * gy - yy * gx) / safe], axis=1)
        step[~saddle] = np.nan
        length = np.hypot(*step.T)
        step *= np.minimum(1, sigma / np.maximum(length, 1e-12))[:, None]
        found += step
        found[~(np.hypot(*(found - points).T) < 2 * sigma)] = np.nan
        if not (np.nan_to_num(length) > 1e-4).any():
            break
    return found
