"""What results of recipes keep of their image besides pixels: colors and limits of channels, and that it is labels."""

import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_mathimg.cli import main
from napari_mathimg.io import Image, open_image, write_image

STACK = np.random.default_rng(1).integers(0, 9000, (3, 60, 80)).astype(np.uint16)
COLORS, LIMITS = ("0000FF", "12FF34", "FFFFFF"), ((1.0, 200.0), (3.0, 4000.0), (0.0, 8000.0))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    image = Image(
        STACK, ("c", "y", "x"), channel_names=tuple("ABC"), channel_colors=COLORS, limits=LIMITS, name="cells"
    )
    write_image("cells.ome.zarr", image)
    write_image("cells.ome.tif", image)
    return tmp_path


def result(line: str, name: str = "out.ome.zarr") -> Image:
    assert main([*shlex.split(f"apply {line} -o {name}"), "--quiet"]) == 0
    return open_image(name)


@pytest.mark.parametrize("name", ["cells.ome.zarr", "cells.ome.tif"])
def test_channels_keep_their_colors_and_limits(here: Path, name: str) -> None:
    made = result(f"gaussian {name} --set sigma=1")
    assert (made.channel_names, made.channel_colors, made.limits) == (tuple("ABC"), COLORS, LIMITS)


def test_limits_go_where_values_get_another_meaning(here: Path) -> None:
    made = result("invert cells.ome.zarr")
    assert made.channel_colors == COLORS
    assert made.limits != LIMITS


def test_channels_that_are_chosen_keep_their_own(here: Path) -> None:
    made = result("gaussian cells.ome.zarr --set sigma=1 --scope c=1:3")
    assert made.shape == (2, 60, 80)
    assert (made.channel_names, made.channel_colors, made.limits) == (("B", "C"), COLORS[1:], LIMITS[1:])


@pytest.mark.parametrize("kind", ["ome.zarr", "ome.tif"])
def test_labels_that_are_moved_stay_labels_in_all_levels(here: Path, kind: str) -> None:
    labels = np.kron(np.random.default_rng(2).integers(1, 3, (90, 90)), np.ones((8, 8))).astype(np.uint16) * 100
    write_image(f"labels.{kind}", Image(labels, ("y", "x"), is_labels=True), levels=2)
    assert open_image(f"labels.{kind}").is_labels
    levels: Any = result(f"crop labels.{kind} --set start=1,1", f"moved.{kind}")
    assert levels.is_labels
    for level in levels.levels or (levels.array,):
        assert {*np.unique(np.asarray(level))} == {100, 200}
    smooth = result(f"gaussian labels.{kind} --set sigma=2", f"smooth.{kind}")
    assert not smooth.is_labels
