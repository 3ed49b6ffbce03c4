"""Folders of small images for tests of jobs, and what lies in a folder."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np

from napari_mathimg import Recipe
from napari_mathimg.batch.job import Job, JobControl, JobReport, run_job
from napari_mathimg.io import Image, write_image

HEAD = 'format = "mathimg-recipe"\nformat_version = 1\n'
GAUSSIAN = f'{HEAD}[[steps]]\noperation = "gaussian"\nparameters = {{sigma = {{value = 0.2, unit = "um"}}}}\n'
GAMMA = f'{HEAD}[[steps]]\noperation = "adjust_gamma"\nparameters = {{gamma = 0.5}}\n'
SMOOTH, BRIGHT = Recipe.loads(GAUSSIAN), Recipe.loads(GAMMA)
BROKEN = (b"", b"II*\0", b"not an image", b"\x89PNG\r\n\x1a\n", b"\x93NUMPY\1\0")


def pixels(number: int) -> Any:
    """Return the pixels of a numbered image."""
    return np.random.default_rng(number).integers(0, 4000, (20, 30 + number % 3), np.uint16)


def images(folder: Path, count: int, broken: int = 0) -> Path:
    """Write numbered images into a folder, of which some, spread over them, cannot be read."""
    folder.mkdir(parents=True)
    bad = {k * count // broken + 1 for k in range(broken)}
    for number in range(count):
        path = folder / f"{number:04}.ome.tif"
        if number in bad:
            path.write_bytes(BROKEN[number % len(BROKEN)])
        else:
            write_image(path, Image(pixels(number), ("y", "x"), (0.1, 0.1), ("µm", "µm")))
    return folder


def finished(job: Job, control: JobControl | None = None) -> JobReport:
    """Run a job to its end."""
    return ended(run_job(job, control))


def ended(steps: Generator[Any, None, JobReport]) -> JobReport:
    """Run the rest of a job, and return its report."""
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            report: JobReport = stop.value
            return report


def tree(folder: Path) -> dict[str, Any]:
    """Return all that lies in a folder, with size, content and time of its last change."""
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns) if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


def results(folder: Path) -> dict[str, int]:
    """Return the results in a folder by name, with the time of their last change."""
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir() if not path.name.startswith(".")}
