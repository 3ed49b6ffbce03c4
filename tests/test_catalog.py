"""The catalog is complete, and every operation says the same in its signature, model and docstring."""

import doctest
import inspect
from collections import Counter
from importlib import import_module

import pytest
from docstring_parser import DocstringStyle, parse

from cases import CASES
from napari_mathimg import operations
from napari_mathimg.catalog import FAMILIES, family, find
from napari_mathimg.contract import types as t
from napari_mathimg.contract.operation import ENGINE, Operation, Statistic, operation
from napari_mathimg.contract.reach import POINTWISE
from napari_mathimg.contract.types import Role, annotation_of

OPERATIONS = tuple(operations().values())
# One line of arithmetic, or the same as another operation that has the reference: nothing was published on them.
WITHOUT_LITERATURE = {"clip", "crop", "invert", "rescale_intensity", "rotate"}

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
    with pytest.raises(ValueError, match=r"operation='blurr': one of .*gaussian"):
        find("blurr")
    with pytest.raises(ValueError, match=r"family='optics': one of geometry"):
        family("optics")


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
    assert ("References\n" in inspect.getdoc(op.function)) != (op.id in WITHOUT_LITERATURE)


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
        {"compute": lambda image, sigma: image},
    ):  # fmt: skip
        with pytest.raises(TypeError, match=r"plain: .* asks for (sigma|image|shape|measured|at)"):
            operation("Toy", **{**named, **wrong})(plain)
    for function in (asking, loose):
        with pytest.raises(TypeError, match=r"parameter (sigma|gamma) needs an annotation and a default"):
            operation("Toy", **named)(function)
    with pytest.raises(TypeError, match=r"unordered: image second comes after an optional one"):
        operation("Toy", **named)(unordered)
