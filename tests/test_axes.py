"""Axes of an item by name or index, at any place of an array, and the part of a stack that takes part."""

import pickle

import numpy as np
import pytest
from scipy import ndimage as ndi

from cases import BY_NAME, CASES, colored
from napari_mathimg import Options, apply
from napari_mathimg.contract.progress import run_to_end
from napari_mathimg.engine import estimate_flat, estimate_sigma, prepare, region, report, run
from nightly import nightly
from planning import Watched, cut_into, gray, label, plan_of, random_boxes, result_of, same

NOT_LAST = [(0, 2), (3, 0), (1, 2)]


def image_for(case, shape):
    """Return a stack that a case takes, whose planes differ."""
    image = gray("u2", shape)
    return np.maximum(image, 1) if case.photons or case.light else image


def planned(case, array, item, channel_axis=None, **options):
    further = case.further(item, None if channel_axis is None else -1)
    options = {"value_range": "dtype", "channel_axis": channel_axis, **options}
    return plan_of(case.declared, array, *further, parameters=case.needed or case.parameters, **options)


def moved(case, shape, axes, **options):
    """Return the plan on axes of an item anywhere, and the result on a copy whose last axes they are, moved back."""
    image = image_for(case, shape)
    order = (*(k for k in range(len(shape)) if k not in axes), *axes)
    item = tuple(shape[k] for k in axes)
    copy = np.ascontiguousarray(image.transpose(order))
    if not case.color:
        expected = result_of(planned(case, copy, item, ndim=len(axes), **options))
        return planned(case, image, item, axes=axes, **options), expected.transpose(np.argsort(order))
    expected = result_of(planned(case, colored(copy), item, -1, ndim=len(axes), **options))
    image = np.moveaxis(colored(copy).transpose((*np.argsort(order), -1)), -1, 1)
    axes = tuple(k + (k > 0) for k in axes)
    return planned(case, image, item, 1, axes=axes, **options), expected.transpose(np.argsort(order))


@pytest.mark.parametrize("case", CASES, ids=label)
@pytest.mark.parametrize("axes", [NOT_LAST[0], *nightly(*((axes,) for axes in NOT_LAST[1:]))], ids=str)
def test_any_axes_give_what_the_last_axes_give(case, axes, monkeypatch):
    """The axes of a result have the order of those of the image; regions have the order of the item."""
    shape = [2, 3, 3, 2]
    shape[axes[0]], shape[axes[1]] = 37, 29
    plan, expected = moved(case, tuple(shape), axes, statistics="item")
    cut_into(monkeypatch, 19**2, 8)
    result = result_of(plan)
    assert result.shape == plan.shape
    assert same(result, np.ascontiguousarray(expected))
    plan, items = pickle.loads(pickle.dumps(plan)), plan.receiver(result)
    for index, box in zip([(0, 1), (1, 0)] * 2, random_boxes(plan.item, 4), strict=True):
        assert same(region(plan, index, box), np.ascontiguousarray(items.read(index, box)))


@pytest.mark.parametrize("case", [case for case in CASES if 3 in case.ndims], ids=label)
def test_volumes_may_lie_across_other_axes(case):
    plan, expected = moved(case, (13, 2, 19, 17), (0, 3, 2), statistics="layer")
    assert same(result_of(plan), np.ascontiguousarray(expected))


def test_a_filter_along_time_is_that_of_scipy():
    movie = gray("f4", (9, 4, 11, 12))
    result = apply(movie, "gaussian", options=Options(axes=(0, 2, 3)), sigma=(1.5, 0.0, 0.0))
    expected = ndi.gaussian_filter1d(movie.astype(float), 1.5, 0, mode="nearest")
    np.testing.assert_allclose(result, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ["gaussian", "rotate", "median", "equalize_hist", "richardson_lucy"])
@pytest.mark.parametrize("kind", ["dask", "zarr"])
def test_lazy_arrays_are_turned_box_by_box(name, kind, monkeypatch):
    cut_into(monkeypatch, 19**2, 8)
    case, image = BY_NAME[name], np.maximum(gray("u2", (37, 3, 29, 2)), 1)
    if kind == "dask":
        lazy = pytest.importorskip("dask.array").from_array(image, chunks=(16, 1, 10, 2))
    else:
        zarr = pytest.importorskip("zarr")
        lazy = zarr.array(image, chunks=(16, 1, 10, 2))
    plans = [planned(case, x, (37, 29), axes=(0, 2)) for x in (image, lazy)]
    eager, late = map(result_of, plans)
    assert same(eager, late)
    if kind == "zarr":
        out = zarr.create_array(store={}, shape=plans[1].shape, chunks=(16, 1, 10, 2), dtype=plans[1].dtype)
        assert same(run_to_end(run(plans[1], out, threads=1))[...], eager)


def test_no_more_than_a_box_of_a_lazy_array_is_read(monkeypatch):
    cut_into(monkeypatch, 64**2, 16)
    watched = Watched(gray("u1", (200, 3, 150)))
    apply(watched, "gaussian", options=Options(axes=(0, 2)), sigma=1)
    assert len(watched.reads) > 8
    assert max(watched.reads) < 2 * 64**2 < watched.array.size / 8


def test_images_that_lie_on_the_image_are_turned_with_it():
    image, dark = gray("f4", (20, 3, 25)) + 3, gray("f4", (20, 3, 25)) / 9
    result = apply(image, "flat_field", np.ones((20, 25)), dark, options=Options(axes=(0, 2)))
    gain = (1 - dark).mean((0, 2), keepdims=True) / (1 - dark)
    np.testing.assert_allclose(result, (image - dark) * gain, rtol=1e-5)
    colors, dark = np.moveaxis(colored(image.transpose(1, 0, 2)), 0, 1), dark[..., None]  # (rows, stack, columns, RGB)
    options = Options(axes=(0, 2), channel_axis=-1)
    result = apply(colors, "flat_field", np.ones((20, 25)), dark[..., 0], options=options)
    np.testing.assert_allclose(result, (colors - dark) * gain[..., None], rtol=1e-5)


def test_a_result_says_where_it_lies():
    crop = plan_of(BY_NAME["crop"].declared, np.zeros((9, 5, 8)), axes=(2, 0), parameters={"start": (1, 4)})
    assert crop.shape == (5, 5, 7)
    np.testing.assert_array_equal(crop.placement @ [0, 0, 0, 1], [4, 0, 1, 1])
    part = plan_of(BY_NAME["crop"].declared, np.zeros((9, 5, 8)), axes=(2, 0), scope={1: 3})
    np.testing.assert_array_equal(part.placement @ [0, 0, 0, 1], [0, 3, 0, 1])


def test_iterations_are_kept_before_all_axes():
    image = np.maximum(gray("u2", (20, 2, 25)), 1)
    options = {"axes": (0, 2), "parameters": {"num_iter": 4, "keep_every": 2}}
    op = BY_NAME["richardson_lucy"].declared
    plan = plan_of(op, image, np.ones((3, 3)), **options)
    frames = result_of(plan)
    assert frames.shape == plan.shape == (2, 20, 2, 25)
    last = result_of(plan_of(op, image, np.ones((3, 3)), axes=(0, 2), parameters={"num_iter": 4}))
    np.testing.assert_array_equal(frames[1], last)
    assert run_to_end(report(plan, frames)).values["flux"] == pytest.approx(last.sum(dtype=float) / image.sum(), 1e-6)


def test_estimates_are_those_of_the_same_items():
    noise = 0.05 * np.random.default_rng(0).standard_normal((12, 60, 50))
    stack = ((1 + np.linspace(0, 1, 50)) * np.linspace(2, 4, 12)[:, None, None] + noise).astype(np.float32)
    turned = stack.transpose(1, 0, 2)
    options = Options(axes=(0, 2), value_range=(0, 10))
    assert estimate_sigma(turned, options=options) == estimate_sigma(stack, options=Options(value_range=(0, 10)))
    np.testing.assert_array_equal(estimate_flat(turned, options=Options(axes=(0, 2))), estimate_flat(stack))


# Names and parts


def prepared(array, names, op="gaussian", **options):
    return run_to_end(prepare(BY_NAME[op].declared, array, (), Options(**options), axis_names=names))


def test_axes_are_found_by_name_where_there_are_names():
    image = gray("u1", (3, 20, 2, 25))
    by_name = prepared(image, ("t", "y", "c", "x"), axes=("y", "x"), scope={"c": 1, "t": (0, 2)})
    by_index = plan_of(BY_NAME["gaussian"].declared, image, axes=(1, -1), scope={2: 1, 0: (0, 2)})
    result = result_of(by_name)
    assert result.shape == (2, 20, 1, 25)
    assert same(result, result_of(by_index))
    assert same(result, apply(image, "gaussian", options=Options(axes=(1, 3)))[:2, :, 1:])
    colors = prepared(colored(image), ("t", "y", "c", "x"), axes=("y", "x"), channel_axis=-1)
    assert same(result_of(colors)[..., 0], apply(image, "gaussian", options=Options(axes=(1, 3))))


def test_a_file_that_names_its_axes_needs_no_other_names():
    zarr, image = pytest.importorskip("zarr"), gray("u1", (20, 3, 25))
    array = zarr.create_array(
        store={}, shape=image.shape, chunks=(7, 1, 9), dtype="u1", dimension_names=("y", "c", "x")
    )
    array[...] = image
    options = Options(axes=("y", "x"), scope={"c": -1})
    assert same(
        apply(array, "gaussian", options=options), apply(image, "gaussian", options=Options(axes=(0, 2)))[:, 2:]
    )


@pytest.mark.parametrize(
    ("names", "options", "message"),
    [
        (("c", "y", "x"), {"axes": ("z", "x")}, r"axes=\('z', 'x'\): must be among 'c', 'y', 'x', not 'z'"),
        (("c", "x", "x"), {"axes": ("c", "x")}, r"must be given by index, because 2 axes have the name 'x'"),
        (("c", "y", "x"), {"scope": {"z": 1}}, r"scope={'z': 1}: must be among 'c', 'y', 'x', not 'z'"),
        (("c", "y", "x"), {"scope": {"c": 1, 0: 2}}, r"scope={'c': 1, 0: 2}: must name each axis once; 0 is named"),
        (
            ("c", "y", "x"),
            {"scope": {5: 1}},
            r"scope={5: 1}: must be from -3 to 2 for 3 axes, not 5",
        ),
        (("c", "y", "x"), {"scope": {"y": 1}}, r"scope={'y': 1}: must be stack axes; 'y' is an axis of the planes"),
        (("c", "y", "x"), {"scope": {"c": 3}}, r"scope={'c': 3}: must be an index .* within the 3 of axis 'c'"),
        (("c", "y"), {}, r"axis_names=\('c', 'y'\): must be 3 names for an image of shape \(3, 37, 29\)"),
    ],
)
def test_wrong_names_are_refused(names, options, message):
    with pytest.raises(ValueError, match=message):
        prepared(gray("u1", (3, 37, 29)), names, **options)
