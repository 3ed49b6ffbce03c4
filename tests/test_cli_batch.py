"""The command on many files: exit codes, refusals in one line, dry runs, reports, verification."""

import csv
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest

import napari_mathimg.batch.jobs.one_item as one_item
from batch_files import GAMMA, GAUSSIAN, SMOOTH, images, pixels, results, tree
from napari_mathimg import apply
from napari_mathimg.batch.job import JobChoices, plan_job
from napari_mathimg.cli import main
from napari_mathimg.cli.progress import watched_job
from napari_mathimg.cli.values import bytes_of
from napari_mathimg.io import Image, open_image, write_image


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    images(tmp_path / "raw", 6, 2)  # 0001 and 0004 are broken
    Path("blur.toml").write_text(GAUSSIAN, encoding="utf-8")
    Path("light.toml").write_text(GAMMA, encoding="utf-8")
    return tmp_path


def run(line: str) -> int:
    return main(line.split())


def test_many_files_end_with_what_became_of_each(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = "run blur.toml raw -o out/{stem}_{recipe}.ome.tif --keep-going --report report.csv"
    assert run(line) == 1
    told = capsys.readouterr()
    lines = told.err.splitlines()
    assert [re.match(r"mathimg: raw/(\d+)\.ome\.tif: must ", line)[1] for line in lines[:2]] == ["0001", "0004"]  # type: ignore[index]
    assert lines[2:] == ["mathimg: 4 done, 2 failed"]
    assert told.out == ""
    assert sorted(results(here / "out")) == [f"000{k}_blur.ome.tif" for k in (0, 2, 3, 5)]
    with Path("report.csv").open(encoding="utf-8") as file:
        assert [row["state"] for row in csv.DictReader(file)] == ["done", "failed", "done", "done", "failed", "done"]
    before = results(here / "out")
    assert run(f"{line} --resume --quiet") == 1
    told = capsys.readouterr()
    assert len(told.err.splitlines()) == 2
    assert results(here / "out") == before
    for name in ("0001", "0004"):
        Path(f"raw/{name}.ome.tif").unlink()
    assert run(line) == 0
    assert capsys.readouterr().err == "mathimg: 4 done before\n"


def test_an_operation_takes_from_each_file_what_it_was_not_given(here: Path) -> None:
    (here / "mixed").mkdir()
    colors = np.random.default_rng(1).integers(0, 255, (12, 13, 3), np.uint8)
    write_image("mixed/color.png", Image(colors, ("y", "x", "c"), channel_axis=2))
    write_image("mixed/gray.png", Image(colors[..., 0], ("y", "x")))
    assert run("apply gaussian mixed -o out --format png --set sigma=1") == 0
    from napari_mathimg import Options

    expected = apply(colors, "gaussian", sigma=1.0, options=Options(channel_axis=2))
    np.testing.assert_array_equal(np.asarray(open_image("out/color.png").array), expected)
    gray = apply(colors[..., 0], "gaussian", sigma=1.0)
    np.testing.assert_array_equal(np.asarray(open_image("out/gray.png").array), gray)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("run blur.toml raw -o raw/out", r"raw/out/0000.ome.tif: must lie outside of .*raw"),
        ("run blur.toml raw/0000.ome.tif raw/0002.ome.tif -o out/{recipe}.npy", "out/blur.npy: must be an output of"),
        ("run blur.toml raw -o out.tif/{stm}", r"out.tif/\{stm\}: must have no other fields"),
        ("run blur.toml raw raw2 -o out", "raw2: must be a file; there is none"),
        ("run blur.toml raw/*.jpg -o out", r"raw/\*.jpg: must be the pattern of at least one file"),
        ("run blur.toml raw -o out --input psf=raw/0000.ome.tif", "--input psf: must be an input of the recipe"),
        ("run blur.toml raw -o light.toml/", "light.toml: must be a folder"),
        ("run none.toml raw -o out", "none.toml: must be a recipe that can be read"),
        ("run blur.toml raw -o out --workers 0", "--workers 0: must be at least 1"),
        ("run blur.toml raw -o out --memory much", "--memory much: must be an amount of bytes such as 8GB or 4GiB"),
        ("run blur.toml raw -o out --resume --restart", "--restart: must be left out to resume"),
        ("run blur.toml raw -o out --overwrite --on-exists skip", "--overwrite: must be left out with --on-exists"),
        ("run blur.toml raw -o out --scheduler here", "scheduler='here': must be 'local', or an address"),
        ("run blur.toml raw -o out --scheduler tcp://10.0.0.1:8786", ".*must be a tls:// address, or be allowed"),
        ("run blur.toml raw -o out --report r.txt", "r.txt: must end in .csv or .json"),
        ("run blur.toml raw -o out --report no/r.csv", "no/r.csv: must be in a folder that exists"),
        ("run blur.toml raw -o out --report mine.csv", "mine.csv: must be a new file or an earlier report"),
        ("run blur.toml list.npy -o out/ --report list.npy", "list.npy: must end in .csv"),
        ("apply gaussian raw -o out --set sigma=-1", "sigma=-1: must be"),
        ("verify raw/0000.ome.tif", "raw/0000.ome.tif: must be given with --source"),
        ("verify raw/0000.ome.tif --source raw/0002.ome.tif", "raw/0000.ome.tif: must hold the record of steps"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_before_any_work(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, line: str, said: str
) -> None:
    monkeypatch.setattr(one_item, "computed", None)
    Path("mine.csv").write_text("a,b\n", encoding="utf-8")
    np.save("list.npy", pixels(0))
    before = tree(here)
    assert run(line) == 2
    error = capsys.readouterr().err
    assert re.match(f"mathimg: {said}", error)
    assert error.count("\n") == 1
    assert tree(here) == before


def test_a_dry_run_touches_nothing_and_tells_what_a_run_does(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = tree(here)
    line = "run blur.toml raw -o out/deeper/{stem}.ome.tif --keep-going"
    assert run(f"{line} --dry-run --report report.csv") == 0
    told = capsys.readouterr().out.splitlines()
    assert tree(here) == before
    assert len(told) == 7
    assert re.fullmatch(
        r"raw/0000.ome.tif -> out/deeper/0000.ome.tif: 20 x 30 uint16, reads .* MiB, writes .* MiB, needs .* of memory;"
        r" in memory",
        told[0],
    )
    assert told[1].startswith("raw/0001.ome.tif -> out/deeper/0001.ome.tif: cannot be computed: raw/0001.ome.tif: must")
    assert told[6].startswith("4 of 6 files would be computed; reads")
    assert re.search(r"\d+ at a time with \d+ threads each \(.*\); about .*, judged by a part of one$", told[6])
    assert run(line) == 1
    capsys.readouterr()
    assert run(f"{line} --dry-run") == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0].endswith(": finished by an earlier run")
    assert told[6] == "0 of 6 files would be computed"


def test_one_file_that_exists_is_left_out_on_purpose(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("out.npy").write_text("mine", encoding="utf-8")
    assert run("run light.toml raw/0000.ome.tif -o out.npy") == 2
    assert run("run light.toml raw/0000.ome.tif -o out.npy --on-exists skip") == 0
    assert "another file is in the place of the result" in capsys.readouterr().err
    assert Path("out.npy").read_text(encoding="utf-8") == "mine"
    assert run("run light.toml raw/0000.ome.tif -o out.npy --on-exists overwrite") == 0
    np.testing.assert_array_equal(np.load("out.npy"), apply(pixels(0), "adjust_gamma", gamma=0.5))
    assert not (here / ".mathimg").exists()


def test_a_result_is_verified_against_its_source(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("0001", "0004"):
        Path(f"raw/{name}.ome.tif").unlink()
    assert run("run blur.toml raw -o out") == 0
    assert run("verify out/0002.ome.tif") == 0  # the journal tells the source
    told = capsys.readouterr().out
    assert told.startswith("out/0002.ome.tif, computed again from ")
    assert told.endswith("raw/0002.ome.tif: all 640 pixels have the bits that its record gives\n")
    assert run("verify out/0002.ome.tif --shards 2") == 0
    assert "640 pixels in 1 shards were computed again, and are the same" in capsys.readouterr().out
    assert run("verify out/0002.ome.tif --source raw/0003.ome.tif") == 1
    assert "it has 20 x 32 pixels of uint16, not 20 x 30 pixels of uint16" in capsys.readouterr().out
    # One step more, on a source that has a record itself; then one pixel is changed by 1.
    assert run("run light.toml out/0002.ome.tif -o twice.ome.tif") == 0
    assert run("verify twice.ome.tif --source out/0002.ome.tif") == 0
    assert run("verify twice.ome.tif --source raw/0002.ome.tif") == 0  # by all of its steps
    image = open_image("twice.ome.tif")
    changed = np.array(image.array)
    changed[7, 11] += 1
    write_image(
        "twice.ome.tif", Image(changed, image.axes, image.scale, image.units, metadata=image.metadata), overwrite=True
    )
    capsys.readouterr()
    assert run("verify twice.ome.tif --source out/0002.ome.tif") == 1
    assert "from out/0002.ome.tif: 1 of 640 pixels differ, the first at 7, 11" in (capsys.readouterr().out)
    assert run("verify twice.ome.tif --source out/0002.ome.tif --shards 1") == 1
    assert "Pixel (7, 11) is" in capsys.readouterr().out


def test_a_result_of_further_images_is_verified_with_them(here: Path) -> None:
    np.save("like.npy", pixels(5))
    assert run("apply match_histograms raw/0000.ome.tif -o out.ome.tif --image reference=like.npy") == 0
    assert run("verify out.ome.tif --source raw/0000.ome.tif") == 2
    assert run("verify out.ome.tif --source raw/0000.ome.tif --input like.npy=like.npy") == 0


def test_the_schema_of_an_operation_is_enough_to_call_it(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("ops gaussian --json") == 0
    schema = json.loads(capsys.readouterr().out)["parameters"]
    values = {name: part["default"] for name, part in schema["properties"].items() if "default" in part}
    words = [word for name, value in values.items() for word in ("--set", f"{name}={json.dumps(value).strip(chr(34))}")]
    assert main(["apply", "gaussian", "raw/0000.ome.tif", "-o", "out.npy", *words]) == 0
    np.testing.assert_array_equal(np.load("out.npy"), apply(pixels(0), "gaussian"))


def test_many_files_show_bars_on_a_terminal_alone(here: Path) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for out, quiet, shows in ((Terminal(), False, True), (Terminal(), True, False), (io.StringIO(), False, False)):
        job = plan_job(SMOOTH, ["raw"], "out", choices=JobChoices(keep_going=True, restart=True))
        assert watched_job(job, quiet, out).counts == {"done": 4, "failed": 2}
        assert ("files" in out.getvalue()) == shows
        assert shows or not out.getvalue()


@pytest.mark.parametrize(
    ("text", "count"), [("8GB", 8 * 10**9), ("1.5 GiB", 3 * 2**29), ("300", 300), ("2k", 2000), ("1TiB", 2**40)]
)
def test_memory_is_typed_with_its_unit(text: str, count: int) -> None:
    assert bytes_of(text) == count
