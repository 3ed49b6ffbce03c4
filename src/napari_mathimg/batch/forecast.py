"""What a recipe needs for an image, counted from shapes and types before a pixel is read."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..contract.progress import run_to_end
from ..engine.forecast import needs_of
from ..engine.threads import cores
from ..io.image import Image
from ..recipe.adapted import Adapted
from ..recipe.recipe import Recipe
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
    read = math.prod(image.shape) * image.dtype.itemsize
    held = read if type(image.array) is np.ndarray else 0  # maps of files, and lazy arrays, are not held
    most = held
    for number, step in chain.steps():
        link = run_to_end(chain.prepare(number, step, threads, None, sketched=True))
        needed = needs_of(link.plan, threads)
        chain.add(link, _Unread(link.plan.shape, link.plan.dtype))
        result = math.prod(chain.state.array.shape) * np.dtype(chain.state.array.dtype).itemsize
        most = max(most, held + needed.memory + (result if step.where else 0))
        held = result
    state = chain.state
    written = math.prod(state.array.shape) * np.dtype(state.array.dtype).itemsize
    return Forecast(read, written, most, tuple(map(int, state.array.shape)), str(np.dtype(state.array.dtype)))
