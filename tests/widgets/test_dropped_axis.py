"""A result that lacks an axis: where its layer lies, tried on a projection that is declared here."""

from typing import Any
from weakref import ref

import numpy as np
import pytest

from napari_mathimg import Options
from napari_mathimg.contract import types as t
from napari_mathimg.contract.operation import POINTWISE, Drop, operation
from napari_mathimg.contract.progress import run_to_end
from napari_mathimg.engine.pyramid import Pyramid
from napari_mathimg.widgets.dock.results import show_result
from napari_mathimg.widgets.layers.snapshot import snapshot
from napari_mathimg.widgets.lazy.pixels import Levels
from napari_mathimg.widgets.tasks.operation_job import Job, LazyOption, steps


@operation("Sum", values="float", dtype="float32", reach=POINTWISE, drops=Drop(merge=np.add), proportional=True)
def project_sum(image: t.Image, /) -> t.Image:
    """Return the sum along an axis."""
    total: t.Array = image.sum(0)
    return total


def shown(
    viewer: Any, layer: Any, axes: tuple[int | str, ...], pyramid: Pyramid | None = None, is_lazy: bool = False
) -> Any:
    options = Options(axes=axes)
    image = LazyOption(Levels((layer.data,), layer.ndim), is_lazy)
    job = Job(project_sum, snapshot(layer), ref(layer), options, {}, "everything", pyramid=pyramid, lazy=image)
    return show_result(viewer, job, run_to_end(steps(job)), None, None)[0]


def test_the_first_axis_is_gone_and_all_others_stay_where_they_are(viewer: Any) -> None:
    stack = np.random.default_rng(0).integers(0, 999, (7, 30, 40), dtype=np.uint16)
    layer = viewer.add_image(
        stack, scale=(2, 0.5, 0.25), translate=(9, 3, -4), rotate=0, axis_labels=("z", "y", "x"), units=("um",) * 3
    )
    result = shown(viewer, layer, ("z", "y", "x"))
    np.testing.assert_allclose(result.data, stack.sum(0), rtol=1e-6)
    assert (result.axis_labels, [str(unit) for unit in result.units]) == (("y", "x"), ["micrometer"] * 2)
    for corner in ((0, 0), (29, 39)):
        np.testing.assert_allclose(result.data_to_world(corner), layer.data_to_world((0, *corner))[1:])
    step = result.metadata["napari_mathimg"][-1]
    assert (step["operation"], step["options"]["axes"]) == ("project_sum", ("z", "y", "x"))
    assert (step["axis_names"], step["dtype"], step["proportional"]) == (("z", "y", "x"), "float32", True)


@pytest.mark.parametrize(("axes", "lacks"), [((1, 2, 3), 1), ((3, 2), 3)], ids=str)
def test_another_axis_becomes_one_pixel_that_covers_it(viewer: Any, axes: tuple[int, ...], lacks: int) -> None:
    stack = np.random.default_rng(0).random((2, 7, 30, 40), np.float32)
    layer = viewer.add_image(stack, scale=(1, 2, 0.5, 0.25), translate=(0, 9, 3, -4))
    result = shown(viewer, layer, axes)
    np.testing.assert_allclose(result.data, stack.sum(lacks, keepdims=True), rtol=1e-5)
    for side in (-0.5, 0.5):
        end = [1.0, 3.0, 5.0, 6.0]
        end[lacks] = -0.5 if side < 0 else stack.shape[lacks] - 0.5
        place = [1.0, 3.0, 5.0, 6.0]
        place[lacks] = side
        np.testing.assert_allclose(result.data_to_world(place), layer.data_to_world(end))


def test_levels_are_made_of_the_axes_that_remain(viewer: Any) -> None:
    layer = viewer.add_image(np.ones((8, 300, 200), np.float32))
    result = shown(viewer, layer, (0, 1, 2), Pyramid((-3, -2, -1), 64, True))
    assert [level.shape for level in result.data] == [(300, 200), (150, 100), (75, 50), (38, 25)]


@pytest.mark.parametrize(("axes", "shape"), [((0, 1, 2), (1100, 1300)), ((2, 0, 1), (3, 1100, 1))], ids=str)
def test_a_lazy_result_lacks_the_same_axis(viewer: Any, axes: tuple[int, ...], shape: tuple[int, ...]) -> None:
    stack = np.random.default_rng(0).random((3, 1100, 1300), np.float32)
    layer = viewer.add_image(stack, scale=(2, 0.5, 0.25), translate=(9, 3, -4))
    expected, found = shown(viewer, layer, axes), shown(viewer, layer, axes, is_lazy=True)
    finest = found.data[0] if found.multiscale else found.data
    assert finest.shape == expected.data.shape == shape
    np.testing.assert_array_equal(np.asarray(finest), expected.data)
    np.testing.assert_array_equal(found.extent.world, expected.extent.world)
