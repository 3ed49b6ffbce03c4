"""Changes of domain against other libraries, direct sums, closed forms and identities."""

import numpy as np
import pytest
from scipy import ndimage as ndi
from skimage import transform

from cases import BY_NAME, plane
from napari_mathimg import Options, apply
from napari_mathimg.engine.tiles import tiles
from napari_mathimg.methods.maps import Swirl
from nightly import nightly, some
from planning import cut_into, gray_levels, plan_of

DTYPE = Options(value_range="dtype")
# What scikit-image's warps and numpy.pad call scipy.ndimage's edge modes.
EDGES = {"constant": "constant", "nearest": "edge", "reflect": "symmetric", "mirror": "reflect", "grid-wrap": "wrap"}
ANY_DTYPE = ("?", "u1", "u2", "i2", "i4", "u4", "i8", "f2", "f4", "f8", ">u2", ">f4")
each_edge = pytest.mark.parametrize("mode", EDGES)
each_dtype = pytest.mark.parametrize("dtype", ANY_DTYPE)


def keys(t):
    """R. Keys' kernel (1981), equation 15: a = -1/2."""
    t = np.abs(t)
    return np.where(t < 1, 1.5 * t**3 - 2.5 * t**2 + 1, np.where(t < 2, -0.5 * t**3 + 2.5 * t**2 - 4 * t + 2, 0))


def keys_at(image, rows, columns, mode):
    """Direct cubic convolution: sixteen pixels of the padded image around each point."""
    pad = 200
    image = np.pad(image, pad, mode=EDGES[mode])
    top, left = np.floor(rows).astype(int), np.floor(columns).astype(int)
    out = np.zeros(rows.shape)
    for i in range(-1, 3):
        for j in range(-1, 3):
            weight = keys(rows - top - i) * keys(columns - left - j)
            out += weight * image[top + i + pad, left + j + pad]
    return out


@each_edge
@pytest.mark.parametrize("order", [0, 1])
def test_rotation_equals_scikit_image_in_every_edge_mode(order, mode):
    image = plane()  # by 37 degrees: no point lies halfway between two pixels
    expected = transform.rotate(image, 37, resize=True, order=order, mode=EDGES[mode], clip=False)
    result = apply(image, "rotate", angle=37, resize=True, order=order, mode=mode)
    np.testing.assert_allclose(result, expected, rtol=0, atol=1e-9)


@each_edge
@pytest.mark.parametrize("order", [0, 1])
def test_affine_equals_scikit_image_in_every_edge_mode(order, mode):
    image = plane()
    inverse_map = transform.AffineTransform(
        scale=(2.3, 1.7), rotation=np.deg2rad(40), shear=np.deg2rad((7, -12)), translation=(-20, 11)
    )
    parameters = {"scale": (1.7, 2.3), "rotation": 40, "shear": (-12, 7), "translation": (11, -20)}
    result = apply(image, "affine", **parameters, inverse=True, order=order, mode=mode)
    expected = transform.warp(image, inverse_map, order=order, mode=EDGES[mode], clip=False)
    np.testing.assert_allclose(result, expected, rtol=0, atol=1e-10)


def test_cubic_equals_scikit_image_away_from_edges():
    image = plane()
    expected = transform.rotate(image, 30, order=3, clip=False)
    result = apply(image, "rotate", angle=30, order=3)
    inside = ndi.minimum_filter(transform.rotate(np.ones_like(image), 30, order=0), 7) > 0
    assert inside.sum() > 1000
    np.testing.assert_allclose(result[inside], expected[inside], rtol=0, atol=1e-9)


@each_edge
def test_cubic_equals_direct_convolution_in_every_edge_mode(mode):
    image = plane()
    matrix = np.array([[0.9, 0.3, -14.3], [-0.4, 1.2, 9.1], [0, 0, 1]])
    y, x = np.indices(image.shape)
    columns, rows, _ = np.tensordot(matrix, [x, y, np.ones_like(x)], 1)
    result = apply(image, "homography", matrix=matrix, inverse=True, order=3, mode=mode)
    np.testing.assert_allclose(result, keys_at(image, rows, columns, mode), rtol=0, atol=1e-12)


def test_cubic_resize_equals_direct_convolution():
    image = plane()
    rows, columns = np.meshgrid(
        (np.arange(90) + 0.5) * 61 / 90 - 0.5, (np.arange(70) + 0.5) * 47 / 70 - 0.5, indexing="ij"
    )
    result = apply(image, "resize", output_shape=(90, 70), order=3)
    np.testing.assert_allclose(result, keys_at(image, rows, columns, "mirror"), rtol=0, atol=1e-12)


@pytest.mark.parametrize("order", [1, 3])
def test_interpolation_reproduces_polynomials(order):
    # Linear is exact on planes, Keys' cubic on quadratics; away from the edges.
    y, x = np.mgrid[:40, :50] / 10
    image = 1 + 2 * y - x if order == 1 else 1 + 2 * y - x + 0.5 * y * y - y * x + 0.3 * x * x
    result = apply(image, "homography", matrix=((1, 0, 0.3), (0, 1, -0.6), (0, 0, 1)), inverse=True, order=order)
    y, x = y - 0.06, x + 0.03
    expected = 1 + 2 * y - x if order == 1 else 1 + 2 * y - x + 0.5 * y * y - y * x + 0.3 * x * x
    np.testing.assert_allclose(result[3:-3, 3:-3], expected[3:-3, 3:-3], rtol=0, atol=1e-12)


@each_edge
@pytest.mark.parametrize("shape", [(97, 30), (17, 60), (61, 47), (1, 5)])
@pytest.mark.parametrize("anti_aliasing", [True, False])
def test_linear_resize_equals_scikit_image(shape, mode, anti_aliasing):
    image = plane()
    expected = transform.resize(image, shape, 1, EDGES[mode], anti_aliasing=anti_aliasing, clip=False)
    result = apply(image, "resize", output_shape=shape, mode=mode, anti_aliasing=anti_aliasing)
    np.testing.assert_allclose(result, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("shape", [(97, 30), (183, 141), (20, 47)])
def test_nearest_resize_equals_scikit_image(shape):
    image = plane()
    expected = transform.resize(image, shape, 0, anti_aliasing=False, clip=False)
    np.testing.assert_array_equal(apply(image, "resize", output_shape=shape, order=0), expected)


def test_volume_is_resized_axis_by_axis():
    image = plane((11, 30, 26))
    shape = (33, 21, 26)
    expected = transform.resize(image, shape, 1, "reflect", anti_aliasing=True, clip=False)
    result = apply(image, "resize", output_shape=shape, options=Options(ndim=3))
    np.testing.assert_allclose(result, expected, rtol=0, atol=1e-12)


def test_volume_is_made_isotropic():
    image = plane((11, 30, 26))
    result = apply(image, "rescale", scale=(3, 1, 1), order=3, options=Options(ndim=3))
    assert result.shape == (33, 30, 26)
    np.testing.assert_array_equal(result[1::3], image)  # every third plane lies on a plane of the source


@pytest.mark.parametrize("order", [0, 1])
def test_swirl_equals_scikit_image(order):
    image = plane((60, 47))
    result = apply(image, "swirl", center=(20, 31.5), strength=6, radius=50, order=order, mode="constant")
    expected = transform.swirl(image, (31.5, 20), 6, 50, order=order, mode="constant", clip=False)
    np.testing.assert_allclose(result, expected, rtol=0, atol=1e-12)


@each_dtype
@pytest.mark.parametrize("quarter", [0, 1, 2, 3, 5, -1])
@pytest.mark.parametrize("order", [0, 1, 3])
def test_right_angles_move_pixels_untouched(dtype, quarter, order):
    image = gray_levels(dtype)
    result = apply(image, "rotate", angle=90 * quarter, resize=True, order=order)
    np.testing.assert_array_equal(result, np.rot90(image, quarter), strict=image.dtype.isnative)


@each_dtype
def test_four_quarter_turns_are_the_identity(dtype):
    image = turned = gray_levels(dtype)
    for _ in range(4):
        turned = apply(turned, "rotate", angle=90, resize=True)
    np.testing.assert_array_equal(turned, image)


@each_dtype
def test_crop_is_slicing(dtype):
    image = np.stack([gray_levels(dtype)] * 3)
    result = apply(image, "crop", start=(1, 5, 0), stop=(3, 20, 19), options=Options(ndim=3))
    np.testing.assert_array_equal(result, image[1:3, 5:20, 0:19], strict=image.dtype.isnative)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("rotate", {}), ("rescale", {}), ("resize", {}), ("affine", {}), ("homography", {}), ("swirl", {"strength": 0})],
)
@pytest.mark.parametrize("order", [0, 1, 3])
def test_warps_that_do_nothing_change_nothing(name, parameters, order):
    image = plane()
    np.testing.assert_array_equal(apply(image, name, **parameters, order=order), image)


@pytest.mark.parametrize("order", [1, 3])
def test_inverse_matrix_undoes_a_homography_given_forward(order):
    image, matrix = plane(), np.array(BY_NAME["homography"].parameters["matrix"])
    forward = apply(image, "homography", matrix=np.linalg.inv(matrix), order=order)
    backward = apply(image, "homography", matrix=matrix, inverse=True, order=order)
    np.testing.assert_allclose(forward, backward, rtol=0, atol=1e-10)


def test_warps_far_away_agree_for_a_row_alone():
    from napari_mathimg.contract.progress import run_to_end
    from napari_mathimg.engine import prepare, region, run

    parameters = {"scale": (1e-9, 1000.0), "translation": (1e6, 0.0), "mode": "mirror"}
    plan = run_to_end(prepare(BY_NAME["affine"].declared, plane(), parameters=parameters))
    row = region(plan, (), ((5, 6), (0, 47)))
    np.testing.assert_array_equal(row, run_to_end(run(plan))[5:6])


@pytest.mark.parametrize("order", [0, 1, 3])
@pytest.mark.parametrize(("dtype", "filled"), [("?", True), ("u1", 255), ("i2", 32767), ("f2", np.inf), ("f4", 1e6)])
def test_fill_value_ends_at_the_limits_of_the_type(dtype, filled, order):
    result = apply(gray_levels(dtype), "affine", translation=(3, 0), cval=1e6, order=order)
    np.testing.assert_array_equal(result[:3], np.full((3, 23), filled, dtype))


@pytest.mark.parametrize("mode", some(EDGES, "constant", "nearest", "mirror"))
@pytest.mark.parametrize("order", [1, *nightly(0)])
def test_homography_equals_scikit_image_on_both_sides_of_its_horizon(order, mode, monkeypatch):
    image = plane((90, 80))
    matrix = np.array([[1.013, 0.117, 10.29], [0.219, 0.983, -5.37], [-0.0253, 0.0107, 1]])
    y, x = np.indices(image.shape)
    columns, rows, depth = np.tensordot(matrix, [x, y, np.ones_like(x)], 1)
    assert depth.min() < 0 < depth.max()
    near = (np.abs(rows) < 200 * np.abs(depth)) & (np.abs(columns) < 200 * np.abs(depth))
    with np.errstate(divide="ignore"):
        ties = [np.isclose(v / depth % 1, 0.5, rtol=0, atol=1e-9) for v in (rows, columns)]
    near &= ~np.logical_or(*ties)  # halfway between two pixels, either is the nearest
    assert near.sum() > 4000
    expected = transform.warp(image, matrix, order=order, mode=EDGES[mode], clip=False)
    cut_into(monkeypatch, 11**2, 8)
    result = apply(image, "homography", matrix=matrix, inverse=True, order=order, mode=mode)
    np.testing.assert_allclose(result[near], expected[near], rtol=0, atol=1e-9)


def test_tiles_at_the_horizon_read_only_what_they_see():
    """A box the horizon crosses reads the pixels it shows, not all of the image."""
    matrix = ((1, 0, 10), (0, 1, 20), (-0.0007, 0.0005, 1))
    plan = plan_of(
        BY_NAME["homography"].declared,
        np.zeros((3000, 3000), np.float32),
        parameters={"matrix": matrix, "inverse": True},
    )
    boxes = tiles(plan.source.item, plan.reach)
    assert len(boxes) < 1000
    assert max(np.prod([b - a for a, b in plan.reach.reads(box, (3000, 3000))]) for box in boxes) <= 2**20


@pytest.mark.parametrize("strength", [0.0, -3.0, 12.0, 900.0])
@pytest.mark.parametrize("center", [(20.0, 31.5), (-40.0, 300.0)])
def test_swirled_points_equal_the_formula_and_keep_within_their_bounds(center, strength):
    turned = Swirl(center, strength, 0.02, 0.3)
    rng = np.random.default_rng(4)
    for _ in range(40):
        (top, left), (height, width) = rng.integers(-5, 60, 2), rng.integers(1, 50, 2)
        box = ((top, top + height), (left, left + width))
        y, x = np.indices((height, width)) + np.array([top, left])[:, None, None] - np.array(center)[:, None, None]
        angle = 0.3 + strength * np.exp(-0.02 * np.hypot(y, x))
        rows = center[0] + x * np.sin(angle) + y * np.cos(angle)
        columns = center[1] + x * np.cos(angle) - y * np.sin(angle)
        yy, xx = turned.coordinates(box)
        np.testing.assert_allclose(yy, rows, rtol=0, atol=1e-10)
        np.testing.assert_allclose(xx, columns, rtol=0, atol=1e-10)
        for (low, high), c in zip(turned.bounds(box), (rows, columns), strict=True):
            assert low <= c.min() <= c.max() <= high


def test_bounds_of_a_swirl_are_not_much_wider_than_needed():
    turned, box = Swirl((500.0, 500.0), 3.0, 0.01, 0.0), ((300, 812), (200, 712))
    for (low, high), c in zip(turned.bounds(box), turned.coordinates(box), strict=True):
        assert c.min() - low < 3
        assert high - c.max() < 3
