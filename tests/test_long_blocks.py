"""One large block: its progress, its pieces on idle threads, its end; and results with an axis of frames."""

import threading

import numpy as np
import pytest

from cases import colored
from napari_mathimg.contract import types as t
from napari_mathimg.contract.operation import BlockInfo, Frames, operation
from napari_mathimg.contract.progress import checkpoint, parallel_for
from napari_mathimg.contract.reach import Neighborhood, Whole
from napari_mathimg.engine import region, run
from planning import cut_into, gray, ours, plan_of, random_boxes, result_of

SEEN: set[str] = set()
STEP = threading.Semaphore(0)
TOGETHER = [threading.Barrier(1)]  # of as many threads as a run has
BEGUN, LATE = threading.Event(), threading.Event()


@operation("Ten steps, each when it is asked for", values="float", reach=Whole("one block"))
def slow(image: t.Image, /) -> t.Image:
    for step in range(10):
        assert STEP.acquire(timeout=60)
        checkpoint((step + 1) / 10)
    return image


@operation("Rows doubled side by side", values="float", reach=Whole("one block"))
def double_rows(image: t.Image, /) -> t.Image:
    out, together = np.empty_like(image), TOGETHER[0]

    def work(row: int) -> None:
        SEEN.add(threading.current_thread().name)
        if row < together.parties:
            together.wait(60)
        checkpoint()
        out[row] = 2 * image[row]

    parallel_for(work, range(len(image)))
    return out


@operation("Pieces without end", values="float", reach=Whole("one block"))
def endless_pieces(image: t.Image, /) -> t.Image:
    def work(row: int) -> None:
        if row == 2:
            BEGUN.set()
        while not LATE.wait(0.001):
            checkpoint()

    parallel_for(work, range(len(image)))
    return image


@operation("A piece fails", values="float", reach=Whole("one block"))
def fail_in_a_piece(image: t.Image, /) -> t.Image:
    def work(row: int) -> None:
        if row == 7:
            raise ValueError("row=7: not this one")

    parallel_for(work, range(len(image)))
    return image


@operation("Multiples", values="float", reach=Neighborhood(1, exact=False), frames=lambda count: (
    Frames(count, "factor", 1.0, 1.0) if count else None
))  # fmt: skip
def multiples(image: t.Image, /, *, count: int = 3, info: BlockInfo) -> t.Image:
    made = np.stack([(k + 1) * image for k in range(max(count, 1))])
    return made if count else made[0]


def test_progress_of_one_block_rises_within_it():
    told, steps = [], 0
    for progress in run(plan_of(slow, gray("f4")), threads=2):
        told.append(progress.done)
        if steps < 10 and progress.done == steps / 10:
            STEP.release()
            steps += 1
    assert told == sorted(told)
    assert sorted(set(told)) == [k / 10 for k in range(11)]


def test_pieces_of_one_block_use_every_thread_and_give_the_same():
    image = gray("f4", (40, 9))
    SEEN.clear()
    plan = plan_of(double_rows, image)
    for threads in (4, 1):
        TOGETHER[0] = threading.Barrier(threads)
        np.testing.assert_array_equal(result_of(plan, threads), 2 * image)
    assert {"mathimg_0", *(f"mathimg-piece_{k}" for k in range(3))} == SEEN
    assert not ours()
    np.testing.assert_array_equal(double_rows.function(image), 2 * image)


def test_cancel_stops_pieces_and_leaves_no_thread():
    steps = run(plan_of(endless_pieces, gray("f4", (1000, 9))), threads=3)
    while not BEGUN.is_set():
        next(steps)
    assert len(ours()) == 3
    steps.close()
    assert not ours()


def test_an_error_in_a_piece_reaches_the_caller():
    for threads in (1, 3):
        with pytest.raises(ValueError, match="row=7: not this one"):
            list(run(plan_of(fail_in_a_piece, gray("f4", (20, 9))), threads=threads))
    assert not ours()


@pytest.mark.parametrize("color", [False, True])
def test_frames_come_before_every_other_axis(monkeypatch, color):
    cut_into(monkeypatch, 11**2, 8)
    image = gray("f4", (2, 37, 29))
    image = colored(image) if color else image
    plan = plan_of(multiples, image, channel_axis=-1 if color else None)
    out = result_of(plan)
    np.testing.assert_array_equal(out, np.stack([image, 2 * image, 3 * image]))
    for box in random_boxes((37, 29), 5):
        rows, columns = (slice(*b) for b in box)
        np.testing.assert_array_equal(region(plan, (1,), box), out[:, 1, rows, columns])


def test_frames_keep_missing_numbers_and_opacity():
    image = np.random.default_rng(0).random((9, 8, 4), np.float32)
    image[2, 3, 1] = np.nan
    out = result_of(plan_of(multiples, image, channel_axis=-1))
    expected = np.stack([k * image for k in (1, 2, 3)])
    expected[..., 3] = image[..., 3]
    np.testing.assert_array_equal(out, expected)


def test_no_frames_where_the_parameters_ask_for_none():
    image = gray("f4")
    np.testing.assert_array_equal(result_of(plan_of(multiples, image, parameters={"count": 0})), image)
