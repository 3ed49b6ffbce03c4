"""The chain of steps of a layer, as it was recorded and as it is edited."""

from collections.abc import Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary, ref

from napari.layers import Layer

from ...recipe.recipe import Recipe
from ...recipe.record import RECORD

Seconds = tuple[float | None, ...]


class EditedChain:
    """The steps that made a layer: a recipe that can be edited, and what is known of its last run.

    Parameters
    ----------
    layer
        The layer whose chain it is.
    recipe
        The recorded steps, or those of a recipe that was loaded.
    seconds
        What each step took; None where that is not known.
    source
        The layer that the first step is applied to; None if it is not known.
    is_recorded
        Whether the steps made the layer, rather than are to be applied to it.
    """

    def __init__(
        self, layer: Layer, recipe: Recipe, seconds: Seconds, source: Layer | None, is_recorded: bool = True
    ) -> None:
        self.layer = ref(layer)
        self.given, self.recipe, self.is_recorded = recipe, recipe, is_recorded
        self._given_seconds = self.seconds = seconds
        self._source: ref[Layer] | None = None
        self._result: ref[Layer] | None = None  # the layer that shows the edited chain
        self.source = source

    @property
    def source(self) -> Layer | None:
        """The layer that the first step is applied to."""
        return None if self._source is None else self._source()

    @source.setter
    def source(self, layer: Layer | None) -> None:
        self._source = None if layer is None else ref(layer)

    @property
    def result(self) -> Layer | None:
        """The layer that shows the edited chain."""
        return None if self._result is None else self._result()

    @result.setter
    def result(self, layer: Layer) -> None:
        self._result = ref(layer)

    @property
    def is_edited(self) -> bool:
        """Whether the steps are others than those that were recorded or loaded."""
        return self.recipe != self.given

    def change(self, number: int, parameters: Mapping[str, Any]) -> None:
        """Give a step other parameters; raise ValueError if it cannot have them."""
        self.recipe = self.recipe.with_step(number, parameters=dict(parameters))
        self._forget_seconds(number)

    def switch(self, number: int, on: bool) -> None:
        """Switch a step on or off."""
        self.recipe = self.recipe.switched(number, not on)
        self._forget_seconds(number)

    def remove(self, number: int) -> None:
        """Remove a step; raise ValueError if it is the only one."""
        self.recipe = self.recipe.without_step(number)
        self.seconds = self.seconds[:number] + self.seconds[number + 1 :]
        self._forget_seconds(number)

    def reset(self) -> None:
        """Go back to the steps that were recorded or loaded."""
        self.recipe, self.seconds = self.given, self._given_seconds

    def _forget_seconds(self, first: int) -> None:
        """Forget what a step and those after it took, because they now compute something else."""
        self.seconds = self.seconds[:first] + (None,) * (len(self.seconds) - first)


class EditedChains:
    """The chains of the layers of a viewer; a layer that was run anew gets a new one."""

    def __init__(self) -> None:
        self._known: WeakKeyDictionary[Layer, tuple[Any, EditedChain]] = WeakKeyDictionary()

    def get(self, layer: Layer) -> EditedChain | None:
        """Return the chain that was put for a layer, unless its record is another one since."""
        record, chain = self._known.get(layer, (None, None))
        return chain if record is layer.metadata.get(RECORD) else None

    def put(self, layer: Layer, chain: EditedChain) -> None:
        """Keep the chain of a layer as it is now."""
        self._known[layer] = layer.metadata.get(RECORD), chain


def seconds_of(record: Sequence[Mapping[str, Any]]) -> Seconds:
    """Return what recorded steps took; None where the record does not say it."""
    found = (step.get("seconds") for step in record)
    return tuple(float(value) if isinstance(value, int | float) else None for value in found)
