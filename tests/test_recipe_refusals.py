"""Malformed and hostile recipes are refused with the place and the reason; nothing is executed or half-loaded."""

import copy
import dataclasses
import json
import os
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tomli_w

from napari_mathimg import Recipe, operations
from napari_mathimg.recipe import file_format, step
from napari_mathimg.recipe.images import Input
from napari_mathimg.recipe.plain import MOST_BYTES
from napari_mathimg.recipe.record import RECORD, is_proportional, light_sentence, record
from napari_mathimg.recipe.record_entry import RESOLVED
from planning import gray, plan_of

BASE = {
    "format": "mathimg-recipe",
    "format_version": 1,
    "made_with": "napari-mathimg 0.1.0",
    "axis_names": ["t", "c", "y", "x"],
    "steps": [
        {
            "operation": "richardson_lucy",
            "version": 1,
            "parameters": {"num_iter": 20, "clip": [0.0, 1.0]},
            "options": {"ndim": 3, "value_range": ["percentiles", 1.0, 99.0], "statistics": "item", "dtype": "float32"},
            "level": 1,
            "where": {"c": "DAPI"},
            "images": {
                "psf": {"psf": {"kind": "gaussian", "parameters": {"sigma": {"value": [1.0, 2.0], "unit": "um"}}}}
            },
        },
        {
            "operation": "flat_field",
            "version": 1,
            "parameters": {"degree": 2},
            "options": {"axes": ["y", "x"], "scope": {"t": [0, 3], "c": 1}, "channel_axis": -1},
            "images": {
                "flat": {"path": "images/flat.npy", "blake2b": "0" * 32},
                "dark": {"per": "c", "values": [{"input": "dark"}, {"path": "b.npy"}]},
            },
        },
        {
            "operation": "gaussian",
            "version": 1,
            "off": True,
            "torn": True,
            "divisor": 255.0,
            "parameters": {"sigma": {"per": "t", "values": [1.0, 2.0]}, "mode": "reflect"},
        },
    ],
}
EVIL = "__import__('os').system('touch hacked')"
WRONG = (EVIL, "a'b\"c\n[[steps]]", -1e25, True, {"a": 1}, [["x"]], [])
FREE_TEXT = ("made_with", "where.c", "input", "axis_names[", "options.axes[", ".per")
MAY_BE = {("off", True), ("torn", True)}


def paths(value, place="", keys=()):
    """Yield the place and the keys of every entry."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, entry in entries:
        here = f"{place}[{key}]" if isinstance(value, list) else f"{place}.{key}" if place else key
        yield here, (*keys, key)
        yield from paths(entry, here, (*keys, key))


def with_entry(keys, value):
    changed = copy.deepcopy(BASE)
    inner = changed
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    return changed


def without_entry(keys):
    changed = copy.deepcopy(BASE)
    inner = changed
    for key in keys[:-1]:
        inner = inner[key]
    del inner[keys[-1]]
    return changed


def is_allowed(place, value):
    name = place.rpartition(".")[2]
    if isinstance(value, str) and any(text in place for text in FREE_TEXT):
        return True
    if name in ("where", "scope") and isinstance(value, dict):
        return True
    return (name, value) in MAY_BE if isinstance(value, bool) else value == [] and place == "axis_names"


def mistyped():
    for place, keys in paths(BASE):
        for value in WRONG:
            if not is_allowed(place, value):
                yield place, with_entry(keys, value)


def unknown():
    for place, keys in [("", ()), *paths(BASE)]:
        inner = BASE
        for key in keys:
            inner = inner[key]
        if isinstance(inner, dict) and not place.endswith(("where", "scope")):
            for name in ("import", EVIL):
                key = name if name == "import" else repr(name)
                yield f"{place}.{key}".lstrip("."), with_entry((*keys, name), 1)


def missing():
    for place, keys in paths(BASE):
        if keys[-1] in (
            "format",
            "format_version",
            "steps",
            "operation",
            "kind",
            "unit",
            "value",
            "psf",
            "path",
            "input",
        ):
            yield place, without_entry(keys)


@pytest.fixture
def nothing_happens(tmp_path, monkeypatch):
    """A folder in which, and modules in whose names, nothing may change."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "system", lambda *a: pytest.fail("executed"))
    yield
    assert not [*tmp_path.iterdir()]


def refusal_of(plain):
    with pytest.raises(ValueError) as found:  # noqa: PT011  the caller checks the message
        pytest.fail(f"read: {Recipe.loads(tomli_w.dumps(plain))}")
    text = str(found.value)
    assert "\n" not in text
    return text


def common(place, text):
    """Whether an error names a place, or the table around it, which cannot be without it or with it."""
    around = place.rpartition("." if not place.endswith("]") else "[")[0]
    return place in text or (around and around in text)


def test_the_base_is_a_recipe():
    recipe = Recipe.loads(tomli_w.dumps(BASE))
    assert len(recipe.steps) == 3
    assert Recipe.loads(recipe.dumps()) == recipe


def test_every_entry_of_another_type_is_refused_with_its_place(nothing_happens):
    cases = [*mistyped()]
    assert len(cases) > 200
    for place, plain in cases:
        text = refusal_of(plain)
        assert common(place, text), (place, text)


def test_every_unknown_key_is_refused_with_its_place(nothing_happens):
    cases = [*unknown()]
    assert len(cases) > 20
    for place, plain in cases:
        text = refusal_of(plain)
        assert place.partition("__import__")[0] in text, (place, text)


def test_every_missing_key_is_refused_with_its_place(nothing_happens):
    for place, plain in missing():
        text = refusal_of(plain)
        assert common(place, text), (place, text)


STEP = 'format = "mathimg-recipe"\nformat_version = 1\n[[steps]]\noperation = "gaussian"\n'
FLAT = STEP.replace("gaussian", "flat_field")
HUGE = "9" * 400
TEXTS = {
    "nothing": ("", r"format: must be given"),
    "no TOML": ("format = ", r"recipe: must be TOML \(Invalid value \(at (line 1, column 10|end of document)\)\)"),
    "twice": (
        STEP + "version = 1\nversion = 1",
        r"recipe: must be TOML \(Cannot overwrite a value \(at end of document",
    ),
    "binary": ("\x00\x01", "recipe: must be TOML"),
    "newer": ('format = "mathimg-recipe"\nformat_version = 2', "format_version=2: must be at most 1, the version that"),
    "older": ('format = "mathimg-recipe"\nformat_version = 0', "format_version=0: must be a whole number from 1"),
    "no steps": (
        'format = "mathimg-recipe"\nformat_version = 1\nsteps = []',
        r"steps=\(\): must be a list of 1 to 200",
    ),
    "many steps": (STEP * 1 + '[[steps]]\noperation = "invert"\n' * 200, "steps=.*must be a list of 1 to 200 steps"),
    "newer operation": (STEP + "version = 2", r"steps\[0\].version=2: must be at most 1, the version of gaussian"),
    "unknown operation": (
        STEP.replace("gaussian", "gausian"),
        r"steps\[0\].operation='gausian': must .* nearest .*gauss",
    ),
    "dotted operation": (
        STEP.replace("gaussian", "os.system"),
        r"steps\[0\].operation='os.system': must be one of the",
    ),
    "module": (STEP.replace("gaussian", "napari_mathimg.ops.blur:gaussian"), r"steps\[0\].operation=.*must be one of"),
    "deep list": (STEP + "parameters = {sigma = " + "[" * 40 + "]" * 40 + "}", "must be nested at most 12 deep"),
    "very deep list": (STEP + "parameters = {sigma = " + "[" * 50_000, "recipe: must"),
    "deep keys": (STEP + ".".join("a" * 20) + " = 1", "must be nested at most 12 deep"),
    "infinite": (STEP + "parameters = {sigma = inf}", r"steps\[0\].parameters.sigma=inf: must be a finite number"),
    "nan": (STEP + "parameters = {sigma = nan}", r"steps\[0\].parameters.sigma=nan: must be a finite number"),
    "too large": (
        STEP + "parameters = {sigma = 1e301}",
        r"steps\[0\].parameters.sigma=1e\+301: must be a finite number of",
    ),
    "huge": (
        STEP + f"parameters = {{sigma = {HUGE}}}",
        r"steps\[0\].parameters.sigma: must be a whole number of at most 2",
    ),
    "digits": (STEP + f"parameters = {{sigma = {'9' * 5000}}}", "recipe: must be TOML"),
    "date": (
        STEP + "parameters = {sigma = 2026-01-01}",
        r"steps\[0\].parameters.sigma=.*must be a number, a text, true",
    ),
    "time": (STEP + "level = 07:32:00", r"steps\[0\].level=.*must be a number, a text, true"),
    "long text": (
        STEP + f'parameters = {{mode = "{"a" * 1001}"}}',
        r"steps\[0\].parameters.mode=.*at most 1000 characters",
    ),
    "long key": (STEP + f"{'a' * 1001} = 1", r"steps\[0\]: key=.*at most 1000 characters"),
    "many values": (STEP + f"parameters = {{sigma = [{'1,' * 100_001}]}}", "must be among the first 100000 values"),
    "long file": (STEP + "#" * MOST_BYTES, "recipe: must have at most 1048576 bytes"),
    "beyond bounds": (
        STEP + "parameters = {sigma = -1}",
        r"steps\[0\].parameters.sigma=-1: must be a finite number from 0",
    ),
    "wrong count": (
        STEP + "parameters = {nosuch = 1}",
        r"steps\[0\].parameters.nosuch=1: gaussian has no such parameter",
    ),
    "negative length": (STEP + 'parameters = {sigma = {value = -1, unit = "um"}}', "must be a length of at least 0"),
    "no unit": (
        STEP + 'parameters = {sigma = {value = 1, unit = "parsec"}}',
        r"sigma.unit='parsec': must be one of 'nm'",
    ),
    "no length": (STEP + 'parameters = {truncate = {value = 1, unit = "um"}}', "must be a value without a unit"),
    "no axis": (STEP + "parameters = {sigma = {per = 1.5, values = [1]}}", r"sigma.per=1.5: must be a whole number"),
    "other index": (
        STEP + 'parameters = {sigma = {per = "c", values = [1, -1]}}',
        r"steps\[0\].parameters.sigma.values\[1\]=-1: must",
    ),
    "both": (
        STEP + "where = {c = 1}\noptions = {scope = {c = 1}}",
        r"steps\[0\].where=.*must be left out where options have",
    ),
    "no where": (STEP + "where = {}", r"steps\[0\].where=\{\}: must be left out, or name an axis"),
    "negative level": (STEP + "level = -1", r"steps\[0\].level=-1: must be a whole number from 0"),
    "kept": (STEP + "keep_axis = true", "keep_axis=True: must be left out, because gaussian drops no axis"),
    "zero": (STEP + "divisor = 0.0", r"steps\[0\].divisor=0.0: must be a number greater than 0"),
    "range text": (
        STEP + 'options = {value_range = "12"}',
        r"steps\[0\].options.value_range='12': must be 'data' or 'dtype'",
    ),
    "range texts": (STEP + 'options = {value_range = ["1", "2"]}', "value_range='1': must be a number"),
    "range order": (
        STEP + "options = {value_range = [2, 1]}",
        r"steps\[0\].options.value_range=\(2.0, 1.0\): must be 'data'",
    ),
    "bool index": (STEP + "options = {scope = {c = true}}", r"steps\[0\].options.scope.c=True: must be a whole number"),
    "three ends": (STEP + "options = {scope = {c = [1, 2, 3]}}", r"options.scope.c=\(1, 2, 3\): must be an index or"),
    "axes table": (STEP + "options = {axes = {y = 1}}", r"options.axes=.*: must be a list of names or indices"),
    "no wrapper": (
        STEP + 'options = {around = {wrapper = "os.system"}}',
        r"options.around.wrapper='os.system': must be a",
    ),
    "two numbers": (
        STEP + 'options = {scope = {"0" = 0, "00" = 1}}',
        "scope.00=1: must be left out, because axis 0 is",
    ),
    "two axes": (
        STEP + "options = {axes = [0, 0]}",
        r"options.axes=\(0, 0\): must be a list in which each axis is once",
    ),
    "per in per": (
        STEP + 'parameters = {sigma = {per = "t", values = [{per = "c", values = [1]}]}}',
        r"parameters.sigma.values\[0\]=.*: must be one value",
    ),
    "image per in per": (
        FLAT + 'images = {flat = {per = "t", values = [{per = "c", values = [{input = "a"}]}]}}',
        r"images.flat.values\[0\]=.*: must be one image",
    ),
    "axis of lines": (STEP + 'where = {"c\\n\\n[1] False ref." = 0}', "must be a name in one line of characters"),
    "axis of escapes": (STEP + 'options = {axes = ["\\u001b[31m"]}', r"axes\[0\]=.*: must be a name in one line"),
    "aperture": (
        FLAT + 'images = {flat = {psf = {kind = "optical", parameters = {numerical_aperture = 1e-9}}}}',
        "numerical_aperture=1e-09: must be a finite number from 0.01 to 1.7",
    ),
    "no image": (STEP.replace("gaussian", "wiener"), r"steps\[0\].images.psf: must be given, because wiener needs it"),
    "other image": (STEP + 'images = {psf = {input = "a"}}', r"steps\[0\].images.psf: gaussian has no such image"),
    "two ways": (
        FLAT + 'images = {flat = {input = "a", path = "b.npy"}}',
        "given by one of the keys input, path and psf",
    ),
    "digest": (FLAT + f'images = {{flat = {{input = "a", blake2b = "{"G" * 32}"}}}}', "must be 32 hexadecimal digits"),
    "no kind": (
        FLAT + 'images = {flat = {psf = {kind = "os"}}}',
        r"images.flat.psf.kind='os': must be one of 'gaussian'",
    ),
    "psf parameter": (
        FLAT + 'images = {flat = {psf = {kind = "box", parameters = {a = 1}}}}',
        "is no parameter of a PSF",
    ),
}


@pytest.mark.parametrize(("text", "message"), TEXTS.values(), ids=TEXTS)
def test_texts_that_are_no_recipe_are_refused(text, message, nothing_happens):
    with pytest.raises(ValueError, match=message):
        Recipe.loads(text)


LONG = {
    "key": STEP + ".".join("a" * 500_000) + " = 1",
    "quoted key": STEP + " . ".join(['"."'] * 150_000) + " = 1",
    "numbers": STEP + "1." * 500_000 + "1 = 1",
    "header": STEP + "[" + ".".join("a" * 500_000) + "]",
    "inside": STEP + "parameters = {" + ".".join("a" * 500_000) + " = 1}",
    "after texts": STEP + 'x = \'"\'\ny = """\n"\\""""\n' + ".".join("a" * 500_000) + " = 1",
    "after four quotes": STEP + 'x = """a""""\n' + ".".join("a" * 500_000) + " = 1",
    "after five quotes": STEP + "x = '''a'''''\n" + ".".join("a" * 500_000) + " = 1",
    "after no end": STEP + "x = 'a\n" + ".".join("a" * 500_000) + " = 1",
    "no ends": STEP + "x = 'a\n" * 200_000,
    "texts": STEP + '"""\\' * 200_000,
    "quotes": STEP + "'" * 900_000,
    "brackets": STEP + "x = " + "[{a=" * 200_000,
}


@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
def test_no_file_holds_the_program_up(text, nothing_happens):
    """tomllib alone takes 6 s for a key of 16,000 parts, and hours for one of 500,000."""
    with pytest.raises(ValueError, match="recipe: must"):
        Recipe.loads(text)


PATHS = (
    "/etc/passwd",
    "../secret.npy",
    "a/../../b.npy",
    "a/./b.npy",
    "./a.npy",
    "C:/a.npy",
    "C:a.npy",
    "c:\\a.npy",
    "a\\b.npy",
    "\\\\host\\share\\a.npy",
    "//host/share/a.npy",
    "file:///a.npy",
    "http://host/a.npy",
    "https://host/a.npy",
    "s3://b/a",
    "~/a.npy",
    "~root/a.npy",
    "a//b.npy",
    "a/",
    "",
    " a.npy",
    "a.npy ",
    "a./b.npy",
    "nul",
    "NUL.npy",
    "con/a.npy",
    "com1.npy",
    "a\n.npy",
    "a\x00.npy",
    "a\x1b[2J.npy",
    "..",
    ".",
    "a/..",
    "a.npy:stream",
    "\u202enpy.a",
)


@pytest.mark.parametrize("path", PATHS, ids=repr)
def test_paths_that_may_leave_the_folder_are_refused(path, nothing_happens):
    plain = {**BASE, "steps": [{"operation": "flat_field", "images": {"flat": {"path": path}}}]}
    assert refusal_of(plain).startswith("steps[0].images.flat.path=")


def test_links_that_leave_the_folder_are_refused(tmp_path):
    (tmp_path / "out").mkdir()
    np.save(tmp_path / "out" / "a.npy", np.ones((5, 5)))
    folder = tmp_path / "recipes"
    folder.mkdir()
    try:
        (folder / "a.npy").symlink_to(tmp_path / "out" / "a.npy")
        (folder / "out").symlink_to(tmp_path / "out", target_is_directory=True)
        (folder / "b.npy").symlink_to("c.npy")
    except OSError:
        pytest.skip("links cannot be made here")
    np.save(folder / "c.npy", np.ones((5, 5)))
    for path in ("a.npy", "out/a.npy"):
        text = FLAT + f'images = {{flat = {{path = "{path}"}}}}'
        with pytest.raises(
            ValueError, match=rf"steps\[0\].images.flat='{path}': must be .*, which a link in it leaves"
        ):
            Recipe.loads(text, folder).apply(np.ones((5, 5)))
    assert Recipe.loads(FLAT + 'images = {flat = {path = "b.npy"}}', folder).apply(np.ones((5, 5))).shape == (5, 5)


class Evil:
    def __reduce__(self):
        return os.system, ("touch hacked",)


def test_files_that_hold_no_numbers_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("pickled.npy", np.array([Evil()]), allow_pickle=True)
    Path("cut.npy").write_bytes(
        b"\x93NUMPY\x01\x00v\x00{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999,)}"
    )
    np.save("text.npy", np.array(["a"]))
    Path("program.npy").write_bytes(b"MZ")
    for name in ("pickled.npy", "cut.npy", "text.npy", "program.npy", "missing.npy"):
        recipe = Recipe.loads(FLAT + f'images = {{flat = {{path = "{name}"}}}}', tmp_path)
        with pytest.raises(ValueError, match=r"steps\[0\]"):
            recipe.apply(np.ones((5, 5)))
    assert not Path("hacked").exists()
    with pytest.raises(ValueError, match="must be below the folder of the recipe, which was not read from a file"):
        Recipe.loads(FLAT + 'images = {flat = {path = "a.npy"}}').apply(np.ones((5, 5)))


def test_files_are_read_as_strictly(tmp_path):
    path = tmp_path / "r.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match="recipe: must be text in UTF-8"):
        Recipe.load(path)
    path.write_bytes(b"#" * (MOST_BYTES + 1))
    with pytest.raises(ValueError, match="recipe: must have at most 1048576 bytes"):
        Recipe.load(path)


def test_what_is_no_file_of_numbers_does_not_hold_the_program_up(tmp_path):
    if not hasattr(os, "mkfifo"):
        pytest.skip("there are no pipes here")
    os.mkfifo(tmp_path / "a.npy")
    with pytest.raises(ValueError, match=r"images.flat='a.npy': must be a file"):
        Recipe.loads(FLAT + 'images = {flat = {path = "a.npy"}}', tmp_path).apply(np.ones((5, 5)))


def test_an_axis_is_a_number_only_if_its_name_is_one():
    (read,) = Recipe.loads(STEP + 'options = {scope = {"--1" = 0, "-1" = 1, "²" = 2}}').steps
    assert read.options.scope == {"--1": 0, -1: 1, "²": 2}


@pytest.mark.parametrize(
    ("text", "spacing", "message"),
    [
        (
            'parameters = {sigma = {value = 1e299, unit = "m"}}', 1e-20,
            r"steps\[0\].parameters.sigma=.*: must be a length of a finite number of pixels",
        ),
        ("divisor = 1e-300", 1, r"steps\[0\].divisor=1e-300: must be a number that float32 can hold"),
        ("divisor = 1e300", 1, r"steps\[0\].divisor=1e\+300: must be a number that float32 can hold"),
    ],
)  # fmt: skip
def test_numbers_that_leave_their_type_are_refused_with_their_place(text, spacing, message):
    with pytest.raises(ValueError, match=message):
        Recipe.loads(STEP + text).apply(gray("f4"), spacing=spacing)


def test_no_file_but_a_recipe_is_replaced(tmp_path):
    recipe, path = Recipe.loads(STEP), tmp_path / "r.toml"
    recipe.save(path)
    path.write_text("damaged = [mathimg-recipe")
    recipe.save(path)
    assert Recipe.load(path) == recipe
    (tmp_path / "empty.toml").touch()
    recipe.save(tmp_path / "empty.toml")
    np.save(tmp_path / "precious.npy", np.ones(3))
    (tmp_path / "folder.toml").mkdir()
    for name in ("precious.npy", "folder.toml"):
        with pytest.raises(ValueError, match=f"{name}': must be a new file or that of a recipe"):
            recipe.save(tmp_path / name)
    assert np.load(tmp_path / "precious.npy").sum() == 3


def test_records_of_others_do_not_stop_a_run():
    """A step of a record without what it was resolved to is one that may have changed brightness."""
    assert not is_proportional({RECORD: [{"operation": "gaussian"}]})
    assert "since step 1, gaussian" in light_sentence({RECORD: [{"operation": "gaussian"}]})


def recorded_step():
    layer = SimpleNamespace(name="cells", metadata={RECORD: []}, level=0)
    return record(layer, plan_of(operations()["gaussian"], gray("u1")), "everything")[RECORD][0]


HARMLESS = [("given", []), ("options", []), ("axis_names", [])]
RECORDS = {
    "text": ("[]", "steps='\\[\\]': must be a list of recorded steps"),
    "table": ({"steps": []}, "steps=.*: must be a list of recorded steps"),
    "number": ([7], r"steps\[0\]=7: must be a table"),
    "empty": ([], r"steps=\(\): must be a list of 1 to 200"),
    "unknown": ([{"code": EVIL}], r"steps\[0\].code=.*: is unknown in a record"),
    "operation": ([{"operation": EVIL, "images": [{}]}], r"steps\[0\].operation=.*: must be one of"),
    "image": ([{"operation": "flat_field", "images": [{"name": "a", "code": EVIL}]}], r"images.flat.code=.*is unknown"),
    "pixels": (
        [{"operation": "flat_field", "images": [{"name": "a", "pixels": 7}]}],
        "images.flat.pixels=7: must be left",
    ),
    "images": ([{"operation": "gaussian", "images": [{"name": "a"}]}], "must be a list of at most 0 images"),
    "given": (
        [{"operation": "gaussian", "given": {"sigma": float("inf")}}],
        "given.sigma=inf: must be a finite number",
    ),
    "no given": ([{"operation": "gaussian"}], r"steps\[0\].given: must be in a record, which holds all parameters"),
    "empty option": (
        [{"operation": "gaussian", "given": {}, "options": {"code": None}}],
        r"options.code=None: must be",
    ),
    "options": (
        [{"operation": "gaussian", "given": {}, "options": {"code": 1}}],
        r"steps\[0\].options.code=1: is unknown here",
    ),
    "names": ([{"operation": "gaussian", "given": {}, "axis_names": [7]}], r"axis_names\[0\]=7: must be a text"),
}


@pytest.mark.parametrize(("found", "message"), RECORDS.values(), ids=RECORDS)
def test_records_in_files_are_read_as_strictly(found, message, nothing_happens):
    with pytest.raises(ValueError, match=message):
        Recipe.from_record(found)


def test_a_record_with_any_key_of_another_type_is_refused_or_harmless(nothing_happens):
    whole = json.loads(json.dumps(recorded_step()))
    for name in whole:
        for value in WRONG:
            if name in RESOLVED and name != "axis_names":
                assert Recipe.from_record([{**whole, name: value}]) == Recipe.from_record([whole])
            elif (name, value) not in HARMLESS:
                with pytest.raises(ValueError, match=r"^steps\[0\]"):
                    Recipe.from_record([{**whole, name: value}])


# Older files


def test_older_formats_and_operations_are_migrated(monkeypatch):
    """A format in which steps were called chain; an operation whose sigma was once a variance."""
    monkeypatch.setattr(file_format, "FORMAT_VERSION", 2)

    def renamed(plain):
        return {"steps": plain.pop("chain"), **plain, "format_version": 2}

    monkeypatch.setitem(file_format.MIGRATIONS, 1, renamed)

    def deviation(plain):
        parameters = {"sigma": plain["parameters"]["variance"] ** 0.5}
        return {**plain, "version": 1, "parameters": parameters}

    monkeypatch.setitem(step.MIGRATIONS, ("gaussian", 0), deviation)
    old = {"operation": "gaussian", "version": 0, "parameters": {"variance": 9.0}}
    recipe = Recipe.from_plain({"format": "mathimg-recipe", "format_version": 1, "chain": [old]})
    assert recipe.steps[0].parameters == {"sigma": 3.0}


def test_an_operation_that_gives_other_pixels_now_is_told(monkeypatch):
    monkeypatch.setattr(step, "find", lambda id: SimpleNamespace(id=id, version=3))
    with pytest.raises(ValueError, match=r"steps\[0\].version=2: must be 3, because gaussian gives other pixels since"):
        Recipe.loads(STEP + "version = 2")


def test_any_name_and_number_is_written_and_read():
    for name in ("a'b", 'a"b', "a\nb", "ü", "\\", "".join(map(chr, range(0x250))), "😀\u2028"):
        axis = "".join(filter(str.isprintable, name))
        plain = {"operation": "flat_field", "images": {"flat": {"input": name}}, "where": {axis: name}}
        scoped = {"operation": "gaussian", "options": {"scope": {axis: 1}}}
        recipe = Recipe.from_plain({**BASE, "axis_names": [axis], "steps": [plain, scoped]})
        assert Recipe.loads(recipe.dumps()) == recipe
        assert recipe.steps[0].images["flat"] == Input(name)
    for value in (5e-324, 1e-7, 0.1 + 0.2, 1e22, 123456789.123456789):
        recipe = Recipe.from_plain({**BASE, "steps": [{"operation": "invert", "divisor": value}]})
        (read,) = Recipe.loads(recipe.dumps()).steps
        assert read.divisor == value


def test_the_page_shows_a_recipe_and_names_every_key():
    page = (Path(__file__).parent.parent / "docs" / "recipes.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    assert len(Recipe.loads(block).steps) == 2
    table = page.partition("| key of a step |")[2].partition("\n\n")[0]
    keys = {name for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}
    assert keys == {f.name for f in dataclasses.fields(step.Step)}
    assert all(f"`{name}`" in page for name in step.OPTIONS)
