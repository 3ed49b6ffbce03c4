"""Records that `mathimg` writes: they repeat their steps on the source, and no run harms a file that it reads."""

import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from image_files import COLORS, NAMES, PLANE, STACK
from napari_mathimg import Options, Recipe, apply, psf
from napari_mathimg.cli import main
from napari_mathimg.io import Image, open_image, write_image

HEAD = 'format = "mathimg-recipe"\nformat_version = 1\n'
SPACE = ("µm", "µm", "µm")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with images, which is the current one."""
    monkeypatch.chdir(tmp_path)
    scale, units = (1.0, 0.3, 0.1, 0.1), (None, *SPACE)
    write_image("cells.ome.tif", Image(STACK[0], tuple("czyx"), scale, units, channel_names=NAMES))
    write_image("oblong.ome.tif", Image(PLANE, tuple("yx"), (0.3, 0.1), SPACE[:2]))
    np.save("psf.npy", np.outer([1, 2, 1], [1, 3, 1]).astype(np.float32))
    return tmp_path


def run(line: str) -> int:
    return main([*shlex.split(line), "--quiet"])


def pixels(path: str) -> Any:
    return np.asarray(open_image(path).array)


def recipe(name: str, steps: str) -> None:
    Path(name).write_text(HEAD + steps, encoding="utf-8")


DECONVOLVED = '[[steps]]\noperation = "richardson_lucy"\nparameters = {num_iter = 2}\n[steps.images.psf]\n'


def test_no_file_that_a_run_reads_is_overwritten(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe("recipe.dat", DECONVOLVED + 'path = "images/psf.npy"\n')
    Path("images").mkdir()
    Path("psf.npy").rename("images/psf.npy")
    Path("link.npy").symlink_to("recipe.dat")
    assert run("run recipe.dat cells.ome.tif -o first.ome.tif") == 0
    before = {path: path.read_bytes() for path in here.rglob("*") if path.is_file()}
    for output in ("link.npy", "images/psf.npy", "images/PSF.npy", "cells.ome.tif"):
        assert run(f"run recipe.dat cells.ome.tif -o {output} --overwrite") == 2
    assert run("run first.ome.tif cells.ome.tif -o first.ome.tif --overwrite --input psf.npy=images/psf.npy") == 2
    assert {path: path.read_bytes() for path in here.rglob("*") if path.is_file()} == before
    assert "must not be the input first.ome.tif" in capsys.readouterr().err


def test_one_image_for_each_index_is_not_overwritten(here: Path) -> None:
    steps = DECONVOLVED + 'per = "c"\nvalues = [{path = "psf.npy"}, {path = "psf.npy"}, {path = "other.npy"}]\n'
    recipe("recipe.toml", steps)
    np.save("other.npy", np.ones((3, 3), np.float32))
    assert run("run recipe.toml cells.ome.tif -o other.npy --overwrite") == 2
    assert np.load("other.npy").shape == (3, 3)


@pytest.mark.parametrize(
    ("declared", "given"),
    [
        ('psf = {kind = "gaussian", parameters = {sigma = {value = 0.2, unit = "um"}}}', {"sigma": (0.2 / 0.3, 2.0)}),
        (
            'psf = {kind = "optical", parameters = {numerical_aperture = 0.9}}',
            {"numerical_aperture": 0.9, "pixel_size": (0.3, 0.1)},
        ),
    ],
)
def test_a_declared_psf_is_recorded_as_it_was_given(here: Path, declared: str, given: dict[str, Any]) -> None:
    recipe("recipe.toml", DECONVOLVED + declared)
    assert run("run recipe.toml oblong.ome.tif -o first.ome.tif") == 0
    found = pixels("first.ome.tif")
    kernel = psf("gaussian" if "sigma" in given else "optical", shape=PLANE.shape, **given)
    expected = apply(PLANE, "richardson_lucy", kernel, num_iter=2)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=0.02)  # numbers of pixels are rounded to 9 decimals
    assert run("run first.ome.tif oblong.ome.tif -o again.ome.tif") == 0
    np.testing.assert_array_equal(pixels("again.ome.tif"), found)
    again = Recipe.from_record(open_image("first.ome.tif").metadata["napari_mathimg"])
    assert again.steps[0].images == Recipe.load("recipe.toml").steps[0].images


def test_declared_psfs_and_lengths_for_each_index_are_recorded_as_they_were_given(here: Path) -> None:
    values = ", ".join(
        f'{{psf = {{kind = "gaussian", parameters = {{sigma = {sigma}}}}}}}' for sigma in (1.0, 1.5, 2.0)
    )
    sigmas = ", ".join(f'{{value = {sigma}, unit = "um"}}' for sigma in (0.1, 0.2, 0.3))
    steps = f'[[steps]]\noperation = "gaussian"\nparameters = {{sigma = {{per = "c", values = [{sigmas}]}}}}\n'
    recipe("recipe.toml", steps + DECONVOLVED + f'per = "c"\nvalues = [{values}]\n')
    assert run("run recipe.toml cells.ome.tif -o first.ome.tif") == 0
    again = Recipe.from_record(open_image("first.ome.tif").metadata["napari_mathimg"])
    wanted = Recipe.load("recipe.toml")
    assert again.steps[0].parameters["sigma"] == wanted.steps[0].parameters["sigma"]
    assert again.steps[1].images == wanted.steps[1].images
    assert run("run first.ome.tif cells.ome.tif -o again.ome.tif") == 0
    np.testing.assert_array_equal(pixels("again.ome.tif"), pixels("first.ome.tif"))


def test_images_of_one_file_name_can_both_be_given_to_the_record(here: Path) -> None:
    for folder, corner in (("a", 1), ("b", 5)):
        Path(folder).mkdir()
        psf = np.outer([1, 2, 1], [1, 3, corner]).astype(np.float32)
        write_image(f"{folder}/psf=.tif", Image(psf, ("y", "x")))
    source, step = "oblong.ome.tif", "apply richardson_lucy {} -o {} --image 'psf={}/psf=.tif' --set num_iter=2"
    for number, folder in enumerate("abab"):
        assert run(step.format(source, f"{number}.ome.tif", folder)) == 0
        source = f"{number}.ome.tif"
    given = "--input psf-.tif='a/psf=.tif' --input psf--2.tif='b/psf=.tif'"
    assert run(f"run 3.ome.tif oblong.ome.tif -o again.ome.tif {given}") == 0
    np.testing.assert_array_equal(pixels("again.ome.tif"), pixels("3.ome.tif"))


def test_the_type_of_a_result_on_a_part_is_refused_before_it_is_computed(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_image("colors.ome.tif", Image(np.stack([COLORS] * 2), tuple("tyxc"), channel_axis=3))
    options = 'options = {dtype = "float32", channel_axis = 3}'
    recipe("recipe.toml", f'[[steps]]\noperation = "gaussian"\n{options}\nwhere = {{t = 0}}\n')

    def computed(*_: Any, **__: Any) -> Any:
        raise AssertionError("computed")

    monkeypatch.setattr("napari_mathimg.batch.computed.run", computed)
    assert run("run recipe.toml colors.ome.tif -o out.ome.tif") == 1
    assert "computed" in capsys.readouterr().err
    assert run("run recipe.toml colors.ome.tif -o out.tif --imagej") == 2
    assert "out.tif: must hold uint8, not float32" in capsys.readouterr().err


def test_a_result_of_further_images_is_exported_in_every_form(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("apply richardson_lucy oblong.ome.tif -o first.ome.tif --image psf=psf.npy --set num_iter=2") == 0
    first = pixels("first.ome.tif")
    capsys.readouterr()
    assert main(["export", "first.ome.tif", "--toml"]) == 0
    Path("recipe.toml").write_text(capsys.readouterr().out, encoding="utf-8")
    assert Recipe.load("recipe.toml").inputs == ("psf.npy",)
    assert run("run recipe.toml oblong.ome.tif -o again.ome.tif --input psf.npy=psf.npy") == 0
    np.testing.assert_array_equal(pixels("again.ome.tif"), first)
    assert main(["export", "first.ome.tif", "--command", "--file", "oblong.ome.tif"]) == 0
    assert run(capsys.readouterr().out.removeprefix("mathimg")) == 0
    np.testing.assert_array_equal(pixels("result.tif"), first)
    np.save("image.npy", PLANE)
    assert main(["export", "first.ome.tif", "--python"]) == 0
    exec(capsys.readouterr().out, {"__name__": "__main__"})
    np.testing.assert_array_equal(np.load("result.npy"), first)
    np.save("psf.npy", np.ones((3, 3), np.float32))
    assert run("run recipe.toml oblong.ome.tif -o other.ome.tif --input psf.npy=psf.npy") == 2
    assert "must have the type, shape and pixels that the recipe was made with" in capsys.readouterr().err


@pytest.mark.parametrize("given", ["angle = 30", "angle = 30, pixel_size = [1.0, 1.0]"])
def test_an_exported_command_takes_nothing_from_the_file_that_a_recipe_does_not(
    here: Path, capsys: pytest.CaptureFixture[str], given: str
) -> None:
    recipe("recipe.toml", f'[[steps]]\noperation = "rotate"\nparameters = {{{given}}}\n')
    assert run("run recipe.toml oblong.ome.tif -o first.ome.tif") == 0
    assert main(["export", "recipe.toml", "--command", "--file", "oblong.ome.tif"]) == 0
    command = capsys.readouterr().out
    assert command.startswith("mathimg apply") == ("pixel_size" in given)
    assert run(command.removeprefix("mathimg")) == 0
    np.testing.assert_array_equal(pixels("result.tif"), pixels("first.ome.tif"))
    np.testing.assert_array_equal(pixels("first.ome.tif"), apply(PLANE, "rotate", angle=30.0))


def test_no_text_of_a_file_commands_the_terminal(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    escape = "\x1b]0;x\x07\x9b2J\u202e"
    metadata = {"napari_mathimg": [{"operation": f"gaussian{escape}"}]}
    image = Image(STACK[0, :, 0], tuple("cyx"), channel_names=("a", f"b{escape}", "c"), metadata=metadata)
    write_image("hostile.tif", image, imagej=True)
    recipe("hostile.toml", DECONVOLVED + r'input = "dark\u001b]0;x\u0007"' + "\n")
    recipe("refused.toml", '[[steps]]\noperation = "gaussian"\n[steps.options.scope]\n"t\\u001b[2J" = "a"\n')
    for line, code in (
        ("info hostile.tif", 0), ("run hostile.tif cells.ome.tif -o out.npy", 2), ("validate hostile.toml", 0),
        ("run hostile.toml cells.ome.tif -o out.npy", 2), ("validate refused.toml", 2),
        ("info 'none\x1b[2J.tif'", 2), ("validate 'none\x1b[2J.toml'", 2),
    ):  # fmt: skip
        assert main(shlex.split(line)) == code
        told = capsys.readouterr()
        assert all(line.isprintable() for line in (told.out + told.err).split("\n"))
        assert "x1b" in told.out + told.err


def test_what_cannot_be_read_is_wrong_input(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("closed.toml").write_text(HEAD, encoding="utf-8")
    for line, said in (
        ("validate .", r".: must be a recipe that can be read (Is a directory)"),
        ("validate none.toml", "none.toml: must be a recipe that can be read (No such file or directory)"),
        ("validate cells.ome.tif/x", "cells.ome.tif/x: must be a recipe that can be read (Not a directory)"),
        ("run . cells.ome.tif -o out.npy", ".: must be a recipe that can be read"),
        ("info .", ".: must be a file, or a folder of OME-Zarr"),
    ):
        assert main(shlex.split(line)) == 2
        assert capsys.readouterr().err.startswith(f"mathimg: {said}")
    recipe("recipe.toml", '[[steps]]\noperation = "gaussian"\n')
    assert main(shlex.split("run recipe.toml cells.ome.tif -o out.npy --input psf=psf.npy")) == 2
    assert "--input psf: must be an input of the recipe; it has no inputs" in capsys.readouterr().err


def test_a_recipe_names_the_axes_of_a_file_that_does_not(here: Path) -> None:
    np.save("stack.npy", STACK[0, :, 0])
    step = '[[steps]]\noperation = "gaussian"\nwhere = {c = 1}\n'
    recipe("recipe.toml", 'axis_names = ["c", "y", "x"]\n' + step)
    expected = Recipe.load("recipe.toml").apply(STACK[0, :, 0])
    assert run("run recipe.toml stack.npy -o out.ome.tif") == 0
    np.testing.assert_array_equal(pixels("out.ome.tif"), expected)
    assert open_image("out.ome.tif").axes == ("c", "y", "x")
    assert run("run recipe.toml stack.npy -o out.npy --axis-names t,y,x") == 2


@pytest.mark.parametrize("axis", [0, 2])
@pytest.mark.parametrize("kind", ["npy", "tif", "ome.tif"])
def test_the_axis_of_colors_is_given_for_a_file_that_does_not_say_it(here: Path, axis: int, kind: str) -> None:
    colors, axes = np.moveaxis(COLORS, 2, axis), tuple("cyx" if axis == 0 else "yxc")
    if kind == "ome.tif" and axis:
        return  # whose planes are of y and x
    if kind == "npy":
        np.save("colors.npy", colors)
    else:
        metadata = None if kind == "tif" else {"axes": "CYX"}
        tifffile.imwrite(f"colors.{kind}", colors, photometric="minisblack", metadata=metadata)
    expected = apply(colors, "adjust_gamma", gamma=2.0, options=Options(channel_axis=axis))
    words = f"--set gamma=2 --channel-axis {axis - 3}"
    assert run(f"apply adjust_gamma colors.{kind} -o first.ome.tif {words}") == 0
    np.testing.assert_array_equal(pixels("first.ome.tif"), expected)
    first = open_image("first.ome.tif")
    assert (first.axes, first.channel_axis) == (axes, axis)
    assert run(f"run first.ome.tif colors.{kind} -o again.ome.tif") == 0
    np.testing.assert_array_equal(pixels("again.ome.tif"), expected)


def test_an_axis_of_space_is_not_taken_for_colors(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_image("colors.ome.tif", Image(COLORS[:4], tuple("yxc"), channel_axis=2))
    for words in ("--channel-axis 0", "--channel-axis -3"):
        assert run(f"apply gaussian colors.ome.tif -o out.npy {words}") == 2
        assert "channel_axis: must be 2, because the image has colors on this axis" in capsys.readouterr().err
    assert run("apply gaussian colors.ome.tif -o out.npy --channel-axis none") == 2
    assert "--channel-axis none: must be the index of an axis" in capsys.readouterr().err
    steps = '[[steps]]\noperation = "to_gray"\noptions = {channel_axis = 2}\n[[steps]]\noperation = "gaussian"\n'
    recipe("recipe.toml", steps + "options = {channel_axis = 0}\n")
    assert run("run recipe.toml colors.ome.tif -o out.npy") == 2
    assert "steps[1].options.channel_axis=0: must be left out, because the image has no colors here" in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize("colors", [False, True])
@pytest.mark.parametrize(
    "second", ["add_gaussian_noise {} -o {} --set seed=1", "median {} -o {} --ndim 3 --set size=3"]
)
def test_a_record_across_files_that_order_axes_in_their_own_way_gives_the_same_pixels(
    here: Path, second: str, colors: bool
) -> None:
    axes, scale = tuple("czyx"), (1.0, 0.3, 0.2, 0.1)
    pixels_of = STACK[0].astype(np.uint8) if colors else STACK[0]
    names = () if colors else NAMES
    image = Image(pixels_of, axes, scale, (None, *SPACE), channel_axis=0 if colors else None, channel_names=names)
    write_image("source.npy", image)
    write_image("source.tif", image)
    words = "source.npy --axis-names c,z,y,x --channel-axis 0" if colors else "source.tif"
    assert run(f"apply gaussian {words} -o first.tif --imagej") == 0
    assert open_image("first.tif").axes == tuple("zyxc" if colors else "zcyx")
    assert run(f"apply {second.format('first.tif', 'second.tif')} --imagej") == 0
    words = "source.npy --axis-names c,z,y,x" if colors else "source.tif"
    assert run(f"run second.tif {words} -o again.tif --imagej") == 0
    wanted, found = open_image("second.tif"), open_image("again.tif")
    np.testing.assert_array_equal(np.asarray(found.array), np.asarray(wanted.array))
    assert (found.axes, found.channel_names) == (wanted.axes, wanted.channel_names)
    if not colors:
        assert (found.scale, found.units) == (pytest.approx(wanted.scale), wanted.units)


def test_the_methods_say_of_what_the_value_range_was(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe("recipe.toml", '[[steps]]\noperation = "invert"\nwhere = {c = "GFP"}\n')
    assert run("run recipe.toml cells.ome.tif -o out.npy") == 0
    green = STACK[0, NAMES.index("GFP")].astype(np.int64)
    np.testing.assert_array_equal(np.load("out.npy")[NAMES.index("GFP")], green.min() + green.max() - green)
    capsys.readouterr()
    for name, said in (("recipe.toml", "of this part"), ("whole.toml", "of the whole image")):
        recipe("whole.toml", '[[steps]]\noperation = "invert"\n')
        assert main(["export", name, "--methods"]) == 0
        assert f"the value range was that {said}" in " ".join(capsys.readouterr().out.split())


def test_a_script_says_what_it_reads(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe("recipe.toml", '[[steps]]\noperation = "invert"\n')
    Path("it's\n.ome.tif").write_bytes(Path("oblong.ome.tif").read_bytes())
    assert main(["export", "recipe.toml", "--python", "--file", "it's\n.ome.tif"]) == 0
    script = capsys.readouterr().out
    advice = script.splitlines()[0].partition(": ")[2]
    exec(f"import numpy as np, napari_mathimg.io\n{advice}")
    exec(script, {"__name__": "__main__"})
    np.testing.assert_array_equal(np.load("result.npy"), apply(PLANE, "invert"))
    assert main(["export", "recipe.toml", "--python", "--file", "psf.npy"]) == 0
    assert capsys.readouterr().out.startswith('"""')
