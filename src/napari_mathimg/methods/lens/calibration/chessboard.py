"""Detection of the corners of a chessboard, at which the smoothed image has saddle points."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi
from skimage.feature import peak_local_max

Floats = NDArray[np.float64]

SCALES = (1.5, 2.5, 4.5, 8.0)  # standard deviations at which corners are searched for, in pixels
MIN_STRENGTH = 0.06  # of a saddle; that of a sharp corner is (2 / pi)^2 = 0.41
MAX_CANDIDATES = 20_000
RING = 16  # samples around a candidate
MAX_STEPS = 12  # of Newton's method


def normalize_contrast(image: Floats, scale: float) -> Floats:
    """Return an image with a local mean of 0 and a local standard deviation of 1, which removes uneven illumination."""
    side = 2 * round(np.sqrt(3) * scale) + 1  # of a box with this standard deviation
    centered = image - ndi.uniform_filter(image, side, mode="nearest")
    spread = np.sqrt(np.maximum(ndi.uniform_filter(centered * centered, side, mode="nearest"), 0))
    return np.asarray(centered / np.maximum(spread, 0.05 * spread.max() + 1e-30))


def _derivatives(image: Floats, sigma: float, *orders: tuple[int, int]) -> list[Floats]:
    """Return Gaussian derivatives of an image, of some orders along rows and columns."""
    return [ndi.gaussian_filter(image, sigma, order, mode="nearest") for order in orders]


def find_corners(image: Floats, sigma: float) -> Floats:
    """Return the corners found at a scale, as (row, column), the strongest first.

    A corner is a saddle point. Around it, the image alternates twice between bright and dark, and is symmetric under a
    rotation by 180 degrees.
    """
    smooth = normalize_contrast(image, 8 * sigma)
    yy, yx, xx = _derivatives(smooth, sigma, (2, 0), (1, 1), (0, 2))
    strength = sigma**4 * (yx * yx - yy * xx)
    peaks = peak_local_max(
        strength, min_distance=max(round(1.5 * sigma), 2), threshold_abs=MIN_STRENGTH, exclude_border=4,
        num_peaks=MAX_CANDIDATES,
    )  # fmt: skip
    if not len(peaks):
        return np.empty((0, 2))
    corners = refine_corners(smooth, peaks.astype(float), sigma)
    corners = corners[np.isfinite(corners).all(axis=1)]
    return corners[_alternates(ndi.gaussian_filter(smooth, sigma / 2), corners, 2.5 * sigma)]


def _alternates(image: Floats, points: Floats, radius: float) -> NDArray[np.bool_]:
    """Return whether a ring around each point alternates twice and is symmetric under a rotation by 180 degrees."""
    angles = 2 * np.pi * np.arange(RING) / RING
    rows = points[:, :1] + radius * np.sin(angles)
    columns = points[:, 1:] + radius * np.cos(angles)
    power = np.abs(np.fft.rfft(ndi.map_coordinates(image, [rows, columns], order=1, mode="nearest"), axis=1)) ** 2
    total = power[:, 1:].sum(axis=1) + 1e-30
    return np.asarray((power[:, 2] > 0.5 * total) & (power[:, 2::2].sum(axis=1) > 0.8 * total))


def refine_corners(image: Floats, points: Floats, sigma: float) -> Floats:
    """Return the saddle points near some points with subpixel accuracy; NaN if there is none within 2 `sigma`.

    Newton's method finds where the gradient of the image smoothed by `sigma` vanishes. A corner is symmetric under a
    rotation by 180 degrees, so that smoothing does not move it.
    """
    orders = ((1, 0), (0, 1), (2, 0), (1, 1), (0, 2))
    splines = [ndi.spline_filter(d, order=3) for d in _derivatives(image, sigma, *orders)]

    def evaluate(spline: Floats, positions: Floats) -> Any:
        return ndi.map_coordinates(spline, positions.T, order=3, mode="mirror", prefilter=False)

    corners = points.copy()
    for _ in range(MAX_STEPS):
        gy, gx, yy, yx, xx = (evaluate(s, corners) for s in splines)
        determinant = yy * xx - yx * yx
        saddle = determinant < 0
        safe = np.where(saddle, determinant, 1.0)
        step = np.stack([(yx * gx - xx * gy) / safe, (yx * gy - yy * gx) / safe], axis=1)
        step[~saddle] = np.nan
        length = np.hypot(*step.T)
        step *= np.minimum(1, sigma / np.maximum(length, 1e-12))[:, None]
        corners += step
        corners[~(np.hypot(*(corners - points).T) < 2 * sigma)] = np.nan
        if not (np.nan_to_num(length) > 1e-4).any():
            break
    return corners
