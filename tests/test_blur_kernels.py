"""Blur kernels have the areas, moments and directions of what they stand for."""

import math

import numpy as np
import pytest
from scipy import ndimage as ndi
from skimage import draw

from napari_mathimg.methods import blur_kernels as f

PAGE_ROWS, PAGE_COLUMNS = (14, 14, 24, 26, 24, 18, 18), (2, 18, 26, 24, 22, 18, 2)


def moments(kernel):
    """Centroid and covariance about index (n - 1) / 2."""
    places = np.stack(np.meshgrid(*(np.arange(n) - (n - 1) / 2 for n in kernel.shape), indexing="ij"))
    places = places.reshape(kernel.ndim, -1)
    mean = places @ kernel.ravel()
    return mean, (places * kernel.ravel()) @ places.T - np.outer(mean, mean)


KERNELS = [
    f.box((3, 10)), f.disk((3.3,)), f.disk((4.2, 0.0, 7.9)), f.disk((2.5, 3.5, 1.2)), f.line(17.3, 62.0),
    f.polygon(((0, 0), (0, 5), (7, 2)), (9, 8)), f.gaussian((1.5, 0.0, 3.0)), f.disk((0.0, 0.3)), f.line(0, 10),
]  # fmt: skip


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda k: str(k.shape))
def test_weights_are_float64_nonnegative_and_sum_to_one(kernel):
    assert kernel.dtype == np.float64
    assert kernel.flags.c_contiguous
    assert kernel.min() >= 0
    assert kernel.sum() == pytest.approx(1, abs=1e-14)


@pytest.mark.parametrize("radius", [0.51, 1.0, 2.5, 7.3, 20.0])
def test_pixels_in_a_disk_have_its_area(radius):
    kernel = f.disk((radius, radius))
    half = kernel.shape[0] // 2
    assert half == math.ceil(radius - 0.5)
    if half > 1:  # the middle pixel is full, so that the sum is known
        assert 1 / kernel[half, half] == pytest.approx(np.pi * radius**2, rel=1e-12)
    np.testing.assert_allclose(kernel, kernel[::-1], atol=1e-16)
    np.testing.assert_allclose(kernel, kernel.T, atol=1e-16)


@pytest.mark.parametrize("radius", [(3.4, 5.1), (1.7, 6.0)])
def test_shares_are_those_of_many_points(radius):
    shape = f.disk(radius).shape
    fine = 500
    y, x = (((np.arange(n * fine) + 0.5) / fine - n / 2) / r for n, r in zip(shape, radius, strict=True))
    inside = (y[:, None] ** 2 + x**2 <= 1).reshape(shape[0], fine, shape[1], fine).sum((1, 3)) / fine**2
    np.testing.assert_allclose(f.disk(radius) * np.pi * math.prod(radius), inside, atol=2e-4)


def test_pixels_in_an_ellipsoid_have_its_volume_and_variance():
    radius = (3.2, 4.9, 6.5)
    kernel = f.disk(radius)
    assert 1 / kernel[3, 5, 6] == pytest.approx(4 / 3 * np.pi * math.prod(radius), rel=1e-4)
    _, covariance = moments(kernel)  # of a ball r² / 5, to which pixels add 1 / 12 in the mean
    np.testing.assert_allclose(np.diag(covariance), [r * r / 5 + 1 / 12 for r in radius], atol=0.02)
    np.testing.assert_allclose(kernel, kernel[::-1, ::-1, ::-1], atol=1e-16)
    np.testing.assert_allclose(kernel[:, 5], f.disk((6.5, 4.9, 3.2))[:, 5].T, atol=2e-4 * kernel.max())


@pytest.mark.parametrize("radius", [(1.5, 1.5), (2.5, 3.0), (0.5, 2.0, 2.5)])
def test_disks_change_continuously_with_the_radius(radius):
    below, above = f.disk(tuple(r - 1e-7 for r in radius)), f.disk(tuple(r + 1e-7 for r in radius))
    pad = [((a - b) // 2,) * 2 for a, b in zip(above.shape, below.shape, strict=True)]
    np.testing.assert_allclose(np.pad(below, pad), above, atol=1e-4)


def test_up_to_half_a_pixel_nothing_is_blurred():
    np.testing.assert_array_equal(f.disk((0.5, 0.0)), [[1.0]])
    np.testing.assert_array_equal(f.line(1.0, 33.0), [[1.0]])
    np.testing.assert_array_equal(f.gaussian((0.0, 0.0)), [[1.0]])


@pytest.mark.parametrize("angle", [0.0, 180.0, -180.0, 360.0])
def test_whole_pixels_along_an_axis_weigh_the_same(angle):
    np.testing.assert_allclose(f.line(5, angle), np.full((1, 5), 0.2), rtol=1e-14)
    np.testing.assert_allclose(f.line(5, angle + 90), np.full((5, 1), 0.2), rtol=1e-14)


@pytest.mark.parametrize("angle", [10.0, 30.0, 45.0, 71.0, 120.0, 170.0, -37.0])
@pytest.mark.parametrize("length", [1.7, 8.0, 31.5])
def test_a_path_has_its_direction_and_length(length, angle):
    kernel = f.line(length, angle)
    assert all(n % 2 for n in kernel.shape)
    np.testing.assert_allclose(kernel, kernel[::-1, ::-1], atol=1e-16)
    mean, covariance = moments(kernel)
    np.testing.assert_allclose(mean, 0, atol=1e-12)
    direction = np.array([-np.sin(np.deg2rad(angle)), np.cos(np.deg2rad(angle))])  # rows count downwards
    # shares of cells put 1 / 6 at most more into the variance along an axis, twice that along a diagonal
    assert direction @ covariance @ direction == pytest.approx(length**2 / 12, abs=0.34)
    across = direction[::-1] * [1, -1]
    assert across @ covariance @ across < 0.25
    flat = abs(direction[1]) >= abs(direction[0])
    columns = kernel if flat else kernel.T
    share = columns.sum(0)
    center = (np.arange(len(columns)) - len(columns) // 2) @ columns / share
    slope = direction[0] / direction[1] if flat else direction[1] / direction[0]
    np.testing.assert_allclose(center, slope * (np.arange(len(share)) - len(share) // 2), atol=1e-9)


def test_forty_five_degrees_point_up_and_to_the_right():
    kernel = f.line(5 * math.sqrt(2), 45)
    np.testing.assert_allclose(kernel, np.eye(5)[::-1] / 5, atol=1e-11)


@pytest.mark.parametrize("angle", [45.0, 90.0, 30.0])
def test_paths_change_continuously_with_the_angle(angle):
    kernels = [f.line(12.5, angle + a) for a in (-1e-6, 1e-6)]
    sides = np.max([k.shape for k in kernels], axis=0)
    below, above = (np.pad(k, [((s - n) // 2,) * 2 for s, n in zip(sides, k.shape, strict=True)]) for k in kernels)
    np.testing.assert_allclose(below, above, atol=1e-4)


def test_polygons_are_filled_as_scikit_image_fills_them():
    kernel = f.polygon(tuple(zip(PAGE_ROWS, PAGE_COLUMNS, strict=True)), (32, 32))
    filled = draw.polygon2mask((32, 32), np.column_stack([PAGE_ROWS, PAGE_COLUMNS]))
    np.testing.assert_array_equal(kernel, filled / filled.sum())


def test_polygons_on_the_lattice_obey_pick_s_theorem():
    corners = np.array([(1, 1), (1, 8), (5, 11), (9, 3)])
    after = np.roll(corners, -1, axis=0)
    area = abs((corners[:, 0] * after[:, 1] - corners[:, 1] * after[:, 0]).sum()) / 2
    border = np.gcd(*np.abs(after - corners).T).sum()
    assert np.count_nonzero(f.polygon(tuple(map(tuple, corners)), (12, 13))) == area + border / 2 + 1


@pytest.mark.parametrize(("vertices", "message"), [
    (((0, 0), (5, 5)), r"polygon=.*: must have at least three vertices"),
    (((0, 0), (5, 5), (0, 9)), r"polygon=.*: must lie within an array of 8 x 9 pixels"),
    (((-1, 0), (5, 5), (0, 7)), r"polygon=.*: must lie within"),
    (((1.1, 1.1), (1.1, 1.9), (1.9, 1.5)), r"polygon=.*: must contain the center of a pixel"),
])  # fmt: skip
def test_polygons_that_fill_nothing_or_leave_the_array_are_refused(vertices, message):
    with pytest.raises(ValueError, match=message):
        f.polygon(vertices, (8, 9))


def test_gaussians_are_scipy_s_answer_to_a_point():
    sigma = (1.3, 0.0, 2.6)
    kernel = f.gaussian(sigma, 3.0)
    point = np.zeros(kernel.shape)
    point[tuple(n // 2 for n in point.shape)] = 1
    expected = ndi.gaussian_filter(point, sigma, mode="constant", truncate=3.0)
    np.testing.assert_allclose(kernel, expected, rtol=1e-13, atol=1e-18)
