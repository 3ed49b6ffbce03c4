"""Jobs with images larger than the memory that they may take, and jobs on a cluster."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import napari_mathimg.batch.jobs.one_item as one_item
from batch_files import BRIGHT, SMOOTH, finished, images, results, tree
from napari_mathimg import Recipe
from napari_mathimg.batch.job import ItemEvent, JobChoices, JobControl, forecast_job, plan_job, run_job
from napari_mathimg.cli import main
from napari_mathimg.contract.progress import Progress
from napari_mathimg.io import Image, open_image, write_image

distributed = pytest.importorskip("distributed")
pytest.importorskip("yaozarrs")
zarr = pytest.importorskip("zarr")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def stack(number: int) -> Any:
    return np.random.default_rng(number).integers(0, 4000, (6, 96, 120), np.uint16)


def write_stacks(count: int) -> None:
    Path("raw").mkdir()
    for number in range(count):
        image = Image(stack(number), ("z", "y", "x"), (0.5, 0.1, 0.1), ("µm",) * 3)
        write_image(f"raw/{number}.ome.tif", image)


@pytest.mark.parametrize("kind", ["ome.zarr", "ome.tif"])
def test_what_does_not_fit_into_memory_is_computed_shard_by_shard(
    here: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    write_stacks(2)

    def refused(*_: Any) -> Any:
        raise AssertionError("computed in memory")

    with monkeypatch.context() as patch:
        patch.setattr(one_item, "computed", refused)
        choices = JobChoices(kind=kind, memory=2**18)
        job = plan_job(SMOOTH, ["raw"], "out", choices=choices)
        found = forecast_job(job)
        assert all(each.how.startswith("shard by shard, ") for each in found.items)
        assert found.read >= 2 * stack(0).nbytes
        report = finished(job)
        assert report.counts == {"done": 2}, report.outcomes
    for number, outcome in enumerate(report.outcomes):
        expected = SMOOTH.apply(stack(number), spacing=(0.5, 0.1, 0.1))
        found = open_image(f"out/{number}.{kind}")
        np.testing.assert_array_equal(np.asarray(found.array), expected)
        assert (found.axes, found.scale, found.units) == (("z", "y", "x"), (0.5, 0.1, 0.1), ("µm",) * 3)
        assert Recipe.from_record(found.metadata["napari_mathimg"]).steps[0].operation == "gaussian"
        assert (outcome.shape, outcome.dtype, outcome.bytes > 0) == (expected.shape, "uint16", True)
    before = tree(here)
    assert finished(plan_job(SMOOTH, ["raw"], "out", choices=choices)).counts == {"kept": 2}
    assert tree(here) == before


@pytest.mark.parametrize("memory", ["256k", "1G"])
@pytest.mark.parametrize(("version", "cuts"), [("0.5", "1"), ("0.4", "none")])
def test_the_command_says_how_results_are_stored(here: Path, memory: str, version: str, cuts: str) -> None:
    """In memory and shard by shard: the library zarr finds the version and the shards that were asked for."""
    write_stacks(1)
    Path("smooth.toml").write_text(SMOOTH.dumps(), encoding="utf-8")
    how = ["--zarr-version", version, "--shard-shape", "4,64,64", "--cuts", cuts, "--memory", memory, "--levels", "2"]
    line = ["run", "smooth.toml", "raw/0.ome.tif", "-o", "out.ome.zarr", *how, "--quiet"]
    assert main(line) == 0
    finest = zarr.open_array("out.ome.zarr/0", mode="r")
    np.testing.assert_array_equal(finest[:], SMOOTH.apply(stack(0), spacing=(0.5, 0.1, 0.1)))
    assert finest.metadata.zarr_format == {"0.4": 2, "0.5": 3}[version]
    assert finest.shards == {"0.4": None, "0.5": (4, 64, 64)}[version]
    before = tree(here)
    assert main(line) == 0
    assert tree(here) == before


@pytest.mark.parametrize("wrong", [["--shard-shape", "4,0,64"], ["--shard-shape", "4,64"], ["--cuts", "first"]])
def test_wrong_shards_and_cuts_are_refused(here: Path, wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    write_stacks(1)
    assert main(["apply", "gaussian", "raw/0.ome.tif", "-o", "out.ome.zarr", *wrong]) == 2
    assert re.search(r"must (be|have)", capsys.readouterr().err)
    assert [path.name for path in here.iterdir()] == ["raw"]


def test_one_store_is_done_once(here: Path) -> None:
    write_stacks(1)
    choices = JobChoices(memory=2**18)
    assert finished(plan_job(SMOOTH, ["raw/0.ome.tif"], "out.ome.zarr", choices=choices)).counts == {"done": 1}
    before = tree(here)
    assert finished(plan_job(SMOOTH, ["raw/0.ome.tif"], "out.ome.zarr", choices=choices)).counts == {"kept": 1}
    assert tree(here) == before
    report = finished(plan_job(BRIGHT, ["raw/0.ome.tif"], "out.ome.zarr", choices=choices))
    assert "out.ome.zarr: must not exist" in report.outcomes[0].reason
    assert tree(here) == before


def test_stores_are_sources_and_results(here: Path) -> None:
    write_stacks(2)
    assert main(["run", str(recipe_file()), "raw", "-o", "mid", "--format", "ome.zarr"]) == 0
    report = finished(plan_job(SMOOTH, ["mid"], "out/{name}"))
    assert [item.output.name for item in report.items] == ["0.ome.zarr", "1.ome.zarr"]
    once = BRIGHT.apply(stack(1))
    expected = SMOOTH.apply(once, spacing=(0.5, 0.1, 0.1))
    np.testing.assert_array_equal(np.asarray(open_image("out/1.ome.zarr").array), expected)
    assert finished(plan_job(SMOOTH, ["mid"], "out/{name}")).counts == {"kept": 2}
    write_image("mid/1.ome.zarr", Image(stack(5), ("z", "y", "x")), overwrite=True)
    job = plan_job(BRIGHT, ["mid"], "out/{name}", choices=JobChoices(on_exists="skip"))
    assert [item.before.state for item in job.items] == ["skipped", "skipped"]
    job = plan_job(SMOOTH, ["mid"], "out/{name}")
    assert [item.before.state for item in job.items] == ["kept", "waiting"]


def recipe_file() -> Path:
    return BRIGHT.save("light.toml").folder / "light.toml"  # type: ignore[operator]


@pytest.fixture(scope="module")
def scheduler() -> Any:
    """The address of a scheduler with two threads, in this process."""
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=2, processes=False, protocol="tcp://", host="127.0.0.1", dashboard_address=None
    ) as cluster:
        yield cluster.scheduler_address


def test_a_cluster_gives_the_same_results_and_reasons(here: Path, scheduler: str) -> None:
    images(here / "raw", 12, 2)
    here_only = finished(plan_job(SMOOTH, ["raw"], "here", choices=JobChoices(keep_going=True)))
    choices = JobChoices(keep_going=True, scheduler=scheduler)
    events = run_job(plan_job(SMOOTH, ["raw"], "there", choices=choices))
    seen = []
    while True:
        try:
            seen.append(next(events))
        except StopIteration as stop:
            report = stop.value
            break
    assert any(isinstance(event, Progress) and event.phase.startswith("Dashboard: ") for event in seen)
    ended = [event.number for event in seen if isinstance(event, ItemEvent) and event.outcome is not None]
    assert sorted(ended) == list(range(12))
    assert report.counts == {"done": 10, "failed": 2}
    assert [o.digest for o in report.outcomes] == [o.digest for o in here_only.outcomes]
    same = [Path(o.reason.partition(": ")[0]).name for o in report.outcomes if o.reason]
    assert same == [Path(item.source).name for item, _ in here_only.failures]
    before = results(here / "there")
    assert finished(plan_job(SMOOTH, ["raw"], "there", choices=choices)).counts == {"kept": 10, "failed": 2}
    assert results(here / "there") == before
    assert sorted(path.name for path in (here / "there/.mathimg").iterdir()) == ["journal.jsonl", "lock"]


def test_a_job_on_a_cluster_is_stopped_and_goes_on(here: Path, scheduler: str) -> None:
    images(here / "raw", 12)
    control, choices = JobControl(), JobChoices(scheduler=scheduler)
    steps = run_job(plan_job(SMOOTH, ["raw"], "out", choices=choices), control)
    next(event for event in steps if isinstance(event, ItemEvent) and event.state == "done")
    control.cancel()
    report = None
    while report is None:
        try:
            next(steps)
        except StopIteration as stop:
            report = stop.value
    assert report.is_canceled
    assert report.counts["waiting"] >= 12 - 2 * 2 - 2
    assert finished(plan_job(SMOOTH, ["raw"], "out")).counts["done"] >= 6
    assert [name for name in tree(here) if "partial" in name or "alive" in name] == []
    assert len(results(here / "out")) == 12
