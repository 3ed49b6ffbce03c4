"""A run in shards that is stopped anywhere goes on to the same bytes; what is not its own is refused."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from napari_mathimg.batch.shards import passes
from napari_mathimg.batch.shards.choices import ShardChoices
from napari_mathimg.batch.shards.files.facts import FactsFiles, read_arrays, write_arrays
from napari_mathimg.batch.shards.files.journal import Entry, Journal
from napari_mathimg.batch.shards.folder import HOME
from napari_mathimg.batch.shards.run import run_in_shards
from napari_mathimg.io.zarr import writing
from nightly import nightly
from planning import same
from sharded import SMALL, files_in, pixels_of, recipe_of, run_all, saved, step, volume

pytest.importorskip("zarr")

STEPS = [step("gaussian", sigma=[0.8, 1.5, 1.5]), step("equalize_adapthist", kernel_size=[8, 20, 40])]
CHOICES = ShardChoices((16, 64, 128), (8, 32, 32), 2, cuts=(1,))


class Killed(BaseException):
    """What ends a run in place of a signal."""


@pytest.fixture
def job(tmp_path):
    return recipe_of(*STEPS), saved(tmp_path, volume()), tmp_path / "out.ome.zarr"


def partial_of(output):
    return output.with_name(f"{output.name}.partial")


def shards_in(folder):
    return {
        name: data
        for name, data in files_in(folder).items()
        if "/c/" in name and name[0].isdigit() and not name.endswith(".partial")
    }


@pytest.mark.parametrize("call", ["replace", *nightly("fsync")])
def test_a_run_that_ends_at_any_moment_of_writing_goes_on_to_the_same_bytes(job, tmp_path, monkeypatch, call):
    recipe, source, output = job
    whole = tmp_path / "whole" / output.name
    whole.parent.mkdir()
    run_all(recipe, source, whole, CHOICES)
    expected = files_in(whole)
    real, left, ends = getattr(os, call), 1, 0

    def dying(*args, **named):
        nonlocal left
        left -= 1
        if left == 0:
            raise Killed
        return real(*args, **named)

    monkeypatch.setattr(os, call, dying)
    while not output.exists():
        left = 1 + ends // 3
        try:
            run_all(recipe, source, output, CHOICES, threads=1)
        except Killed:
            ends += 1
            for name, data in shards_in(partial_of(output)).items():
                assert data == expected[name], f"{name} is torn"
    left = -1
    assert ends > 8
    found = files_in(output)
    assert {name for name in found if HOME not in name} == {name for name in expected if HOME not in name}
    assert shards_in(output) == shards_in(whole)
    assert not partial_of(output).exists()
    run_all(recipe, source, output, CHOICES)


@pytest.mark.parametrize("kills", [(4,), *nightly(((1, 4, 7),))])
def test_a_killed_process_goes_on_to_the_same_bytes(job, tmp_path, kills):
    recipe, source, output = job
    np.save(source.address, volume("u2", (40, 150, 260)))
    whole = tmp_path / "whole" / output.name
    whole.parent.mkdir()
    run_all(recipe, source, whole, CHOICES)
    recipe.save(tmp_path / "recipe.toml")
    command = [sys.executable, "-c", PROGRAM, str(tmp_path), source.address, str(output)]
    for after in kills:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("Shards") and float(line.split()[1]) >= after:
                break
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        for name, data in shards_in(partial_of(output)).items():
            assert data == shards_in(whole)[name]
    assert len(Journal(partial_of(output) / HOME / "result.jsonl", 100).entries) >= 3
    outcome = run_all(recipe, source, output, CHOICES)
    assert outcome.done < outcome.tasks
    assert shards_in(output) == shards_in(whole)
    assert not [*output.rglob("*.partial")]


PROGRAM = """
import sys
from pathlib import Path
from napari_mathimg import Recipe
from napari_mathimg.batch.shards.choices import ShardChoices, Source
from napari_mathimg.batch.shards.run import run_in_shards
folder, source, output = sys.argv[1:]
choices = ShardChoices((16, 64, 128), (8, 32, 32), 2, cuts=(1,))
recipe = Recipe.load(folder + "/recipe.toml")
for p in run_in_shards(recipe, Source(source, axis_names=("z", "y", "x")), Path(output), choices=choices, threads=1):
    print(p.phase.split()[0], p.done, flush=True)
"""


def test_passes_go_on_where_they_were(job, monkeypatch):
    _, source, output = job
    recipe = recipe_of(STEPS[0], step("equalize_hist", 2))  # whose planes are tiles
    monkeypatch.setattr(passes, "BLOCK", 2**12)
    monkeypatch.setattr(passes, "EVERY", 0.0)
    real, counted, dying = passes.measured, [], [True]

    def measured(block, tally):
        counted.append(block)
        if len(counted) == 7 and dying:
            dying.clear()
            raise Killed
        return real(block, tally)

    monkeypatch.setattr(passes, "measured", measured)
    choices = ShardChoices((16, 64, 128), (8, 32, 32), 2, cuts="none")
    with pytest.raises(Killed):
        run_all(recipe, source, output, choices, threads=1)
    facts = FactsFiles(partial_of(output) / HOME / "facts")
    done, arrays = facts.load_part("1-0")
    assert 0 < len(done) <= 6
    assert arrays
    counted.clear()
    run_all(recipe, source, output, choices, threads=1)
    left = len(counted)
    counted.clear()
    run_all(recipe, source, output, choices, threads=1, restart=True, overwrite=True)
    assert left == len(counted) - len(done)
    assert same(pixels_of(output), recipe.apply(volume(), axis_names=("z", "y", "x")))


def begun(job, monkeypatch=None):
    """Run until some shards are written, and stop."""
    recipe, source, output = job
    steps = run_in_shards(recipe, source, output, choices=SMALL, threads=1)
    for progress in steps:
        if progress.phase == "Shards" and progress.done >= 2:
            break
    steps.close()
    return partial_of(output)


def test_a_stopped_run_goes_on(job):
    folder = begun(job)
    entries = Journal(folder / HOME / "result.jsonl", 1000).entries
    assert len(entries) >= 2
    outcome = run_all(*job)
    assert outcome.tasks - outcome.done == len(entries)
    assert run_all(*job).was_there


def test_a_source_that_has_changed_is_refused(job):
    recipe, source, output = job
    begun(job)
    np.save(source.address, volume(seed=1))
    with pytest.raises(ValueError, match="it has changed meanwhile: begin anew"):
        run_all(*job)
    run_all(*job, restart=True)
    assert same(pixels_of(output), recipe.apply(volume(seed=1), axis_names=("z", "y", "x")))


def test_a_source_that_changes_during_the_run_is_refused(job):
    recipe, source, output = job
    steps = run_in_shards(recipe, source, output, choices=SMALL, threads=1)

    def changed():
        for progress in steps:
            if progress.phase == "Shards" and 2 <= progress.done < 3:
                os.utime(source.address)

    with pytest.raises(ValueError, match="must not change during a run"):
        changed()
    assert not output.exists()


def test_another_recipe_in_the_folder_is_refused(job):
    _, source, output = job
    begun(job)
    with pytest.raises(ValueError, match="must be the folder of the same recipe, image and choices; begin anew"):
        run_all(recipe_of(STEPS[0]), source, output)


def test_a_second_run_at_the_same_place_is_refused(job):
    steps = run_in_shards(*job, choices=SMALL, threads=1)
    for progress in steps:
        if progress.phase == "Shards":
            break
    with pytest.raises(ValueError, match=f"another run at the same time: process {os.getpid()} on"):
        run_all(*job)
    steps.close()
    run_all(*job)


def test_results_that_are_there(job):
    recipe, source, output = job
    run_all(*job)
    before = files_in(output)
    with pytest.raises(ValueError, match="must not exist"):
        run_all(recipe_of(STEPS[0]), source, output)
    assert files_in(output) == before
    run_all(recipe_of(STEPS[0]), source, output, overwrite=True)
    assert same(pixels_of(output), recipe_of(STEPS[0]).apply(volume(), axis_names=("z", "y", "x")))
    with pytest.raises(ValueError, match="must not be the input"):
        run_all(recipe, source, output.parent / "source.npy", overwrite=True)


@pytest.mark.parametrize("moment", [*nightly("before"), "between", "after"])
def test_an_older_result_is_never_lost(job, monkeypatch, moment):
    recipe, source, output = job
    run_all(recipe_of(STEPS[0]), source, output)
    real, renames = os.replace, []

    def replace(source, target):
        if str(target).endswith((".old", "out.ome.zarr")):
            renames.append(target)
            if len(renames) == {"before": 1, "between": 2, "after": 3}[moment]:
                raise Killed
        return real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    if moment == "after":
        monkeypatch.setattr("shutil.rmtree", lambda *args: (_ for _ in ()).throw(Killed()))
    with pytest.raises(Killed):
        run_all(*job, overwrite=True)
    monkeypatch.undo()
    run_all(*job, overwrite=True)
    assert same(pixels_of(output), recipe.apply(volume(), axis_names=("z", "y", "x")))
    assert sorted(path.name for path in output.parent.iterdir()) == ["out.ome.zarr", "source.npy"]


def test_a_full_disk_is_one_error_and_the_run_goes_on(job, monkeypatch):
    real, written = writing.write_file, []

    def write_file(path, *data):
        written.append(path)
        if len(written) == 9:
            raise OSError(28, "No space left on device")
        real(path, *data)

    monkeypatch.setattr(writing, "write_file", write_file)
    with pytest.raises(ValueError, match="must have room on its disk, which is full; nothing is lost"):
        run_all(*job)
    assert not job[2].exists()
    run_all(*job)
    assert same(pixels_of(job[2]), job[0].apply(volume(), axis_names=("z", "y", "x")))


def test_a_run_on_another_machine_is_told(job):
    folder = begun(job)
    place = folder / HOME / "run.json"
    plain = json.loads(place.read_text())
    plain["surroundings"]["processor"] = ["skylake"]
    plain["surroundings"]["versions"]["numpy"] = "1.0"
    place.write_text(json.dumps(plain))
    (note,) = [note for note in run_all(*job).notes if "elsewhere" in note]
    assert "numpy 1.0 is now" in note
    assert "the processor is another one" in note


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("run.json", b"[" * 100_000), ("run.json", b'{"format": 1}'), ("cuts.json", b'{"1": 3}'),
        ("facts/1-0.npz", b"PK"),
        *nightly(("run.json", b"{"), ("run.json", b"[1]"), ("facts/1-1.npz", b"\x80\x04")),
    ],
)  # fmt: skip
def test_hostile_files_of_a_run_are_refused(job, name, data):
    folder = begun(job)
    (folder / HOME / name).write_bytes(data)
    with pytest.raises(ValueError, match=r"begin anew"):
        run_all(*job)
    run_all(*job, restart=True)


def test_facts_hold_numbers_only(tmp_path):
    arrays = {"a/0": np.arange(6).reshape(2, 3), "b": np.array([1.5, np.inf]), "c": np.array(True), "d": np.empty(0)}
    write_arrays(tmp_path / "x.npz", arrays)
    found = read_arrays(tmp_path / "x.npz")
    assert list(found) == list(arrays)
    assert all(same(found[name], array) for name, array in arrays.items())
    np.savez(tmp_path / "y.npz", a=np.array([{}], object))
    with pytest.raises(ValueError, match="must hold what a pass has counted"):
        read_arrays(tmp_path / "y.npz")
    np.savez_compressed(tmp_path / "z.npz", a=np.zeros(9))
    with pytest.raises(ValueError, match="must not be compressed"):
        read_arrays(tmp_path / "z.npz")


def test_a_torn_line_of_a_journal_does_not_count(tmp_path):
    journal = Journal(tmp_path / "j.jsonl", 5)
    journal.add(Entry(2, {0: (1, 2, 3)}, 0.5))
    with open(journal.path, "ab") as file:
        file.write(b'{"task": 3, "lost": {}, "sec')
    again = Journal(journal.path, 5)
    assert again.entries == {2: Entry(2, {0: (1, 2, 3)}, 0.5)}
    again.add(Entry(4, {}, 0.1))
    with open(journal.path, "ab") as file:
        file.write(b'{"task": 9, "lost": {}, "seconds": 1}\n{"task": 1, "lost": {"0": [-1, 0, 0]}, "seconds": 1}\n[]\n')
    assert [*Journal(journal.path, 5).entries] == [2, 4]


@pytest.mark.parametrize("phase", ["Shards", *nightly("Statistics")])
def test_a_stop_is_obeyed_soon(tmp_path, phase):
    steps = [step("denoise_nl_means", 3, patch_size=3, patch_distance=4), step("equalize_hist", 3)]
    recipe = recipe_of(*steps[: 1 if phase == "Shards" else 2])  # a pass over the first would take long before shards
    source = saved(tmp_path, volume("u2", (40, 200, 260)))
    choices = ShardChoices((40, 256, 256), (40, 64, 64), 1, cuts="none")
    steps = run_in_shards(recipe, source, tmp_path / "out.ome.zarr", choices=choices, threads=2)
    for progress in steps:
        if progress.phase == phase:
            break
    next(steps)
    began = time.perf_counter()
    steps.close()
    assert time.perf_counter() - began < 2.0, "it waited for a shard"
