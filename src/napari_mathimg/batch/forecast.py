"""What a recipe needs for an image, counted from shapes and types before a pixel is read."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..contract.per_index import PerIndex, per_index
from ..contract.progress import run_to_end
from ..engine.forecast import needs_of, sketch
from ..engine.threads import cores
from ..io.image import Image
from ..recipe.adapted import Adapted
from ..recipe.image_state import result_of
from ..recipe.recipe import Recipe
from ..recipe.replay import step_arguments
from .chain import Chain


@dataclass(frozen=True)
class Forecast:
    """What a recipe needs for an image.

    Attributes
    ----------
    read
        Bytes of the pixels of the image.
    written
        Bytes of the pixels of the result, without compression.
    memory
        Bytes of memory at the most, if the whole result and what lies between the steps is held in it.
    shape, dtype
        Shape and type of the result.
    """

    read: int
    written: int
    memory: int
    shape: tuple[int, ...]
    dtype: str


class _Unread(Adapted):
    """The array of a result that is not computed."""

    def __init__(self, shape: tuple[int, ...], dtype: Any) -> None:
        super().__init__(None, shape, dtype)

    def _read(self, box: tuple[slice, ...]) -> Any:
        return np.zeros([part.stop - part.start for part in box], self.dtype)


def forecast(recipe: Recipe, image: Image, inputs: Mapping[str, Image], threads: int | None = None) -> Forecast:
    """Return what a recipe needs for an image; arguments as those of `computed`.

    Values that a run would measure first are made up, and of values for each index the first one counts.

    Raises
    ------
    ValueError
        If a step cannot be applied.
    """
    threads = threads or cores()
    chain = Chain.begin(recipe, image, inputs)
    state, arrays = chain.state, chain.arrays
    read = math.prod(image.shape) * image.dtype.itemsize
    held = read if type(image.array) is np.ndarray else 0  # maps of files, and lazy arrays, are not held
    most = held
    for number, step in enumerate(recipe.steps):
        if step.off:
            continue
        place = f"steps[{number}]"
        try:
            steps = step_arguments(step, place, state.turned(step), arrays, recipe.folder, threads)
            at_level, options, parameters, images = run_to_end(steps)
            parameters = {name: _first(name, value) for name, value in parameters.items()}
            further = [_first("image", value) for value in images]
            plan = sketch(
                step.declared, at_level.array, further, options, step.declared.validate(parameters), threads,
                state.axis_names,
            )  # fmt: skip
        except ValueError as error:
            text = str(error)
            raise ValueError(text if text.startswith(place) else f"{place} ({step.operation}): {text}") from error
        needed = needs_of(plan, threads)
        state = result_of(step, place, at_level, plan, _Unread(plan.shape, plan.dtype))
        result = math.prod(state.array.shape) * np.dtype(state.array.dtype).itemsize
        most = max(most, held + needed.memory + (result if step.where else 0))
        held = result
    written = math.prod(state.array.shape) * np.dtype(state.array.dtype).itemsize
    return Forecast(read, written, most, tuple(map(int, state.array.shape)), str(np.dtype(state.array.dtype)))


def _first(name: str, value: Any) -> Any:
    """Return a value, or the first of those for each index."""
    found: PerIndex | None = per_index(name, value)
    return value if found is None else found.values[0]
