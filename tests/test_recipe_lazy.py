"""Lazy recipes hold the pixels of applied ones, in any box, and are prepared step by step."""

import numpy as np
import pytest

from cases import CASES, colored
from napari_mathimg import Recipe, apply
from nightly import some
from planning import gray, label, same

DAILY = ("gaussian", "rotate", "equalize_adapthist", "wiener")


def recipe_of(*steps, **more):
    return Recipe.from_plain({"format": "mathimg-recipe", "format_version": 1, "steps": steps, **more})


def boxes(shape, count, seed=0):
    """Random keys of integers, slices, steps and negative numbers."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        key = []
        for n in shape:
            a, b = sorted(rng.integers(0, n + 1, 2))
            kinds = [int(rng.integers(-n, n)), slice(int(a), int(b)), slice(None, None, -1), slice(int(a), None, 2)]
            key.append(kinds[rng.integers(len(kinds))])
        yield tuple(key[: rng.integers(1, len(key) + 1)])


def agrees(lazy, expected):
    assert (lazy.shape, lazy.dtype, len(lazy)) == (expected.shape, expected.dtype, len(expected))
    for key in boxes(expected.shape, 12):
        assert same(np.asarray(lazy[key]), expected[key]), key
    assert same(np.asarray(lazy), expected)
    return True


@pytest.mark.parametrize("case", some(CASES, *(c for c in CASES if c.operation in DAILY)), ids=label)
def test_a_lazy_recipe_is_that_which_was_applied(case):
    ndim = case.ndims[0] if case.ndims[0] > 1 else 2
    image = np.maximum(gray("u2", (2, 37, 29) if ndim == 2 else (13, 21, 17)), 1)
    options = {"ndim": ndim, "statistics": "item"}
    if case.color:
        image, options = colored(image), {**options, "channel_axis": -1}
    further = case.further(image.shape[-2:] if not case.color else (37, 29), options.get("channel_axis"))
    names = [name for name, _ in case.declared.images[1:]][: len(further)]
    inputs = dict(zip(names, further, strict=True))
    step = {"operation": case.operation, "options": options, "parameters": case.parameters}
    step |= {"images": {name: {"input": name} for name in names}} if names else {}
    recipe = recipe_of(step)
    assert agrees(recipe.lazy(image, inputs), recipe.apply(image, inputs))


def test_where_a_step_acts_and_what_it_divides_by():
    stack = gray("u2", (2, 3, 41, 37))
    names = {"axis_names": ("t", "c", "y", "x"), "channel_names": ("A", "B", "C")}
    recipe = recipe_of(
        {"operation": "gaussian", "where": {"c": "B"}},
        {"operation": "equalize_hist", "where": {"t": 1, "c": 2}, "options": {"statistics": "layer"}},
        {"operation": "median", "where": {"t": 0}},
        {"operation": "adjust_gamma", "options": {"dtype": "float32"}, "divisor": 255},
        {"operation": "rescale", "parameters": {"scale": 0.7}},
    )
    assert agrees(recipe.lazy(stack, **names), recipe.apply(stack, **names))
    assert agrees(recipe_of(recipe.steps[0].plain()).lazy(stack, **names), smoothed(stack))


def smoothed(stack):
    expected = stack.copy()
    expected[:, 1] = apply(stack[:, 1], "gaussian")
    return expected


def test_steps_are_prepared_when_they_are_asked_for():
    image = gray("f4")
    recipe = recipe_of(
        {"operation": "gaussian"}, {"operation": "invert", "off": True},
        {"operation": "wiener", "images": {"psf": {"input": "p"}}},
    )  # fmt: skip
    prepared = recipe.prepared(image)
    first = next(prepared)
    assert (first.number, first.step, first.plan.operation.id) == (0, recipe.steps[0], "gaussian")
    assert same(np.asarray(first.image.array), apply(image, "gaussian"))
    with pytest.raises(ValueError, match=r"steps\[2\].images.psf='p': must be given to the run by this name"):
        next(prepared)
    (last,) = recipe.with_step(2, operation="adjust_gamma", images={}).prepared(image, after=first)
    assert last.number == 2
    assert same(np.asarray(last.image.array), apply(apply(image, "gaussian"), "adjust_gamma"))


def test_lazy_arrays_of_a_recipe_refuse_what_lies_outside():
    lazy = recipe_of({"operation": "gaussian", "where": {"c": 1}}).lazy(gray("u2", (3, 21, 17)), axis_names="cyx")
    for key in (3, -4, (0, 21), (0, 0, 0, 0)):
        with pytest.raises(IndexError):
            lazy[key]
