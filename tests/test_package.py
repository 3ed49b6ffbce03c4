"""What a user gets: the wheel, the README, a light import."""

import email
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import napari_mathimg
from napari_mathimg.kernels import _jit

ROOT = Path(__file__).parent.parent
PICTURES = "https://raw.githubusercontent.com/napari-mathimg/napari-mathimg/main/"
PAGES = "https://github.com/napari-mathimg/napari-mathimg/blob/main/"


def python(*arguments: str, executable: str = sys.executable) -> str:
    done = subprocess.run([executable, *arguments], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_table_of_operations_is_current() -> None:
    python("scripts/operations_table.py", "--check")


def test_the_example_in_the_readme_runs() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"## From Python\n\n```python\n(.*?)```", readme, re.DOTALL)
    names: dict = {}
    exec(code, names)
    assert names["turned"].shape == (699, 699)
    assert names["brighter"].mean() > names["camera"]().mean()


def test_no_operation_has_a_second_version_before_the_second_release() -> None:
    releases = re.findall(r"^## .*", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert {op.version for op in napari_mathimg.operations().values()} <= {*range(1, len(releases) + 1)}


PAGES_OF_OURS = (
    "README.md", "CONTRIBUTING.md", "docs/guide.md", "docs/recipes.md", "docs/command-line.md", "docs/files.md",
)  # fmt: skip


@pytest.mark.parametrize("page", PAGES_OF_OURS)
def test_what_a_page_links_to_is_there(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for link in re.findall(r"\]\((?!https:)([^)]*)\)", text):
        path, _, heading = link.partition("#")
        target = ((ROOT / page).parent / path).resolve() if path else ROOT / page
        assert target.is_file(), link
        if heading:
            headings = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert heading in [re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in headings], link


def test_importing_the_package_loads_nothing_heavy() -> None:
    heavy = ("numpy", "numba", "scipy", "napari", "qtpy")
    code = f"import sys, napari_mathimg; print([m for m in {heavy} if m in sys.modules])"
    assert python("-c", code).strip() == "[]"


def test_computing_needs_neither_napari_nor_qt() -> None:
    code = (
        "import sys, numpy, napari_mathimg as m; m.apply(numpy.eye(9), 'rotate', angle=5.0);"
        "print([n for n in ('napari', 'qtpy', 'magicgui', 'PyQt6') if n in sys.modules])"
    )
    assert python("-c", code).strip() == "[]"


def test_names_are_where_the_package_says() -> None:
    assert set(napari_mathimg.__all__) <= set(dir(napari_mathimg))
    for name in napari_mathimg.__all__:
        assert callable(getattr(napari_mathimg, name))
    with pytest.raises(AttributeError, match="nothing"):
        napari_mathimg.nothing  # noqa: B018


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    python("-m", "build", "--wheel", "--outdir", str(folder), str(ROOT))
    (built,) = folder.glob("*.whl")
    return built


def test_the_page_on_pypi_links_to_what_is_there(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        about = email.message_from_bytes(archive.read(name))
    page = about.get_payload(decode=True).decode()
    assert about["Description-Content-Type"] == "text/markdown"
    pictures, links = (re.findall(rf"{mark}\[[^]]*\]\(([^)]*)\)", page) for mark in ("!", "(?<!!)"))
    assert pictures
    assert links
    for text, folder in ((pictures, PICTURES), (links, PAGES)):
        for address in text:
            assert address.startswith("https://"), address
            if address.startswith(folder):
                assert (ROOT / address.removeprefix(folder)).is_file(), address
    assert all(address.startswith(PICTURES) for address in pictures)
    assert f"{PAGES}docs/guide.md" in links
    labels = {value.partition(", ")[0] for value in about.get_all("Project-URL", [])}
    assert labels >= {"Homepage", "Source Code", "Bug Tracker", "User Support"}  # which the napari hub reads


def test_the_wheel_holds_the_pictures_of_the_help_pages(wheel: Path) -> None:
    folder = "napari_mathimg/widgets/help/pictures/"
    held = {Path(name).stem for name in zipfile.ZipFile(wheel).namelist() if name.startswith(folder)}
    assert held == set(napari_mathimg.operations())


def test_the_installed_wheel_contributes_everything(wheel: Path, tmp_path: Path) -> None:
    """In an empty environment, npe2 finds docks, menus, commands and samples of the wheel alone."""
    python("-m", "uv", "venv", "--quiet", "--python", sys.executable, str(tmp_path / "empty"))
    there = str(tmp_path / "empty" / ("Scripts" if sys.platform == "win32" else "bin") / "python")
    for what in (("--no-deps", str(wheel)), ("npe2",)):
        python("-m", "uv", "--native-tls", "pip", "install", "--quiet", "--python", there, *what)
    code = """
import json
from npe2 import PluginManager
manager = PluginManager.instance()
manager.discover()
manifest = manager.get_manifest("napari-mathimg")
c = manifest.contributions
print(json.dumps({
    "version": manifest.package_version,
    "classifiers": manifest.package_metadata.classifier,
    "requires": manifest.package_metadata.requires_dist,
    "commands": [x.id for x in c.commands],
    "widgets": [x.display_name for x in c.widgets],
    "samples": [x.key for x in c.sample_data],
    "menus": {k: len(v) for k, v in c.menus.items()},
}))
"""
    found = json.loads(python("-c", code, executable=there))
    from npe2 import PluginManifest

    here = PluginManifest.from_file(ROOT / "src/napari_mathimg/napari.yaml").contributions
    assert found["version"] == napari_mathimg.__version__
    assert "Framework :: napari" in found["classifiers"]
    assert any(r.startswith("napari[all]") and 'extra == "all"' in r.replace("'", '"') for r in found["requires"])
    assert found["commands"] == [c.id for c in here.commands]
    assert found["widgets"] == [w.display_name for w in here.widgets]
    assert found["samples"] == [s.key for s in here.sample_data]
    assert found["menus"] == {k: len(v) for k, v in here.menus.items()}


def test_kernels_on_disk_are_compiled_again_when_what_they_call_has_changed(tmp_path: Path) -> None:
    folder = tmp_path / "kernels"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "_jit.py").write_bytes(Path(_jit.__file__).read_bytes())
    user = "from ._jit import kernel\nfrom .lender import lent\n\n@kernel\ndef user(x):\n    return lent(x)\n"
    (folder / "user.py").write_text(user)
    program = "from kernels.user import user; print(user(3), len(user.stats.cache_hits))"
    answers = []
    for factor in (2, 2, 5):
        lender = f"from ._jit import inline\n\n@inline\ndef lent(x):\n    return x * {factor}\n"
        (folder / "lender.py").write_text(lender)
        done = subprocess.run(
            [sys.executable, "-Bc", program], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        answers.append(done.stdout.split())
    assert answers == [["6", "0"], ["6", "1"], ["15", "0"]]
