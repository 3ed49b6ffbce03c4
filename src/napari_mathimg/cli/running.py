"""The verbs that compute: an operation or a recipe on a file, to a file."""

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..batch.computed import computed
from ..catalog import find
from ..contract.operation import Operation
from ..io.image import Image
from ..io.reading import open_image
from ..io.writing import check_image, check_output, write_image
from ..recipe.file_format import header
from ..recipe.recipe import Recipe
from .printable import printable
from .progress import watched
from .recipes import opened as opened_recipe
from .values import names_of, options_of, pairs, parameters_of

PLACE = re.compile(r"^steps\[0\](?: \(\w+\): |\.parameters\.|\.options\.|\.)")


@dataclass(frozen=True)
class _Opened:
    """The image, the further images by name, and the path of the result, which is none of their files."""

    image: Image
    further: Mapping[str, Image]
    output: Path


def apply_operation(given: Any) -> None:
    """Apply an operation to a file."""
    op = find(given.operation)
    parameters = parameters_of(op, given.values)
    opened = _opened(given)
    names = [name for name, _ in op.images[1:]]
    if unknown := [name for name in opened.further if name not in names]:
        its = f"its further images are {', '.join(names)}" if names else "it has no further images"
        raise ValueError(f"--image {unknown[0]}: must be an image of {op.id}; {its}")
    step: dict[str, Any] = {"operation": op.id, "parameters": parameters}
    if options := options_of(given, opened.image.channel_axis):
        step["options"] = options
    if given.level:
        step["level"] = given.level
    if opened.further:
        step["images"] = {name: {"input": name} for name in opened.further}
    with _in_words():
        recipe = Recipe.from_plain({**header(()), "steps": (step,)})
        taken = _taken_from_file(op, recipe, opened.image)
        if taken:
            recipe = recipe.with_step(0, parameters={**taken, **parameters})
        _finish(given, recipe, opened)


def run_recipe(given: Any) -> None:
    """Run a recipe on a file."""
    recipe, files = opened_recipe(given.recipe)
    opened = _opened(given, files)
    for name in recipe.inputs:
        if name not in opened.further:
            raise ValueError(f"--input {name}=FILE: must be given, because the recipe names this input")
    for name in opened.further:
        if name not in recipe.inputs:
            its = f"its inputs are {', '.join(recipe.inputs)}" if recipe.inputs else "it has no inputs"
            raise ValueError(f"--input {name}: must be an input of the recipe; {its}")
    if not given.quiet:
        for warning in recipe.warnings:
            print(printable(f"mathimg: {warning}"), file=sys.stderr)
    _finish(given, recipe, opened)


def _opened(given: Any, files: Iterable[Path] = ()) -> _Opened:
    """Open all inputs, and refuse an output that cannot be written, or that would harm one of them or further files."""
    image = open_image(given.file, series=given.series, axes=names_of(given.axis_names))
    further = {name: open_image(path) for name, path in pairs(given.images, "--image").items()}
    sources = [*image.files, *files, *(path for each in further.values() for path in each.files)]
    return _Opened(image, further, check_output(given.output, sources, given.overwrite, given.imagej))


def _finish(given: Any, recipe: Recipe, opened: _Opened) -> None:
    """Run a recipe, and write its result."""
    if given.threads is not None and given.threads < 1:
        raise ValueError(f"--threads {given.threads}: must be at least 1")
    if given.levels is not None and given.levels < 1:
        raise ValueError(f"--levels {given.levels}: must be at least 1")

    def check(image: Image) -> None:
        check_image(opened.output, image, imagej=given.imagej, levels=given.levels)

    result = watched(computed(recipe, opened.image, opened.further, given.threads, check), given.quiet)
    write_image(opened.output, result, overwrite=given.overwrite, imagej=given.imagej, levels=given.levels)
    if not given.quiet:
        for note in result.notes:
            print(printable(f"mathimg: {note}"), file=sys.stderr)


@contextmanager
def _in_words() -> Iterator[None]:
    """Tell errors of the only step without its place, because on the command line there is no other."""
    try:
        yield
    except ValueError as error:
        raise ValueError(PLACE.sub("", str(error))) from error


def _taken_from_file(op: Operation, recipe: Recipe, image: Image) -> dict[str, Any]:
    """Return the parameters that docks take from a layer: the proportions of pixels, where they are known."""
    if not op.from_layer:
        return {}
    named = {axis: k for k, axis in enumerate(image.axes)}
    axes = recipe.steps[0].options.axes
    chosen = image.places[-2:] if axes is None else tuple(a if isinstance(a, int) else named[a] for a in axes[-2:])
    if len(chosen) < 2 or image.units[chosen[1]] is None:
        return {}
    sizes = image.spacing(image.units[chosen[1]] or "")
    high, wide = (sizes[axis] for axis in chosen)
    if high is None or wide is None:
        return {}
    ratio = float(f"{high / wide:.12g}")
    rows, columns = float(f"{ratio**0.5:.12g}"), float(f"{ratio**-0.5:.12g}")
    found = {"size": (ratio, 1.0), "frame": ((rows, 0.0), (0.0, columns))}
    return {name: found[what] for name, what in op.from_layer.items()}
