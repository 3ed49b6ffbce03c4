"""Recipes repeat what was done: from a record, from a file, and step by step, to the bit."""

import copy
import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from cases import BY_NAME, CASES, colored, plane
from napari_mathimg import Options, Recipe, apply, operations, psf
from napari_mathimg.contract.progress import run_to_end
from napari_mathimg.engine.pyramid import build_pyramid, pyramid_like
from napari_mathimg.methods.point_spread.kinds import Resampled
from napari_mathimg.recipe import images
from napari_mathimg.recipe.record import RECORD, image_record, record
from nightly import nightly
from planning import gray, label, plan_of, result_of, same

AXES = "zcy"
INPUTS = {
    "u2": (gray("u2"), {}),
    "f4": (gray("f4"), {"value_range": (0.1, 0.7)}),
    "f8 of items": (gray("f8", (2, 3, 21, 17)), {"statistics": "item", "scope": {1: (1, 3), 0: 1}}),
    "RGB": (colored(gray("u1")), {"channel_axis": -1}),
    "volume": (gray("u1", (13, 21, 17)), {"ndim": 3, "value_range": ("percentiles", 1.0, 99.0)}),
    "axes": (gray("u2", (21, 3, 17)), {"axes": tuple("zy"), "dtype": "float32", "statistics": "channel"}),
}
FURTHER = {
    "?": (gray("?"), {}),
    "i4": (gray("i4"), {"value_range": "dtype"}),
    "u1 as f4": (gray("u1"), {"dtype": "float32"}),
    "RGBA": (np.dstack([colored(gray("u2")), gray("u2")]), {"channel_axis": 2}),
    "volumes": (gray("f4", (2, 13, 21, 17)), {"ndim": 3, "statistics": "item", "scope": {0: -1}}),
}


def suited(case, array, options):
    if case.color and "channel_axis" not in options:
        array, options = colored(array), {**options, "channel_axis": -1}
    if array.dtype.kind in "if" and (case.photons or case.light):
        array = np.maximum(array, 1 if case.light else 0).astype(array.dtype)
    return array, options


def recorded(case, array, options, parameters, metadata=None, level=0):
    """A result, and its metadata as docks write it."""
    names = tuple(AXES if "axes" in options else "tcazyx"[-array.ndim + ("channel_axis" in options) :])
    further = case.further(Options(**options).source(array, names).item, options.get("channel_axis"))
    plan = plan_of(case.declared, array, *further, parameters=parameters, axis_names=names, **options)
    images = [image_record(f"layer {k}", image) for k, image in enumerate(further)]
    layer = SimpleNamespace(name="cells", metadata=metadata or {RECORD: []}, level=level)
    return result_of(plan), record(layer, plan, "everything", images)


def fits(case, name):
    return (3 if "volume" in name else 2) in case.ndims and not ("axes" in name and case.color)


EACH = [(c, n) for c in CASES for n in INPUTS | FURTHER if fits(c, n)]
DAILY = [(c, [*INPUTS][(k + shift) % len(INPUTS)]) for k, c in enumerate(CASES) for shift in (0, 2)]


@pytest.mark.parametrize(("case", "name"), [each if each in DAILY else nightly(each)[0] for each in EACH], ids=label)
def test_a_recorded_result_is_repeated_to_the_bit(case, name, tmp_path):
    array, options = suited(case, *(INPUTS | FURTHER)[name])
    result, metadata = recorded(case, array, options, case.parameters)
    held = Recipe.from_record(copy.deepcopy(metadata[RECORD]))
    assert same(held.apply(array), result), "from the record"
    saved = held.save(tmp_path / "a recipe.toml")
    loaded = Recipe.load(tmp_path / "a recipe.toml")
    assert loaded == saved
    assert Recipe.loads(loaded.dumps()) == loaded, "there and back"
    assert not loaded.inputs, "an input that nobody could bind"
    assert same(loaded.apply(array), result), "from the file"


@pytest.mark.parametrize("seed", [*range(4), *nightly(*range(4, 40))])
def test_random_chains_are_repeated_to_the_bit(seed, tmp_path):
    rng = np.random.default_rng(seed)
    stacks = [("u1", (2, 33, 29), {}), ("f4", (2, 3, 31, 27), {"scope": None}), ("u2", (19, 23, 21), {"ndim": 3})]
    dtype, shape, options = stacks[rng.integers(len(stacks))]
    ndim = options.get("ndim", 2)
    usable = [c for c in CASES if ndim in c.ndims and not (c.color or c.photons or c.light or c.images((3, 3)))]
    source = array = gray(dtype, shape)
    metadata: Any = {RECORD: []}
    for case in [usable[k] for k in rng.integers(len(usable), size=8)]:
        drawn = {"value_range": ["data", "dtype", ("percentiles", 2.0, 98.0)][rng.integers(3)]}
        drawn["statistics"] = ["layer", "item"][rng.integers(2)]
        try:
            result, chained = recorded(case, array, {**options, **drawn}, case.needed, metadata)
        except ValueError:  # an operation that such a result does not suit
            continue
        if result.ndim == array.ndim and len(metadata[RECORD]) < 6:
            array, metadata = result, chained
    assert len(metadata[RECORD]) > 1
    recipe = Recipe.from_record(json.loads(json.dumps(metadata[RECORD])))
    recipe.save(tmp_path / "chain.toml")
    assert Recipe.load(tmp_path / "chain.toml") == recipe
    assert same(recipe.apply(source), array)


def test_every_operation_is_written_and_read_with_its_defaults():
    for op in operations().values():
        images = {name: {"input": name} for name, _ in op.images[1:]}
        parameters = {name: p.default for name, p in op.parameters.items()}
        step = {"operation": op.id, "version": op.version, "parameters": parameters}
        recipe = Recipe.from_plain(
            {"format": "mathimg-recipe", "format_version": 1, "steps": [step | ({"images": images} if images else {})]}
        )
        assert Recipe.loads(recipe.dumps()) == recipe
        assert recipe.inputs == tuple(images)


# What a step may say


def recipe_of(*steps, **more):
    return Recipe.from_plain({"format": "mathimg-recipe", "format_version": 1, "steps": steps, **more})


def test_where_a_step_acts_by_the_name_of_a_channel_or_an_index():
    stack = gray("u2", (2, 3, 21, 17))
    names = {"axis_names": ("t", "c", "y", "x"), "channel_names": ("DAPI", "GFP", "RFP")}
    smooth = {"operation": "gaussian", "parameters": {"sigma": 1.5}}
    expected = stack.copy()
    expected[:, 1] = apply(stack[:, 1], "gaussian", sigma=1.5)
    for where in ({"c": "GFP"}, {"c": 1}):
        assert same(recipe_of({**smooth, "where": where}).apply(stack, **names), expected)
    expected[1, 1] = apply(expected[1, 1], "invert")
    both = recipe_of({**smooth, "where": {"c": "GFP"}}, {"operation": "invert", "where": {"c": "GFP", "t": 1}})
    ranged = recipe_of({**smooth, "where": {"c": "GFP"}}, {"operation": "invert", "where": {"t": 1, "c": 1}})
    assert same(both.apply(stack, **names), expected)
    assert same(ranged.apply(stack, **names), expected)
    assert same(recipe_of(smooth).apply(stack, **names), apply(stack, "gaussian", sigma=1.5)), "everything without"


@pytest.mark.parametrize(
    ("where", "names", "message"),
    [
        ({"c": "DAPI"}, {}, r"steps\[0\].where.c='DAPI': must be on an axis of the image, whose axes have no names"),
        (
            {"z": 1},
            {"axis_names": "cyx"},
            r"steps\[0\].where.z=1: must be on an axis of the image, whose axes are c, y",
        ),
        ({"c": "DAPI"}, {"axis_names": "cyx"}, "must be a channel of the image, whose channels have no names"),
        ({"c": "DAPI"}, {"axis_names": "cyx", "channel_names": ["A", "B"]}, "whose channels are A, B"),
        ({"c": 3}, {"axis_names": "cyx"}, "must be an index from 0 to 2"),
        ({"y": 3}, {"axis_names": "cyx"}, "must be stack axes"),
    ],
)
def test_an_image_without_the_channel_is_refused(where, names, message):
    recipe = recipe_of({"operation": "gaussian", "where": where})
    with pytest.raises(ValueError, match=message):
        recipe.apply(gray("u1", (3, 21, 17)), **names)


def test_what_has_no_room_in_the_place_of_its_part_is_refused():
    stack, names = gray("i4", (3, 21, 17)), {"axis_names": "cyx"}
    with pytest.raises(ValueError, match=r"steps\[0\].where: must be left out, because rescale gives another shape"):
        recipe_of({"operation": "rescale", "where": {"c": 1}, "parameters": {"scale": 2}}).apply(stack, **names)
    with pytest.raises(ValueError, match="float32, the type of the result, cannot hold all values of int32"):
        recipe_of({"operation": "gaussian", "where": {"c": 1}, "options": {"dtype": "float32"}}).apply(stack, **names)


def test_lengths_in_a_unit_follow_the_pixels_of_the_image():
    """0.6 µm are 2 planes of 300 nm and 6 rows of 100 nm; after a reduction to half, 3 rows of 200 nm."""
    volume = gray("f4", (9, 26, 28))
    sigma = {"sigma": {"value": [0.6, 600e-6, 0.3], "unit": "um"}}
    step = {"operation": "gaussian", "options": {"ndim": 3}, "parameters": sigma}
    scaled = {**step, "parameters": {"sigma": {"value": [600, 600, 300], "unit": "nm"}}}
    spacing = (0.3, 0.1, 0.1)
    expected = apply(volume, "gaussian", options=Options(ndim=3), sigma=(2, 6, 3))
    assert same(recipe_of(scaled).apply(volume, spacing=spacing), expected)
    halved = apply(volume, "rescale", options=Options(ndim=3), scale=(1, 0.5, 0.5))
    both = recipe_of({"operation": "rescale", "options": {"ndim": 3}, "parameters": {"scale": [1, 0.5, 0.5]}}, scaled)
    expected = apply(halved, "gaussian", options=Options(ndim=3), sigma=(2, 3, 1.5))
    assert same(both.apply(volume, spacing=spacing), expected)
    odd = recipe_of({"operation": "median", "parameters": {"size": {"value": 0.41, "unit": "µm"}}})
    assert odd == recipe_of({"operation": "median", "parameters": {"size": {"value": 0.41, "unit": "um"}}})
    assert same(odd.apply(volume, spacing=0.1), apply(volume, "median", size=5)), "an odd number of pixels"
    by_index = {"per": 0, "values": [{"value": 0.1 * k, "unit": "um"} for k in range(9)]}
    each = recipe_of({"operation": "gaussian", "parameters": {"sigma": by_index}})
    expected = apply(volume, "gaussian", sigma={"per": 0, "values": list(range(9))})
    assert same(each.apply(volume, spacing=0.1), expected)
    with pytest.raises(
        ValueError, match=r"steps\[0\].parameters.sigma=.*: must be in pixels, because the image has no"
    ):
        recipe_of(scaled).apply(volume)
    with pytest.raises(ValueError, match="the image has no pixel size in a unit of length"):
        recipe_of(scaled).apply(volume, spacing=(None, 0.1, 0.1))


def test_a_declared_psf_takes_its_pixels_from_the_image():
    image = gray("f4", (41, 43))
    optics = {"kind": "optical", "parameters": {"numerical_aperture": 0.8, "refractive_index": 1.0}}
    step = {"operation": "richardson_lucy", "parameters": {"num_iter": 3}, "images": {"psf": {"psf": optics}}}
    lens = psf("optical", shape=(41, 43), spacing=(0.2, 0.2), **optics["parameters"])
    expected = apply(np.maximum(image, 0), "richardson_lucy", lens, num_iter=3)
    assert same(recipe_of(step).apply(np.maximum(image, 0), spacing=0.2), expected)
    with pytest.raises(ValueError, match=r"steps\[0\].images.psf.psf: pixel_size='auto': must be a size in µm"):
        recipe_of(step).apply(image)


def test_images_are_bound_by_name_one_for_all_or_one_for_each_index(tmp_path):
    stack, flats = gray("u2", (2, 37, 29)), [plane((37, 29), k) + 1 for k in range(2)]
    one = recipe_of({"operation": "flat_field", "images": {"flat": {"input": "flat"}}})
    assert one.inputs == ("flat",)
    stack = np.maximum(stack, 1)
    assert same(one.apply(stack, {"flat": flats[0]}), apply(stack, "flat_field", flats[0]))
    with pytest.raises(ValueError, match=r"steps\[0\].images.flat='flat': must be given to the run by this name"):
        one.apply(stack)
    np.save(tmp_path / "b.npy", flats[1])
    (tmp_path / "r.toml").write_text(
        'format = "mathimg-recipe"\nformat_version = 1\n[[steps]]\noperation = "flat_field"\n'
        '[steps.images]\nflat = {per = 0, values = [{input = "a"}, {path = "b.npy"}]}\n'
    )
    each = Recipe.load(tmp_path / "r.toml")
    expected = apply(stack, "flat_field", {"per": 0, "values": flats})
    assert same(each.apply(stack, {"a": flats[0]}), expected)
    assert Recipe.loads(each.dumps(), tmp_path) == each


# From a record


def test_images_of_a_record_are_written_beside_the_recipe(tmp_path):
    """A measured PSF, resampled, of which no layer is left: its pixels are in the record until it is saved."""
    image, measured = np.maximum(gray("f4"), 0), plane((7, 7), 3)
    for lens in (measured, Resampled(measured, (0.1, 0.1), (0.2, 0.15))):
        plan = plan_of(operations()["richardson_lucy"], image, lens, parameters={"num_iter": 2})
        layer = SimpleNamespace(name="cells", metadata={RECORD: []}, level=0)
        (step,) = record(layer, plan, "everything", [image_record("PSF from “beads”/1", lens)])[RECORD]
        recipe = Recipe.from_record([copy.deepcopy(step)])
        with pytest.raises(ValueError, match="must be written beside the recipe"):
            recipe.dumps()
        recipe.save(tmp_path / "r.toml")
        (written,) = (tmp_path / "r-images").glob("*.npy")
        loaded = Recipe.load(tmp_path / "r.toml")
        assert same(loaded.apply(image), result_of(plan))
        np.save(written, np.load(written) * 2)
        with pytest.raises(ValueError, match=r"steps\[0\].images.psf='r-images/PSF-from-beads-1-.*must have the type"):
            loaded.apply(image)
        written.unlink()
        with pytest.raises(ValueError, match="must be a readable image"):
            loaded.apply(image)


def test_images_that_are_gone_or_changed_are_told_and_nothing_is_written(tmp_path):
    image, dark = gray("f4"), gray("f4", (37, 29)).copy()
    plan = plan_of(operations()["match_histograms"], image, dark)
    layer = SimpleNamespace(name="cells", metadata={RECORD: []}, level=0)
    (step,) = record(layer, plan, "everything", [image_record("dark", dark)])[RECORD]
    inside = json.loads(json.dumps({**step, "images": [{k: v for k, v in step["images"][0].items() if k != "pixels"}]}))
    gone = Recipe.from_record([inside])
    assert gone.inputs == ("dark",)
    with pytest.raises(ValueError, match=r"steps\[0\].images.reference='dark': must be at hand to be saved"):
        gone.save(tmp_path / "r.toml")
    assert same(gone.apply(image, {"dark": dark}), result_of(plan))
    assert same(Recipe.from_record([inside], {"dark": dark}).apply(image), result_of(plan))
    with pytest.raises(ValueError, match="must have the type, shape and pixels"):
        gone.apply(image, {"dark": dark.astype("f8")})
    dark[0, 0] += 1
    with pytest.raises(ValueError, match="must have the type, shape and pixels"):
        Recipe.from_record([step]).save(tmp_path / "r.toml")
    assert not [*tmp_path.glob("*.toml")]


def test_a_record_keeps_small_images_and_only_knows_where_large_ones_are(monkeypatch):
    small, large = plane((7, 7)), plane((9, 9))
    monkeypatch.setattr(images, "KEPT", small.nbytes)
    entries = [image_record("small", small), image_record("large", large)]
    again = copy.deepcopy(entries)
    assert again[0]["pixels"].array is small
    assert again[1]["pixels"].array is large
    del small, large
    assert again[0]["pixels"].array is not None
    assert again[1]["pixels"].array is None


def test_a_torn_step_is_told():
    plan = plan_of(operations()["invert"], gray("u1"))
    layer = SimpleNamespace(name="cells", metadata={RECORD: []}, level=0)
    recipe = Recipe.from_record(record(layer, plan, "everything", is_torn=True)[RECORD])
    (warning,) = recipe.warnings
    assert warning.startswith("steps[0] (invert): pixels of its input were changed during the recorded run")
    assert Recipe.loads(recipe.dumps()).warnings == (warning,)
    assert not replace(recipe, steps=(replace(recipe.steps[0], torn=False),)).warnings


@pytest.mark.parametrize("labels", [False, True])
def test_levels_of_a_multiscale_image_and_of_results_on_it(labels):
    array = gray("u2", (3, 300, 260))
    levels = [array, array[:, ::2, ::2], array[:, ::4, ::4]]
    like = pyramid_like([level.shape for level in levels], mean=not labels)
    first = apply(levels[1], "rotate", order=0, angle=20)
    second = run_to_end(build_pyramid(first, 3, like))[1]
    expected = apply(second, "invert")
    recipe = recipe_of(
        {"operation": "rotate", "level": 1, "parameters": {"order": 0, "angle": 20}},
        {"operation": "invert", "level": 1},
    )
    assert same(recipe.apply(levels, labels=labels), expected)
    with pytest.raises(ValueError, match=r"steps\[0\] \(rotate\): level=1: must be a level of the image, which has no"):
        recipe.apply(array)


def test_a_dropped_axis_that_is_kept_and_colors_that_were_divided():
    image = colored(gray("u1"))
    recipe = recipe_of(
        {"operation": "gaussian", "options": {"channel_axis": -1, "dtype": "float32"}, "divisor": 255},
        {"operation": "invert", "options": {"channel_axis": -1, "value_range": "dtype"}},
    )
    smooth = apply(image, "gaussian", options=Options(channel_axis=-1, dtype="float32")) / np.float32(255)
    expected = apply(smooth, "invert", options=Options(channel_axis=-1, value_range="dtype"))
    assert same(recipe.apply(image), expected)
    assert Recipe.loads(recipe.dumps()) == recipe


# Editing


def test_a_changed_recipe_is_another_one():
    recipe = recipe_of({"operation": "gaussian", "parameters": {"sigma": 2}}, {"operation": "invert"})
    image = gray("f4")
    wider = recipe.with_step(0, parameters={"sigma": 4})
    assert same(wider.apply(image), apply(apply(image, "gaussian", sigma=4), "invert"))
    assert same(recipe.without_step(1).apply(image), apply(image, "gaussian", sigma=2))
    off = recipe.switched(0, True)
    assert same(off.apply(image), apply(image, "invert"))
    assert off.switched(0, False) == recipe != off
    assert "(off)" in repr(off)
    assert Recipe.loads(off.dumps()) == off
    with pytest.raises(ValueError, match=r"steps\[0\].parameters.sigma=-1: must be a finite number"):
        recipe.with_step(0, parameters={"sigma": -1})
    with pytest.raises(ValueError, match="n=2: must be from 0 to 1"):
        recipe.with_step(2, off=True)
    with pytest.raises(ValueError, match="n=0: must leave a step"):
        recipe.without_step(1).without_step(0)


def test_an_edited_record_keeps_the_pixels_of_its_images():
    image, other = gray("f4"), plane((37, 29), 8)
    plan = plan_of(operations()["match_histograms"], image, other)
    layer = SimpleNamespace(name="cells", metadata={RECORD: []}, level=0)
    recipe = Recipe.from_record(record(layer, plan, "everything", [image_record("other", other)])[RECORD])
    assert same(recipe.with_step(0, options={"statistics": "item"}).apply(image), result_of(plan))


def test_the_result_is_in_a_wrapper_again(tmp_path):
    import test_wrapper

    image = gray("f4")
    case = BY_NAME["gaussian"]
    result, metadata = recorded(case, image, {"around": test_wrapper.anscombe(gain=2.0)}, {"sigma": 1.5})
    recipe = Recipe.from_record(metadata[RECORD])
    assert same(Recipe.loads(recipe.dumps()).apply(image), result)
