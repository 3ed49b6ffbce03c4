"""Blur kernels: arrays of float64 whose sum is 1; all but `box` and `polygon` have odd sides and are symmetric."""

import math
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from ..contract.reach import margin
from .array_cache import ArrayCache
from .quadrilateral import Frame

Floats = NDArray[np.float64]
Vertices = tuple[tuple[float, float], ...]

CACHE_BYTES = 2**25  # of kernels that are computed once
NODES = 64  # Gauss-Legendre nodes across a pixel, along the first axis of an ellipsoid


def box(size: tuple[int, ...]) -> Floats:
    """Return a kernel of equal weights."""
    return np.full(size, 1 / math.prod(size))


def disk(radius: tuple[float, ...]) -> Floats:
    """Return a disk, or an ellipsoid with one radius per axis, with the fraction of each pixel inside as its weight.

    The center is the center of the middle pixel. Weights change continuously with the radii; a radius of at most half
    a pixel does not blur along its axis, and a radius of 0 removes its axis from the ellipsoid. In one and two
    dimensions, weights are exact up to rounding. In three, the areas of sections are integrated over each pixel by
    Gauss-Legendre quadrature, with errors of about 2e-4 of the largest weight.
    """
    halves = [disk_margin(r) for r in radius]
    edges = [_pixel_edges(h) / r for r, h in zip(radius, halves, strict=True) if r > 0]
    volume = _volume_in_ball(edges) if edges else np.ones(())
    volume[volume < 1e-12 * volume.max()] = 0  # rounding errors of pixels outside
    out: Floats = volume / volume.sum()
    return out.reshape([2 * h + 1 for h in halves])


def disk_margin(radius: float) -> int:
    """Return the number of pixels by which a disk extends beyond its middle pixel."""
    return max(math.ceil(radius - 0.5), 0)


def _pixel_edges(half: int) -> Floats:
    """Return the edges of the pixels from ``-half`` to `half`."""
    return np.arange(2 * half + 2, dtype=np.float64) - (half + 0.5)


def _volume_in_ball(edges: list[Floats], radius: float = 1.0) -> Floats:
    """Return the volume of each cell of a grid, given by its edges along each axis, inside a ball around 0."""
    if len(edges) == 1:
        return np.diff(np.clip(edges[0], -radius, radius))
    if len(edges) == 2:
        area = _area_in_disk(edges[0][:, None] / radius, edges[1] / radius)
        return np.diff(np.diff(area, axis=0), axis=1) * radius**2
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    sections = []
    for low, high in np.clip(np.column_stack([edges[0][:-1], edges[0][1:]]), -radius, radius):
        heights = (low + high) / 2 + (high - low) / 2 * nodes
        radii = np.sqrt(radius**2 - heights**2)
        areas = [w * _volume_in_ball(edges[1:], r) for w, r in zip(weights, radii, strict=True)]
        sections.append((high - low) / 2 * sum(areas))
    return np.stack(sections)


def _area_in_disk(y: Floats, x: Floats) -> Floats:
    """Return the signed area of the unit disk within the rectangle from the origin to (y, x)."""
    sign = np.sign(x) * np.sign(y)
    x, y = np.minimum(np.abs(x), 1), np.minimum(np.abs(y), 1)
    crossing = np.minimum(np.sqrt(1 - y * y), x)  # beyond it, the circle lies below y
    area: Floats = sign * (y * crossing + _area_below_circle(x) - _area_below_circle(crossing))
    return area


def _area_below_circle(x: Floats) -> Floats:
    """Return the area under the unit circle from 0 to `x`."""
    area: Floats = (x * np.sqrt(1 - x * x) + np.arcsin(x)) / 2
    return area


def kept_disk(radius: tuple[float, ...]) -> Floats:
    """Return `disk`, computed once; callers only read it."""
    return _kept.get(("disk", radius), lambda: disk(radius))


def motion_kernel(
    length: float, angle: float, vertices: str | Vertices, shape: tuple[int, int], frame: Frame
) -> Floats:
    """Return a polygon, or where `vertices` is a string a straight path; arguments as in `line` and `polygon`.

    The angle is that displayed where `frame` gives the directions (down, right) of a step along rows and columns. The
    kernel is computed once; callers only read it.
    """
    if not isinstance(vertices, str):
        return _kept.get(("polygon", vertices, shape), lambda: polygon(vertices, shape))
    return _kept.get(("line", length, angle, frame), lambda: line(*path_in_pixels(length, angle, frame)))


def path_in_pixels(length: float, angle: float, frame: Frame) -> tuple[float, float]:
    """Return the length and the angle, along the rows and columns of pixels, of a straight path in the world.

    Parameters
    ----------
    length
        Length in sides of a square with the area of a pixel.
    angle
        Angle in degrees, counter-clockwise as displayed.
    frame
        World directions (down, right) of a step along the rows and of one along the columns.

    Raises
    ------
    ValueError
        If the directions are parallel.
    """
    steps = np.array(frame, float).T
    area = abs(float(np.linalg.det(steps)))
    if area <= 1e-9 * np.abs(steps).max() ** 2:
        raise ValueError(f"frame={frame}: must be two directions that are not parallel")
    steps /= math.sqrt(area)
    if np.array_equal(steps, np.eye(2)):
        return length, angle
    direction = np.deg2rad(angle)
    down, right = np.linalg.solve(steps, (-math.sin(direction), math.cos(direction)))
    return length * math.hypot(down, right), float(np.rad2deg(math.atan2(-down, right)))


def line(length: float, angle: float) -> Floats:
    """Return a straight path of `length` pixels, centered on the middle pixel.

    Its direction is `angle`, in degrees counter-clockwise as displayed. Each column of a flat path, or row of a steep
    one, weighs as much as the part of the path inside it; this weight is divided linearly between the two pixels
    nearest to the path at the middle of the column. At an angle of 0, a path of five pixels has five equal weights. A
    path of at most one pixel does not blur.
    """
    direction = np.deg2rad(angle)
    along, across = math.cos(direction), -math.sin(direction)
    flat = abs(along) >= abs(across)
    if not flat:
        along, across = across, along
    reach = max(length, 1.0) * abs(along) / 2
    half = disk_margin(round(reach, 12))  # a rounding error must not add a column
    k = np.arange(-half, half + 1)
    low, high = np.maximum(k - 0.5, -reach), np.minimum(k + 0.5, reach)
    height = np.round(k * (across / along), 12)
    side = math.ceil(np.abs(height).max())
    weight = np.maximum(1 - np.abs(np.arange(-side, side + 1)[:, None] - height), 0) * (high - low)
    weight /= weight.sum()
    return np.ascontiguousarray(weight if flat else weight.T)


def polygon(vertices: Vertices, shape: tuple[int, int]) -> Floats:
    """Return a filled polygon of equal weights in an array of a given shape.

    A pixel is filled if its center lies inside or on the outline, as in skimage.draw.polygon. By the even-odd rule,
    parts that the outline encloses twice are holes.

    Parameters
    ----------
    vertices
        (row, column) of each vertex, in pixels.
    shape
        Rows and columns of the array.

    Raises
    ------
    ValueError
        If there are fewer than three vertices, a vertex lies outside of the array, or no pixel is filled.
    """
    from skimage.draw import polygon as polygon_pixels

    corners = np.array(vertices, dtype=float).reshape(len(vertices), -1)
    if len(corners) < 3 or corners.shape[1] != 2:
        raise ValueError(f"polygon={vertices}: must have at least three vertices (row, column)")
    if np.any(corners < -0.5) or np.any(corners > np.array(shape) - 0.5):
        raise ValueError(f"polygon={vertices}: must lie within an array of {shape[0]} x {shape[1]} pixels")
    out = np.zeros(shape)
    out[polygon_pixels(corners[:, 0], corners[:, 1], shape)] = 1
    if not out.any():
        raise ValueError(f"polygon={vertices}: must contain the center of a pixel")
    out /= out.sum()
    return out


def gaussian(sigma: tuple[float, ...], truncate: float = 4.0) -> Floats:
    """Return a Gaussian truncated at `truncate` standard deviations, sampled at pixel centers as in scipy.ndimage."""
    kernel: Floats = reduce(np.multiply.outer, (gaussian_weights(s, truncate) for s in sigma), np.ones(()))
    return kernel


def gaussian_weights(sigma: float, truncate: float = 4.0) -> Floats:
    """Return the Gaussian along one axis; a single 1 if `sigma` is 0."""
    if sigma <= 1e-15:
        return np.ones(1)
    half = margin(sigma, truncate)
    weights: Floats = np.exp(-0.5 / (sigma * sigma) * np.arange(-half, half + 1) ** 2)
    weights /= weights.sum()
    return weights


_kept = ArrayCache(CACHE_BYTES)
