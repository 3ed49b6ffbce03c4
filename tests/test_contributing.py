"""CONTRIBUTING.md names what is there."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "napari_mathimg"
WAYS = "The way of a click", "The way of a parameter"
MOST = 10  # stations of a way


def stations(heading: str) -> list[str]:
    """Return the numbered lines under a heading."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (section,) = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)
    return re.findall(r"^\d+\. .*(?:\n {3}.*)*", section, re.MULTILINE)


def defined(body: list[ast.stmt]) -> Iterator[tuple[str, ast.AST]]:
    """Yield the names that statements define, with what defines them."""
    for node in body:
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                yield name, node
            case ast.Assign(targets=targets):
                yield from ((target.id, node) for target in targets if isinstance(target, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name, node


def members(node: ast.AST) -> dict[str, ast.AST]:
    """Return what a module or a class defines, with the attributes that a class sets on `self`."""
    assert isinstance(node, ast.Module | ast.ClassDef)
    found = dict(defined(node.body))
    for inner in ast.walk(node) if isinstance(node, ast.ClassDef) else ():
        if isinstance(inner, ast.Attribute) and isinstance(inner.ctx, ast.Store) and ast.unparse(inner.value) == "self":
            found.setdefault(inner.attr, inner)
    return found


@pytest.mark.parametrize("heading", WAYS)
def test_every_station_names_something_that_is_defined_there(heading: str) -> None:
    found = stations(heading)
    assert 2 <= len(found) <= MOST
    for station in found:
        (named,) = re.findall(r"`([^`]+)`", station)
        path, name = named.split(": ")
        assert (PACKAGE / path).is_file(), named
        node: ast.AST = ast.parse((PACKAGE / path).read_text(encoding="utf-8"))
        for part in name.split("."):
            assert part in members(node), named
            node = members(node)[part]
