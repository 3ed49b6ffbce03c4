"""Results lie where their content lies in the world."""

import numpy as np
import pytest
from napari.layers import Image, Labels
from scipy import ndimage as ndi

from napari_mathimg import Options, operations
from napari_mathimg.contract.progress import run_to_end
from napari_mathimg.engine import prepare, run
from napari_mathimg.widgets.layers.layer_arguments import result_arguments
from napari_mathimg.widgets.layers.levels import position_in
from napari_mathimg.widgets.layers.plane import displayed_frame
from napari_mathimg.widgets.layers.snapshot import snapshot
from napari_mathimg.widgets.layers.transforms import check_turnable, displayed_pixel

TILT = {
    "scale": (2.0, 0.5, 0.25),
    "translate": (5.0, 6.0, 7.0),
    "rotate": np.array([[1, 0, 0], [0, 0.8, -0.6], [0, 0.6, 0.8]]),
    "shear": (0.1, 0.0, 0.2),
    "units": ("um", "um", "um"),
    "axis_labels": ("z", "y", "x"),
}


def result_of(layer: Image, name: str, options: Options, **parameters: object) -> Image:
    source = snapshot(layer)
    plan = run_to_end(prepare(operations()[name], source.array, (), options, parameters))
    data = run_to_end(run(plan))
    kind = Labels if source.kind == "labels" else Image
    limits = None if source.kind == "labels" or plan.channel_axis is not None else (0.0, 1.0)
    return kind(data, **result_arguments(source, plan, limits, "everything"))


def corners(layer: Image) -> np.ndarray:
    """World coordinates of the outer corners of the first and the last pixel, and of two more."""
    last = np.array(layer.data.shape) - 0.5
    ends = np.array([np.full(3, -0.5), last, (last[0], -0.5, -0.5), (-0.5, last[1], -0.5)])
    return np.array([layer.data_to_world(e) for e in ends])


@pytest.fixture
def layer() -> Image:
    return Image(np.random.default_rng(0).random((7, 40, 30)), name="cells", colormap="green", **TILT)


@pytest.mark.parametrize("scale", [2.0, 0.5, (3.0, 1.0, 0.4)])
def test_rescaled_volumes_cover_their_source_exactly(layer: Image, scale: object) -> None:
    result = result_of(layer, "rescale", Options(ndim=3), scale=scale)
    np.testing.assert_allclose(corners(result), corners(layer), atol=1e-9)


def test_resized_planes_cover_their_source_exactly(layer: Image) -> None:
    result = result_of(layer, "resize", Options(ndim=2), output_shape=(17, 91))
    np.testing.assert_allclose(corners(result), corners(layer), atol=1e-9)


def test_cropped_pixels_stay_where_they_were(layer: Image) -> None:
    result = result_of(layer, "crop", Options(ndim=3), start=(2, 5, 3), stop=(6, 30, 29))
    np.testing.assert_array_equal(result.data, layer.data[2:6, 5:30, 3:29])
    np.testing.assert_allclose(result.data_to_world((0, 0, 0)), layer.data_to_world((2, 5, 3)), atol=1e-9)
    np.testing.assert_allclose(result.data_to_world((3, 24, 25)), layer.data_to_world((5, 29, 28)), atol=1e-9)


def test_rotation_keeps_its_center_in_place_by_translation_only() -> None:
    """Interpolation is exact on ramps: where the center was, the turned ramps still have the center's coordinates."""
    center = (10.0, 60.0)
    for axis, ramp in enumerate(np.indices((50, 80), dtype=float)):
        layer = Image(ramp, scale=(0.5, 0.5), translate=(3, 4))
        result = result_of(layer, "rotate", Options(), angle=30.0, center=center, resize=True)
        here = result.world_to_data(layer.data_to_world(center))
        found = ndi.map_coordinates(result.data, np.array(here)[:, None], order=1)
        np.testing.assert_allclose(found, center[axis], atol=1e-9)
        np.testing.assert_allclose(result.scale, layer.scale)
        np.testing.assert_allclose(result.rotate, layer.rotate, atol=1e-12)


DISPLAYED: dict[str, dict] = {
    "square": {"scale": (0.3, 0.3)},
    "high": {"scale": (0.5, 0.2), "units": ("um", "um")},
    "in two units": {"scale": (0.5, 200), "units": ("um", "nm")},
    "mirrored": {"scale": (-1, 1)},
    "mirrored by affine": {"affine": np.diag([1.0, -2, 1]), "scale": (3, 1)},
    "turned by 180 degrees": {"scale": (-0.4, -0.7)},
    "turned and mirrored": {"scale": (2, -1), "rotate": 30},
}


def blob(shape: tuple[int, int], place: tuple[float, float]) -> np.ndarray:
    """A spot that is round enough for its centroid to be found."""
    away = [n - p for n, p in zip(np.indices(shape), place, strict=True)]
    return np.exp(-(away[0] ** 2 + away[1] ** 2) / 8)


def centroid(image: np.ndarray) -> np.ndarray:
    return np.array([(image * n).sum() for n in np.indices(image.shape)]) / image.sum()


@pytest.mark.parametrize("state", DISPLAYED.values(), ids=DISPLAYED)
@pytest.mark.parametrize("operation", ["rotate", "affine", "swirl"])
def test_content_turns_counterclockwise_as_displayed(operation: str, state: dict) -> None:
    """A spot goes to the place where the displayed plane, turned about the center, has it."""
    shape, center, spot = (161, 161), np.array((80.0, 80.0)), np.array((70.0, 96.0))
    layer = Image(blob(shape, tuple(spot)), **state)
    name = {"rotate": "angle", "affine": "rotation", "swirl": "rotation"}[operation]
    more = {"strength": 0.0} if operation == "swirl" else {}
    side = displayed_pixel(layer)
    result = result_of(layer, operation, Options(), **{name: 25.0}, pixel_size=side, order=3, **more)

    to_um = np.array([{"micrometer": 1.0, "nanometer": 1e-3}.get(str(u), 1.0) for u in layer.units])
    before, middle = (np.array(layer.data_to_world(p)) * to_um for p in (spot, center))
    c, s = np.cos(np.deg2rad(25)), np.sin(np.deg2rad(25))
    down, right = before - middle
    expected = middle + np.array([c * down - s * right, s * down + c * right])  # y points down
    found = np.array(result.data_to_world(centroid(result.data))) * to_um
    np.testing.assert_allclose(found, expected, atol=0.05 * np.linalg.norm(before - middle))


@pytest.mark.parametrize("state", [*DISPLAYED.values(), {"shear": [0.7], "scale": (-1, 0.7)}])
def test_motion_blurs_along_its_angle_as_displayed(state: dict) -> None:
    """The second moments of a blurred point, in the world, have their long axis at the angle."""
    point = np.zeros((201, 201))
    point[100, 100] = 1
    layer = Image(point, **state)
    result = result_of(layer, "blur_motion", Options(), length=61.0, angle=40.0, frame=displayed_frame(layer))
    to_um = np.array([{"micrometer": 1.0, "nanometer": 1e-3}.get(str(u), 1.0) for u in layer.units])
    places = np.argwhere(result.data > 0)
    away = (
        np.array([result.data_to_world(p) for p in places]) * to_um - np.array(layer.data_to_world((100, 100))) * to_um
    )
    weights = result.data[tuple(places.T)]
    axes = np.linalg.eigh((away * weights[:, None]).T @ away)[1]
    down, right = axes[:, 1]
    assert np.rad2deg(np.arctan2(-down, right)) % 180 == pytest.approx(40, abs=1)


def test_planes_of_other_axes_have_the_pixels_of_these() -> None:
    state = {"scale": (2, -1, 5), "axis_labels": ("y", "x", "c")}
    layer, plane = Image(np.zeros((8, 9, 2)), **state), Image(np.zeros((8, 9)), scale=(2, -1))
    assert displayed_pixel(layer, axes=(0, 1)) == displayed_pixel(plane)
    assert displayed_frame(layer, axes=(0, 1)) == displayed_frame(plane)


@pytest.mark.parametrize("operation", ["rotate", "swirl", "affine"])
@pytest.mark.parametrize("state", [{"shear": [0.7]}, {"affine": [[1, 0.3, 0], [0, 1, 0], [0, 0, 1]]}])
def test_turning_is_refused_where_pixels_are_sheared(operation: str, state: dict) -> None:
    layer = Image(np.zeros((5, 8)), name="thin", **state)
    with pytest.raises(ValueError, match=" turns the image as displayed: the pixels of 'thin' are sheared; undo the"):
        check_turnable(operations()[operation], layer)
    check_turnable(operations()["rescale"], layer)


def test_a_plane_sits_at_its_place_in_the_stack(layer: Image) -> None:
    result = result_of(layer, "gaussian", Options(ndim=2, scope={0: 4}), sigma=1)
    assert result.data.shape == (1, 40, 30)
    np.testing.assert_allclose(result.data_to_world((0, 2, 3)), layer.data_to_world((4, 2, 3)), atol=1e-9)


def test_a_result_keeps_units_labels_colors_and_limits(layer: Image) -> None:
    layer.contrast_limits = (0.2, 0.7)
    layer.blending, layer.opacity, layer.gamma = "additive", 0.5, 0.7
    result = result_of(layer, "gaussian", Options(ndim=3), sigma=1)
    assert result.units == layer.units
    assert result.axis_labels == layer.axis_labels
    assert result.colormap.name == "green"
    assert (result.blending, result.opacity, result.gamma) == ("additive", 0.5, 0.7)


def test_metadata_holds_every_step_and_is_not_shared(layer: Image) -> None:
    layer.metadata["objective"] = "63x"
    first = result_of(layer, "rotate", Options(), angle=10.0)
    second = result_of(first, "adjust_gamma", Options(ndim=3, value_range="dtype"), gamma=2.0)
    steps = second.metadata["napari_mathimg"]
    assert [s["operation"] for s in steps] == ["rotate", "adjust_gamma"]
    assert steps[0]["parameters"]["center"] == (19.5, 14.5)
    assert steps[1]["value_range"] == (0.0, 1.0)
    assert len(first.metadata["napari_mathimg"]) == 1
    assert layer.metadata == {"objective": "63x"}
    assert second.metadata["objective"] == "63x"


def test_recorded_steps_repeat_the_result(layer: Image) -> None:
    result = result_of(layer, "add_gaussian_noise", Options(ndim=2, scope={0: (2, 4)}), var=0.02, seed=5)
    step = result.metadata["napari_mathimg"][-1]
    plan = run_to_end(
        prepare(operations()[step["operation"]], layer.data, (), Options(**step["options"]), step["parameters"])
    )
    np.testing.assert_array_equal(run_to_end(run(plan)), result.data)


def test_labels_stay_labels_under_geometry() -> None:
    names = np.random.default_rng(0).integers(0, 2**40, (20, 20))
    layer = Labels(names, scale=(2, 2))
    result = result_of(layer, "rotate", Options(), angle=33.0, order=0)
    assert isinstance(result, Labels)
    assert set(np.unique(result.data)) <= set(np.unique(names)) | {0}


def test_gray_of_rgb_is_a_plain_image() -> None:
    layer = Image(np.zeros((10, 12, 3), np.uint8), rgb=True)
    result = result_of(layer, "to_gray", Options(channel_axis=2))
    assert not result.rgb
    assert result.data.shape == (10, 12)


def test_the_displayed_plane_is_found_on_tilted_layers(layer: Image) -> None:
    for index in ((0, 0, 0), (3, 20, 10), (6, 39, 29)):
        assert position_in(layer, tuple(layer.data_to_world(index))) == index
    assert position_in(layer, (1e9, 1e9, 1e9)) == tuple(
        int(v) for v in np.clip(np.round(layer.world_to_data((1e9, 1e9, 1e9))), 0, (6, 39, 29))
    )
