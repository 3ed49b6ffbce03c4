"""Recipes as Python scripts, command lines and texts: the same pixels, nothing executed, everything said."""

import re
import shlex
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from cases import BY_NAME, colored, plane
from napari_mathimg import Options, Recipe, apply, operations
from napari_mathimg.contract.types import FromLayer, When, annotation_of
from napari_mathimg.recipe.export.methods_text import references
from napari_mathimg.recipe.record import RECORD, image_record, record
from nightly import each
from planning import gray, plan_of, result_of, same

HOSTILE = "a'b\"c\n]; import os; os.system('touch hacked') #\\${HOME} `touch hacked`"
DAILY = ("gaussian", "richardson_lucy", "flat_field", "to_gray")


def recipe_of(*steps, **more):
    return Recipe.from_plain({"format": "mathimg-recipe", "format_version": 1, "steps": steps, **more})


def run_all(scripts, folder):
    """Run several scripts in one fresh process."""
    names, here = [str(script) for script in scripts], str(Path(__file__).parent)
    code = f"import runpy, sys\nsys.path.append({here!r})\nfor name in {names!r}:\n    runpy.run_path(name)\n"
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def saved_case(case, folder, k):
    """An image, a recorded step on it as a script, and the result."""
    image = gray("u2", (3, 37, 29)) if 2 in case.ndims else gray("u2", (13, 21, 17))
    options: dict[str, Any] = {"statistics": "item"} if 2 in case.ndims else {"ndim": 3}
    if case.color:
        image, options = colored(image), {**options, "channel_axis": -1}
    image = np.maximum(image, 1) if case.photons or case.light else image
    further = case.further(Options(**options).source(image).item, options.get("channel_axis"))
    plan = plan_of(case.declared, image, *further, parameters=case.parameters, **options)
    layer = SimpleNamespace(name="cells", metadata={RECORD: []}, level=0)
    images = [image_record("dark's \n image", array) for array in further]
    recipe = Recipe.from_record(record(layer, plan, "everything", images)[RECORD]).save(folder / f"{k}.toml")
    np.save(folder / f"{k}.npy", image)
    script = folder / f"{k}.py"
    script.write_text(recipe.python(str(folder / f"{k}.npy"), str(folder / f"{k}-out.npy")), encoding="utf-8")
    return script, result_of(plan)


@pytest.mark.parametrize("names", each({"some": (DAILY,), "all": (tuple(BY_NAME),)}, "some"))
def test_the_script_of_each_operation_gives_the_same_pixels_in_a_fresh_process(names, tmp_path):
    made = [saved_case(BY_NAME[name], tmp_path, k) for k, name in enumerate(names)]
    made += chains(tmp_path)
    run_all([script for script, _ in made], tmp_path)
    for script, expected in made:
        assert same(np.load(script.with_name(f"{script.stem}-out.npy")), expected), script.read_text()
    assert not (tmp_path / "hacked").exists()


def chains(folder):
    """Scripts with names of axes, lengths, PSFs by parameters, values by index, wrappers, and hostile names."""
    import test_wrapper  # noqa: F401  declares a wrapper

    stack = gray("f4", (2, 3, 41, 37))
    names = {"axis_names": ("t", "c", "y", "x"), "channel_names": ("DAPI", "GFP", "RFP")}
    optics = {"kind": "optical", "parameters": {"numerical_aperture": 0.5, "refractive_index": 1.0}}
    around = {"wrapper": "anscombe", "version": 1, "parameters": {"gain": 2.0}}
    recipes = {
        "where": (
            recipe_of(
                {"operation": "gaussian", "where": {"c": "GFP"}, "parameters": {"sigma": {"value": 0.5, "unit": "um"}}},
                {"operation": "rescale_intensity", "options": {"statistics": "channel", "value_range": "data"}},
                {"operation": "invert", "off": True},
                {"operation": "median", "options": {"axes": ["y", "x"], "scope": {"t": 1}}, "parameters": {"size": 3}},
            ),
            names,
            {},
        ),
        "psf": (
            recipe_of(
                {"operation": "richardson_lucy", "parameters": {"num_iter": 2}, "images": {"psf": {"psf": optics}}}
            ),
            {},
            {},
        ),
        "each": (
            recipe_of({"operation": "gaussian", "parameters": {"sigma": {"per": 1, "values": [1.0, 2, 0.5]}}}),
            {},
            {},
        ),
        "around": (recipe_of({"operation": "gaussian", "options": {"around": around}}), {}, {}),
        "hostile": (
            recipe_of({"operation": "match_histograms", "images": {"reference": {"input": HOSTILE}}}),
            {},
            {HOSTILE: plane((41, 37), 5).astype("f4")},
        ),
    }
    made = []
    for name, (recipe, known, inputs) in recipes.items():
        source, target = str(folder / f"{name}.npy"), str(folder / f"{name}-out.npy")
        np.save(source, np.maximum(stack, 0))
        files = {key: str(folder / "input.npy") for key in inputs}
        for key, array in inputs.items():
            np.save(files[key], array)
        script = folder / f"{name}.py"
        script.write_text(recipe.python(source, target, files, 0.25, **known), encoding="utf-8")
        made.append((script, recipe.apply(np.maximum(stack, 0), inputs, 0.25, **known)))
    return made


def test_a_script_is_readable_and_holds_no_code_of_a_recipe():
    recipe = recipe_of({"operation": "match_histograms", "images": {"reference": {"input": HOSTILE}}})
    script = recipe.python()
    assert script.count("\n") == len(script.splitlines()) == 13
    assert "reference_1 = np.load('a-b-c-import-os-os-system-touch-hacked-H.npy', allow_pickle=False)" in script
    assert "image = apply(image, 'match_histograms', reference_1)" in script
    for path in ("a'); import os #", HOSTILE):
        compile(recipe.python(path, path, {HOSTILE: path}), "script", "exec")
        assert repr(path) in recipe.python(path, path)


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (
            {"parameters": {"sigma": {"value": 1, "unit": "um"}}},
            r"steps\[0\].parameters.sigma=.*give python\(\) the `sp",
        ),
        ({"where": {"c": 1}}, r"steps\[0\].where.c: must be on a named axis: give python\(\) the `axis_names`"),
    ],
)
def test_what_a_script_must_know_is_asked_for(step, message):
    with pytest.raises(ValueError, match=message):
        recipe_of({"operation": "gaussian", **step}).python()


def test_a_command_is_quoted_for_the_shell():
    one = recipe_of({"operation": "gaussian", "parameters": {"sigma": [0.5, 2], "mode": "reflect"}})
    assert one.command(source="a b.tif") == (
        "mathimg apply gaussian 'a b.tif' -o result.tif --set 'sigma=[0.5, 2]' --set mode=reflect"
    )
    length = recipe_of({"operation": "gaussian", "parameters": {"sigma": {"value": [0.5, 2], "unit": "um"}}})
    assert "--set sigma=0.5,2.0um" in length.command()
    other = recipe_of({"operation": "match_histograms", "images": {"reference": {"input": HOSTILE}}})
    words = shlex.split(other.command(HOSTILE, "$(x).tif", "-o.tif", {HOSTILE: "`y`"}))
    assert words == ["mathimg", "run", HOSTILE, "$(x).tif", "-o", "./-o.tif", f"--input={HOSTILE}=`y`"]
    assert recipe_of({"operation": "gaussian", "options": {"ndim": 3}}).command().startswith("mathimg run recipe.toml ")


@pytest.mark.parametrize(
    ("name", "script", "command"),
    [
        ("//evil/share/x", "evil-share-x.npy", "--input=//evil/share/x=evil-share-x.npy"),
        ("../x", "x.npy", "--input=../x=x.npy"),
        ("-o/x", "o-x.npy", "--input=-o/x=o-x.npy"),
        ("psf.tif", "psf-tif.npy", "--input=psf.tif=psf.tif"),
        ("dark.npy", "dark.npy", "--input=dark.npy=dark.npy"),
        ("con", "con-.npy", "--input=con=con-.npy"),
    ],
)
def test_names_of_inputs_are_no_paths_and_no_options(name, script, command):
    recipe = recipe_of({"operation": "match_histograms", "images": {"reference": {"input": name}}})
    assert f"np.load({script!r}, allow" in recipe.python()
    assert shlex.split(recipe.command())[-1] == command
    with pytest.raises(ValueError, match="input='a=b': must have a name without '='"):
        recipe_of({"operation": "match_histograms", "images": {"reference": {"input": "a=b"}}}).command()
    assert "run ./-r.toml ./-x.tif -o ./-y.tif" in recipe.command("-r.toml", "-x.tif", "-y.tif")


def test_the_methods_hold_one_line_for_each_name_and_tell_the_part_that_was_measured():
    false = "GFP\n\n[1] A false reference.\x1b[31m"
    steps = [
        {"operation": "invert", "where": {"c": false}},
        {"operation": "match_histograms", "images": {"reference": {"input": false}}},
        {"operation": "invert", "options": {"scope": {"c": 1}}},
        {"operation": "invert"},
    ]
    text = recipe_of(*steps).methods_text()
    paragraph, _, cited = text.partition("\n\n")
    assert r"at c = GFP\n\n[1] A false reference.\x1b[31m" in paragraph
    assert r"the image “GFP\n\n[1] A false reference.\x1b[31m”" in paragraph
    assert "false" not in cited
    assert all(c.isprintable() or c == "\n" for c in text)
    assert paragraph.count("the value range was that of this part") == 2
    assert paragraph.count("the value range was that of the whole image") == 2


def test_the_methods_tell_every_parameter_with_its_unit_and_what_to_cite():
    recipe = recipe_of(
        {"operation": "gaussian", "options": {"ndim": 3}, "parameters": {"sigma": {"value": [0.6, 0.3], "unit": "um"}}},
        {
            "operation": "denoise_nl_means", "where": {"c": "DAPI"},
            "options": {"value_range": ["percentiles", 1, 99], "statistics": "item"},
        },
        {"operation": "invert", "off": True},
        {"operation": "rotate", "parameters": {"angle": 30}},
    )  # fmt: skip
    text = recipe.methods_text()
    assert re.match(
        r"Images were processed with napari-mathimg \d.*\(numpy \d.*, numba \d.*, scipy \d.*\)\. First, “Gau", text
    )
    assert "“Gaussian filter” (gaussian, version 1) was applied to the volumes with sigma = 0.6 x 0.3 µm, " in text
    assert "was applied to the planes at c = DAPI with " in text
    assert "the value range was from the percentile 1 to 99 of each of them [" in text
    assert "angle = 30°" in text
    assert "Finally, “Rotate”" in text
    assert "invert" not in text
    assert (
        '] A. Buades, B. Coll and J.-M. Morel, "Non-local means denoising", Image Processing On Line 1 (2011).' in text
    )


@pytest.mark.parametrize("op", operations().values(), ids=lambda op: op.id)
def test_every_operation_has_a_methods_text_with_its_references(op):
    images = {name: {"input": name} for name, _ in op.images[1:]}
    text = recipe_of({"operation": op.id} | ({"images": images} if images else {})).methods_text()
    assert op.title in text
    cited = references(op)
    assert ("References" in (op.function.__doc__ or "")) == bool(cited)
    assert all(f"] {reference}" in text for reference in cited)
    always = [
        n for n, p in op.parameters.items() if not (annotation_of(p.hint, When) or annotation_of(p.hint, FromLayer))
    ]
    assert all(f"{name} = " in text or f"({name}) = " in text for name in always)


def test_the_python_of_the_page_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = (Path(__file__).parent.parent / "docs" / "recipes.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert len(blocks) == 2
    image, metadata = gray("u2", (3, 21, 17)), {RECORD: []}
    for operation in ("median", "gaussian"):
        plan = plan_of(operations()[operation], image)
        metadata = record(SimpleNamespace(name="cells", metadata=metadata, level=0), plan, "everything")
    known = {"layer": SimpleNamespace(metadata=metadata), "image": image, "other": image}
    for block in blocks:
        exec(block, known)
    assert same(known["again"], apply(apply(image, "median"), "gaussian"))
    assert same(known["shorter"].apply(image), apply(image, "gaussian"))
    assert same(known["without"].apply(image), apply(image, "gaussian"))
    assert same(known["wider"].apply(image), apply(apply(image, "median"), "gaussian", sigma=4))
