"""What a run in shards is forecast to take, what its result is checked against, and what workers do."""

import threading
from itertools import chain
from types import SimpleNamespace

import numpy as np
import pytest

from napari_mathimg.batch.shards.choices import ShardChoices, Source
from napari_mathimg.batch.shards.clients import check_scheduler, started_client, threads_of, wait_until_closed
from napari_mathimg.batch.shards.cluster import Cluster
from napari_mathimg.batch.shards.folder import HOME
from napari_mathimg.batch.shards.forecast import decoding, forecast_shards
from napari_mathimg.batch.shards.verify import verify_result
from napari_mathimg.contract.progress import run_to_end
from napari_mathimg.engine import Canceled
from napari_mathimg.io.reading import open_image
from planning import same
from sharded import files_in, pixels_of, recipe_of, run_all, saved, step, stored, volume

pytest.importorskip("zarr")

BLUR = step("gaussian", sigma=[0.8, 1.5, 1.5])
EQUALIZE = step("equalize_hist", 2, options={"statistics": "layer"})


def verified(path, source, **more):
    return run_to_end(verify_result(path, source, **more))


@pytest.mark.parametrize("name", ["out.ome.zarr", "out.ome.tif"])
def test_one_changed_pixel_of_a_shard_is_found(tmp_path, name):
    recipe, source, output = recipe_of(BLUR, EQUALIZE), saved(tmp_path, volume()), tmp_path / name
    run_all(recipe, source, output, ShardChoices((8, 32, 64), (4, 16, 32), 1))
    all_boxes = verified(output, source, shards=1000)
    assert all_boxes.is_same
    assert sum(np.prod([b - a for a, b in box]) for box in all_boxes.boxes) == volume().size
    assert len(verified(output, source, shards=2, seed=5).boxes) == min(2, len(all_boxes.boxes))
    if name.endswith(".tif"):
        return
    import zarr

    array = zarr.open_array(str(output / "0"), mode="r+")
    place = (17, 40, 100)
    array[place] = int(array[place]) + 1
    found = verified(output, source, shards=1000)
    assert found.place == place
    assert found.found == found.expected + 1


def test_a_result_without_its_record_cannot_be_verified(tmp_path):
    source = saved(tmp_path, volume())
    with pytest.raises(ValueError, match="must hold the record of the steps that made it"):
        verified(stored(tmp_path, volume()), source)


def test_other_outputs_are_written_from_shards(tmp_path):
    recipe, source = recipe_of(BLUR, EQUALIZE), saved(tmp_path, volume())
    expected = recipe.apply(volume(), axis_names=("z", "y", "x"))
    for name in ("out.npy", "out.ome.tif"):
        run_all(recipe, source, tmp_path / name, ShardChoices((8, 32, 64), (4, 16, 32), 1))
        assert same(np.asarray(open_image(tmp_path / name).array[...]), expected)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.npy", "out.ome.tif", "source.npy"]
    with pytest.raises(ValueError, match=r"\.jpg: must"):
        run_all(recipe, source, tmp_path / "out.jpg")
    assert not (tmp_path / "out.jpg.partial").exists()


def test_the_result_tells_the_steps_the_levels_and_nothing_of_the_run(tmp_path):
    recipe, source, output = recipe_of(BLUR, EQUALIZE), saved(tmp_path, volume()), tmp_path / "out.ome.zarr"
    run_all(recipe, source, output)
    image = open_image(output)
    assert [entry["operation"] for entry in image.metadata["napari_mathimg"]] == ["gaussian", "equalize_hist"]
    assert [level.shape for level in image.levels] == [(20, 75, 130), (20, 38, 65)]
    assert [name for name in files_in(output) if HOME in name] == [f"{HOME}/done.json"]
    assert str(tmp_path) not in (output / HOME / "done.json").read_text()


@pytest.mark.parametrize("steps", [[BLUR], [BLUR, EQUALIZE], [step("rotate", 2, angle=10.0)]])
def test_a_forecast_tells_what_a_run_reads_and_writes(tmp_path, steps, monkeypatch):
    from napari_mathimg.io.zarr import pixels

    recipe, image = recipe_of(*steps), volume("u2", (64, 130, 260))
    source = Source(str(stored(tmp_path, image, (8, 32, 64))), axis_names=("z", "y", "x"))
    choices = ShardChoices((16, 64, 128), (8, 32, 64), 1, cuts="none")
    found = forecast_shards(recipe, source, tmp_path / "out.ome.zarr", choices=choices, threads=1)
    decoded, real = [], pixels.ZarrPixels._copy

    def copy(self, chunk, data, out, box):
        decoded.extend([1] * self.address.endswith("source.zarr"))
        real(self, chunk, data, out, box)

    monkeypatch.setattr(pixels.ZarrPixels, "_copy", copy)
    outcome = run_all(recipe, source, tmp_path / "out.ome.zarr", choices, threads=1)
    assert (found.tasks, found.shards) == (outcome.tasks, (16, 64, 128))
    assert found.written == image.nbytes
    assert found.passes == (0 if len(steps) == 1 else 3)
    if len(steps) == 1:
        assert found.overlap == pytest.approx(len(decoded) / (8 * 5 * 5), abs=0.02)
        assert found.read == pytest.approx(found.overlap * image.nbytes, rel=0.1)
    assert found.seconds is None or found.seconds > 0
    assert f"{found.tasks} shards of 16 x 64 x 128 pixels" in found.text
    assert not (tmp_path / "out.ome.zarr.partial").exists()


def test_chunks_are_decoded_again_where_they_cannot_be_kept():
    tasks = [dict.fromkeys(names, 10) for names in ("ab", "bc", "cd", "ad")]
    assert decoding(tasks, 1000) == (40, 20)
    assert decoding(tasks, 10) == (50, 10)


@pytest.mark.parametrize("scheduler", ["tcp://10.0.0.5:8786", "tcp://example.org:8786", "ws://node1:8786"])
def test_schedulers_that_others_can_reach_need_tls(scheduler):
    with pytest.raises(ValueError, match="must be a tls:// address"):
        check_scheduler(scheduler, insecure=False)
    check_scheduler(scheduler, insecure=True)
    for safe in ("local", "local:3", "tcp://127.0.0.1:8786", "tls://example.org:8786", "tcp://[::1]:8786"):
        check_scheduler(safe, insecure=False)
    for unknown in ("localhost", "local:0", "local:x", "http://a", "tcp://"):
        with pytest.raises(ValueError, match="must be 'local'"):
            check_scheduler(unknown, insecure=True)


def squared(path, name, number, alive, bound):
    return number, number**2


@pytest.mark.parametrize("count", [1, 5, 400])
def test_each_short_task_of_a_cluster_is_done_once(tmp_path, count):
    distributed = pytest.importorskip("distributed")
    place = SimpleNamespace(home=tmp_path, path=tmp_path, output=tmp_path)
    with distributed.Client(n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None) as client:
        found = [*chain(*Cluster(client, place, 0).results(squared, "result", [*range(7, 7 + count)]))]
    assert sorted(found) == [(n, n**2) for n in range(7, 7 + count)]


def test_workers_of_a_cluster_make_the_same_bytes(tmp_path):
    pytest.importorskip("distributed")
    image = volume("u2", (40, 80, 130))
    recipe, source = recipe_of(BLUR, step("equalize_hist", 2)), saved(tmp_path, image)
    choices = ShardChoices((20, 64, 64), (10, 32, 32), 2, cuts=(1,))
    (tmp_path / "there").mkdir()
    one, other = tmp_path / "one.ome.zarr", tmp_path / "there" / "one.ome.zarr"
    run_all(recipe, source, one, choices)
    outcome = run_all(recipe, source, other, choices, scheduler="local:1")
    assert same(pixels_of(one), recipe.apply(image, axis_names=("z", "y", "x")))
    of_shards = [{n: data for n, data in files_in(path).items() if n[0].isdigit()} for path in (one, other)]
    assert of_shards[0] == of_shards[1]
    assert any("1 workers, shown at http://127.0.0.1" in note for note in outcome.notes)


def test_a_stop_does_not_wait_until_workers_have_ended(monkeypatch):
    distributed = pytest.importorskip("distributed")
    asked, may_end, ended = threading.Event(), threading.Event(), []

    class Slow:
        """A cluster, or its client, that takes as long to close as the test wants."""

        dashboard_link = "http://127.0.0.1"

        def __init__(self, *given, **named):
            pass

        def close(self):
            asked.set()
            may_end.wait()
            ended.append(self)

    monkeypatch.setattr(distributed, "LocalCluster", Slow)
    monkeypatch.setattr(distributed, "Client", Slow)
    with run_to_end(started_client("local", 2)) as started:
        assert (type(started.given[0]), started.given[1]) == (Slow, "http://127.0.0.1")
    asked.wait()
    assert not ended
    may_end.set()
    wait_until_closed()
    assert len(ended) == 2


@pytest.mark.parametrize("there", [0, 1, 2])
def test_workers_on_this_machine_that_are_lost_for_good_are_replaced(there):
    workers = {f"tcp://127.0.0.1:{number}": {"nthreads": 1} for number in range(there)}
    asked = []

    class Cluster:
        """A cluster of two workers, some of which are there."""

        worker_spec = (0, 1)
        scale = asked.append

    class Client:
        """A client of it, or of one elsewhere."""

        def __init__(self, cluster):
            self.cluster = cluster

        def scheduler_info(self, n_workers):
            return {"workers": workers}

    assert threads_of(Client(Cluster)) == threads_of(Client(None)) == dict.fromkeys(workers, 1)
    assert asked == ([2] if there < 2 else [])


def test_a_stop_does_not_wait_until_workers_have_started(monkeypatch):
    distributed = pytest.importorskip("distributed")
    may_start, ended = threading.Event(), []

    class Slow:
        """A cluster, or its client, that takes as long to start as the test wants."""

        dashboard_link = "http://127.0.0.1"

        def __init__(self, *given, **named):
            may_start.wait()

        def close(self):
            ended.append(self)

    monkeypatch.setattr(distributed, "LocalCluster", Slow)
    monkeypatch.setattr(distributed, "Client", Slow)
    steps = started_client("local", 2)
    next(steps)
    steps.close()
    canceled = started_client("local", 2, lambda: True)
    with pytest.raises(Canceled):
        next(canceled)
    may_start.set()
    wait_until_closed()
    assert len(ended) == 4
