"""Records that `mathimg` writes: they repeat their steps on the source, and no run harms a file that it reads."""

import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest

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
