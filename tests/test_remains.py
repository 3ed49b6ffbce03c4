"""What killed processes have left of a file goes at the next writing of it; what is being written stays."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from napari_mathimg.io import Image, open_image, write_image
from napari_mathimg.io.boxes import ReadBoxes
from napari_mathimg.io.writing import write_steps

PIXELS = np.random.default_rng(0).integers(0, 2**16, (3, 64, 70)).astype(np.uint16)
IMAGE = Image(PIXELS, ("z", "y", "x"))
KILLED = """
import os, signal, sys
import numpy as np
from napari_mathimg.io import Image, write_image
from napari_mathimg.io.boxes import ReadBoxes

class Deadly(ReadBoxes):
    def read(self, box):
        if box[0][0]:
            os.kill(os.getpid(), signal.SIGKILL)
        return np.ones([b - a for a, b in box], np.uint16)

array = Deadly((3, 64, 70), np.uint16)
array.chunks = (1, 64, 70)
options = {"levels": 2} if sys.argv[1].endswith(".tif") else {}
from napari_mathimg.io.zarr import layout
from napari_mathimg.io import writing
layout.SHARD = layout.CHUNK = writing.BLOCK = 1
write_image(sys.argv[1], Image(array, ("z", "y", "x")), **options)
"""
NAMES = ["x.ome.zarr", "x.ome.tif", "x.npy"]


class Slow(ReadBoxes):
    """Pixels of which the first plane is given, so that writing may rest after it."""

    def read(self, box: tuple[tuple[int, int], ...]) -> np.ndarray:
        return PIXELS[tuple(slice(a, b) for a, b in box)]


def names(folder: Path) -> set[str]:
    return {place.name for place in folder.iterdir()}


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows knows no SIGKILL")
@pytest.mark.parametrize("name", NAMES)
def test_what_a_kill_has_left_goes_at_the_next_writing(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    others = {"y.npy", f".y{name}.0123abcd.partial", f".{name}.word.partial", f".{name}.0123abcd.old.txt"}
    for other in others:
        (tmp_path / other).touch()
    killed = subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False, env=os.environ)
    assert killed.returncode == -signal.SIGKILL
    assert any(left.startswith(f".{name}.") for left in names(tmp_path) - others)
    write_image(path, IMAGE)
    assert names(tmp_path) == others | {name}
    np.testing.assert_array_equal(np.asarray(open_image(path).array), PIXELS)


@pytest.mark.parametrize("name", NAMES[:2])
def test_what_another_writes_at_the_same_time_stays(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    slow = write_steps(path, Image(Slow(PIXELS.shape, PIXELS.dtype), ("z", "y", "x")), overwrite=True, threads=1)
    next(slow)
    (partial,) = tmp_path.glob(f".{name}.*.partial")
    write_image(path, Image(PIXELS + 1, ("z", "y", "x")))
    assert partial.exists()
    np.testing.assert_array_equal(np.asarray(open_image(path).array), PIXELS + 1)
    for _ in slow:
        pass
    assert names(tmp_path) == {name}
    np.testing.assert_array_equal(np.asarray(open_image(path).array), PIXELS)
