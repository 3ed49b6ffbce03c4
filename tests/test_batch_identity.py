"""What counts as the same source, the same result and the same run, so that nothing stale is kept."""

import errno
import importlib
import json
import os
import pkgutil
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numba.core.dispatcher import Dispatcher

import napari_mathimg
from batch_files import BRIGHT, SMOOTH, finished, tree
from image_files import two_files
from napari_mathimg.batch.contents import contents
from napari_mathimg.batch.files.before import CHANGED
from napari_mathimg.batch.job import JobChoices, forecast_job, plan_job
from napari_mathimg.batch.shards.choices import ShardChoices, Source
from napari_mathimg.batch.shards.files import lock
from napari_mathimg.batch.shards.folder import Spec
from napari_mathimg.batch.shards.forecast import forecast_shards
from napari_mathimg.batch.shards.identity import identity as identity_of_source
from napari_mathimg.batch.shards.run import run_in_shards
from napari_mathimg.batch.shards.stage import Stage
from napari_mathimg.cli import main
from napari_mathimg.contract.progress import run_to_end
from napari_mathimg.io import Image, open_image, write_image

pytest.importorskip("yaozarrs")

CHOICES = ShardChoices((2, 32, 64), (2, 16, 32), 1)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def stack(number: int, shape: tuple[int, ...] = (6, 96, 120)) -> Any:
    return np.random.default_rng(number).integers(0, 4000, shape, np.uint16)


def write_store(name: str, pixels: Any) -> Path:
    write_image(name, Image(pixels, ("z", "y", "x"), (0.5, 0.1, 0.1), ("µm",) * 3))
    return Path(name)


def chunks_of(store: Path) -> list[Path]:
    return [path for path in sorted(store.rglob("*")) if path.is_file() and "c" in path.relative_to(store).parts]


@pytest.mark.parametrize("way", ["in place", "renamed", "older"])
def test_a_chunk_that_is_written_again_is_another_source(here: Path, way: str) -> None:
    Path("raw").mkdir()
    store = write_store("raw/a.ome.zarr", stack(0))
    assert finished(plan_job(BRIGHT, ["raw"], "out")).counts == {"done": 1}
    assert plan_job(BRIGHT, ["raw"], "out").items[0].before.state == "kept"
    before = identity_of_source(Source(str(store)), open_image(store))
    other = write_store("other.ome.zarr", stack(1))
    chunk = chunks_of(store)[0]
    data = (other / chunk.relative_to(store)).read_bytes()
    if way == "renamed":
        beside = chunk.with_name("beside")
        beside.write_bytes(data)
        beside.replace(chunk)
    else:
        chunk.write_bytes(data)
    if way == "older":  # as copies that keep times are
        os.utime(chunk, ns=(10**18, 10**18))
    assert identity_of_source(Source(str(store)), open_image(store)) != before
    assert finished(plan_job(BRIGHT, ["raw"], "out")).counts == {"done": 1}
    expected = BRIGHT.apply(np.asarray(open_image(store).array))
    np.testing.assert_array_equal(np.asarray(open_image("out/a.ome.zarr").array), expected)


def test_links_to_folders_do_not_make_a_walk_endless(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "file").write_bytes(b"123")
    for name in ("one", "two"):
        (tmp_path / "a" / "b" / name).symlink_to(tmp_path / "a")
    assert contents(tmp_path / "a")["files"] == 1


def test_the_time_of_a_pyramid_is_known(here: Path) -> None:
    pixels = stack(0, (4, 300, 520))
    write_store("a.ome.zarr", pixels)
    assert len(open_image("a.ome.zarr").levels) > 1
    assert forecast_job(plan_job(SMOOTH, ["a.ome.zarr"], "b.ome.tif")).seconds is not None
    shards = ShardChoices((4, 64, 64), (2, 32, 32))
    assert forecast_shards(BRIGHT, Source("a.ome.zarr"), Path("b.ome.zarr"), choices=shards).seconds is not None


def test_a_coarse_level_is_computed_shard_by_shard(here: Path) -> None:
    write_store("a.ome.zarr", stack(0, (4, 300, 520)))
    coarse = np.asarray(open_image("a.ome.zarr", level=1).array)
    run_to_end(run_in_shards(BRIGHT, Source("a.ome.zarr", level=1), Path("b.ome.zarr"), choices=ShardChoices(levels=1)))
    np.testing.assert_array_equal(np.asarray(open_image("b.ome.zarr").array), BRIGHT.apply(coarse))


def test_a_part_of_a_source_that_has_changed_is_another_source(here: Path) -> None:
    Path("set").mkdir()
    two_files(here / "set/2.ome.tif")  # whose second plane is in 2-2.ome.tif
    given = ["set/2.ome.tif"]
    assert finished(plan_job(BRIGHT, given, "out/")).counts == {"done": 1}
    assert plan_job(BRIGHT, given, "out/").items[0].before.state == "kept"
    os.utime("set/2-2.ome.tif", ns=(10**18, 10**18))
    job = plan_job(BRIGHT, given, "out/")
    assert (job.items[0].before.state, job.items[0].before.reason) == ("waiting", CHANGED)
    assert finished(job).counts == {"done": 1}


@pytest.mark.parametrize(
    "changes",
    [
        {"source": [1]}, {"there": "x"}, {"result": 3}, {"outcome": [1]}, {"versions": "x"}, {"state": []},
        {"outcome": {"shape": 3, "seconds": "1", "notes": [{}], "state": 7, "parts": {"/": 3}}},
        {"outcome": {"shape": ["x"], "bytes": None, "parts": [1]}}, {"plan": {}},
    ],
)  # fmt: skip
def test_hostile_lines_of_a_journal_do_no_harm(here: Path, changes: dict[str, Any]) -> None:
    Path("raw").mkdir()
    write_image("raw/a.ome.tif", Image(stack(0), ("z", "y", "x")))
    assert finished(plan_job(BRIGHT, ["raw"], "out")).counts == {"done": 1}
    journal = Path("out/.mathimg/journal.jsonl")
    entry = json.loads(journal.read_text(encoding="utf-8").splitlines()[-1])
    journal.write_text(f"{'[' * 100_000}\n{json.dumps(entry | changes)}\n[]\n", encoding="utf-8")
    report = finished(plan_job(BRIGHT, ["raw"], "out", choices=JobChoices(on_exists="overwrite")))
    report.save("report.csv")
    assert sum(report.counts.get(state, 0) for state in ("done", "kept")) == 1


def run(*words: str) -> int:
    return main(["apply", "adjust_gamma", *words, "--set", "gamma=0.5", "--quiet"])


@pytest.mark.parametrize("ending", [".ome.tif", ".ome.zarr", ".tif"])
def test_a_single_result_of_the_same_command_is_done(
    here: Path, ending: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write_image("a.ome.tif", Image(stack(0), ("z", "y", "x")))
    words = ["a.ome.tif", "-o", f"b{ending}", *(["--imagej"] if ending == ".tif" else [])]
    assert run(*words) == 0
    before = tree(here)
    for more in ([], ["--resume"], ["--overwrite"], ["--on-exists", "skip"]):
        assert run(*words, *more) == 0
    assert tree(here) == before, "it was computed again"
    assert main(["apply", "adjust_gamma", *words, "--set", "gamma=0.6", "--quiet"]) == 2, "another plan"
    assert tree(here) == before
    assert run(*words, "--restart", "--overwrite") == 0
    assert tree(here) != before
    write_image("a.ome.tif", Image(stack(1), ("z", "y", "x")), overwrite=True)
    assert run(*words) == 2, "another source"
    assert "must not exist" in capsys.readouterr().err


def test_a_single_result_that_was_changed_is_another_file(here: Path) -> None:
    import tifffile

    write_image("a.ome.tif", Image(stack(0), ("z", "y", "x")))
    assert run("a.ome.tif", "-o", "b.tif", "--imagej") == 0
    pixels = tifffile.memmap("b.tif", mode="r+")
    pixels[2, 5, 7] += 1
    pixels.flush()
    assert run("a.ome.tif", "-o", "b.tif", "--imagej") == 2


def test_a_single_result_in_shards_is_done_however_much_memory_there_is(here: Path) -> None:
    write_image("a.ome.tif", Image(stack(0), ("z", "y", "x")))
    assert run("a.ome.tif", "-o", "b.ome.zarr", "--memory", "256k") == 0
    assert Path("b.ome.zarr/.mathimg/done.json").exists()
    before = tree(here)
    assert run("a.ome.tif", "-o", "b.ome.zarr") == 0
    assert run("a.ome.tif", "-o", "b.ome.zarr", "--memory", "256k") == 0
    assert tree(here) == before
    os.utime(chunks_of(Path("b.ome.zarr"))[0])
    assert run("a.ome.tif", "-o", "b.ome.zarr", "--memory", "256k") == 2, "it was changed"


def test_no_kernel_may_reorder_sums_or_forget_nan() -> None:
    found = 0
    for info in pkgutil.walk_packages(napari_mathimg.__path__, "napari_mathimg."):
        if ".widgets" in info.name or info.name.endswith("__main__"):
            continue
        for name, value in vars(importlib.import_module(info.name)).items():
            if isinstance(value, Dispatcher):
                found += 1
                options = value.targetoptions
                assert not options.get("fastmath"), f"{info.name}.{name}"
                assert not options.get("parallel"), f"{info.name}.{name}"
    assert found > 50


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_disk_without_locks_is_told_and_used(
    here: Path, monkeypatch: pytest.MonkeyPatch, number: int, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(*_: Any) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(lock, "lock_file", refused)
    Path("raw").mkdir()
    write_image("raw/a.ome.tif", Image(stack(0), ("z", "y", "x")))
    write_image("raw/b.ome.tif", Image(stack(1), ("z", "y", "x")))
    words = ["apply", "adjust_gamma", "raw", "--set", "gamma=0.5"]
    assert main([*words, "-o", "out"]) == 0
    assert "out cannot lock files" in capsys.readouterr().err
    assert main([*words[:2], "raw/a.ome.tif", *words[3:], "-o", "b.ome.zarr", "--memory", "256k"]) == 0
    assert "b.ome.zarr cannot lock files" in capsys.readouterr().err


def test_workers_open_what_was_planned_whatever_the_folder_says(here: Path) -> None:
    write_image("a.ome.tif", Image(stack(0), ("z", "y", "x")))
    write_image("other.ome.tif", Image(stack(1), ("z", "y", "x")))
    steps = run_in_shards(BRIGHT, Source("a.ome.tif"), here / "b.ome.zarr", choices=CHOICES, threads=1)
    next(progress for progress in steps if progress.phase == "Shards" and progress.done >= 1)
    steps.close()
    home = here / "b.ome.zarr.partial/.mathimg"
    plain = json.loads((home / "run.json").read_text())
    plain["source"]["address"] = str(here / "other.ome.tif")
    plain["recipe"] = plain["recipe"].replace("0.5", "0.9")
    (home / "run.json").write_text(json.dumps(plain))
    steps = run_in_shards(BRIGHT, Source("a.ome.tif"), here / "b.ome.zarr", choices=CHOICES, threads=1)
    next(progress for progress in steps if progress.phase == "Shards")
    spec = Spec.read(home)
    steps.close()
    assert spec.source.address == str(here / "a.ome.tif")
    assert "0.9" not in spec.recipe.dumps()


def test_a_stop_of_a_run_in_shards_says_that_it_goes_on(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_image("a.ome.tif", Image(stack(0), ("z", "y", "x")))
    real = Stage.do

    def do(stage: Stage, *given: Any) -> Any:
        os.kill(os.getpid(), signal.SIGINT)
        return real(stage, *given)

    monkeypatch.setattr(Stage, "do", do)
    assert run("a.ome.tif", "-o", "b.ome.zarr", "--memory", "256k") == 130
    assert "the same command goes on" in capsys.readouterr().err
    monkeypatch.undo()
    monkeypatch.chdir(here)
    assert run("a.ome.tif", "-o", "b.ome.zarr", "--memory", "256k") == 0


def test_chunks_need_some_memory(here: Path) -> None:
    write_image("a.ome.tif", Image(stack(0), ("z", "y", "x")))
    with pytest.raises(ValueError, match="memory=67108863: must be at least 67108864, which are 64 MiB"):
        run_to_end(run_in_shards(BRIGHT, Source("a.ome.tif"), here / "b.ome.zarr", memory=2**26 - 1))
    assert [path.name for path in here.iterdir()] == ["a.ome.tif"]


@pytest.mark.parametrize(
    "place", ["b.ome.zarr.partial/.mathimg", "b.ome.zarr.partial/.mathimg/lock", "out/.mathimg/lock"]
)
def test_links_in_the_folder_of_a_run_harm_nothing(here: Path, place: str) -> None:
    write_image("a.ome.tif", Image(stack(0), ("z", "y", "x")))
    Path("victim").mkdir()
    Path("victim/lock").write_text("precious")
    Path("victim/other").write_text("precious")
    Path(place).parent.mkdir(parents=True)
    Path(place).symlink_to(here / ("victim" if place.endswith(".mathimg") else "victim/lock"))
    before = tree(here / "victim")
    for output in ("b.ome.zarr", "out/"):
        refused = output.startswith(place[:3])
        assert run("a.ome.tif", "-o", output, "--memory", "256k", "--restart") == (2 if refused else 0)
    assert tree(here / "victim") == before
