"""A recipe on many files: results, reasons, resuming, reports, pausing and stopping."""

import csv
import json
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import napari_mathimg.batch.jobs.one_item as one_item
from batch_files import BRIGHT, GAMMA, SMOOTH, ended, finished, images, pixels, results, tree
from napari_mathimg import Recipe
from napari_mathimg.batch.files.journal import Journal, read_journal
from napari_mathimg.batch.job import ItemEvent, JobChoices, JobControl, forecast_job, plan_job, run_job
from napari_mathimg.batch.jobs.running import sharing_of
from napari_mathimg.cli.arguments import parser_of
from napari_mathimg.contract.progress import Progress
from napari_mathimg.io import Image, open_image, write_image
from napari_mathimg.recipe.images import digest

GOING = JobChoices(keep_going=True)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the images that are computed."""
    calls: list[str] = []
    real = one_item.computed

    def counted(recipe: Recipe, image: Image, *rest: Any) -> Any:
        calls.append(image.files[0].name)
        return real(recipe, image, *rest)

    monkeypatch.setattr(one_item, "computed", counted)
    return calls


@pytest.mark.parametrize(("count", "broken"), [(60, 5), pytest.param(1000, 20, marks=pytest.mark.nightly)])
def test_each_file_has_its_result_or_its_reason_and_resuming_computes_nothing(
    here: Path, computed: list[str], count: int, broken: int
) -> None:
    images(here / "raw", count, broken)
    report = finished(plan_job(SMOOTH, ["raw"], "out", choices=GOING))
    assert report.counts == {"done": count - broken, "failed": broken}
    assert len(computed) == count - broken
    for item, outcome in zip(report.items, report.outcomes, strict=True):
        number = int(Path(item.source).name[:4])
        if outcome.state == "failed":
            assert outcome.reason.startswith(f"{item.source}: must ")
            assert not item.output.exists()
        else:
            expected = SMOOTH.apply(pixels(number), spacing=0.1)
            np.testing.assert_array_equal(np.asarray(open_image(item.output).array), expected)
    assert len(report.failures) == broken
    before = results(here / "out")
    assert len(before) == count - broken
    computed.clear()
    again = finished(plan_job(SMOOTH, ["raw"], "out", choices=JobChoices(keep_going=True, resume=True)))
    assert again.counts == {"kept": count - broken, "failed": broken}
    assert computed == []
    assert results(here / "out") == before
    assert [o.digest for o in again.outcomes] == [o.digest for o in report.outcomes]


def test_a_result_holds_the_recipe_and_where_it_lies(here: Path) -> None:
    images(here / "raw", 2)
    finished(plan_job(SMOOTH, ["raw"], "out/{number:03}_{stem}_{recipe}{ending}", name="blur"))
    result = open_image("out/002_0001_blur.ome.tif")
    assert (result.scale, result.units) == ((0.1, 0.1), ("µm", "µm"))
    again = Recipe.from_record(result.metadata["napari_mathimg"])
    assert again.steps[0].parameters["sigma"] == SMOOTH.steps[0].parameters["sigma"]
    np.testing.assert_array_equal(again.apply(pixels(1), spacing=0.1), np.asarray(result.array))


def test_the_report_tells_of_each_file(here: Path) -> None:
    images(here / "raw", 5, 1)
    recipe = Recipe.loads(GAMMA.replace("\nparameters", "\noptions = {value_range = [1000, 3000]}\nparameters"))
    report = finished(plan_job(recipe, ["raw"], "out", choices=GOING))
    report.save("report.csv")
    report.save("report.json")
    with Path("report.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0])[:9] == [
        "input",
        "output",
        "state",
        "reason",
        "seconds",
        "bytes",
        "saturated",
        "shape",
        "digest",
    ]
    for number, row in enumerate(rows):
        source, output = Path("raw") / f"{number:04}.ome.tif", Path("out") / f"{number:04}.ome.tif"
        assert (row["input"], row["output"]) == (str(source), str(output))
        if number == 1:
            assert row["state"] == "failed"
            assert row["reason"].startswith(str(source))
            continue
        given = pixels(number)
        assert (row["state"], int(row["bytes"])) == ("done", output.stat().st_size)
        assert row["shape"] == f"20 x {given.shape[1]}"
        assert int(row["saturated"]) == np.count_nonzero((given < 1000) | (given > 3000))
        assert row["digest"] == digest(np.asarray(open_image(output).array))
        assert float(row["seconds"]) > 0
    content = json.loads(Path("report.json").read_text(encoding="utf-8"))
    assert content["counts"] == {"done": 4, "failed": 1}
    assert [row["digest"] for row in content["files"]] == [row["digest"] for row in rows]
    report.save("report.csv")
    Path("mine.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"mine.csv: must be a new file or an earlier report"):
        report.save("mine.csv")
    with pytest.raises(ValueError, match=r"report.txt: must end in .csv or .json"):
        report.save("report.txt")


def test_a_failure_ends_the_job_unless_it_keeps_going(here: Path) -> None:
    images(here / "raw", 5, 1)
    report = finished(plan_job(SMOOTH, ["raw"], "out", choices=JobChoices(workers=1)))
    assert [o.state for o in report.outcomes] == ["done", "failed", "waiting", "waiting", "waiting"]
    report = finished(plan_job(SMOOTH, ["raw"], "out", choices=GOING))
    assert report.counts == {"kept": 1, "done": 3, "failed": 1}


def test_a_source_that_has_changed_is_computed_again_and_told(here: Path, computed: list[str]) -> None:
    images(here / "raw", 3)
    finished(plan_job(SMOOTH, ["raw"], "out"))
    write_image("raw/0001.ome.tif", Image(pixels(7), ("y", "x"), (0.1, 0.1), ("µm", "µm")), overwrite=True)
    job = plan_job(SMOOTH, ["raw"], "out")
    assert job.warnings == ("1 file has changed since the earlier run, and will be computed again.",)
    computed.clear()
    report = finished(job)
    assert [o.state for o in report.outcomes] == ["kept", "done", "kept"]
    assert report.outcomes[1].reason == "its source has changed since the earlier run"
    assert computed == ["0001.ome.tif"]
    np.testing.assert_array_equal(
        np.asarray(open_image("out/0001.ome.tif").array), SMOOTH.apply(pixels(7), spacing=0.1)
    )


def test_a_source_that_changes_while_it_is_read_gives_no_result(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images(here / "raw", 2)
    real = one_item.computed

    def changing(*given: Any) -> Any:
        result = yield from real(*given)
        path = given[1].files[0]
        write_image(path, Image(pixels(9), ("y", "x")), overwrite=True)
        return result

    monkeypatch.setattr(one_item, "computed", changing)
    report = finished(plan_job(BRIGHT, ["raw"], "out", choices=GOING))
    assert {o.reason.partition(": ")[2] for o in report.outcomes} == {"must not change while it is read"}
    assert results(here / "out") == {}


@pytest.mark.parametrize("case", ["other recipe", "other file", "changed by hand", "other source", "other image"])
def test_other_files_in_the_places_of_results_stay_unless_they_may_go(here: Path, case: str) -> None:
    images(here / "raw", 3)
    recipe, inputs, further, choices = BRIGHT, ["raw"], {}, {}
    if case == "other image":
        step = '[[steps]]\noperation = "match_histograms"\n[steps.images.reference]\ninput = "like"\n'
        recipe, further = Recipe.loads(GAMMA.partition("[[")[0] + step), {"like": "like.npy"}
        np.save("like.npy", pixels(5))
    if case == "other file":
        (here / "out").mkdir()
        (here / "out/0001.ome.tif").write_text("mine")
    else:
        first = SMOOTH if case == "other recipe" else recipe
        finished(plan_job(first, inputs, "out", images=further))
    if case == "changed by hand":
        write_image("out/0001.ome.tif", Image(pixels(2), ("y", "x")), overwrite=True)
    elif case == "other source":
        images(here / "more", 3)
        inputs = ["more"]
    elif case == "other image":
        np.save("like.npy", pixels(6))
    before = tree(here)
    with pytest.raises(ValueError, match=r"000\d.ome.tif: must not exist \(.*\), or be overwritten or skipped"):
        plan_job(recipe, inputs, "out", images=further)
    with pytest.raises(ValueError, match=r"000\d.ome.tif: must not exist"):
        plan_job(recipe, inputs, "out", images=further, choices=JobChoices(resume=True, **choices))
    assert tree(here) == before
    report = finished(plan_job(recipe, inputs, "out", images=further, choices=JobChoices(on_exists="skip")))
    touched = 1 if case in ("other file", "changed by hand") else 3
    assert report.counts["skipped"] == touched
    after = tree(here)
    assert after["out/0001.ome.tif"] == before["out/0001.ome.tif"]
    report = finished(plan_job(recipe, inputs, "out", images=further, choices=JobChoices(on_exists="overwrite")))
    assert report.counts["done"] == touched
    assert report.counts.get("kept", 0) == 3 - touched
    assert {name for name in tree(here) if "partial" in name} == set()


def test_a_restart_computes_everything_again(here: Path, computed: list[str]) -> None:
    images(here / "raw", 2)
    finished(plan_job(BRIGHT, ["raw"], "out"))
    before = results(here / "out")
    report = finished(plan_job(BRIGHT, ["raw"], "out", choices=JobChoices(restart=True)))
    assert report.counts == {"done": 2}
    assert len(computed) == 4
    assert not set(results(here / "out").items()) & set(before.items())
    with pytest.raises(ValueError, match="restart=True: must be False to resume"):
        JobChoices(restart=True, resume=True)


def test_a_torn_line_of_the_journal_is_left_out(here: Path) -> None:
    images(here / "raw", 3)
    finished(plan_job(BRIGHT, ["raw"], "out"))
    journal = here / "out/.mathimg/journal.jsonl"
    lines = journal.read_text(encoding="utf-8").splitlines(keepends=True)
    journal.write_text("".join(lines[:-1]) + lines[-1][: len(lines[-1]) // 2], encoding="utf-8")
    report = finished(plan_job(BRIGHT, ["raw"], "out"))
    assert report.counts == {"kept": 2, "done": 1}
    assert len(journal.read_text(encoding="utf-8").splitlines()) == 3 + 1 + 1  # kept and begun before, begun, done
    assert {entry["state"] for entry in read_journal(here / "out").values()} == {"done"}


def test_two_runs_do_not_share_a_place(here: Path) -> None:
    images(here / "raw", 3)
    job = plan_job(BRIGHT, ["raw"], "out", choices=JobChoices(workers=1))
    steps = run_job(job)
    while not isinstance(next(steps), ItemEvent):
        pass
    with pytest.raises(ValueError, match=r"out: must not be made by another run at the same time: process \d+"):
        finished(plan_job(BRIGHT, ["raw"], "out"))
    assert ended(steps).counts == {"done": 3}
    with pytest.raises(ValueError, match="out: must not have been written to by another run meanwhile"):
        finished(job)
    Journal(here / "out", read_journal(here / "out")).close()


def test_a_pause_rests_and_a_stop_keeps_what_is_done(here: Path) -> None:
    images(here / "raw", 8)
    control = JobControl()
    steps = run_job(plan_job(SMOOTH, ["raw"], "out", choices=JobChoices(workers=1)), control)

    def next_done() -> int:
        return next(e.number for e in steps if isinstance(e, ItemEvent) and e.state == "done")

    assert next_done() == 0
    control.pause()
    assert control.is_paused
    events = [next(steps) for _ in range(12)]
    at_rest = results(here / "out")
    assert isinstance(events[-1], Progress)
    assert len(at_rest) <= 3  # what was running may have come to its end, no other
    assert [next(steps) for _ in range(6)] == [events[-1]] * 6
    assert results(here / "out") == at_rest
    control.resume()
    next_done()
    control.cancel()
    report = ended(steps)
    assert report.is_canceled
    stopped = report.counts
    assert stopped["waiting"] >= 4
    assert stopped["done"] + stopped["waiting"] == 8
    assert len(results(here / "out")) == stopped["done"]
    report = finished(plan_job(SMOOTH, ["raw"], "out"))
    assert report.counts == {"kept": stopped["done"], "done": stopped["waiting"]}


def test_an_item_that_is_stopped_leaves_nothing(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images(here / "raw", 1)
    control = JobControl()
    real = one_item.write_steps

    def stopped(*given: Any, **options: Any) -> Any:
        control.cancel()
        return real(*given, **options)

    monkeypatch.setattr(one_item, "write_steps", stopped)
    (outcome,) = finished(plan_job(SMOOTH, ["raw"], "out"), control).outcomes
    assert outcome.state == "waiting"
    assert [name for name in tree(here / "out") if not name.startswith(".mathimg")] == []


def test_closing_a_job_stops_it(here: Path) -> None:
    images(here / "raw", 4)
    control = JobControl()
    steps = run_job(plan_job(SMOOTH, ["raw"], "out"), control)
    next(steps)
    next(steps)
    steps.close()
    assert control.is_canceled
    report = finished(plan_job(SMOOTH, ["raw"], "out"))  # the place is free again
    assert report.counts["done"] + report.counts.get("kept", 0) == 4


def test_the_command_of_a_job_is_the_same_job(here: Path) -> None:
    images(here / "raw", 2)
    Path("recipe.toml").write_text(GAMMA, encoding="utf-8")
    choices = JobChoices(
        recursive=True, kind="npy", on_exists="skip", keep_going=True, workers=2, threads=3, memory=10**9, series=0,
        axis_names=("y", "x"),
    )  # fmt: skip
    job = plan_job("recipe.toml", ["raw/*.tif"], "out/{stem} of {recipe}", choices=choices)
    words = shlex.split(job.command())
    assert words[:3] == ["mathimg", "run", "recipe.toml"]
    from napari_mathimg.cli.running import choices_of

    given = parser_of().parse_args(words[1:])
    again = plan_job(given.recipe, given.files, given.output, choices=choices_of(given))
    assert (again.items, again.choices, again.plan) == (job.items, job.choices, job.plan)
    in_memory = plan_job(BRIGHT, ["raw"], "-out/")
    assert in_memory.command("saved.toml") == "mathimg run saved.toml raw -o ./-out/"


def test_items_run_side_by_side_where_they_fit_into_memory(here: Path) -> None:
    images(here / "raw", 4)
    (needed,) = {each.needed.memory for each in forecast_job(plan_job(BRIGHT, ["raw/0000.ome.tif"], "o.npy")).items}  # type: ignore[union-attr]

    def shared(**choices: Any) -> tuple[int, int]:
        found = sharing_of(plan_job(BRIGHT, ["raw"], "out", choices=JobChoices(**choices)))
        return found.workers, found.threads

    assert shared(threads=4, memory=100 * needed) == (4, 1)
    assert shared(threads=8, memory=100 * needed) == (4, 2)
    assert shared(threads=4, memory=2 * needed + needed // 2) == (2, 2)
    assert shared(threads=4, memory=needed // 2) == (1, 4)
    assert shared(threads=6, workers=3) == (3, 2)


def test_a_forecast_is_what_a_run_gives(here: Path) -> None:
    images(here / "raw", 3, 1)
    recipe = Recipe.loads(
        f'{GAMMA}[[steps]]\noperation = "rescale"\nparameters = {{scale = 2}}\n'
        '[[steps]]\noperation = "gaussian"\noptions = {dtype = "float32"}\n'
    )
    job = plan_job(recipe, ["raw"], "out", choices=GOING)
    before = tree(here)
    found = forecast_job(job)
    assert tree(here) == before
    report = finished(job)
    for each, outcome in zip(found.items, report.outcomes, strict=True):
        if outcome.state == "failed":
            assert each.needed is None
            assert each.how == f"cannot be computed: {outcome.reason}"
            continue
        assert each.needed is not None
        assert (each.needed.shape, each.needed.dtype) == (outcome.shape, outcome.dtype)
        assert each.needed.read == pixels(each.item.number).nbytes
        assert each.needed.written == open_image(each.item.output).array.size * 4
        assert each.needed.memory > each.needed.written
    assert found.read == sum(pixels(k).nbytes for k in (0, 2))
    assert found.seconds is not None
    assert found.seconds > 0
