"""The record of the steps of a recipe, and what is said of them, in the order in which they were done."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..contract.operation import Report
from ..engine import Losses, Plan
from ..io.image import Image
from ..io.notes import ORIGIN
from ..recipe.lengths import is_length
from ..recipe.names import result_name
from ..recipe.recipe import Recipe
from ..recipe.record import RECORD, record
from ..recipe.step import Step
from .chain import Link
from .further_images import images_of


@dataclass(frozen=True)
class _Source:
    """An image as a record describes it."""

    name: str
    metadata: Mapping[str, Any]
    level: int = 0


class Recorded:
    """Name, metadata and notes of the result of the steps that were added.

    Parameters
    ----------
    image
        The image that the first step is applied to.
    recipe
        The recipe.
    inputs, arrays
        The further images by name, and their pixels.
    """

    def __init__(self, image: Image, recipe: Recipe, inputs: Mapping[str, Image], arrays: Mapping[str, Any]) -> None:
        self.name, self.notes = image.name, list[str]()
        self.metadata: dict[str, Any] = {RECORD: [], **image.metadata}
        self.metadata.pop(ORIGIN, None)
        self._recipe, self._inputs, self._arrays = recipe, inputs, arrays

    def add(self, link: Link, told: Report | None, lost: Losses | None) -> None:
        """Record a step; without losses, nobody counted how many values it clipped."""
        step, plan = link.step, link.plan
        source = _Source(self.name, self.metadata, step.level)
        further = images_of(
            link.place, step, plan, self._inputs, self._arrays, self._recipe.folder, self.metadata[RECORD]
        )
        self.metadata = _recorded(source, plan, step, further, told, lost)
        self.name = result_name(self.name, source.metadata, plan.operation.title)
        if (clipped := self.metadata[RECORD][-1].get("saturated", 0)) > 0:
            self.notes.append(f"{plan.operation.title}: {clipped} values could not be held, and were clipped.")
        if told is not None:
            self.notes.append(f"{plan.operation.title}: {told.text}")


def scope_in_words(plan: Plan) -> str:
    """Return which items a step was applied to."""
    scope = plan.options.scope
    if scope is None:
        return "everything"
    parts = {axis: str(part) if isinstance(part, int) else f"{part[0]}:{part[1]}" for axis, part in scope.items()}
    return ", ".join(f"{axis}={part}" for axis, part in parts.items())


def _recorded(
    source: _Source, plan: Plan, step: Step, further: list[Any], told: Report | None, lost: Losses | None
) -> dict[str, Any]:
    """Return the metadata of a result: lengths in the unit in which they were given, and where the step acts."""
    lengths = {name: dict(value) for name, value in step.parameters.items() if _has_length(value)}
    metadata = record(
        source,
        plan,
        scope_in_words(plan),
        further,
        told,
        lost,
        lengths=lengths,
        keeps_axis=step.keep_axis,
        is_lazy=lost is None,
    )
    *before, last = metadata[RECORD]
    if step.where:
        last |= {"where": dict(step.where), "options": {**last["options"], "scope": None}}
    if step.divisor != 1:
        last |= {"divisor": step.divisor}
    return {**metadata, RECORD: [*before, last]}


def _has_length(value: Any) -> bool:
    """Return whether a parameter was given as a length in a unit, or as one for each index along an axis."""
    return is_length(value) or (isinstance(value, Mapping) and any(map(is_length, value.get("values", ()))))
