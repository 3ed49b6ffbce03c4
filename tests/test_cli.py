"""The command `mathimg`: the same pixels as from Python, with axes, pixel sizes and record; plain errors and codes."""

import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import tifffile

import napari_mathimg
from image_files import COLORS, NAMES, PLANE, SIZES, STACK, VOLUME, imagej, ome, plain
from napari_mathimg import Options, Recipe, apply, operations
from napari_mathimg.cli import main
from napari_mathimg.cli.progress import watched
from napari_mathimg.contract.progress import Progress
from napari_mathimg.io import Image, open_image, write_image

ROOT = Path(__file__).parent.parent


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with images, which is the current one."""
    monkeypatch.chdir(tmp_path)
    depth = {"PhysicalSizeZ": 0.3, "PhysicalSizeZUnit": "µm", "Channel": {"Name": list(NAMES)}}
    square = {"PhysicalSizeX": 100.0, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": 0.1}
    ome(STACK, "TCZYX", square | depth, tile=(16, 16), compression="zlib")(tmp_path / "cells.ome.tif")
    imagej(VOLUME, "ZYX", {"unit": "um", "spacing": 0.5})(tmp_path / "volume.tif")
    ome(PLANE, "YX", SIZES)(tmp_path / "oblong.ome.tif")
    ome(COLORS, "YXS", {}, photometric="rgb")(tmp_path / "colors.ome.tif")
    plain(PLANE)(tmp_path / "plain.tif")
    np.save(tmp_path / "stack.npy", VOLUME)
    return tmp_path


def result(*words: Any) -> Image:
    """Run a verb that writes out.ome.tif, and return the result."""
    assert main([str(word) for word in (*words, "-o", "out.ome.tif", "--overwrite")]) == 0
    return open_image("out.ome.tif")


def python(*arguments: str, **options: Any) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, **options)


def test_help_is_there_at_once() -> None:
    heavy = ("numpy", "numba", "scipy", "pydantic", "tifffile", "napari")
    code = (
        "import sys; from napari_mathimg.cli import main; code = main(['--help']);"
        f"print(code, [m for m in {heavy} if m in sys.modules], len(sys.modules) < 300)"
    )
    done = python("-c", code)
    assert done.stdout.startswith("usage: mathimg")
    assert done.stdout.splitlines()[-1] == "0 [] True"


def test_telling_about_a_file_loads_no_compiler(here: Path) -> None:
    code = (
        "import sys; from napari_mathimg.cli import main; main(['info', 'cells.ome.tif']);"
        "print([m for m in ('numba', 'scipy', 'zarr', 'dask') if m in sys.modules])"
    )
    assert python("-c", code).stdout.splitlines()[-1] == "[]"


def test_the_module_is_the_command(here: Path) -> None:
    done = python(
        "-m",
        "napari_mathimg",
        "apply",
        "rotate",
        "plain.tif",
        "-o",
        "out.npy",
        "--set",
        "angle=90",
        "--set",
        "resize=true",
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    np.testing.assert_array_equal(np.load("out.npy"), np.rot90(PLANE))
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    assert scripts == {"mathimg": f"{main.__module__}:main"}


def test_operations_are_listed_and_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ops"]) == 0
    assert capsys.readouterr().out.strip() == repr(operations())
    assert main(["ops", "--json"]) == 0
    assert [row["id"] for row in json.loads(capsys.readouterr().out)] == list(operations())
    assert main(["ops", "gaussian"]) == 0
    assert "Standard deviation in pixels" in capsys.readouterr().out
    assert main(["ops", "gausian"]) == 2
    assert "the nearest are 'gaussian'" in capsys.readouterr().err


@pytest.mark.parametrize("id", operations())
def test_parameters_are_a_json_schema(id: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ops", id, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    schema, op = told["parameters"], operations()[id]
    jsonschema.Draft202012Validator.check_schema(schema)
    assert list(schema["properties"]) == list(op.parameters)
    assert [image["name"] for image in told["images"]] == [name for name, _ in op.images[1:]]
    valid = jsonschema.Draft202012Validator(schema).is_valid
    assert valid({})
    assert not valid({"no_such_parameter": 1})


def test_info_tells_what_a_file_says_and_what_it_does_not(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "cells.ome.tif", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["axes"], told["shape"]) == ([*"tczyx"], list(STACK.shape))
    assert told["scale"] == [None, None, 0.3, 0.1, 100]
    assert told["units"] == [None, None, "µm", "µm", "nm"]
    assert (told["channel_names"], told["bytes"]) == ([*NAMES], STACK.nbytes)
    assert main(["info", "plain.tif"]) == 0
    assert "The pixel size along y, x is not known." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("operation", "typed", "parameters", "options"),
    [
        ("gaussian", ["sigma=1.5", "mode=reflect"], {"sigma": 1.5, "mode": "reflect"}, {}),
        ("gaussian", ["sigma=1,2.5"], {"sigma": (1, 2.5)}, {}),
        ("gaussian", ["sigma=0.3um"], {"sigma": (1.0, 3.0, 3.0)}, {"ndim": 3}),
        ("gaussian", ["sigma=600nm,.1,0.2µm"], None, {"ndim": 3}),
        ("gaussian", ["sigma=.6,.1,0.2 µm"], {"sigma": (2.0, 1.0, 2.0)}, {"ndim": 3}),
        ("gaussian", ["sigma=[0.5, 2]"], {"sigma": (0.5, 2)}, {"axes": ("z", "x")}),
        ("median", ["size=0.52um"], {"size": (5.0, 5.0)}, {}),
        ("adjust_gamma", ["gamma=0.5"], {"gamma": 0.5}, {"value_range": ("percentiles", 1, 99)}),
        ("adjust_gamma", ["gamma=2e0"], {"gamma": 2.0}, {"value_range": (10, 5e4), "dtype": "float32"}),
        ("adjust_log", ["inv=true"], {"inv": True}, {"statistics": "item"}),
        ("crop", ["start=3,4", "stop=20,auto"], None, {}),
        ("crop", ["start=3,4", "stop=20,40"], {"start": (3, 4), "stop": (20, 40)}, {"scope": {"t": 1, "c": (0, 2)}}),
        ("rotate", ["angle=30", "resize=True"], {"angle": 30, "resize": True}, {}),
    ],
)
def test_apply_gives_the_pixels_of_python(
    here: Path, capsys: pytest.CaptureFixture[str], operation: str, typed: list[str], parameters: Any, options: Any
) -> None:
    words = [word for text in typed for word in ("--set", text)]
    for name, value in options.items():
        if isinstance(value, dict):
            texts = [f"{a}={p if isinstance(p, int) else f'{p[0]}:{p[1]}'}" for a, p in value.items()]
            words += [word for text in texts for word in ("--scope", text)]
        else:
            text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
            words += [f"--{name.replace('_', '-')}", text]
    if parameters is None:
        assert main(["apply", operation, "cells.ome.tif", "-o", "out.npy", *words]) == 2
        assert re.match(rf"mathimg: {typed[-1].partition('=')[0]}=.*must be", capsys.readouterr().err)
        assert not Path("out.npy").exists()
        return
    assert main(["apply", operation, "cells.ome.tif", "-o", "out.npy", *words]) == 0
    named = {axis: k for k, axis in enumerate("tczyx")}
    by_index = {**options}
    if "axes" in options:
        by_index["axes"] = tuple(named[axis] for axis in options["axes"])
    if "scope" in options:
        by_index["scope"] = {named[axis]: part for axis, part in options["scope"].items()}
    expected = apply(STACK, operation, options=Options(**by_index), **parameters)
    found = np.load("out.npy")
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


def test_colors_stay_colors(here: Path) -> None:
    image = result("apply", "adjust_gamma", "colors.ome.tif", "--set", "gamma=2")
    expected = apply(COLORS, "adjust_gamma", gamma=2.0, options=Options(channel_axis=-1))
    np.testing.assert_array_equal(np.asarray(image.array), expected)
    assert (image.axes, image.channel_axis) == (("y", "x", "c"), 2)
    gray = result("apply", "to_gray", "colors.ome.tif")
    np.testing.assert_array_equal(np.asarray(gray.array), apply(COLORS, "to_gray", options=Options(channel_axis=-1)))
    assert (gray.axes, gray.channel_axis) == (("y", "x"), None)


def test_further_images_come_from_files(here: Path) -> None:
    psf = np.outer([1, 2, 1], [1, 3, 1]).astype(np.float32)
    write_image("psf.tif", Image(psf, ("y", "x")))
    image = result("apply", "richardson_lucy", "oblong.ome.tif", "--image", "psf=psf.tif", "--set", "num_iter=3")
    np.testing.assert_array_equal(np.asarray(image.array), apply(PLANE, "richardson_lucy", psf, num_iter=3))
    (step,) = image.metadata["napari_mathimg"]
    assert step["images"][0]["name"] == "psf.tif"
    assert len(step["images"][0]["blake2b"]) == 32
    again = Recipe.from_record(image.metadata["napari_mathimg"], {"psf.tif": psf}).apply(PLANE)
    np.testing.assert_array_equal(np.asarray(image.array), again)


def test_the_result_keeps_its_place_and_names(here: Path) -> None:
    image = result("apply", "rescale", "cells.ome.tif", "--set", "scale=2,0.5")
    assert image.axes == tuple("tczyx")
    assert image.units == (None, None, "µm", "µm", "nm")
    shape = image.shape
    assert image.scale[3:] == pytest.approx((0.1 * 37 / shape[3], 100 * 53 / shape[4]))
    assert image.translate[3:] == pytest.approx(((image.scale[3] - 0.1) / 2, (image.scale[4] - 100) / 2))
    assert image.channel_names == NAMES
    crop = result("apply", "crop", "cells.ome.tif", "--set", "start=3,4", "--set", "stop=20,40", "--scope", "c=1:3")
    assert (crop.translate, crop.scale) == (pytest.approx((0, 1, 0, 0.3, 400)), pytest.approx((1, 1, 0.3, 0.1, 100)))
    assert crop.channel_names == NAMES[1:]
    again = result("apply", "crop", write(crop, "crop.ome.tif"), "--set", "start=1,2")
    assert again.translate == pytest.approx((0, 1, 0, 0.4, 600))
    assert [step["operation"] for step in again.metadata["napari_mathimg"]] == ["crop", "crop"]


def write(image: Image, path: str) -> str:
    write_image(path, Image(**{**vars(image), "files": ()}))
    return path


def test_content_is_turned_as_it_is_displayed(here: Path) -> None:
    image = result("apply", "rotate", "oblong.ome.tif", "--set", "angle=30")
    expected = apply(PLANE, "rotate", angle=30.0, pixel_size=(1.1, 1.0))
    np.testing.assert_array_equal(np.asarray(image.array), expected)
    assert not np.array_equal(expected, apply(PLANE, "rotate", angle=30.0))
    square = result("apply", "rotate", "volume.tif", "--set", "angle=30", "--axis-names", "z,y,x")
    np.testing.assert_array_equal(np.asarray(square.array), apply(VOLUME, "rotate", angle=30.0, pixel_size=(2.0, 1.0)))


RECIPE = """
format = "mathimg-recipe"
format_version = 1
[[steps]]
operation = "gaussian"
options = {ndim = 3}
parameters = {sigma = {value = [0.6, 0.3, 0.3], unit = "um"}}
[[steps]]
operation = "adjust_gamma"
where = {c = "GFP"}
parameters = {gamma = 0.5}
[[steps]]
operation = "rescale"
parameters = {scale = 2.0}
"""


def test_a_recipe_gives_the_pixels_of_python_and_its_record_gives_them_again(here: Path) -> None:
    Path("recipe.toml").write_text(RECIPE, encoding="utf-8")
    recipe = Recipe.load("recipe.toml")
    known = {"axis_names": tuple("tczyx"), "channel_names": NAMES}
    expected = recipe.apply(STACK, spacing=(None, None, 0.3, 0.1, 0.1), **known)
    image = result("run", "recipe.toml", "cells.ome.tif")
    np.testing.assert_array_equal(np.asarray(image.array), expected)
    record = image.metadata["napari_mathimg"]
    assert record[0]["given"]["sigma"] == {"value": (0.6, 0.3, 0.3), "unit": "um"}
    assert image.scale[3:] == pytest.approx((0.05, 50))
    replayed = Recipe.from_record(record).apply(STACK, spacing=(None, None, 0.3, 0.1, 0.1), **known)
    np.testing.assert_array_equal(replayed, expected)
    Path("out.ome.tif").rename("first.ome.tif")
    again = result("run", "first.ome.tif", "cells.ome.tif")
    np.testing.assert_array_equal(np.asarray(again.array), expected)


def test_recipes_are_checked_and_exported(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("recipe.toml").write_text(RECIPE, encoding="utf-8")
    assert main(["validate", "recipe.toml"]) == 0
    assert "3 steps" in capsys.readouterr().out
    assert main(["export", "recipe.toml", "--toml"]) == 0
    recipe = Recipe.load("recipe.toml")
    assert Recipe.loads(capsys.readouterr().out) == recipe
    assert main(["export", "recipe.toml", "--methods"]) == 0
    assert capsys.readouterr().out == recipe.methods_text().rstrip("\n") + "\n"
    assert main(["export", "recipe.toml", "--python"]) == 2
    assert "mathimg: " in capsys.readouterr().err
    assert main(["export", "recipe.toml", "--python", "--file", "cells.ome.tif"]) == 0
    np.save("image.npy", STACK)
    exec(capsys.readouterr().out, {"__name__": "__main__"})
    image = result("run", "recipe.toml", "cells.ome.tif", "--quiet")
    np.testing.assert_array_equal(np.load("result.npy"), np.asarray(image.array))
    Path("bad.toml").write_text(RECIPE.replace('"adjust_gamma"', '"os.system"'), encoding="utf-8")
    assert main(["validate", "bad.toml"]) == 2
    assert re.match(r"mathimg: bad.toml: steps\[1\].operation='os.system': must be", capsys.readouterr().err)
    assert main(["validate", "none.toml"]) == 2
    assert main(["validate", "plain.tif"]) == 2
    assert "plain.tif: must hold the record of its steps" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("gaussian", {"sigma": {"value": (0.3, 0.25), "unit": "um"}, "mode": "mirror"}),
        ("gaussian", {"sigma": {"value": 0.3, "unit": "um"}}),
        ("gaussian", {"sigma": (1.5, 2.0)}),
        ("rotate", {"angle": 30, "resize": True, "center": (3.0, 4.5), "pixel_size": (1.0, 1.0)}),
        ("crop", {"start": (3, 4)}),
    ],
)
def test_the_exported_command_does_what_the_recipe_does(
    here: Path, capsys: pytest.CaptureFixture[str], operation: str, parameters: Any
) -> None:
    step = {"operation": operation, "version": 1, "parameters": parameters}
    recipe = Recipe.from_plain({"format": "mathimg-recipe", "format_version": 1, "steps": (step,)})
    recipe.save("recipe.toml")
    assert main(["export", "recipe.toml", "--command", "--file", "oblong.ome.tif"]) == 0
    words = shlex.split(capsys.readouterr().out)
    assert words[:3] == ["mathimg", "apply", operation]
    assert main(words[1:]) == 0
    expected = recipe.apply(PLANE, spacing=(0.11, 0.1), axis_names=("y", "x"))
    np.testing.assert_array_equal(np.asarray(open_image("result.tif").array), expected)


def test_a_recipe_with_an_input_needs_it(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    step = '[[steps]]\noperation = "match_histograms"\n[steps.images.reference]\ninput = "reference"\n'
    Path("recipe.toml").write_text(RECIPE.partition("[[")[0] + step, encoding="utf-8")
    assert main(["run", "recipe.toml", "oblong.ome.tif", "-o", "out.npy"]) == 2
    assert "--input reference=FILE: must be given" in capsys.readouterr().err
    assert main(["run", "recipe.toml", "oblong.ome.tif", "-o", "out.npy", "--input", "reference=plain.tif"]) == 0
    np.testing.assert_array_equal(np.load("out.npy"), apply(PLANE, "match_histograms", PLANE))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("apply gausian plain.tif -o o.npy", "operation='gausian': must be one of"),
        ("apply gaussian none.tif -o o.npy", "none.tif: must be a file; there is none"),
        ("apply gaussian plain.tif -o o.bmp", "o.bmp: must end in"),
        ("apply gaussian plain.tif -o plain.tif --overwrite", "plain.tif: must not be the input plain.tif"),
        ("apply gaussian plain.tif -o PLAIN.tif", "PLAIN.tif: must not be the input plain.tif"),
        ("apply gaussian plain.tif -o stack.npy", "stack.npy: must not exist"),
        ("apply gaussian plain.tif -o o.npy --set sigma=-1", "sigma=-1: must be a finite number"),
        ("apply gaussian plain.tif -o o.npy --set sigma=0.3um", "sigma=.*must be in pixels, because the image has no"),
        ("apply gaussian plain.tif -o o.npy --set sigma=3furlong", "sigma=3furlong: must be in pixels, or in one unit"),
        ("apply gaussian plain.tif -o o.npy --set sigma=3s", "sigma=3s: must be in pixels, or in one unit"),
        ("apply gaussian plain.tif -o o.npy --set sigma=nan", "sigma='nan': must be a finite number"),
        (
            "apply gaussian plain.tif -o o.npy --set sigma=1 --set sigma=2",
            "--set sigma=2: must be given once",
        ),
        ("apply gaussian plain.tif -o o.npy --set sigma", "--set sigma: must be NAME=VALUE"),
        ("apply gaussian plain.tif -o o.npy --set sgma=1", "sgma=1: gaussian has no such parameter.*'sigma'"),
        ("apply gaussian plain.tif -o o.npy --set mode=mirrored", "mode='mirrored': must be one of"),
        ("apply gaussian plain.tif -o o.npy --axes q,x", "axes=.*must be among"),
        ("apply gaussian plain.tif -o o.npy --ndim 3", "ndim=3: must be from 1 to 2"),
        ("apply gaussian plain.tif -o o.npy --scope t=a", "--scope t=a: must be an index or START:STOP"),
        ("apply gaussian plain.tif -o o.npy --channel-axis c", "--channel-axis c: must be the index of an axis"),
        ("apply gaussian plain.tif -o o.npy --value-range 5", "value_range=5: must be"),
        ("apply gaussian plain.tif -o o.npy --image psf=plain.tif", "--image psf: must be an image of gaussian"),
        ("apply gaussian plain.tif -o o.npy --level 1", "level=1: must be a level of the image"),
        ("apply gaussian plain.tif -o o.npy --threads 0", "--threads 0: must be at least 1"),
        ("apply gaussian plain.tif -o o.npy --axis-names t,y,x", "axes=.*must be 2 names"),
        ("apply richardson_lucy plain.tif -o o.npy", "images.psf: must be given, because richardson_lucy needs it"),
        (
            "apply gaussian stack.npy -o o.ome.tif",
            "o.ome.tif: must have the axes y and x.*: name them .axes, --axis-names., or write",
        ),
        (
            "apply rescale plain.tif -o o.npy --set scale=1000",
            "rescale: .* needs 3.7.GiB, but 0.5.GiB of memory are free; choose [^`]*$",
        ),
        ("run plain.tif plain.tif -o o.npy", "plain.tif: must hold the record of its steps"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: str, said: str
) -> None:
    monkeypatch.setattr(sys.modules["napari_mathimg.engine.run"], "memory_at_hand", lambda: 2**29)
    before = sorted(p.name for p in here.iterdir())
    assert main(words.split()) == 2
    error = capsys.readouterr().err
    assert re.match(f"mathimg: {said}", error)
    assert error.count("\n") == 1
    assert sorted(p.name for p in here.iterdir()) == before


@pytest.mark.parametrize("name", ["o.ome.tif", "o.png"])
def test_what_a_file_cannot_hold_is_not_computed(here: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    def run(*_: Any, **__: Any) -> Any:
        raise AssertionError("computed")

    monkeypatch.setattr("napari_mathimg.batch.computed.run", run)
    assert main(["apply", "gaussian", "stack.npy", "-o", name]) == 2
    assert main(["apply", "gaussian", "stack.npy", "-o", "o.npy"]) == 1


def test_usage_is_told_with_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (
        [],
        ["applied"],
        ["apply", "gaussian"],
        ["export", "x.toml"],
        ["apply", "a", "b", "-o", "c", "--what"],
    ):
        assert main(words) == 2
        assert "usage: mathimg" in capsys.readouterr().err
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == f"mathimg {napari_mathimg.__version__}"


def test_a_run_that_fails_leaves_the_old_result(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    np.save("out.npy", PLANE)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("napari_mathimg.io.writing._write_numpy", full)
    assert main(["apply", "invert", "plain.tif", "-o", "out.npy", "--overwrite"]) == 1
    assert "No space left on device" in capsys.readouterr().err
    np.testing.assert_array_equal(np.load("out.npy"), PLANE)
    assert not [p for p in here.iterdir() if "partial" in p.name]


def test_an_interruption_stops_the_threads(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    closed: list[str] = []

    def steps() -> Any:
        try:
            yield Progress("Gaussian filter", 1, 4)
            os.kill(os.getpid(), signal.SIGTERM)
            yield Progress("Gaussian filter", 2, 4)
        finally:
            closed.append("closed")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("napari_mathimg.batch.jobs.one_item.computed", lambda *_: steps())
        assert main(["apply", "invert", "plain.tif", "-o", "out.npy"]) == 130
    assert closed == ["closed"]
    assert capsys.readouterr().err.endswith("interrupted; nothing was written\n")
    assert not Path("out.npy").exists()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_shown_on_a_terminal_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def steps() -> Any:
        yield Progress("Gaussian filter", 1, 4)
        return 7

    for out, quiet, shows in ((Terminal(), False, True), (Terminal(), True, False), (io.StringIO(), False, False)):
        assert watched(steps(), quiet, out) == 7
        assert ("Gaussian filter: [######" in out.getvalue()) == shows
        assert shows or not out.getvalue()
        assert "25%" in out.getvalue() or not shows


def test_the_examples_in_the_docs_run(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = (ROOT / "docs/command-line.md").read_text(encoding="utf-8")
    (recipe,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    Path("recipe.toml").write_text(recipe, encoding="utf-8")
    psf = np.outer([1, 2, 1], [1, 2, 1]).astype(np.float32)
    write_image("psf.tif", Image(psf, ("y", "x")))
    Path("raw/deep").mkdir(parents=True)
    for name in ("raw/1.ome.tif", "raw/2.ome.tif", "raw/deep/3.ome.tif"):
        Path(name).write_bytes(Path("cells.ome.tif").read_bytes())
    commands = [line for line in page.splitlines() if line.startswith("mathimg ")]
    assert len(commands) > 8
    for command in commands:
        assert main(shlex.split(command, comments=True)[1:]) == 0, command
    capsys.readouterr()
    for verb in ("ops", "info", "apply", "run", "validate", "verify", "export"):
        assert any(command.startswith(f"mathimg {verb}") for command in commands)
    Path("smooth.ome.tif").unlink()
    for code in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(code, {})
    np.testing.assert_array_equal(np.asarray(open_image("smooth.ome.tif").array), apply(STACK, "gaussian", sigma=1.5))


def test_imagej_output_is_read_by_tifffile(here: Path) -> None:
    assert main(["apply", "gaussian", "volume.tif", "-o", "out.tif", "--imagej", "--quiet"]) == 0
    with tifffile.TiffFile("out.tif") as file:
        assert file.is_imagej
        assert file.imagej_metadata["spacing"] == pytest.approx(0.5)
        np.testing.assert_array_equal(file.asarray(), apply(VOLUME, "gaussian"))
