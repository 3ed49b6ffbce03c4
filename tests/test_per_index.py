"""Parameters and further images with one value for each index along an axis of a stack."""

import pickle

import numpy as np
import pytest

from cases import BY_NAME, colored
from napari_mathimg import Options, apply
from napari_mathimg.contract.progress import run_to_end
from napari_mathimg.engine import prepare, region, report
from planning import Watched, cut_into, gray, plan_of, random_boxes, result_of, same

STACK = np.maximum(gray("u2", (3, 2, 37, 29)), 1)  # channels, times, rows, columns
COUNTS = (0.5, 2.0, 0.0)


def per(axis, values):
    return {"per": axis, "values": values}


def planned(name, *images, array=STACK, parameters=None, **options):
    return plan_of(BY_NAME[name].declared, array, *images, parameters=parameters, **options)


@pytest.mark.parametrize(
    ("name", "parameter", "values", "options"),
    [
        ("gaussian", "sigma", [0.5, 3.0, 0.0], {}),
        ("gaussian", "sigma", [0.5, (2.0, 1.0), 0.5], {}),
        ("median", "size", [3.0, 5.0, 3.0], {}),
        ("adjust_gamma", "gamma", [0.5, 1.0, 2.0], {"value_range": "data", "statistics": "item"}),
        ("rotate", "angle", [10.0, 20.0, 30.0], {}),
        ("denoise_wavelet", "sigma", [0.1, "auto", 0.02], {"array": STACK.astype("f4")}),
        ("denoise_tv_chambolle", "num_iter", [2, 30, 5], {}),
        ("add_gaussian_noise", "seed", [1, 2, 3], {}),
        ("unsupervised_wiener", "seed", [1, 2, 3], {}),
    ],
)
def test_each_index_gets_what_its_value_alone_gives_there(name, parameter, values, options, monkeypatch):
    """Value ranges and statistics are those of the whole layer; regions and tiles equal the run to the bit."""
    images = (np.ones((3, 3)),) if name == "unsupervised_wiener" else ()
    alone = [result_of(planned(name, *images, parameters={parameter: value}, **options)) for value in values]
    cut_into(monkeypatch, 13**2, 8)
    plan = planned(name, *images, parameters={parameter: per(0, values)}, **options)
    result = result_of(plan)
    assert plan.shape == result.shape
    for c in range(3):
        assert same(result[c], alone[c][c]), f"index {c}"
    plan = pickle.loads(pickle.dumps(plan))
    for index, box in zip([(0, 1), (1, 0), (2, 1)], random_boxes(plan.item, 3), strict=True):
        assert same(region(plan, index, box), result[index][tuple(slice(*ends) for ends in box)])


def test_a_psf_for_each_channel_deconvolves_each_with_its_own():
    psfs = [np.ones((3, 3)), np.ones((1, 5)), np.array([[1.0, 2, 1]])]
    plan = planned("richardson_lucy", per(-4, psfs), parameters={"num_iter": 3})
    result = result_of(plan)
    for c, psf in enumerate(psfs):
        assert same(result[c], apply(STACK[c], "richardson_lucy", psf, num_iter=3))
    told = run_to_end(report(plan, result))
    assert told.values["flux"] == pytest.approx(result.sum(dtype=float) / STACK.sum(dtype=float), 1e-9)


def test_references_and_flats_may_differ_by_channel_and_frames_are_kept():
    references = [gray("u2", (9, 9 + c)) // (c + 1) for c in range(3)]
    matched = result_of(planned("match_histograms", per(0, references)))
    for c, reference in enumerate(references):
        whole = apply(STACK, "match_histograms", reference)
        assert same(matched[c], whole[c]), "ranks are those of the layer"
    flats = [1 + gray("f8", (37, 29)) ** 2 * c for c in range(3)]
    even = result_of(planned("flat_field", per(0, flats)))
    for c, flat in enumerate(flats):
        assert same(even[c], apply(STACK[c], "flat_field", flat))
    parameters = {"num_iter": 4, "keep_every": 2, "background": per(0, [0.0, 1.0, 2.0])}
    plan = planned(
        "richardson_lucy", per(0, [np.ones((1, 3)), np.ones((3, 1)), np.ones((3, 3))]), parameters=parameters
    )
    assert plan.shape == (2, *STACK.shape)
    kept = {"num_iter": 4, "keep_every": 2, "background": 2.0}
    assert same(result_of(plan)[:, 2], apply(STACK[2], "richardson_lucy", np.ones((3, 3)), **kept))


def test_parameters_may_follow_two_axes_in_a_part_of_a_stack():
    parameters = {"angle": per(0, [10.0, 20.0, 30.0]), "cval": per(1, [5.0, 7.0])}
    result = result_of(planned("rotate", parameters=parameters, scope={0: (1, 3), 1: 1}))
    for c, angle in enumerate((20.0, 30.0)):
        assert same(result[c, 0], apply(STACK[c + 1, 1], "rotate", angle=angle, cval=7.0))


def test_the_axis_may_be_named_and_lie_anywhere():
    image = np.ascontiguousarray(np.moveaxis(STACK[:, 0], 0, 1))
    options, parameters = Options(axes=("y", "x")), {"sigma": per("c", COUNTS)}
    plan = run_to_end(prepare(BY_NAME["gaussian"].declared, image, (), options, parameters, axis_names=("y", "c", "x")))
    result = result_of(plan)
    for c, sigma in enumerate(COUNTS):
        assert same(np.ascontiguousarray(result[:, c]), apply(STACK[c, 0], "gaussian", sigma=sigma))
    assert plan.parameters["sigma"] == per("c", tuple((s, s) for s in COUNTS))


@pytest.mark.parametrize(
    ("name", "parameter", "values", "statistics"),
    [
        ("adjust_gamma", "gamma", [1.0, 2.0, 3.0], "channel"),
        ("denoise_tv_chambolle", "num_iter", [2, 30, 5], "layer"),
    ],
)
def test_an_image_is_measured_once_for_all_values(name, parameter, values, statistics):
    array = STACK if statistics == "layer" else colored(STACK)
    options = {"statistics": statistics, "channel_axis": None if statistics == "layer" else -1}
    one, each = Watched(array), Watched(array)
    planned(name, array=one, parameters={parameter: values[0]}, **options)
    planned(name, array=each, parameters={parameter: per(0, values)}, **options)
    assert sum(each.reads) == sum(one.reads) > 0


@pytest.mark.parametrize("statistics", ["layer", "item"])
def test_what_is_recorded_can_be_run_again(statistics):
    """h = 1.15 sigma follows from each sigma; items have noise of their own where statistics say so."""
    given = {"sigma": per(0, [0.1, "auto", 0.02]), "patch_size": 3, "patch_distance": 2}
    plan = planned("denoise_nl_means", array=STACK.astype("f4"), parameters=given, statistics=statistics)
    sigmas, strengths = (plan.parameters[name]["values"] for name in ("sigma", "h"))
    assert sigmas[::2] == (0.1, 0.02)
    np.testing.assert_allclose(strengths, 1.15 * np.array(sigmas))
    assert {*plan.by_item} == ({(1, 0), (1, 1)} if statistics == "item" else set())
    options = {"array": STACK.astype("f4"), "statistics": statistics}
    again = planned("denoise_nl_means", parameters=dict(plan.parameters), **options)
    for c in (0, 2) if statistics == "item" else (0, 1, 2):
        assert same(result_of(again)[c], result_of(plan)[c])
    for index, found in plan.by_item.items():
        alone = {name: found[name] for name in ("sigma", "h")} | {"patch_size": 3, "patch_distance": 2}
        assert same(result_of(planned("denoise_nl_means", parameters=alone, **options))[index], result_of(plan)[index])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"sigma": per(0, [1, 2])}, r"sigma: must have 3 values, one for each index of axis 0, not 2"),
        ({"sigma": per(2, [1, 2])}, r"sigma: per=2: must be a stack axis, not one of the planes or volumes"),
        ({"sigma": per(4, [1, 2])}, r"sigma: per=4: must be from -4 to 3 for 4 axes, not 4"),
        ({"sigma": per("c", [1, 2, 3])}, r"sigma: per='c': must be given by index, because .* have no names"),
        ({"sigma": per(0, [1, -2, 3])}, r"sigma=-2: must be a finite number from 0 to 10.000.px"),
        ({"sigma": per(0, [1, (1, 2, 3), 3])}, r"sigma=\(1.0, 2.0, 3.0\): must be one value, or 2 values for 2 axes"),
        ({"sigma": {"per": 0}}, r"sigma={'per': 0}: must be one value, or one for each index along an axis"),
        ({"sigma": {"per": None, "values": [1]}}, r"sigma=.*: must be one value, or one for each index"),
        ({"sigmas": per(0, [1, 2, 3])}, r"sigmas=1: gaussian has no such parameter"),
    ],
)
def test_wrong_lists_are_refused_in_words(parameters, message):
    with pytest.raises(ValueError, match=message):
        planned("gaussian", parameters=parameters)


def test_a_volume_filter_has_a_value_for_each_time():
    volumes = gray("f4", (2, 13, 21, 17))
    plan = planned("gaussian", array=volumes, ndim=3, parameters={"sigma": per(0, [(1.0, 0.0, 2.0), 0.5])})
    result = result_of(plan)
    for t, sigma in enumerate([(1.0, 0.0, 2.0), 0.5]):
        assert same(result[t], apply(volumes[t], "gaussian", options=Options(ndim=3), sigma=sigma))


def test_results_must_fit_into_one_array():
    with pytest.raises(
        ValueError, match=r"scale: must give results of one shape, place, type and kind for every index"
    ):
        planned("rescale", parameters={"scale": per(0, [1.0, 2.0, 1.0])})
    parameters = {"num_iter": per(0, [4, 6, 8]), "keep_every": per(0, [2, 3, 4])}
    with pytest.raises(ValueError, match=r"num_iter, keep_every: must give results of one shape, place, type"):
        planned("richardson_lucy", np.ones((3, 3)), parameters=parameters)
