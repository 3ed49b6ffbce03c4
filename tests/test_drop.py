"""Operations whose result lacks an axis, tried on projections that are declared here."""

import pickle

import numpy as np
import pytest

from cases import colored
from napari_mathimg.contract import types as t
from napari_mathimg.contract.operation import POINTWISE, Drop, Frames, Neighborhood, operation
from napari_mathimg.contract.progress import run_to_end
from napari_mathimg.engine import region, run
from napari_mathimg.recipe.placement import Placement, kept_axis, place_result
from planning import Watched, cut_into, gray, plan_of, random_boxes, result_of, same


@operation("Maximum", values="exact", reach=POINTWISE, dimensions=(2, 3), drops=Drop(merge=np.fmax), proportional=True)
def project_max(image: t.Image, /) -> t.Image:
    """Return the largest value along an axis."""
    return np.fmax.reduce(image)


@operation("Median", values="exact", reach=POINTWISE, dimensions=(2, 3), drops=Drop())
def project_median(image: t.Image, /) -> t.Image:
    """Return a middle value along an axis."""
    return np.sort(image, axis=0)[(len(image) - 1) // 2]


def _moments(a, b):
    """T. F. Chan, G. H. Golub and R. J. LeVeque (1979)."""
    n, difference = a[0] + b[0], b[1] - a[1]
    return n, a[1] + difference * (b[0] / n), a[2] + b[2] + difference**2 * (a[0] * b[0] / n)


@operation(
    "Spread", values="float", dtype="float32", reach=POINTWISE, dimensions=(2, 3),
    drops=Drop(merge=_moments, finish=lambda merged, ddof: np.sqrt(merged[2] / (merged[0] - ddof))),
)  # fmt: skip
def project_std(image: t.Image, /, *, ddof: t.Seed = 0) -> t.Image:
    """Return the standard deviation along an axis."""
    return len(image), image.mean(0), image.var(0) * len(image)


@operation(
    "Least light", values="normalized", reach=POINTWISE, drops=Drop(np.minimum, lambda merged, sigma: merged + sigma)
)
def least_light(image: t.Image, /, *, sigma: t.AutoPatchNoise = "auto") -> t.Image:
    """Return the lowest value along an axis, plus the noise."""
    return image.min(0)


@operation("Focus", values="float", reach=Neighborhood(1), dimensions=(3,), drops=Drop(merge=np.maximum))
def focus(image: t.Image, /) -> t.Image:
    """Return the largest difference of neighbors along rows, in all planes."""
    wide = np.pad(image, [(0, 0), (0, 0), (1, 1)], mode="edge")
    return np.abs(wide[..., 2:] - wide[..., :-2]).max(0)


STACK = gray("u2", (2, 21, 37, 29))
REFERENCES = [
    (project_max, lambda x, axis: x.max(axis)),
    (project_median, lambda x, axis: np.quantile(x, 0.5, axis, method="inverted_cdf")),
    (project_std, lambda x, axis: x.std(axis)),
]


@pytest.mark.parametrize(("op", "reference"), REFERENCES, ids=["max", "median", "std"])
@pytest.mark.parametrize(("axes", "lacks"), [((1, 2, 3), 1), ((0, 2, 3), 0), ((2, 1, 3), 2), ((1, 3), 1)], ids=str)
def test_the_result_lacks_the_first_axis_of_an_item(op, reference, axes, lacks, monkeypatch):
    whole = result_of(plan_of(op, STACK, axes=axes))
    cut_into(monkeypatch, 13**2, 8)
    plan = plan_of(op, STACK, axes=axes)
    result = result_of(plan)
    assert plan.shape == result.shape == tuple(n for k, n in enumerate(STACK.shape) if k != lacks)
    assert same(result, whole)
    np.testing.assert_allclose(result, reference(STACK.astype(float), lacks), rtol=1e-5)
    plan, items = pickle.loads(pickle.dumps(plan)), plan.receiver(result)
    for index, box in zip(plan.source.indices[-3:], random_boxes(plan.item, 3), strict=False):
        assert same(region(plan, index, box), np.ascontiguousarray(items.read(index, box)))


def test_the_type_of_a_projection_is_the_declared_one():
    assert plan_of(project_max, STACK, ndim=3).dtype == np.uint16
    assert plan_of(project_std, STACK, ndim=3).dtype == np.float32
    assert plan_of(project_std, STACK, ndim=3, dtype="same").dtype == np.uint16
    sample = result_of(plan_of(project_std, STACK, ndim=3, parameters={"ddof": 1}))
    np.testing.assert_allclose(sample, STACK.std(1, ddof=1), rtol=1e-5)


def test_a_window_around_a_pixel_lies_in_the_axes_that_remain(monkeypatch):
    whole = result_of(plan_of(focus, STACK, ndim=3))
    wide = np.pad(STACK.astype(float), [(0, 0)] * 3 + [(1, 1)], mode="edge")
    np.testing.assert_allclose(whole, np.abs(wide[..., 2:] - wide[..., :-2]).max(1), rtol=1e-6)
    cut_into(monkeypatch, 11**2, 8)
    assert same(result_of(plan_of(focus, STACK, ndim=3)), whole)


def test_colors_and_opacity_are_projected_one_by_one():
    stack = np.moveaxis(np.concatenate([colored(STACK), STACK[..., None]], axis=-1), -1, 1)
    result = result_of(plan_of(project_max, stack, axes=(2, 3, 4), channel_axis=1))
    np.testing.assert_array_equal(result, stack.max(2))


def test_each_color_is_projected_in_its_own_value_range_and_opacity_in_that_of_all():
    colors = colored(STACK)
    stack = np.concatenate([colors, STACK[..., None]], axis=-1)
    options = {"ndim": 3, "statistics": "channel", "parameters": {"sigma": 0.0}}
    result = result_of(plan_of(least_light, stack, channel_axis=-1, **options))
    np.testing.assert_array_equal(result, stack.min(1))


def test_what_all_slabs_gave_is_finished_with_the_parameters_of_the_item():
    stack = np.random.default_rng(0).normal(100, 1, (2, 12, 40, 50)) * np.array([1, 9]).reshape(2, 1, 1, 1)
    result = result_of(plan_of(least_light, stack, ndim=3, statistics="item"))
    for item, found in zip(stack, result, strict=True):
        np.testing.assert_array_equal(found, result_of(plan_of(least_light, item, ndim=3)))


def test_missing_pixels_are_the_function_s_own_matter():
    image = gray("f4", (5, 37, 29))
    image[1, 3, 4] = np.nan
    image[:, 7, 8] = np.nan
    np.testing.assert_array_equal(result_of(plan_of(project_max, image, ndim=3)), np.fmax.reduce(image))


def test_a_stack_of_chunks_longer_than_a_slab_is_read_once_and_never_as_a_whole():
    watched = Watched(gray("u1", (100, 120, 130)))
    result = result_of(plan_of(project_max, watched, ndim=3))
    np.testing.assert_array_equal(result, watched.array.max(0))
    assert sum(watched.reads) == watched.array.size
    assert max(watched.reads) <= 8 * 120 * 130
    zarr = pytest.importorskip("zarr")
    lazy = zarr.array(watched.array, chunks=(1, 60, 65))
    out = zarr.create_array(store={}, shape=(120, 130), chunks=(60, 65), dtype="u1")
    assert same(run_to_end(run(plan_of(project_max, lazy, ndim=3), out, threads=1))[...], result)


def test_a_dropped_axis_is_one_pixel_that_covers_all_of_it():
    plan = plan_of(project_max, STACK, axes=(1, 2, 3), scope={0: 1})
    np.testing.assert_allclose(plan.placement @ [0, 0, 5, 6, 1], [1, 10, 5, 6, 1])
    edges = [plan.placement @ [0, z, 0, 0, 1] for z in (-0.5, 0.5)]
    np.testing.assert_allclose([edge[1] for edge in edges], [-0.5, 20.5])


def test_a_first_axis_that_is_mixed_with_others_stays_in_the_world_as_one_pixel():
    plan, turned = plan_of(project_max, np.ones((4, 5, 6)), ndim=3), np.eye(4)
    flat = np.eye(3)
    source = Placement(np.array([2.0, 3, 4]), np.zeros(3), flat, flat, turned, ("um",) * 3, ("z", "y", "x"))
    assert kept_axis(source, plan) is None
    placed = place_result(source, plan)
    np.testing.assert_array_equal(placed.matrix, np.diag([3, 4, 1]))
    assert placed.axis_labels == ("y", "x")
    turned[:2, :2] = [[0.8, -0.6], [0.6, 0.8]]
    assert kept_axis(source, plan) == 0
    placed = place_result(source, plan)
    np.testing.assert_allclose(placed.matrix @ [0, 2, 3, 1], source.matrix @ [1.5, 2, 3, 1])
    assert kept_axis(source, plan_of(project_max, np.ones((4, 5, 6)), axes=(1, 2))) == 1


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"dimensions": "all"}, "its items must have at least 2"),
        ({"dimensions": (1, 2)}, "its items must have at least 2"),
        ({"channels": "brightness"}, "it must be no warp, add no frames and keep channels"),
        ({"frames": lambda: Frames(2, "t")}, "it must be no warp, add no frames and keep channels"),
        ({"drops": Drop(finish=lambda merged, weight: merged)}, "asks for weight, which it cannot get"),
    ],
)
def test_declarations_that_contradict_a_dropped_axis_are_refused(declared, message):
    with pytest.raises(TypeError, match=message):
        operation("P", **{"values": "exact", "reach": POINTWISE, "drops": Drop(), **declared})(lambda image: image)
