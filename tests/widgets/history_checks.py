"""Chains of results as runs add them, and what a History dock must show of them."""

from collections.abc import Mapping
from typing import Any
from weakref import ref

import numpy as np

from napari_mathimg.catalog import find
from napari_mathimg.contract.progress import run_to_end
from napari_mathimg.engine import Options
from napari_mathimg.recipe.recipe import Recipe
from napari_mathimg.recipe.record import RECORD
from napari_mathimg.widgets.dock.results import show_result
from napari_mathimg.widgets.layers.snapshot import snapshot
from napari_mathimg.widgets.tasks.operation_job import Job, steps

Step = tuple[str, Mapping[str, Any], Mapping[str, Any]]
CHAIN: tuple[Step, ...] = (
    ("gaussian", {"sigma": 1.5}, {}),
    ("rescale_intensity", {}, {}),
    ("median", {"size": 3}, {}),
)


def run_step(viewer: Any, layer: Any, id: str, parameters: Mapping[str, Any], options: Mapping[str, Any]) -> Any:
    """Add the result of an operation on a layer, as the docks do."""
    op = find(id)
    colors = {"channel_axis": layer.ndim} if getattr(layer, "rgb", False) else {}
    chosen = Options(**{**colors, **options})
    job = Job(op, snapshot(layer), ref(layer), chosen, op.validate(parameters), "everything")
    result, _ = show_result(viewer, job, run_to_end(steps(job)), None, None)
    return result


def made(viewer: Any, layer: Any, chain: tuple[Step, ...] = CHAIN) -> Any:
    """Add the results of a chain of operations, and return the last one."""
    for id, parameters, options in chain:
        layer = run_step(viewer, layer, id, parameters, options)
    return layer


def fresh(recipe: Recipe, source: Any) -> Any:
    """Return what a run of a recipe gives, without a window."""
    names = tuple(n for n in source.axis_labels if not n.lstrip("-").isdigit())
    sizes = [float(s) for s in source.scale] if str(source.units[-1]) == "micrometer" else None
    array = [*source.data] if source.multiscale else source.data
    return recipe.apply(array, spacing=sizes, axis_names=names)


def recorded(layer: Any) -> list[str]:
    return [step["operation"] for step in layer.metadata[RECORD]]


def equal(one: Any, other: Any) -> None:
    one, other = np.asarray(one), np.asarray(other)
    assert one.dtype == other.dtype
    np.testing.assert_array_equal(one, other)
