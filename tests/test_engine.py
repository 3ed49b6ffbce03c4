"""The parts of the contract that no operation needs yet, by toy operations; progress and cancel."""

import threading
import time
from typing import Annotated, Any

import numpy as np
import pytest
from scipy import ndimage as ndi

from cases import BY_NAME, colored, plane
from napari_mathimg import Options, apply
from napari_mathimg.contract import types as t
from napari_mathimg.contract.operation import BlockInfo, Statistic, ValueRange, operation
from napari_mathimg.contract.progress import checkpoint
from napari_mathimg.contract.reach import POINTWISE, Neighborhood, Whole
from napari_mathimg.engine import prepare, region, run
from napari_mathimg.engine.threads import TICK
from napari_mathimg.engine.tiles import tiles
from planning import Watched, cut_into, gray, label, ours, plan_of, random_boxes, result_of, same


@operation("Add", values="float", reach=POINTWISE)
def add(image: t.Image, other: t.AlignedImage, /) -> t.Image:
    return image + other


@operation("Correlate", values="float", reach=lambda psf: Neighborhood(tuple(n // 2 for n in psf.shape)))
def correlate(image: t.Image, psf: t.WholeImage, /) -> t.Image:
    return ndi.correlate(image, psf, mode="nearest")


def total(image, valid):
    return np.array(image[valid].sum() if valid is not None else image.sum()), np.array(image.size)


@operation("Mean of a reference", values="float", reach=POINTWISE, statistics=(
    Statistic(total, lambda counted: float(counted[0] / counted[1])),
))  # fmt: skip
def match_mean(image: t.Image, reference: t.Reference, /, *, measured: float) -> t.Image:
    return image + (reference - measured)


@operation("Remove the mean", values="float", reach=Whole("the mean of all"))
def remove_mean(image: t.Image, /) -> t.Image:
    return image - image.mean()


@operation("Block maximum", values="exact", reach=Neighborhood(3, align=4))
def block_maximum(image: t.Image, /, *, info: BlockInfo) -> t.Image:
    assert all(a % 4 == 0 for a, _ in info.read)
    rows, columns = ([a for a, _ in info.read][i] + np.arange(image.shape[i]) for i in (0, 1))
    out = image.copy()
    for i, j in np.ndindex(-(-image.shape[0] // 4), -(-image.shape[1] // 4)):
        square = np.ix_(rows // 4 == rows[0] // 4 + i, columns // 4 == columns[0] // 4 + j)
        out[square] = image[square].max()
    return out


@operation("Where it was computed", values="float", reach=Neighborhood(2, exact=False))
def origin(image: t.Image, /, *, info: BlockInfo) -> t.Image:
    return np.full_like(image, 1000 * info.core[0][0] + info.core[1][0])


@operation("Normalized range", values="normalized", reach=POINTWISE)
def give_first(image: t.Image, /, *, shape: Any = "") -> t.Image:
    return image


@operation("Mean of a reference, if any", values="float", reach=POINTWISE, statistics=(
    Statistic(total, lambda counted: float(counted[0] / counted[1])),
))  # fmt: skip
def match_mean_if_any(
    image: t.Image, reference: Annotated[Any, t.Role("reference", optional=True)] = None, /, *, measured: float
) -> t.Image:
    return image if reference is None else image + (reference - measured)


LATE = threading.Event()
BEGUN = threading.Event()


@operation("Long", values="exact", reach=POINTWISE)
def endless(image: t.Image, /) -> t.Image:
    BEGUN.set()
    while not LATE.wait(0.001):
        checkpoint()
    return image


@operation("First row", values="float", reach=POINTWISE)
def first_row(image: t.Image, /) -> t.Image:
    return image[:1]


@operation("One number", values="float", reach=POINTWISE)
def one_number(image: t.Image, /, *, info: BlockInfo) -> Any:
    return image.max()


@operation("A channel too few", values="float", reach=POINTWISE, channels="joint")
def too_few_channels(image: t.Image, /) -> t.Image:
    return image[..., :1]


def test_aligned_images_come_with_the_same_region(monkeypatch):
    cut_into(monkeypatch, 11**2, 8)
    image, stack = gray("f4", (2, 3, 37, 29)), gray("f8", (3, 37, 29))
    for other in (stack, stack[0]):
        plan = plan_of(add, image, other)
        assert same(result_of(plan), (image + other).astype(np.float32))
    with pytest.raises(ValueError, match=r"other: must have shape \(37, 29\), or .*, not \(2, 37, 29\)"):
        plan_of(add, image, stack[:2])


def test_aligned_images_are_taken_in_the_scope():
    image, other = gray("f8", (4, 37, 29)), gray("f8", (4, 37, 29)) ** 2
    part = result_of(plan_of(add, image, other, scope={0: (1, 3)}))
    assert same(part, (image + other)[1:3])


def test_whole_images_set_the_reach(monkeypatch):
    psf = plane((5, 3))
    expected = ndi.correlate(plane(), psf, mode="nearest")
    plan = plan_of(correlate, plane(), psf)
    assert plan.reach == Neighborhood((2, 1))
    cut_into(monkeypatch, 11**2, 8)
    assert same(result_of(plan), expected)
    for wrong in (np.full((3, 3), np.nan), np.zeros((0, 3)), np.zeros((3, 3), complex)):
        with pytest.raises(ValueError, match=r"psf: must hold (real|finite) numbers"):
            plan_of(correlate, plane(), wrong)


def test_references_give_their_statistic():
    image, reference = gray("f8"), gray("f8", (2, 11, 9)) + 5
    result = result_of(plan_of(match_mean, image, reference))
    np.testing.assert_allclose(result, image - image.mean() + reference.mean(), atol=1e-12)


def test_optional_images_may_be_left_out():
    image, reference = gray("f8"), gray("f8", (11, 9)) + 5
    assert same(result_of(plan_of(match_mean_if_any, image)), image)
    assert same(
        result_of(plan_of(match_mean_if_any, image, reference)), result_of(plan_of(match_mean, image, reference))
    )
    with pytest.raises(ValueError, match=r"match_mean_if_any takes 0 or 1 further image \(reference\), not 2"):
        plan_of(match_mean_if_any, image, reference, reference)


def test_operations_on_the_whole_see_all_of_an_item():
    image = gray("f8", (2, 37, 29))
    plan = plan_of(remove_mean, image)
    np.testing.assert_allclose(result_of(plan).mean(axis=(1, 2)), 0, atol=1e-12)
    assert same(region(plan, (1,), ((3, 5), (7, 9))), result_of(plan)[1, 3:5, 7:9])


@pytest.mark.parametrize("op", [block_maximum, origin], ids=label)
def test_operations_bound_to_a_grid_are_computed_on_it(op, monkeypatch):
    cut_into(monkeypatch, 16**2, 8)
    plan = plan_of(op, gray("f8", (41, 50)))
    result = result_of(plan)
    for box in random_boxes(result.shape, 10):
        assert same(region(plan, (), box), result[tuple(slice(a, b) for a, b in box)])
    if op is block_maximum:
        assert same(
            result[:40, :48], np.kron(gray("f8", (41, 50))[:40, :48].reshape(10, 4, 12, 4).max((1, 3)), np.ones((4, 4)))
        )
    else:
        assert len(np.unique(result)) == len(tiles((41, 50), plan.reach, 16**2, 8)) > 1


@pytest.mark.parametrize("op", [first_row, one_number], ids=label)
@pytest.mark.parametrize("dtype", ["u1", "f4"])
def test_blocks_of_another_shape_are_refused_even_if_they_would_broadcast(op, dtype):
    with pytest.raises(ValueError, match=rf"{op.id}: must return a block of shape \((37, 29|256).*\), not \("):
        result_of(plan_of(op, gray(dtype)))


def test_blocks_with_other_channels_are_refused():
    with pytest.raises(ValueError, match=r"must return a block of shape \(37, 29, 3\), not \(37, 29, 1\)"):
        result_of(plan_of(too_few_channels, colored(gray("f4")), channel_axis=-1))


def test_range_of_two_numbers_is_seen_as_zero_to_one():
    assert ValueRange(5, 5).width == 1
    assert same(result_of(plan_of(give_first, gray("u2"), value_range=(100, 300))), gray("u2"))


@pytest.mark.parametrize("halo", [0, 3, 40])
@pytest.mark.parametrize("shape", [(37, 29), (3000, 2500), (50, 300, 400), (1, 1)])
def test_tiles_cover_the_item_once_and_are_no_smaller_than_eight_halos(shape, halo):
    covered = np.zeros(shape, np.uint8)
    for box in tiles(shape, Neighborhood(halo)):
        covered[tuple(slice(a, b) for a, b in box)] += 1
        assert all(b - a >= min(8 * halo, n) or b == n for (a, b), n in zip(box, shape, strict=True))
    assert (covered == 1).all()


# Progress and cancel


def passes(steps, watched):
    """The steps of each pass of a generator whose reads wait until the pass has told 12 times how far it is."""
    found = []
    for step in steps:
        if not found or step.phase != found[-1][-1].phase or step.done < found[-1][-1].done:
            watched.gate.clear()
            found.append([])
        found[-1].append(step)
        if len(found[-1]) == 13:
            watched.gate.set()
    return found


def test_every_pass_reports_twenty_times_a_second_and_to_its_end(monkeypatch):
    cut_into(monkeypatch, 11**2, 8)
    watched = Watched(gray("f4"))
    plans = []

    def both():
        plans.append((yield from prepare(BY_NAME["equalize_hist"].declared, watched, threads=2)))
        yield from run(plans[0], threads=2)

    watched.gate.clear()
    found = passes(both(), watched)
    assert [steps[0].phase for steps in found] == ["Value range", "Statistics", "Statistics", "Equalize histogram"]
    assert TICK <= 0.05
    for steps in found:
        assert [s.done for s in steps] == sorted(s.done for s in steps)
        assert [s.done for s in steps[:13]] == [0] * 13
        assert steps[-1].done == steps[-1].total > 1


def test_cancel_stops_long_loops_and_leaves_no_thread():
    LATE.clear()
    BEGUN.clear()
    steps = run(plan_of(endless, np.zeros((64, 256, 256), np.float32)), threads=2)
    next(steps)
    next(steps)
    assert BEGUN.wait(60)
    assert len(ours()) == 2
    steps.close()
    assert not ours()


def test_cancel_of_the_first_pass_reads_no_more_and_leaves_no_thread():
    watched = Watched(np.zeros((64, 512, 512), np.uint16))
    steps = prepare(BY_NAME["equalize_adapthist"].declared, watched, threads=2)
    for _ in range(3):
        next(steps)
    steps.close()
    assert len(watched.reads) <= 12
    assert not ours()


def test_errors_in_threads_reach_the_caller_and_leave_no_thread():
    class Broken(Watched):
        def __getitem__(self, key):
            raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        plan_of(BY_NAME["adjust_gamma"].declared, Broken(gray("f4", (9, 37, 29))))
    assert not ours()


def test_checkpoint_does_nothing_outside_a_run():
    LATE.set()
    assert endless.function(gray("u1")) is not None


class Counted:
    """Computes chunks of ones and counts how often."""

    def __init__(self, shape, chunk):
        self.calls, self.lock, self.shape, self.chunk = {}, threading.Lock(), shape, chunk

    def array(self):
        import dask.array as da

        return da.map_blocks(self.make, chunks=tuple((self.chunk,) * (n // self.chunk) for n in self.shape), dtype="f4")

    def make(self, block_info=None):
        place = tuple(block_info[None]["chunk-location"])
        with self.lock:
            self.calls[place] = self.calls.get(place, 0) + 1
        time.sleep(0)  # lets another thread ask for the chunk meanwhile
        return np.full((self.chunk,) * len(self.shape), sum(place), np.float32)


def test_each_chunk_of_a_lazy_array_is_computed_once_a_pass():
    counted = Counted((1024, 1024), 512)
    array = counted.array()
    counted.calls.clear()  # dask looks at one block to learn its type
    result = result_of(plan_of(BY_NAME["adjust_gamma"].declared, array, value_range=(0, 2)))
    assert counted.calls == {(i, j): 1 for i in range(2) for j in range(2)}
    assert same(result, np.asarray(array))


def test_small_chunks_of_a_box_are_computed_in_one_call():
    class Lazy(Watched):
        chunks = (8, 8)

    watched = Lazy(gray("f4", (200, 300)))
    assert same(result_of(plan_of(BY_NAME["rotate"].declared, watched, threads=1)), apply(watched.array, "rotate"))
    assert len(watched.reads) == 1


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"value_range": (-1e308, 1e308)}, "value_range="),
        ({"channel_axis": True}, "channel_axis=True: must be a whole number"),
    ],
)
def test_options_that_make_no_sense_are_refused(given, said):
    with pytest.raises(ValueError, match=said):
        Options(**given)


def test_arrays_of_unknown_shape_are_refused():
    da = pytest.importorskip("dask.array")
    image = da.from_array(gray("f4"), chunks=10)
    with pytest.raises(ValueError, match="image: must have a known shape; call compute_chunk_sizes"):
        apply(image[image[:, 0] > 0.3], "rotate")


def test_chunks_that_cannot_be_read_raise_and_may_be_read_again():
    class Failing(Watched):
        chunks = (8, 8)
        broken = True

        def __getitem__(self, key):
            if self.broken:
                raise OSError("the disk is gone")
            return super().__getitem__(key)

    array = Failing(gray("f4"))
    plan = plan_of(BY_NAME["rotate"].declared, array)
    with pytest.raises(OSError, match="the disk is gone"):
        result_of(plan)
    array.broken = False
    assert same(result_of(plan), result_of(plan_of(BY_NAME["rotate"].declared, array.array)))


def test_levels_that_are_given_need_no_look_at_the_image():
    watched = Watched(gray("f4"))
    plan = plan_of(BY_NAME["clip"].declared, watched, parameters={"low": 0.1, "high": 0.2})
    assert watched.reads == []
    assert plan.parameters["low"] == 0.1
    assert plan_of(BY_NAME["clip"].declared, watched).parameters["low"] == watched.array.min()
