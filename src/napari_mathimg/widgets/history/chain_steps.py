"""The steps of a chain: prepared one after the other as lazy results, or run."""

import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeVar

import numpy as np

from ...contract.progress import Progress, with_prefix
from ...engine import LazyArray, Plan, report, run
from ...engine.pyramid import build_pyramid
from ...engine.value_range import data_range
from ...recipe.image_state import Image, result_of
from ...recipe.recipe import Recipe
from ...recipe.replay import prepare_step
from ...recipe.step import Step
from ..form.sentences import in_form_words
from ..layers.pixel_digest import digests
from ..tasks.background_task import EXPECTED
from ..tasks.operation_job import apart, outgrown
from .chain_state import ChainState, Start, fitted, state_after

Value = TypeVar("Value")
Steps = Generator[Progress, None, Value]


@dataclass(frozen=True)
class Ready:
    """A step that is ready to be computed where it is looked at.

    Attributes
    ----------
    number
        Number of the step in the recipe, from 0.
    step
        The step.
    plan
        Its plan.
    at_level
        The image that it reads.
    after
        The state after it, whose array is lazy.
    """

    number: int
    step: Step
    plan: Plan
    at_level: Image
    after: ChainState


class ReadyChain(NamedTuple):
    """All steps of a chain that are on, ready to be computed."""

    start: Start
    steps: tuple[Ready, ...] = ()
    inputs: Mapping[str, Any] = {}

    def after(self, number: int) -> ChainState:
        """Return the state after a step of the recipe; where it is off, that after the last step before it."""
        before = [ready for ready in self.steps if ready.number <= number]
        return before[-1].after if before else self.start.state

    def at(self, number: int) -> Ready | None:
        """Return a step by its number in the recipe; None if it is off."""
        return next((ready for ready in self.steps if ready.number == number), None)


class ChainDone(NamedTuple):
    """The result of a chain that was run: its pixels, or those of its levels, and the arguments of its layer."""

    start: Start
    data: Any
    levels: list[Any] | None
    arguments: dict[str, Any]
    seconds: tuple[float | None, ...]  # that each step of the recipe took


def active_steps(recipe: Recipe) -> list[tuple[int, Step]]:
    """Return the steps that are on, with their numbers from 0.

    Raises
    ------
    ValueError
        If none is.
    """
    steps = [(number, step) for number, step in enumerate(recipe.steps) if not step.off]
    if not steps:
        raise ValueError("All steps are off: switch one on")
    return steps


def ready_steps(
    recipe: Recipe, start: Start, inputs: Mapping[str, Any], known: ReadyChain | None, threads: int | None
) -> Steps[ReadyChain]:
    """Prepare all steps that are on, in a generator that yields progress; the first ones are taken from `known`."""
    state, ready = start.state, list[Ready]()
    is_known = known is not None and known.start is start and _same(known.inputs, inputs)
    old = known.steps if known is not None and is_known else ()
    for number, step in enumerate(recipe.steps):
        if step.off:
            continue
        if len(ready) < len(old) and old[len(ready)].step == step:
            ready.append(replace(old[len(ready)], number=number))
        else:
            old = ()
            preparing = prepare_step(step, f"steps[{number}]", state.image, inputs, recipe.folder, threads, None)
            at_level, plan, _ = yield from told(number, len(recipe.steps), step, preparing)
            suited = fitted(step, at_level, state, plan)
            image = result_of(suited, f"steps[{number}]", at_level, plan, LazyArray(plan))
            after, _ = state_after(state, suited, at_level, plan, image)
            ready.append(Ready(number, step, plan, at_level, after))
        state = ready[-1].after
    return ReadyChain(start, tuple(ready), dict(inputs))


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return one.keys() == other.keys() and all(one[name] is other[name] for name in one)


def run_steps(
    recipe: Recipe, start: Start, inputs: Mapping[str, Any], threads: int | None, memory: int | None
) -> Steps[ChainDone]:
    """Run all steps that are on, in a generator that yields progress."""
    state, taken = start.state, list[float | None]([None] * len(recipe.steps))
    arguments: dict[str, Any] = {}
    for number, step in active_steps(recipe):
        begun = time.perf_counter()
        steps = _run_step(recipe, number, step, state, inputs, threads, memory, begun)
        state, arguments = yield from told(number, len(recipe.steps), step, steps)
        taken[number] = time.perf_counter() - begun
    data, image = state.image.array, state.image
    if state.snapshot.kind == "image" and not state.snapshot.rgb:
        arguments["contrast_limits"] = yield from _limits(data, start.state, state, threads)
    levels = None
    if image.pyramid is not None:
        levels = yield from build_pyramid(data, state.ndim, image.pyramid, threads)
        levels = levels if len(levels) > 1 else None
    return ChainDone(start, data, levels, arguments, tuple(taken))


def _run_step(
    recipe: Recipe, number: int, step: Step, state: ChainState, inputs: Mapping[str, Any], threads: int | None,
    memory: int | None, begun: float,
) -> Steps[tuple[ChainState, dict[str, Any]]]:  # fmt: skip
    place = f"steps[{number}]"
    at_level, plan, images = yield from prepare_step(
        step, place, state.image, inputs, recipe.folder, threads, memory or "free"
    )
    read = [at_level.array, *(image for image in images if isinstance(image, np.ndarray))]
    before = yield from digests(read, "Pixels")
    lost: list[Any] = []
    pixels = yield from run(plan, threads=threads, lost=lost)
    is_torn = (yield from digests(read, "Pixels")) != before
    measured = yield from report(plan, pixels, threads)
    step = fitted(step, at_level, state, plan)
    image = result_of(step, place, at_level, plan, pixels)
    took = time.perf_counter() - begun
    return state_after(state, step, at_level, plan, image, images, measured, lost[0], is_torn, took)


def _limits(data: Any, before: ChainState, after: ChainState, threads: int | None) -> Steps[tuple[float, float]]:
    """Return the contrast limits of a source, or those of a result whose values outgrow both them and the source."""
    kept, found = after.snapshot.contrast_limits, (yield from data_range(data, "Contrast limits", threads))
    if kept is None:
        return apart(*found)
    if not outgrown(found, kept):
        return kept
    source = before.image.array
    is_read = isinstance(source, np.ndarray)
    if is_read and not outgrown(found, (yield from data_range(source, "Contrast limits", threads)), kept):
        return kept
    return apart(*found)


def told(number: int, count: int, step: Step, steps: Steps[Value]) -> Steps[Value]:
    """Say in progress and in errors which step they are about."""
    try:
        return (yield from with_prefix("" if count == 1 else f"Step {number + 1}: ", steps))
    except EXPECTED as error:
        if not isinstance(error, ValueError):
            raise
        raise ValueError(in_words(number, step, str(error))) from error


def in_words(number: int, step: Step, text: str) -> str:
    """Return the message of an error of a step, which begins with its number and title."""
    rest = text.removeprefix(f"steps[{number}]").removeprefix(f" ({step.operation})").lstrip(".: ")
    for inner in ("parameters.", "options."):
        rest = rest.removeprefix(inner)
    words = in_form_words(rest, step.declared.parameters, (name for name, _ in step.declared.images[1:]))
    return f"Step {number + 1}, {step.declared.title}: {words}"
