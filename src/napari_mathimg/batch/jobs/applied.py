"""A single operation that takes from each image what it was not given, as docks take it from a layer."""

import re
from typing import Any

from ...contract.operation import Operation
from ...io.image import Image
from ...recipe.recipe import Recipe
from ...recipe.step import plain_options

PLACE = re.compile(r"^steps\[0\](?: \(\w+\): |\.parameters\.|\.options\.|\.)")


def for_image(recipe: Recipe, image: Image) -> Recipe:
    """Return the recipe of one step with the axis of colors of an image, and the proportions of its pixels.

    Raises
    ------
    ValueError
        If the step cannot be so.
    """
    step = recipe.steps[0]
    changes: dict[str, Any] = {}
    if step.options.channel_axis is None and image.channel_axis is not None:
        changes["options"] = plain_options(step.options) | {"channel_axis": image.channel_axis}
    if taken := _taken_from_file(step.declared, recipe, image):
        changes["parameters"] = {**taken, **step.parameters}
    return recipe.with_step(0, **changes) if changes else recipe


def without_place(text: str) -> str:
    """Return an error without the place of the only step, because on the command line there is no other."""
    return PLACE.sub("", text)


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
