"""The catalog is complete, and every operation says the same in its signature, model and docstring."""

import doctest
import inspect
import pydoc
from collections import Counter
from collections.abc import Mapping
from importlib import import_module
from typing import Annotated, Literal

import numpy as np
import pytest
from docstring_parser import DocstringStyle, parse

from cases import CASES
from napari_mathimg import Options, operations, psf
from napari_mathimg.catalog import FAMILIES, family, find
from napari_mathimg.contract import types as t
from napari_mathimg.contract.operation import ENGINE, Operation, Statistic, operation
from napari_mathimg.contract.progress import run_to_end
from napari_mathimg.contract.reach import POINTWISE
from napari_mathimg.contract.requirements import describe
from napari_mathimg.contract.types import Role, annotation_of
from napari_mathimg.engine import prepare

OPERATIONS = tuple(operations().values())

each = pytest.mark.parametrize("op", OPERATIONS, ids=lambda op: op.id)


def described(op):
    return parse(inspect.getdoc(op.function), style=DocstringStyle.NUMPYDOC)


def test_every_operation_has_one_case():
    assert Counter(case.operation for case in CASES) == Counter(list(operations()))


def test_every_exported_name_is_an_operation_of_that_name():
    for name in FAMILIES:
        module = import_module(f"napari_mathimg.ops.{name}")
        assert sorted(module.__all__) == module.__all__
        for exported in module.__all__:
            assert isinstance(getattr(module, exported), Operation)
            assert getattr(module, exported).id == exported


def test_every_declared_operation_is_exported():
    for name in FAMILIES:
        module = import_module(f"napari_mathimg.ops.{name}")
        declared = {op.id for op in vars(module).values() if isinstance(op, Operation)}
        assert declared == set(module.__all__)


def test_an_id_belongs_to_one_function():
    functions = {}
    for name in FAMILIES:
        for id, op in family(name).items():
            assert functions.setdefault(id, op.function) is op.function


def test_titles_are_unique():
    assert Counter(op.title for op in OPERATIONS).most_common(1)[0][1] == 1


def test_unknown_names_are_refused_with_those_there_are():
    with pytest.raises(ValueError, match=r"operation='gausian': must be one of the 42 ids .*; the nearest are 'gauss"):
        find("gausian")
    with pytest.raises(ValueError, match=r"operation='xyz': must be one of the 42 ids in operations\(\)$"):
        find("xyz")
    with pytest.raises(ValueError, match=r"family='optics': must be one of 'geometry', 'perspective'"):
        family("optics")


def test_operations_print_as_a_table():
    header, *rows = repr(operations()).splitlines()
    assert header.split() == ["family", "id", "title"]
    for row, op in zip(rows, OPERATIONS, strict=True):
        assert row.split(maxsplit=2) == [op.family, op.id, op.title]


def test_operations_are_a_read_only_mapping():
    table = operations()
    assert isinstance(table, Mapping)
    assert dict(table) == {op.id: op for op in OPERATIONS}
    assert table.get("blurr") is None
    with pytest.raises(TypeError, match="does not support item assignment"):
        table["gaussian"] = None
    with pytest.raises(KeyError):
        table["blurr"]


@each
def test_help_shows_the_call_and_the_docstring(op):
    shown = pydoc.plain(pydoc.render_doc(op))
    call = " ".join(shown.split("\n\n")[1].split())
    assert call.startswith(f"{op!r} apply(image, {op.id!r}")
    for name in op.parameters:
        assert f", {name}=" in call
    for line in inspect.getdoc(op.function).splitlines():
        assert line in shown


def test_an_operation_prints_on_one_line():
    assert repr(operations()["gaussian"]) == "<Operation 'gaussian': Gaussian filter (denoise)>"


def test_options_print_what_differs_from_the_defaults():
    assert repr(Options()) == "Options()"
    assert repr(Options(ndim=3, scope={0: (0, 2)})) == "Options(ndim=3, scope={0: (0, 2)})"


def test_a_plan_prints_on_one_line():
    plan = run_to_end(prepare(operations()["gaussian"], np.zeros((5, 37, 29), np.uint8), parameters={"sigma": 2}))
    assert repr(plan).startswith(
        "<Plan of 'gaussian': shape=(5, 37, 29), dtype=uint8, sigma=(2.0, 2.0), mode='nearest'"
    )
    assert "\n" not in repr(plan)


def test_a_declared_psf_prints_as_the_call_that_makes_it():
    assert repr(psf("disk", radius=(1, 2))) == "psf('disk', radius=(1.0, 2.0))"
    lens = psf("optical", pixel_size=(0.3, 0.1, 0.1), size=5)
    assert eval(repr(lens)) == lens


@pytest.mark.parametrize(
    ("hint", "phrase"),
    [
        (t.Degrees, "a finite number from -3600 to 3600°"),
        (t.Truncation, "a finite number greater than 0 and at most 20\u00a0σ"),
        (t.Fraction, "a finite number from 0 to 1, in units of the value range"),
        (t.Shape, "'auto', a whole number from 1 to 10\u202f000\u202f000\u00a0px, or one for each axis"),
        (t.PlaneShear, "a sequence of 2 values, each a finite number from -89 to 89°"),
        (t.Order, "one of 0, 1, 3"),
        (t.PsfCenter, "'centroid' or 'array'"),
        (t.Isotropic, "True or False"),
        (Literal["auto"] | bool, "'auto', True, or False"),
        (Annotated[int, t.Number(ge=1)], "a whole number of at least 1"),
        (Annotated[float, t.Number(le=2, unit="px")], "a finite number of at most 2\u00a0px"),
    ],
)
def test_a_type_is_described_in_words(hint, phrase):
    assert describe(hint) == phrase


@each
def test_parameters_are_the_same_in_signature_model_and_docstring(op):
    hints = inspect.get_annotations(op.function)
    signature = [
        name
        for name in inspect.signature(op.function).parameters
        if name not in ENGINE and not annotation_of(hints.get(name), Role)
    ]
    assert list(op.parameters) == signature
    assert list(op.model.model_fields) == signature
    assert [p.arg_name for p in described(op).params] == signature


@each
def test_defaults_are_valid_and_the_same_everywhere(op):
    signature = inspect.signature(op.function).parameters
    assert op.validate({}) == {name: signature[name].default for name in op.parameters}


@each
def test_docstring_explains_the_operation_and_each_parameter(op):
    doc = described(op)
    assert doc.short_description.endswith((".", ".\n"))
    assert "\n" not in doc.short_description.strip()
    for parameter in doc.params:
        assert parameter.description, parameter.arg_name
        assert parameter.description.endswith("."), parameter.arg_name


@each
def test_methods_cite_their_source(op):
    assert "References\n" in inspect.getdoc(op.function)


@each
def test_docstring_example_gives_what_it_says(op):
    # `--doctest-modules` passes operations by: they are no functions.
    example = doctest.DocTestParser().get_doctest(op.function.__doc__, {}, op.id, None, 0)
    assert example.examples
    said = []
    runner = doctest.DocTestRunner(verbose=False)
    runner.run(example, out=said.append)
    assert not said, "".join(said)


@each
def test_cases_try_every_number_of_axes(op):
    (case,) = (case for case in CASES if case.operation == op.id)
    assert all(op.works_on(ndim) for ndim in case.ndims)
    assert op.dimensions == "all" or op.dimensions == case.ndims


def test_declarations_that_ask_for_the_unknown_are_refused():
    def plain(image: t.Image, /, *, gamma: t.Gamma = 1.0) -> t.Image: ...
    def asking(image: t.Image, /, *, gamma: t.Gamma = 1.0, sigma: t.Gamma) -> t.Image: ...
    def loose(image: t.Image, /, *, gamma=1.0) -> t.Image: ...

    def unordered(image: t.Image, first: t.OptionalAlignedImage, second: t.AlignedImage, /) -> t.Image: ...

    named = {"values": "float", "reach": POINTWISE}
    statistic = Statistic(lambda image, sigma: (), lambda counted: None)
    finish = Statistic(lambda image: (), lambda image: None)
    for wrong in (
        {"reach": lambda sigma: POINTWISE}, {"reach": lambda image: POINTWISE}, {"check": lambda image: None},
        {"values": lambda image: "exact"}, {"values": lambda shape: "exact"},
        {"check": lambda measured: None}, {"statistics": (statistic,)}, {"statistics": (finish,)},
        {"statistics": (Statistic(lambda image: (), lambda counted: 0, lambda at: POINTWISE),)},
    ):  # fmt: skip
        with pytest.raises(TypeError, match=r"plain: .* asks for (sigma|image|shape|measured|at)"):
            operation("Toy", **{**named, **wrong})(plain)
    for function in (asking, loose):
        with pytest.raises(TypeError, match=r"parameter (sigma|gamma) must have an annotation and a default"):
            operation("Toy", **named)(function)
    with pytest.raises(TypeError, match=r"unordered: image second must come before the optional images"):
        operation("Toy", **named)(unordered)
