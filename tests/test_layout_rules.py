"""Modules are short, folders hold few of them, and private names stay in their package."""

from pathlib import Path

import pytest

import layout_rules
import napari_mathimg

SOURCES = Path(napari_mathimg.__file__).parent
TESTS = Path(__file__).parent


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A package of three rooms, one of which has rooms of its own; nothing in it is wrong."""
    files = {
        "__init__.py": "",
        "engine/__init__.py": "from ._run import run\n",
        "engine/_run.py": "from . import _tiles\nfrom ._tiles import _cut\n\ndef run(): return _tiles._cut, _cut\n",
        "engine/_tiles.py": "def _cut(): return __name__\n",
        "engine/threads.py": "from ._tiles import __name__ as name\n",
        "methods/__init__.py": "",
        "methods/_shared.py": "import numpy\n\n_table = numpy._private\n",
        "methods/lens/fit.py": "from .._shared import _table\nfrom ...engine import run\nfrom ... import engine\n",
        "methods/lens/_points.py": "from . import fit\n\nfit.solve(fit)._secret\n",
        "widgets/dock/dock.py": "from ._rows import rows\nfrom ..form.form import Form\n",
        "widgets/dock/_rows.py": "rows = 1\n",
        "widgets/form/form.py": "class Form:\n    def _own(self): return self._own\n",
    }
    for name, text in files.items():
        path = tmp_path / "pack" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path / "pack"


def test_a_tree_in_order_has_no_leaks(tree: Path) -> None:
    assert layout_rules.leaks(tree) == []


@pytest.mark.parametrize(
    ("module", "code", "said"),
    [
        ("methods/gauss.py", "from ..engine._tiles import cut", "1: pack.engine._tiles.cut"),
        ("methods/gauss.py", "from ..engine import _tiles", "1: pack.engine._tiles"),
        ("methods/gauss.py", "import pack.engine._tiles", "1: pack.engine._tiles"),
        ("methods/gauss.py", "from pack.engine.threads import spread, _pool", "1: pack.engine.threads._pool"),
        ("methods/gauss.py", "\nfrom ..engine import threads\nthreads._pool()", "3: pack.engine.threads._pool"),
        ("methods/gauss.py", "import pack.engine.threads\npack.engine.threads._pool", "2: pack.engine.threads._pool"),
        ("methods/gauss.py", "import pack.engine.threads as t\nt._pool", "2: pack.engine.threads._pool"),
        ("methods/gauss.py", "def f():\n    from .lens import _points", "2: pack.methods.lens._points"),
        ("methods/lens/__init__.py", "from ...engine import _run", "1: pack.engine._run"),
        (
            "methods/lens/__init__.py",
            "from ..gauss import _table\nfrom ...engine._run import a",
            "2: pack.engine._run.a",
        ),
        ("widgets/dock/more.py", "from ..form.form import _fields", "1: pack.widgets.form.form._fields"),
        ("widgets/menu.py", "from .dock._rows import rows", "1: pack.widgets.dock._rows.rows"),
        ("top.py", "from .engine.threads import _pool as pool", "1: pack.engine.threads._pool"),
    ],
)
def test_private_names_used_elsewhere_are_found(tree: Path, module: str, code: str, said: str) -> None:
    (tree / module).write_text(code, encoding="utf-8")
    assert layout_rules.leaks(tree) == [f"{module}:{said}"]


def test_long_modules_are_found(tree: Path) -> None:
    (tree / "engine" / "long.py").write_text("x = 1\n" * 401, encoding="utf-8")
    (tree / "engine" / "fits.py").write_text("x = 1\n" * 400, encoding="utf-8")
    assert layout_rules.too_long(tree, 400) == ["engine/long.py: 401 lines, more than 400"]


def test_full_folders_are_found(tree: Path) -> None:
    for folder, count in (("methods", 40), ("methods/lens", 14), ("widgets/form", 14), ("widgets/dock", 13)):
        for k in range(count):
            (tree / folder / f"more{k}.py").touch()
    (tree / "widgets/form/__init__.py").touch()
    assert layout_rules.too_full(tree, 15) == ["methods/lens: 16 modules, more than 15"]


def test_private_names_stay_in_their_package() -> None:
    assert layout_rules.leaks(SOURCES) == []


def test_no_module_is_long() -> None:
    assert layout_rules.too_long(SOURCES, 400) + layout_rules.too_long(TESTS, 650) == []


def test_no_folder_is_full() -> None:
    assert layout_rules.too_full(SOURCES, 15) == []
