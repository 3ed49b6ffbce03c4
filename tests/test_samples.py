import hashlib
import math
import warnings
from dataclasses import replace

import numpy as np
import pytest
from skimage import data

from napari_mathimg import samples

GRAY = ("camera", "moon", "page", "text", "checkerboard")
SAMPLES = (*GRAY, "stained_micrograph", "synthetic_stack")


@pytest.fixture(scope="module")
def truth():
    return samples.synthetic_truth()


@pytest.fixture(scope="module")
def expected(truth):
    """Photons at each voxel, before noise."""
    return truth.blur()


@pytest.fixture(scope="module")
def layer_data():
    """Each sample's layer data by its function's name."""
    found = {}
    for name in SAMPLES:
        (found[name],) = getattr(samples, name)()
    return found


@pytest.fixture(scope="module")
def counts(layer_data):
    return layer_data["synthetic_stack"][0]


@pytest.fixture(scope="module")
def napari():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("napari")


def around(truth, sigmas):
    """Yield each bead and the box that reaches so many sigmas to every side of it."""
    reach = np.ceil(sigmas * np.array(truth.psf_sigma)).astype(int)
    for bead in truth.beads:
        yield bead, tuple(slice(p - r, p + r + 1) for p, r in zip(bead, reach, strict=True))


def centroid_and_sigma(light):
    """Return the center of gravity and the standard deviation along each axis."""
    grids = np.indices(light.shape)
    center = [np.average(grid, weights=light) for grid in grids]
    sigma = [math.sqrt(np.average((grid - c) ** 2, weights=light)) for grid, c in zip(grids, center, strict=True)]
    return np.array(center), np.array(sigma)


@pytest.mark.parametrize("name", GRAY)
def test_gray_samples_are_the_images_of_scikit_image(name, layer_data):
    image, layer, kind = layer_data[name]
    np.testing.assert_array_equal(image, getattr(data, name)())
    assert image.dtype == np.uint8
    assert layer["contrast_limits"] == (0, 255)
    assert kind == "image"


def test_stained_micrograph_is_color(layer_data):
    image, layer, _ = layer_data["stained_micrograph"]
    np.testing.assert_array_equal(image, data.immunohistochemistry())
    assert layer["rgb"] is True


def test_checkerboard_has_eight_by_eight_squares_of_25_pixels_white_first(layer_data):
    image = layer_data["checkerboard"][0]
    white = np.kron(np.indices((8, 8)).sum(0) % 2 == 0, np.ones((25, 25), bool))
    np.testing.assert_array_equal(image > 127, white)


@pytest.mark.parametrize("name", SAMPLES)
def test_every_sample_opens_in_napari(name, layer_data, napari):
    viewer = napari.components.ViewerModel()
    layer = viewer.add_layer(napari.layers.Layer.create(*layer_data[name]))
    assert layer.name == layer_data[name][1]["name"]
    assert layer.rgb == (name == "stained_micrograph")
    assert layer.metadata["source"]
    assert viewer.dims.ndim == (3 if name == "synthetic_stack" else 2)


def test_display_names_differ(layer_data):
    names = {layer["name"] for _, layer, _ in layer_data.values()}
    assert len(names) == len(SAMPLES)


def test_the_stack_measures_16_by_41_by_41_micrometres(layer_data, napari):
    layer = napari.layers.Layer.create(*layer_data["synthetic_stack"])
    assert [str(unit) for unit in layer.units] == ["micrometer"] * 3
    assert layer.axis_labels == ("z", "y", "x")
    np.testing.assert_allclose(np.multiply(layer.data.shape, layer.scale), (16, 40.96, 40.96))


def test_every_call_returns_the_same_counts(counts, truth):
    ((again, _, _),) = samples.synthetic_stack()
    assert hashlib.sha256(again).digest() == hashlib.sha256(counts).digest()
    assert hashlib.sha256(samples.synthetic_truth().photons).digest() == hashlib.sha256(truth.photons).digest()


def test_the_stack_states_its_truth_in_its_metadata(truth, layer_data):
    _, layer, _ = layer_data["synthetic_stack"]
    assert layer["scale"] == truth.voxel_size
    np.testing.assert_array_equal(layer["metadata"]["beads"], truth.beads)
    for name in ("psf_sigma", "offset", "gain", "read_noise"):
        assert layer["metadata"][name] == getattr(truth, name)


def test_blur_loses_no_light(truth, expected):
    assert expected.sum(dtype=float) == pytest.approx(truth.photons.sum(dtype=float), rel=1e-5)


def test_beads_are_single_voxels_with_nothing_near(truth):
    assert len(truth.beads) == 24
    for bead, box in around(truth, 5):
        assert np.count_nonzero(truth.photons[box]) == 1
        assert truth.photons[tuple(bead)] > 0


def test_without_noise_a_bead_is_the_point_spread_function(truth, expected):
    peak = 1 / ((2 * math.pi) ** 1.5 * math.prod(truth.psf_sigma))
    beads = tuple(truth.beads.T)
    np.testing.assert_allclose(expected[beads], truth.photons[beads] * peak, rtol=1e-3)

    only_beads = np.zeros_like(truth.photons)
    only_beads[beads] = truth.photons[beads]
    image = replace(truth, photons=only_beads).blur()
    bead, box = next(around(truth, 5))
    center, sigma = centroid_and_sigma(image[box])
    np.testing.assert_allclose(center, bead - [part.start for part in box], atol=1e-3)
    np.testing.assert_allclose(sigma, truth.psf_sigma, rtol=2e-3)


def test_beads_are_found_where_they_are_stated(truth, counts):
    for bead, box in around(truth, 2.5):
        center, _ = centroid_and_sigma((counts[box] - truth.offset).clip(0))
        np.testing.assert_allclose(center + [part.start for part in box], bead, atol=0.3)


def test_background_is_the_offset_with_read_noise(truth, expected, counts):
    dark = counts[expected == 0].astype(float)
    assert dark.size > 500_000
    error = truth.read_noise / math.sqrt(dark.size)
    assert dark.mean() == pytest.approx(truth.offset, abs=5 * error)
    # Rounding to whole counts adds a twelfth to the variance.
    assert dark.var() == pytest.approx(truth.read_noise**2 + 1 / 12, rel=5 * math.sqrt(2 / dark.size))


@pytest.mark.parametrize(("low", "high"), [(5, 10), (20, 30), (50, 70), (100, 150), (200, 300)])
def test_noise_follows_the_photon_transfer_curve(low, high, truth, expected, counts):
    region = (expected > low) & (expected < high)
    photons = expected[region].astype(float)
    deviation = counts[region] - (truth.offset + truth.gain * photons)
    variance = truth.gain**2 * photons.mean() + truth.read_noise**2
    assert photons.size > 5000
    assert deviation.mean() == pytest.approx(0, abs=5 * math.sqrt(variance / photons.size))
    assert deviation.var() == pytest.approx(variance, rel=6 * math.sqrt(2 / photons.size))


def test_the_camera_has_12_bits_and_is_neither_saturated_nor_cut_off(counts):
    assert counts.dtype == np.uint16
    assert counts.min() > 0
    assert 1000 < counts.max() < 4095


def test_contrast_limits_frame_the_cells(truth, expected, layer_data):
    stack, layer, _ = layer_data["synthetic_stack"]
    low, high = layer["contrast_limits"]
    cells = stack[expected > 20]
    assert low < truth.offset
    assert np.mean(cells > high) < 0.01
    assert np.percentile(cells, 99) > high / 2
