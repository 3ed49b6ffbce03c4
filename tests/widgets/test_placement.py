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
from napari_mathimg.widgets.layers.snapshot import snapshot
from napari_mathimg.widgets.layers.transforms import check_square

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


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ({"scale": (0.5, 0.2)}, "0.5 x 0.2 [µμ]m; rescale the layer first"),
        ({"affine": np.diag([2.0, 1, 1])}, "2 x 1 [µμ]m"),
        ({"shear": [0.7]}, "sheared; undo the shear first"),
    ],
)
def test_rotation_is_refused_where_it_would_shear_in_the_world(state: dict, said: str) -> None:
    layer = Image(np.zeros((5, 8)), units=("um", "um"), name="thin", **state)
    with pytest.raises(ValueError, match=f"Rotate needs square pixels: those of 'thin' are {said}"):
        check_square(operations()["rotate"], layer)
    check_square(operations()["swirl"], layer)


@pytest.mark.parametrize(
    "state", [{"scale": (0.5, 0.5), "rotate": 30}, {"scale": (0.5, 500), "units": ("um", "nm")}, {"scale": (3, 3)}]
)
def test_rotation_is_taken_where_pixels_are_square_in_the_world(state: dict) -> None:
    check_square(operations()["rotate"], Image(np.zeros((5, 8)), **state))


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
