"""Blur kernels as arrays of float64 whose sum is 1; all but `box` and `polygon` are odd and symmetric."""

import math
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from ..contract.reach import margin

Floats = NDArray[np.float64]

NODES = 64  # of the Gauss-Legendre quadrature across each pixel, along the axes of an ellipsoid before its last two


def box(size: tuple[int, ...]) -> Floats:
    """Return a kernel whose weights are all the same."""
    return np.full(size, 1 / math.prod(size))


def disk(radius: tuple[float, ...]) -> Floats:
    """Return each pixel's share of a disk, or of an ellipsoid with one radius along each axis.

    The middle of the ellipsoid is that of the pixel in the middle. Shares change continuously with the radii; a
    radius of at most half a pixel blurs nothing along its axis, and one of 0 leaves a disk of fewer axes. In one and
    two dimensions shares are exact up to rounding; in three, areas of sections are integrated over every pixel at
    Gauss-Legendre nodes, which leaves about 2e-4 of the largest.
    """
    halves = [disk_margin(r) for r in radius]
    edges = [_edges(h) / r for r, h in zip(radius, halves, strict=True) if r > 0]
    share = _share_of_ball(edges) if edges else np.ones(())
    share[share < 1e-12 * share.max()] = 0  # what rounding leaves of pixels outside
    out: Floats = share / share.sum()
    return out.reshape([2 * h + 1 for h in halves])


def disk_margin(radius: float) -> int:
    """Return how many pixels a disk reaches from its middle one."""
    return max(math.ceil(radius - 0.5), 0)


def _edges(half: int) -> Floats:
    """Return the borders of the pixels from ``-half`` to `half`."""
    return np.arange(2 * half + 2, dtype=np.float64) - (half + 0.5)


def _share_of_ball(edges: list[Floats], radius: float = 1.0) -> Floats:
    """Return how much of each cell of a grid, given by its edges along each axis, lies in a ball around 0."""
    if len(edges) == 1:
        return np.diff(np.clip(edges[0], -radius, radius))
    if len(edges) == 2:
        area = _area_to(edges[0][:, None] / radius, edges[1] / radius)
        return np.diff(np.diff(area, axis=0), axis=1) * radius**2
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    sections = []
    for low, high in np.clip(np.column_stack([edges[0][:-1], edges[0][1:]]), -radius, radius):
        heights = (low + high) / 2 + (high - low) / 2 * nodes
        radii = np.sqrt(radius**2 - heights**2)
        parts = [w * _share_of_ball(edges[1:], r) for w, r in zip(weights, radii, strict=True)]
        sections.append((high - low) / 2 * sum(parts))
    return np.stack(sections)


def _area_to(y: Floats, x: Floats) -> Floats:
    """Return the signed area of the unit disk between the axes and the point (y, x)."""
    sign = np.sign(x) * np.sign(y)
    x, y = np.minimum(np.abs(x), 1), np.minimum(np.abs(y), 1)
    turn = np.minimum(np.sqrt(1 - y * y), x)  # from there on the circle is below y
    area: Floats = sign * (y * turn + _area_below_circle(x) - _area_below_circle(turn))
    return area


def _area_below_circle(x: Floats) -> Floats:
    area: Floats = (x * np.sqrt(1 - x * x) + np.arcsin(x)) / 2
    return area


def line(length: float, angle: float) -> Floats:
    """Return a straight path of `length` pixels through the middle.

    It runs in the direction of `angle`, in degrees counter-clockwise as displayed. Every column of a flat path, every
    row of a steep one, has the share of the path that lies in it, as linear weights of the two pixels between which
    the path goes through its middle. At angle 0, five pixels are five equal weights. Up to a length of 1, nothing is
    blurred.
    """
    direction = np.deg2rad(angle)
    along, across = math.cos(direction), -math.sin(direction)
    flat = abs(along) >= abs(across)
    if not flat:
        along, across = across, along
    reach = max(length, 1.0) * abs(along) / 2
    half = disk_margin(round(reach, 12))  # a rounding error makes no column
    k = np.arange(-half, half + 1)
    low, high = np.maximum(k - 0.5, -reach), np.minimum(k + 0.5, reach)
    height = np.round(k * (across / along), 12)
    side = math.ceil(np.abs(height).max())
    weight = np.maximum(1 - np.abs(np.arange(-side, side + 1)[:, None] - height), 0) * (high - low)
    weight /= weight.sum()
    return np.ascontiguousarray(weight if flat else weight.T)


def polygon(vertices: tuple[tuple[float, float], ...], shape: tuple[int, int]) -> Floats:
    """Return the pixels in a polygon, all with the same weight, in an array of a given shape.

    A pixel counts whose center lies within or on the outline, as in skimage.draw.polygon; parts that the outline goes
    round twice are holes.

    Parameters
    ----------
    vertices
        (row, column) of each corner.
    shape
        Rows and columns of the array.

    Raises
    ------
    ValueError
        If there are fewer than three corners, one lies outside of the array, or no pixel is filled.
    """
    from skimage.draw import polygon as filled

    corners = np.array(vertices, dtype=float).reshape(len(vertices), -1)
    if len(corners) < 3 or corners.shape[1] != 2:
        raise ValueError(f"polygon={vertices}: at least three corners (row, column)")
    if np.any(corners < -0.5) or np.any(corners > np.array(shape) - 0.5):
        raise ValueError(f"polygon={vertices}: corners within an array of {shape[0]} x {shape[1]} pixels")
    out = np.zeros(shape)
    out[filled(corners[:, 0], corners[:, 1], shape)] = 1
    if not out.any():
        raise ValueError(f"polygon={vertices}: an outline that holds the center of a pixel")
    out /= out.sum()
    return out


def gaussian(sigma: tuple[float, ...], truncate: float = 4.0) -> Floats:
    """Return a Gaussian cut at `truncate` standard deviations, sampled at pixel centers as scipy.ndimage samples it."""
    kernel: Floats = reduce(np.multiply.outer, (gaussian_weights(s, truncate) for s in sigma), np.ones(()))
    return kernel


def gaussian_weights(sigma: float, truncate: float = 4.0) -> Floats:
    """Return the Gaussian along one axis; 1 alone where `sigma` is 0."""
    if sigma <= 1e-15:
        return np.ones(1)
    half = margin(sigma, truncate)
    weights: Floats = np.exp(-0.5 / (sigma * sigma) * np.arange(-half, half + 1) ** 2)
    weights /= weights.sum()
    return weights
