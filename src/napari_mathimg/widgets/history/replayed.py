"""Recipes applied to layers: the runs, and the layers that they add when all are complete."""

from collections.abc import Generator, Mapping, Sequence
from typing import Any, NamedTuple

from napari.layers import Image, Labels, Layer

from ...contract.progress import Progress, with_prefix
from ...recipe.names import cut_middle
from ...recipe.recipe import Recipe
from ...recipe.record import RECORD, is_preview
from ..dock.results import add_or_update
from ..layers.levels import full_resolution
from ..layers.made_layers import note_source
from ..settings.preferences import memory, threads
from ..settings.session_log import note_run
from ..tasks.background_task import EXPECTED, reason
from .chain_state import Start, start_of
from .chain_steps import ChainDone, run_steps
from .origins import takes


class Task(NamedTuple):
    """A recipe to be applied to a layer: the name of the layer, what it gives, and the further images."""

    name: str
    recipe: Recipe
    start: Start
    inputs: Mapping[str, Any]


class Replayed(NamedTuple):
    """The outcome of a task: its result, or the error that prevented it."""

    task: Task
    done: ChainDone | None
    error: str = ""


def task_of(recipe: Recipe, layer: Layer, layers: Sequence[Layer], start: Start | None = None) -> Task:
    """Return the task of applying a recipe to a layer; `layers` are those that may serve as further images."""
    return Task(layer.name, recipe, start or start_of(layer, recipe), inputs_of(recipe, layers))


def inputs_of(recipe: Recipe, layers: Sequence[Layer]) -> dict[str, Any]:
    """Return the pixels of the further images that a recipe only names, of the topmost layers with these names."""
    named = {layer.name: layer for layer in layers if isinstance(layer, Image) and not is_preview(layer.metadata)}
    return {name: full_resolution(named[name]) for name in recipe.inputs if name in named}


def selected_layers(viewer: Any, besides: Sequence[Layer | None] = ()) -> list[Layer]:
    """Return the selected layers that steps can be applied to, in the order of the list of layers."""
    return [x for x in viewer.layers if x in viewer.layers.selection and takes(x) and x not in besides]


def run_all(tasks: Sequence[Task]) -> Generator[Progress, None, list[Replayed]]:
    """Run tasks one after the other, in a generator that yields progress; one that fails does not stop the others."""
    outcomes = []
    for number, task in enumerate(tasks, 1):
        steps = run_steps(task.recipe, task.start, task.inputs, threads(), memory())
        try:
            done = yield from with_prefix("" if len(tasks) == 1 else f"{number} of {len(tasks)}: ", steps)
        except EXPECTED as error:
            outcomes.append(Replayed(task, None, reason(error)))
        else:
            outcomes.append(Replayed(task, done))
    return outcomes


def add_result(viewer: Any, task: Task, done: ChainDone, previous: Layer | None = None, name: str = "") -> Layer:
    """Add the layer of a result, or let it replace a previous one."""
    kind = Labels if done.start.state.snapshot.kind == "labels" else Image
    arguments = done.arguments | ({"name": name} if name else {})
    layer: Layer = add_or_update(viewer, kind, done.levels or done.data, arguments, previous)
    note_source(layer, done.start.layer())
    made = layer.metadata[RECORD][len(done.start.state.snapshot.metadata[RECORD]) :]
    note_run(viewer, layer.name, task.name, made)
    return layer


def add_results(viewer: Any, outcomes: Sequence[Replayed]) -> str:
    """Add the layers of all results, and say what was added and what failed, and why."""
    added = [add_result(viewer, o.task, o.done) for o in outcomes if o.done is not None]
    if len(added) > 1:
        viewer.layers.selection = set(added)
    words = [f"{len(added)} layer{'s' if len(added) != 1 else ''} added."] if added else []
    words += [f"{cut_middle(o.task.name)}: {o.error.rstrip('.')}." for o in outcomes if o.error]
    return " ".join(words if added else [*words, "Nothing was added."])
