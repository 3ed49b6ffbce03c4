"""Chains that the History dock runs equal recipes to the bit, lie where the docks' results lie, and are recorded."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from history_checks import made
from napari.layers import Image, Labels
from scipy import ndimage as ndi

from napari_mathimg import Recipe
from napari_mathimg.contract.progress import run_to_end
from napari_mathimg.recipe.record import RECORD
from napari_mathimg.widgets.history.chain_state import start_of
from napari_mathimg.widgets.history.chain_steps import ready_steps, run_steps
from napari_mathimg.widgets.layers.transforms import placement_of
from nightly import nightly

RNG = np.random.default_rng(8)
PLACE = {"scale": (2.0, 0.5, 0.25), "translate": (1.0, 2.0, 3.0), "units": ("um",) * 3, "axis_labels": ("z", "y", "x")}


CHANNELS = {"channel_names": ["DAPI", "GFP", "TRITC"]}


def smooth(shape: tuple[int, ...], dtype: str = "u2", top: float = 4000) -> Any:
    noise = ndi.gaussian_filter(
        np.random.default_rng(3).random(shape), (1.5,) * 2 if len(shape) == 2 else (0, 1.5, 1.5)
    )
    return ((noise - noise.min()) / np.ptp(noise) * top).astype(dtype)


def recipe_of(*steps: Mapping[str, Any]) -> Recipe:
    head = {"format": "mathimg-recipe", "format_version": 1}
    return Recipe.from_plain({**head, "steps": tuple({"version": 1, **step} for step in steps)})


def levels(dtype: str = "u2") -> list[Any]:
    finest = smooth((160, 200), dtype)
    return [finest, finest[::2, ::2], finest[::4, ::4]]


GAUSSIAN = {"operation": "gaussian", "parameters": {"sigma": {"value": (1.0, 0.4), "unit": "um"}}}
ROTATE = {"operation": "rotate", "parameters": {"angle": 20.0}}
PSF = {"psf": {"psf": {"kind": "gaussian", "parameters": {"sigma": 1.5}}}}
CHAINS: dict[str, tuple[Any, Recipe, Mapping[str, Any]]] = {
    "lengths in micrometers": (lambda: Image(smooth((4, 40, 50)), **PLACE), recipe_of(GAUSSIAN, ROTATE), {}),
    "a channel alone": (
        lambda: Image(smooth((3, 40, 50)), **PLACE | {"axis_labels": ("c", "y", "x")}, metadata=CHANNELS),
        recipe_of(
            {"operation": "median", "parameters": {"size": 3}, "where": {"c": "GFP"}},
            {"operation": "adjust_gamma", "parameters": {"gamma": 0.7}, "where": {"c": 0}},
            ROTATE,
        ),
        {},
    ),
    "a level, and a level of a result": (
        lambda: Image(levels(), multiscale=True, scale=(0.5, 0.5), contrast_limits=(0, 4000)),
        recipe_of(GAUSSIAN | {"parameters": {"sigma": 1.5}, "level": 1}, ROTATE | {"level": 1}),
        {},
    ),
    "labels": (
        lambda: Labels(smooth((4, 40, 50)) // 800, **PLACE),
        recipe_of(
            ROTATE | {"parameters": {"angle": 20.0, "order": 0, "resize": True}},
            {"operation": "crop", "options": {"ndim": 3}},
        ),
        {},
    ),
    "colors of floating point": (
        lambda: Image(smooth((3, 40, 50), "u1", 255).transpose(1, 2, 0).copy(), rgb=True),
        recipe_of(
            {"operation": "gaussian", "options": {"channel_axis": 2, "dtype": "float32"}, "divisor": 255.0},
            {"operation": "to_gray", "options": {"channel_axis": 2}},
        ),
        {},
    ),
    "a part of a stack, mirrored": (
        lambda: Image(smooth((5, 40, 50)), **PLACE | {"scale": (2, -0.5, 0.5)}),
        recipe_of({"operation": "invert", "options": {"scope": {"z": (1, 4)}}}, ROTATE),
        {},
    ),
    "a declared PSF, and one of a layer": (
        lambda: Image(smooth((40, 50), "f4")),
        recipe_of(
            {"operation": "richardson_lucy", "parameters": {"num_iter": 3}, "images": PSF},
            {"operation": "wiener", "images": {"psf": {"input": "measured"}}},
        ),
        {"measured": np.outer(*(np.hanning(9)[1:-1],) * 2)},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CHAINS)
def test_a_run_equals_the_recipe_and_is_recorded(name: str) -> None:
    make, recipe, inputs = CHAINS[name]
    layer = make()
    start = start_of(layer, recipe)
    before = [np.array(level) for level in (layer.data if layer.multiscale else [layer.data])]
    done = run_to_end(run_steps(recipe, start, inputs, None, None))
    array = [*layer.data] if layer.multiscale else layer.data
    names = () if layer.axis_labels[0].startswith("-") else layer.axis_labels
    sizes = [float(abs(s)) for s in layer.scale] if str(layer.units[0]) == "micrometer" else None
    channels = layer.metadata.get("channel_names", ())
    known = {"spacing": sizes, "axis_names": names, "channel_names": channels, "labels": isinstance(layer, Labels)}
    expected = recipe.apply(array, inputs, **known)
    np.testing.assert_array_equal(done.data, expected)
    assert done.data.dtype == expected.dtype

    ready = run_to_end(ready_steps(recipe, start, inputs, None, None))
    np.testing.assert_array_equal(np.asarray(ready.after(len(recipe.steps)).image.array), expected)

    record = done.arguments["metadata"][RECORD]
    again = Recipe.from_record(record, inputs)
    np.testing.assert_array_equal(again.apply(array, inputs, **known), expected)
    assert all(step["seconds"] > 0 for step in record)
    assert record[0]["source"] == layer.name
    assert not any(step.get("torn") for step in record)
    for level, kept in zip(layer.data if layer.multiscale else [layer.data], before, strict=True):
        np.testing.assert_array_equal(level, kept)
    shown = type(layer)(done.levels or done.data, **done.arguments, multiscale=done.levels is not None)
    assert shown.ndim == len(expected.shape) - bool(getattr(shown, "rgb", False))
    if recipe.steps[0].where:  # the rest of the stack stays around the part
        assert (shown.translate[0], shown.scale[0]) == (layer.translate[0], layer.scale[0])


WARPS = ("rotate", {"angle": 20.0, "resize": True}, {}), ("rescale", {"scale": (0.5, 2.0)}, {}), ("gaussian", {}, {})
CROPS = ("crop", {"start": (1, 3, 4), "stop": (4, 30, 40)}, {"ndim": 3}), ("swirl", {}, {}), ("invert", {}, {})
WAYS: list[dict[str, Any]] = [{}, {"rotate": 15.0}, {"scale": (2, -0.5, 0.25)}, {"shear": (0.0, 0.0, 0.2)}]


@pytest.mark.parametrize(
    ("chain", "way"),
    [
        (WARPS, WAYS[0]), (CROPS, WAYS[1]), (WARPS, WAYS[2]), (CROPS, WAYS[3]),
        *nightly((CROPS, WAYS[0]), (WARPS, WAYS[1]), (CROPS, WAYS[2]), (WARPS, WAYS[3])),
    ],
)  # fmt: skip
def test_a_run_lies_where_the_results_of_the_docks_lie(viewer: Any, chain: Any, way: Mapping[str, Any]) -> None:
    source = viewer.add_image(smooth((5, 40, 50)), **PLACE | way)
    if "shear" in way:
        chain = tuple(step for step in chain if step[0] != "rotate")
    last = made(viewer, source, chain)
    recipe = Recipe.from_record(last.metadata[RECORD])
    done = run_to_end(run_steps(recipe, start_of(source, recipe), {}, None, None))
    np.testing.assert_array_equal(done.data, last.data)
    shown = Image(done.data, **done.arguments)
    one, other = placement_of(shown), placement_of(last)
    np.testing.assert_allclose(one.affine @ one.matrix, other.affine @ other.matrix, atol=1e-12)
    assert (one.units, one.axis_labels) == (other.units, other.axis_labels)
    assert shown.contrast_limits == last.contrast_limits
    assert shown.name == last.name.split(" [")[0]
    assert [{**step, "seconds": 0} for step in shown.metadata[RECORD]] == [
        {**step, "seconds": 0} for step in last.metadata[RECORD]
    ]


def test_pixels_that_change_during_a_run_are_told() -> None:
    pixels = smooth((40, 50)).astype("f8")
    layer = Image(pixels)
    recipe = recipe_of({"operation": "gaussian", "parameters": {"sigma": 1.0}})
    steps = run_steps(recipe, start_of(layer, recipe), {}, None, None)
    while "Gaussian" not in next(steps).phase:
        pass
    pixels[3, 4] += 1
    done = run_to_end(steps)
    assert done.arguments["metadata"][RECORD][0]["torn"]


def test_steps_that_stay_the_same_are_prepared_once() -> None:
    layer = Image(smooth((4, 40, 50)), **PLACE)
    recipe = recipe_of(GAUSSIAN, {"operation": "rescale_intensity"}, ROTATE)
    start = start_of(layer, recipe)
    first = run_to_end(ready_steps(recipe, start, {}, None, None))
    edited = recipe.with_step(2, parameters={"angle": 40.0})
    second = run_to_end(ready_steps(edited, start, {}, first, None))
    assert [a.plan is b.plan for a, b in zip(first.steps, second.steps, strict=True)] == [True, True, False]
    off = run_to_end(ready_steps(edited.switched(0, True), start, {}, second, None))
    assert not any(a.plan is b.plan for a in second.steps for b in off.steps)
    other = run_to_end(ready_steps(edited, start_of(layer, recipe), {}, second, None))
    assert not any(a.plan is b.plan for a, b in zip(second.steps, other.steps, strict=True))
