"""Which files a job reads, where its results go, and what is refused before any work."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from batch_files import BRIGHT, GAMMA, finished, images, pixels, tree
from image_files import two_files
from napari_mathimg import Recipe
from napari_mathimg.batch.files.inputs import Found, find_inputs
from napari_mathimg.batch.job import JobChoices, plan_job
from napari_mathimg.io import Image, write_image

STEP = '[[steps]]\noperation = "match_histograms"\nimages = {reference = {input = "like"}}\n'
LIKE = GAMMA.partition("[[")[0] + STEP


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with images in folders, other files, hidden ones, and stores."""
    monkeypatch.chdir(tmp_path)
    for name in (
        "a/x.tif",
        "b/x.tif",
        "raw/0.5um.ome.tif",
        "raw/a.PNG",
        "raw/b.npy",
        "raw/deep/er/c.tiff",
        "raw/[1].tif",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    for name in ("raw/notes.txt", "raw/.hidden.tif", "raw/.mathimg/x.tif"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("no image")
    for name in ("raw/s.ome.zarr/0", "raw/deep/t.zarr/A/1/0"):
        (tmp_path / name).mkdir(parents=True)
    return tmp_path


@pytest.mark.parametrize(
    ("given", "recursive", "found"),
    [
        (["raw"], False, ["raw/0.5um.ome.tif", "raw/[1].tif", "raw/a.PNG", "raw/b.npy", "raw/s.ome.zarr"]),
        (
            ["raw/"],
            True,
            ["raw/0.5um.ome.tif", "raw/[1].tif", "raw/a.PNG", "raw/b.npy", "raw/deep/er/c.tiff", "raw/deep/t.zarr",
             "raw/s.ome.zarr"],
        ),
        (["raw/*.tif"], False, ["raw/0.5um.ome.tif", "raw/[1].tif"]),
        (["raw/[1].tif"], False, ["raw/[1].tif"]),
        (["raw/**/*.tiff"], False, ["raw/deep/er/c.tiff"]),
        (["b/x.tif", "*/x.tif", "./a/../b/x.tif"], False, ["b/x.tif", "a/x.tif"]),
        (["raw/deep/t.zarr/A/1/0", "raw/b.npy"], False, ["raw/deep/t.zarr/A/1/0", "raw/b.npy"]),
    ],
)  # fmt: skip
def test_files_folders_and_patterns_are_found(here: Path, given: list[str], recursive: bool, found: list[str]) -> None:
    assert [Path(each.source).as_posix() for each in find_inputs(given, recursive)] == found


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("none.tif", "none.tif: must be a file; there is none"),
        ("none/*.tif", r"none/\*.tif: must be the pattern of at least one file"),
        ("raw/notes.txt", "raw/notes.txt: must end in"),
        ("raw/deep", r"raw/deep/?: must hold a file that ends in .*--recursive"),
    ],
)
def test_what_is_no_image_is_refused(here: Path, given: str, said: str) -> None:
    (here / "raw/deep/t.zarr").rename(here / "raw/deep/er/t.zarr")
    with pytest.raises(ValueError, match=said):
        find_inputs([given], False)


@pytest.mark.parametrize(
    ("source", "name", "stem", "ending"),
    [
        ("raw/0.5um.ome.tif", "0.5um.ome.tif", "0.5um", ".ome.tif"),
        ("raw/a.b.TIFF", "a.b.TIFF", "a.b", ".TIFF"),
        ("/data/p.zarr/A/1/0", "p_A_1_0.zarr", "p_A_1_0", ".zarr"),
        ("https://host/x/p.ome.zarr/labels/cells?v=1", "p_labels_cells.ome.zarr", "p_labels_cells", ".ome.zarr"),
        ("s3://bucket/y.zarr", "y.zarr", "y", ".zarr"),
    ],
)
def test_a_file_has_a_name_and_an_ending(source: str, name: str, stem: str, ending: str) -> None:
    found = Found(source)
    assert (found.name, found.stem, found.ending) == (name, stem, ending)


@pytest.mark.parametrize(
    ("inputs", "output", "choices", "results"),
    [
        (["a/x.tif", "b/x.tif"], "out/{folder}/{name}", {}, ["out/a/x.tif", "out/b/x.tif"]),
        (["a/x.tif", "b/x.tif"], "{folder}/{stem}_{recipe}.ome.tif", {}, ["a/x_light.ome.tif", "b/x_light.ome.tif"]),
        (["a/x.tif", "raw/b.npy"], "out", {}, ["out/x.ome.tif", "out/b.npy"]),
        (["a/x.tif"], "out/", {}, ["out/x.ome.tif"]),
        (["a/x.tif"], "b", {}, ["b/x.ome.tif"]),
        (["a/x.tif"], "y.npy", {}, ["y.npy"]),
        (["a/x.tif", "b/x.tif"], "{number:03}.npy", {}, ["001.npy", "002.npy"]),
        (["a/x.tif", "b/x.tif"], "o{number}_{{x}}.npy", {}, ["o1_{x}.npy", "o2_{x}.npy"]),
        (["a/x.tif", "b/x.tif"], "{stem}{number}", {"kind": "png"}, ["x1.png", "x2.png"]),
        (["a/x.tif", "b/x.tif"], "{stem}{number}.ome.tif", {"kind": "ome.tif"}, ["x1.ome.tif", "x2.ome.tif"]),
        (["a/x.tif", "raw/a.PNG"], "out/{number}{ending}", {}, ["out/1.ome.tif", "out/2.ome.tif"]),
        (["a/x.tif", "raw/b.npy"], "out", {"kind": "npy"}, ["out/x.npy", "out/b.npy"]),
        (
            ["raw"],
            "out",
            {"recursive": True, "kind": "npy"},
            ["out/0.5um.npy", "out/[1].npy", "out/a.npy", "out/b.npy", "out/deep/er/c.npy", "out/deep/t.npy",
             "out/s.npy"],
        ),
        (["raw/deep"], "out/{below}/{stem}.npy", {"recursive": True}, ["out/er/c.npy", "out/t.npy"]),
    ],
)  # fmt: skip
def test_results_go_where_the_output_says(
    here: Path, inputs: list[str], output: str, choices: dict[str, Any], results: list[str]
) -> None:
    job = plan_job(BRIGHT, inputs, output, choices=JobChoices(**choices), name="light")
    assert [item.output.as_posix() for item in job.items] == results


def test_an_absolute_folder_stays_below_the_folder_of_results(here: Path) -> None:
    job = plan_job(BRIGHT, [here / "a/x.tif", here / "b/../b/x.tif"], "out/{folder}/{name}")
    out = (here / "out").resolve()
    assert all(item.output.resolve().is_relative_to(out) for item in job.items)
    os.chdir(here / "a")
    (item,) = plan_job(BRIGHT, ["../b/x.tif"], "out/{folder}/{name}").items
    assert item.output.as_posix() == "out/b/x.tif"


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("{stm}.npy", r"\{stm\}.npy: must have no other fields than \{name\}, \{stem\}"),
        ("{}.npy", "must have no other fields"),
        ("{0}.npy", "must have no other fields"),
        ("{stem.__class__}.npy", "must have no other fields"),
        ("{stem[0]}.npy", "must have no other fields"),
        ("{stem!r}.npy", "must have no other fields"),
        ("{stem:>9}.npy", r"must have no format but one of digits, such as \{number:04\}"),
        ("{number:{number}}.npy", "must have no format but one of digits"),
        ("{number:999}.npy", "must have no format but one of digits"),
        ("{stem.npy", "must be a name pattern"),
        ("{number}.bmp", "1.bmp: must end in"),
        ("{number}", "1: must end in"),
        ("out.npy", r"out.npy: must be a folder, or a name pattern such as \{stem\}_\{recipe\}.ome.tif, for 2 files"),
    ],
)
def test_other_patterns_are_refused(here: Path, output: str, said: str) -> None:
    before = tree(here)
    with pytest.raises(ValueError, match=said):
        plan_job(BRIGHT, ["a/x.tif", "b/x.tif"], output)
    assert tree(here) == before


def test_a_kind_that_the_name_denies_is_refused(here: Path) -> None:
    with pytest.raises(ValueError, match=r"must end in .npy for files of the kind npy"):
        plan_job(BRIGHT, ["a/x.tif"], "{stem}.png", choices=JobChoices(kind="npy"))
    with pytest.raises(ValueError, match=r"must end in .npy for files of the kind npy"):
        plan_job(BRIGHT, ["a/x.tif"], "o.png", choices=JobChoices(kind="npy"))
    with pytest.raises(ValueError, match="kind='bmp': must be one of"):
        JobChoices(kind="bmp")


COLLISIONS = {
    "one name for two": (["a/x.tif", "b/x.tif"], "out"),
    "one name by a pattern": (["a/x.tif", "b/x.tif"], "out/{recipe}.npy"),
    "names that differ in case": (["a/x.tif", "a/X.tif"], "out"),
    "the source": (["a/x.tif"], "{folder}/{name}"),
    "the source by a link": (["link.tif"], "a/x.tif"),
    "the source by a linked folder": (["a/x.tif"], "linked/x.tif"),
    "the source in other letters": (["a/x.tif"], "A/X.TIF"),
    "the source as a hard link": (["a/x.tif"], "hard.tif"),
    "in the folder of the sources": (["raw"], "raw/out"),
    "in a store": (["raw/s.ome.zarr"], "raw/s.ome.zarr/x.npy"),
    "the further image": (["a/x.tif"], "like.npy"),
    "the recipe's own file": (["a/x.tif"], "recipe.tif"),
}


@pytest.mark.parametrize("on_exists", ["fail", "overwrite", "skip"])
@pytest.mark.parametrize("case", COLLISIONS)
def test_no_source_and_no_other_result_is_touched(here: Path, case: str, on_exists: Any) -> None:
    (here / "a/X.tif").write_bytes(b"X")
    (here / "link.tif").symlink_to(here / "a/x.tif")
    (here / "linked").symlink_to(here / "a", target_is_directory=True)
    os.link(here / "a/x.tif", here / "hard.tif")
    np.save("like.npy", pixels(0))
    recipe: Any = Recipe.loads(LIKE)
    if case == "the recipe's own file":
        images(here / "one", 1)
        finished(plan_job(recipe, ["one/0000.ome.tif"], "recipe.tif", images={"like": "like.npy"}))
        recipe = "recipe.tif"
    before = tree(here)
    inputs, output = COLLISIONS[case]
    further = {"like.npy" if case == "the recipe's own file" else "like": "like.npy"}
    with pytest.raises(ValueError, match=r"must not be the input|must lie outside|must be an output of its own"):
        plan_job(recipe, inputs, output, images=further, choices=JobChoices(on_exists=on_exists))
    assert tree(here) == before


def test_further_images_are_those_of_the_recipe(here: Path) -> None:
    with pytest.raises(ValueError, match="--input like=FILE: must be given"):
        plan_job(Recipe.loads(LIKE), ["a/x.tif"], "o.npy")
    with pytest.raises(ValueError, match=r"--input psf: must be an input of the recipe; it has no inputs"):
        plan_job(BRIGHT, ["a/x.tif"], "o.npy", images={"psf": "raw/b.npy"})
    with pytest.raises(ValueError, match=r"none.npy: must be a file; there is none"):
        plan_job(Recipe.loads(LIKE), ["a/x.tif"], "o.npy", images={"like": "none.npy"})


def test_parts_of_a_source_are_not_overwritten(here: Path) -> None:
    (here / "set").mkdir()
    two_files(here / "set/2.ome.tif")  # whose second plane is in 2-2.ome.tif
    write_image("a/plain.tif", Image(pixels(0), ("y", "x")))
    before = tree(here)
    choices = JobChoices(on_exists="overwrite")
    with pytest.raises(ValueError, match=r"2-2.ome.tif: must not be the input"):
        plan_job(BRIGHT, ["a/plain.tif", "set/2.ome.tif"], "set/2-{number:1}.ome.tif", choices=choices)
    assert tree(here) == before
