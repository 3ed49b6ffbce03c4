"""The pixels of previews are those of runs, for every operation, wherever they lie and however few are shown."""

from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from napari.layers import Image, Labels
from preview_checks import all_exact, job_on, last, picture_of, run_of, seen_of, taken

from cases import CASES, Case, plane
from napari_mathimg import Options, operations
from napari_mathimg.contract.reach import Neighborhood
from napari_mathimg.engine.facts import Facts
from napari_mathimg.widgets.preview.computed import Memory, Request, Update, updates
from napari_mathimg.widgets.preview.picture import EXACT, NEAR, Picture
from napari_mathimg.widgets.preview.view import Unseen, view_of
from nightly import nightly

SHAPE = (310, 270)
SEEN = ((150.0, 130.0), 1.0), ((40.0, 200.0), 2.5), ((150.0, 130.0), 0.3)
by_id = pytest.mark.parametrize("case", CASES, ids=lambda case: case.operation)


def tolerance(plan: Any, result: Any) -> float:
    """By how much tiles of another size may change a result: as the operation declares it."""
    reach = plan.reach
    if not isinstance(reach, Neighborhood) or reach.exact:
        return 0.0
    iterations = float(plan.parameters.get("num_iter", 1) or 1) if plan.operation.id.startswith("richardson") else 1.0
    span = float(np.ptp(result[np.isfinite(result)])) if result.size else 1.0
    return max(1e-6 * span * np.sqrt(iterations), 1.0 if result.dtype.kind in "iu" else 0.0)


@by_id
@pytest.mark.parametrize("dtype", [np.float32, *nightly(np.uint16, np.uint8)])
def test_pixels_are_those_of_a_run(case: Case, dtype: Any) -> None:
    image = case.prepared(plane(SHAPE))
    if np.dtype(dtype).kind == "u":
        image = np.rint(image * np.iinfo(dtype).max)
    image = image.astype(dtype)
    layer = Image(image, rgb=case.color, contrast_limits=None if case.color else (0, 1), scale=(0.5, 0.5))
    images = [i.astype(np.float32) for i in case.further(SHAPE)]
    job = job_on(layer, case.declared, case.options(), {**case.needed, **case.parameters}, images)
    plan, result = run_of(job)
    memory, shown = Memory(Facts()), 0
    for middle, zoom in SEEN:
        seen = seen_of(layer, middle, zoom / 0.5, (90 * zoom, 120 * zoom) if zoom > 1 else (90, 120))
        memory.picture = None
        with suppress(Unseen):  # a result may lie elsewhere
            last(job, seen, memory)
        if memory.picture is None:
            continue
        shown += 1
        picture = picture_of(memory)
        assert all_exact(picture)
        expected = taken(picture.view, result, plan)
        most = tolerance(plan, result)
        np.testing.assert_allclose(
            picture.values.astype(np.float64), expected.astype(np.float64), rtol=0, atol=most, equal_nan=True
        )
    assert shown > 0


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 2, 0), (2, 0, 1)])
@pytest.mark.parametrize("ndim", [2, 3])
def test_every_plane_of_a_stack_is_shown(order: Any, ndim: int) -> None:
    """Planes of the processed axes and planes across them, of stacks of planes and of volumes."""
    stack = np.random.default_rng(0).integers(0, 4000, (14, 60, 50), dtype=np.uint16)
    layer = Image(stack, scale=(4, 1, 1), rotate=0)
    job = job_on(layer, operations()["gaussian"], Options(ndim=ndim), {"sigma": 1.5})
    plan, result = run_of(job)
    place = [7.0, 30.0, 25.0]
    world = np.array(layer.data_to_world(place))
    shown = order[1:]
    point = tuple(0.0 if k in shown else float(world[k]) for k in range(3))
    seen = replace(
        seen_of(layer, (30, 25)), point=point, displayed=shown, center=tuple(world[list(shown)]), half=(200.0, 200.0)
    )
    memory = Memory(Facts())
    last(job, seen, memory)
    picture = picture_of(memory)
    np.testing.assert_array_equal(picture.values, taken(picture.view, result, plan))
    assert picture.values.size == stack.size // stack.shape[order[0]]


def test_only_the_items_on_screen_are_counted() -> None:
    """CLAHE counts each plane alone; a preview of one plane reads this plane only."""

    class Counted:
        def __init__(self, array: Any) -> None:
            self.array, self.shape, self.dtype, self.ndim, self.read = array, array.shape, array.dtype, array.ndim, 0

        def __getitem__(self, key: Any) -> Any:
            found = self.array[key]
            self.read += np.asarray(found).size
            return found

        def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
            return np.asarray(self[...], dtype)

    stack = Counted(np.random.default_rng(0).integers(0, 4000, (12, 80, 90), dtype=np.uint16))
    layer = Image(stack, contrast_limits=(0, 4000))
    job = job_on(layer, operations()["equalize_adapthist"], Options(value_range=(0, 4000), statistics="item"), {})
    seen = seen_of(layer, (40, 45), point=(5,))
    stack.read = 0
    last(job, seen, Memory(Facts()))
    assert 0 < stack.read <= 4 * 80 * 90  # a few passes over one plane


def test_panning_computes_new_pixels_only(monkeypatch: pytest.MonkeyPatch) -> None:
    image = plane((900, 900)).astype(np.float32)
    layer = Image(image, contrast_limits=(0, 1))
    job = job_on(layer, operations()["gaussian"], Options(), {"sigma": 2.0})
    memory = Memory(Facts())
    last(job, seen_of(layer, (400, 400), size=(300, 400)), memory)
    written: list[int] = []
    write = Picture.write

    def counted(self: Picture, box: Any, block: Any, how: int = EXACT) -> None:
        written.append(block.size)
        write(self, box, block, how)

    monkeypatch.setattr(Picture, "write", counted)
    last(job, seen_of(layer, (410, 395), size=(300, 400)), memory)
    assert sum(written) < 0.1 * 300 * 400
    plan, result = run_of(job)
    np.testing.assert_array_equal(picture_of(memory).values, taken(picture_of(memory).view, result, plan))


def test_a_coarse_picture_comes_first_where_it_is_close() -> None:
    image = plane((1200, 1100)).astype(np.float32)
    layer = Image(image, contrast_limits=(0, 1))
    for name, parameters, has_coarse in (("gaussian", {"sigma": 12.0}, True), ("denoise_tv_chambolle", {}, False)):
        job = job_on(layer, operations()[name], Options(value_range=(0, 1)), parameters)
        states = [
            u.state
            for u in updates(Request(job, seen_of(layer, (600, 550), 0.2, (240, 220))), Memory(Facts()))
            if isinstance(u, Update)
        ]
        assert ("near" in states) is has_coarse
        assert states[-1] == "exact"


def test_what_is_known_does_not_become_less_exact() -> None:
    layer = Image(plane((100, 100)).astype(np.float32), contrast_limits=(0, 1))
    job = job_on(layer, operations()["gaussian"], Options(), {})
    memory = Memory(Facts())
    update = last(job, seen_of(layer, (50, 50)), memory)
    picture = Picture(update.view, np.float32)
    box = update.view.box
    picture.write(box, np.ones(picture.view.shape, np.float32), EXACT)
    picture.write(box, np.zeros(picture.view.shape, np.float32), NEAR)
    assert (picture.values == 1).all()


@pytest.mark.parametrize("seed", range(40))
def test_what_is_missing_after_a_pan_is_covered_once(seed: int) -> None:
    """By brute force: the boxes cover exactly the pixels that are not known."""
    rng = np.random.default_rng(seed)
    layer = Image(np.zeros((500, 400), np.float32), contrast_limits=(0, 1))
    job = job_on(layer, operations()["adjust_gamma"], Options(value_range=(0, 1)), {})
    plan, _ = run_of(job)
    zoom = float(rng.choice([0.2, 0.5, 1.0, 3.0]))
    middles = rng.uniform(100, 300, (2, 2))
    views = [view_of(plan, job.source.placement, seen_of(layer, m, zoom)) for m in middles]
    first, second = (Picture(view, np.float32) for view in views)
    first.write(first.view.box, np.zeros(first.view.shape, np.float32))
    second.take_over(first)
    covered = np.zeros((500, 400), int)
    for box in second.missing():
        covered[tuple(slice(a, b) for a, b in box)] += 1
    (top, bottom), (left, right) = views[1].box
    step = views[1].step[0]
    inside = covered[top:bottom:step, left:right:step]
    assert inside.shape == views[1].shape
    known = second.known == EXACT
    if known.any():
        np.testing.assert_array_equal(inside, ~known)
    assert covered.sum() - covered[top:bottom, left:right].sum() == 0


def test_nothing_is_on_screen_outside_of_the_image() -> None:
    layer = Image(np.zeros((50, 50), np.float32), contrast_limits=(0, 1))
    job = job_on(layer, operations()["gaussian"], Options(), {})
    with pytest.raises(Unseen, match="on screen"):
        last(job, seen_of(layer, (500, 20)))


def test_an_operation_that_needs_the_whole_of_a_large_image_is_not_previewed() -> None:
    psf = np.ones((3, 3), np.float32)
    layer = Image(np.zeros((2100, 2100), np.float32), contrast_limits=(0, 1))
    job = job_on(layer, operations()["wiener"], Options(), {"balance": 0.1}, [psf])
    with pytest.raises(Unseen, match="whole image"):
        last(job, seen_of(layer, (1000, 1000)))


def test_labels_stay_labels() -> None:
    labels = (plane((120, 130)) * 9).astype(np.int32)
    layer = Labels(labels)
    job = job_on(layer, operations()["rotate"], Options(), {"angle": 30.0, "order": 0})
    memory = Memory(Facts())
    update = last(job, seen_of(layer, (60, 65), size=(200, 200)), memory)
    plan, result = run_of(job)
    shown = update.show()
    assert shown.kind == "labels"
    np.testing.assert_array_equal(shown.data, taken(update.view, result, plan))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_differences_are_the_result_minus_the_source(dtype: Any) -> None:
    image = np.random.default_rng(0).integers(0, 200, (80, 90)).astype(dtype)
    layer = Image(image, contrast_limits=(0, 200))
    job = job_on(layer, operations()["gaussian"], Options(), {"sigma": 2.0})
    _, result = run_of(job)
    update = last(job, seen_of(layer, (40, 45), size=(300, 300)), is_difference=True)
    np.testing.assert_array_equal(update.show().data, result.astype(np.float64) - image)


def test_there_is_no_difference_to_a_result_of_other_pixels() -> None:
    layer = Image(np.zeros((80, 90), np.float32), contrast_limits=(0, 1))
    job = job_on(layer, operations()["rescale"], Options(), {"scale": 2.0})
    with pytest.raises(Unseen, match="other pixels"):
        last(job, seen_of(layer, (40, 45)), is_difference=True)
