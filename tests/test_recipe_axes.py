"""Recipes follow the axes of an image: their order, names and pixel sizes, the channels, and the axis of colors."""

import json
import runpy
from types import SimpleNamespace

import numpy as np
import pytest

from napari_mathimg import Options, Recipe, apply, operations, psf
from napari_mathimg.recipe.record import RECORD, image_record, record
from planning import gray, plan_of, result_of, same

UM = {"value": 0.6, "unit": "um"}


def recipe_of(*steps, **more):
    return Recipe.from_plain({"format": "mathimg-recipe", "format_version": 1, "steps": steps, **more})


def step(operation, **more):
    return {"operation": operation, **more}


def colors(channel_axis, **more):
    return {"options": {"channel_axis": channel_axis, **more}}


def moved(array, to):
    return np.ascontiguousarray(np.moveaxis(array, 0, to))


# The axis of colors


PLANAR = gray("f4", (3, 150, 140))


@pytest.mark.parametrize("given", [True, False], ids=["levels that are given", "levels of a result"])
def test_levels_of_an_image_are_the_same_wherever_its_colors_are(given):
    """A pixel of level 1 is 2 µm wide in either case, and the axis of colors has no pixels to halve."""
    results = []
    for axis in (0, 1, -1):
        levels = [moved(PLANAR, axis), moved(PLANAR[:, ::2, ::2], axis)]
        first = [] if given else [step("invert", **colors(axis))]
        second = step("gaussian", level=1, parameters={"sigma": {"value": 4, "unit": "um"}}, **colors(axis))
        recipe = recipe_of(*first, second)
        results.append(np.moveaxis(recipe.apply(levels, spacing=(1, 1)), axis, 0))
        *_, last = recipe.prepared(levels, spacing=(1, 1))
        assert last.plan.parameters["sigma"] == (2.0, 2.0)
        assert last.image.spacing == (2.0, 2.0)
        assert same(np.moveaxis(np.asarray(last.image.array), axis, 0), results[-1])
    assert results[0].shape == (3, 75, 70)
    assert all(same(result, results[-1]) for result in results)


@pytest.mark.parametrize("axis", [0, 1, 3])
def test_where_a_step_acts_on_an_image_whose_colors_are_on_any_axis(axis):
    stack = gray("u1", (3, 4, 31, 29))
    image = moved(stack, axis)
    expected = stack.copy()
    frame = np.moveaxis(stack[:, 2], 0, -1)
    expected[:, 2] = np.moveaxis(apply(frame, "gaussian", options=Options(channel_axis=-1)), -1, 0)
    recipe = recipe_of(step("gaussian", where={"t": 2}, **colors(axis)))
    for names in ("tyx", [*"tyx"[:axis], "rgb", *"tyx"[axis:]]):
        for result in (recipe.apply(image, axis_names=names), np.asarray(recipe.lazy(image, axis_names=names))):
            assert same(np.moveaxis(result, axis, 0), expected)
        with pytest.raises(ValueError, match="must be an index from 0 to 3"):
            recipe_of(step("gaussian", where={"t": 4}, **colors(axis))).apply(image, axis_names=names)


# The order of axes, which files may change between two steps


def recorded(steps, array, names):
    """A result and its record, of steps between which axes are ordered anew."""
    metadata = {RECORD: []}
    for operation, parameters, options, order in steps:
        if order:
            array, names = array.transpose([*map([*names].index, order)]), [n for n in order if n != "s"]
        plan = plan_of(
            operations()[operation],
            array,
            parameters=parameters,
            axis_names=tuple(n for n in names if n != "s"),
            **options,
        )
        metadata = record(SimpleNamespace(name="a", metadata=metadata, level=0), plan, "everything")
        array, names = result_of(plan), [*(order or names)]
    return array, json.loads(json.dumps(metadata[RECORD]))


ORDERS = {
    "stack": ("czyx", [("gaussian", {}, {}, ""), ("add_gaussian_noise", {"seed": 1}, {}, "zcyx")]),
    "volumes": ("czyx", [("gaussian", {}, {}, ""), ("gaussian", {}, {"ndim": 3}, "zcyx")]),
    "back": (
        "czyx",
        [
            ("gaussian", {}, {}, ""),
            ("gaussian", {}, {"ndim": 3}, "zcyx"),
            ("add_gaussian_noise", {"seed": 2}, {}, "czyx"),
        ],
    ),
    "colors": (
        "szyx",
        [
            ("gaussian", {}, {"channel_axis": 0}, ""),
            ("median", {"size": 3}, {"channel_axis": 3}, "zyxs"),
            ("add_gaussian_noise", {"seed": 3}, {"channel_axis": -1}, ""),
        ],
    ),
    "both": (
        "szcyx",
        [("gaussian", {}, {"channel_axis": 0}, ""), ("add_gaussian_noise", {"seed": 3}, {"channel_axis": -1}, "czyxs")],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("names", "steps"), ORDERS.values(), ids=ORDERS)
def test_a_chain_across_files_that_order_axes_anew_is_repeated_to_the_bit(names, steps, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    image = gray("u2", tuple({"c": 2, "z": 4, "s": 3, "y": 31, "x": 29}[n] for n in names))
    expected, found = recorded(steps, image, names)
    recipe = Recipe.from_record(found)
    assert [bool(one.axis_names) for one in recipe.steps] == [bool(order) for *_, order in steps]
    recipe.save(tmp_path / "r.toml")
    loaded = Recipe.load(tmp_path / "r.toml")
    assert loaded == recipe
    assert same(loaded.apply(image), expected)
    assert same(np.asarray(loaded.lazy(image)), expected)
    np.save("image.npy", image)
    (tmp_path / "s.py").write_text(loaded.python())
    runpy.run_path("s.py")
    assert same(np.load("result.npy"), expected)


def test_pixel_sizes_and_levels_follow_axes_that_are_turned():
    image = gray("f4", (5, 70, 140))
    turned = step(
        "gaussian", parameters={"sigma": {"value": [1, 2], "unit": "um"}}, axis_names=["x", "z", "y"], level=1
    )
    recipe = recipe_of(step("invert", options={"value_range": [0, 1]}), turned)
    kw = {"spacing": (0.5, 0.1, 0.2), "axis_names": "zyx"}
    levels = [image, image[:, ::2, ::2]]
    *_, last = recipe.prepared(levels, **kw)
    assert last.plan.parameters["sigma"] == (2.0, 10.0), "of planes (z, y) of level 1"
    assert last.image.spacing == (0.4, 0.5, 0.2)
    assert last.image.array.shape == (70, 5, 35)


def test_one_who_prepares_a_step_alone_is_told_to_turn_the_image():
    from napari_mathimg.contract.progress import run_to_end
    from napari_mathimg.recipe.replay import prepare_step

    recipe = recipe_of(step("gaussian", axis_names=["x", "y", "z"]), axis_names=["z", "y", "x"])
    image = recipe.image(gray("f4", (3, 21, 17)))
    with pytest.raises(ValueError, match=r"steps\[0\].axis_names=\('x', 'y', 'z'\): must be those of the image in its"):
        run_to_end(prepare_step(recipe.steps[0], "steps[0]", image, {}, None, 1, None))
    assert recipe.image(gray("f4", (3, 21, 17))).turned(recipe.steps[0]).array.shape == (17, 21, 3)


# Scripts follow the same


STACK = gray("u1", (3, 31, 29))
CYX = {"axis_names": ("c", "y", "x"), "channel_names": ("A", "B", "C")}
INVERT = {"options": {"value_range": "dtype"}}
PART = step("gaussian", options={"scope": {"c": [1, 3]}})
SCRIPTS = {
    "scope before where": ([PART, step("invert", where={"c": "B"}, **INVERT)], CYX),
    "scope by numbers": (
        [step("gaussian", options={"scope": {-3: [1, 3]}}), step("invert", where={"c": "C"}, **INVERT)], CYX,
    ),
    "one channel": ([step("gaussian", options={"scope": {"c": -1}}), step("invert", where={"c": "C"}, **INVERT)], CYX),
    "crop": ([step("crop", parameters={"start": 1, "stop": [25, 20]}), step("gaussian", parameters={"sigma": UM})], {}),
    "rescale": ([step("rescale", parameters={"scale": 2}), step("gaussian", parameters={"sigma": UM})], {}),
    "rotate": ([step("rotate", parameters={"angle": 30}), step("gaussian", parameters={"sigma": UM})], {}),
    "axes by numbers": ([step("gaussian", options={"axes": [-1, -3, -2]}, parameters={"sigma": UM})], {}),
    "turned axes": ([step("gaussian", options={"axes": [0, 2]}, parameters={"sigma": UM})], {"axis_names": "cyx"}),
}  # fmt: skip


@pytest.mark.parametrize(("steps", "known"), SCRIPTS.values(), ids=SCRIPTS)
def test_a_script_follows_channels_and_pixel_sizes_as_apply_does(steps, known, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("image.npy", STACK)
    recipe, spacing = recipe_of(*steps), (0.3, 0.2, 0.4)
    (tmp_path / "s.py").write_text(recipe.python(spacing=spacing, **known))
    runpy.run_path("s.py")
    assert same(np.load("result.npy"), recipe.apply(STACK, spacing=spacing, **known))


ASKED = {
    "rescaled": ([step("rescale", parameters={"scale": 0.7}), step("gaussian", parameters={"sigma": UM})], {}, "sigma"),
    "axes": ([step("gaussian", options={"axes": ["z", "y", "x"]})], {}, r"axis 'z': must be known.* `axis_names`"),
    "per": ([step("gaussian", parameters={"sigma": {"per": "t", "values": [1, 2, 3]}})], {}, "'t'.*`axis_names`"),
    "scope": ([step("gaussian", options={"scope": {"t": 1}})], {}, "'t': must be known.*`axis_names`"),
    "numbers": ([step("gaussian", options={"axes": [0, 1]}, parameters={"sigma": UM})], {}, "give .* the `axis_names`"),
    "other": ([step("gaussian", options={"axes": ["z", "y"]})], CYX, "axis 'z': must be one of c, y, x"),
    "twice": ([step("invert", where={"c": "A"})], {**CYX, "channel_names": "AAB"}, "in which each is once.* A, A, B"),
    "turned": ([step("invert", axis_names=["y", "x"])], {}, r"steps\[0\].axis_names: .*`axis_names`"),
}  # fmt: skip


@pytest.mark.parametrize(("steps", "known", "message"), ASKED.values(), ids=ASKED)
def test_a_script_asks_for_what_helps(steps, known, message):
    with pytest.raises(ValueError, match=message):
        recipe_of(*steps).python(spacing=(0.3, 0.2, 0.4), **known)


# Images of one name


def two_of_one_name():
    image, first, second = np.maximum(gray("f4"), 0), np.ones((5, 5)), np.eye(5)
    metadata = {RECORD: []}
    result = image
    for lens in (first, second, first):
        plan = plan_of(operations()["richardson_lucy"], result, lens, parameters={"num_iter": 2})
        layer = SimpleNamespace(name="a", metadata=metadata, level=0)
        metadata = record(layer, plan, "everything", [{**image_record("psf.tif", lens), "pixels": None}])
        result = result_of(plan)
    for entry in metadata[RECORD]:
        del entry["images"][0]["pixels"]
    return image, first, second, result, metadata[RECORD]


def test_images_of_one_name_with_other_pixels_are_told_apart():
    image, first, second, result, found = two_of_one_name()
    recipe = Recipe.from_record(found)
    assert recipe.inputs == ("psf.tif", "psf-2.tif")
    inputs = {"psf.tif": first, "psf-2.tif": second}
    assert same(recipe.apply(image, inputs), result)
    assert same(Recipe.loads(recipe_text(recipe)).apply(image, inputs), result)
    assert same(Recipe.from_record(found, inputs).apply(image), result)


def recipe_text(recipe):
    plain = recipe.plain()
    return Recipe.from_plain(plain).dumps()


# Memory, and steps that are off


def test_the_whole_of_an_image_of_which_a_part_changes_is_counted_before_it_is_made():
    image = np.broadcast_to(np.zeros((), "u1"), (10**8, 1000, 1000))
    for where in ({"t": 0}, {}):
        more = {"where": where} if where else {}
        recipe = recipe_of(step("invert", **INVERT, **more), axis_names=["t", "y", "x"])
        with pytest.raises(ValueError, match=r"GiB, but .* of memory are free; choose a smaller scope"):
            recipe.apply(image)
    lazy = recipe_of(step("invert", **INVERT, where={"t": 0}), axis_names=["t", "y", "x"]).lazy(image)
    assert lazy[0, 0, 0] == 255 - lazy[5, 0, 0]


def test_a_recipe_whose_steps_are_off_returns_a_copy():
    image = gray("u1")
    copy = recipe_of(step("gaussian", off=True)).apply(image)
    assert same(copy, image)
    assert not np.shares_memory(copy, image)


def test_a_declared_psf_of_a_record_is_repeated_as_it_was_given():
    """Its "auto" takes the pixels of the image that it is applied to, as in a recipe that was written by hand."""
    image, given = np.maximum(gray("f4", (41, 43)), 0), {"numerical_aperture": 0.8, "refractive_index": 1.0}
    results = []
    for pixel in (0.2, 0.15):
        lens = psf("optical", shape=image.shape, spacing=(pixel, pixel), **given)
        plan = plan_of(operations()["richardson_lucy"], image, lens, parameters={"num_iter": 3})
        layer = SimpleNamespace(name="a", metadata={RECORD: []}, level=0)
        found = json.loads(json.dumps(record(layer, plan, "", [image_record("Optical", lens)])[RECORD]))
        recipe = Recipe.from_record(found)
        assert recipe.steps[0].images["psf"].parameters == given
        results.append((recipe, pixel, result_of(plan)))
    (first, *_), (second, *_) = results
    assert first == second
    for recipe in (first, Recipe.loads(first.dumps())):
        assert all(same(recipe.apply(image, spacing=pixel), result) for _, pixel, result in results)
