"""The manifest names what there is, and the menus show all of it."""

import importlib
from collections import Counter
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from npe2 import PluginManifest

import napari_mathimg
from napari_mathimg.catalog import FAMILIES, operations
from napari_mathimg.contract.operation import Operation

MANIFEST = PluginManifest.from_file(Path(napari_mathimg.__file__).parent / "napari.yaml")
COMMANDS = {c.id: c for c in MANIFEST.contributions.commands}
PLUGIN = "napari-mathimg"
OTHER_DOCKS = {
    "Histogram": "napari_mathimg.widgets.histogram.dock:HistogramDock",
    "History": "napari_mathimg.widgets.history.dock:HistoryDock",
    "Batch": "napari_mathimg.widgets.batch.dock:BatchDock",
    "Last used": "napari_mathimg.widgets.place.commands:LastDock",
}


def test_the_entry_point_leads_to_the_manifest() -> None:
    (entry,) = entry_points(group="napari.manifest", name=PLUGIN)
    assert entry.value == "napari_mathimg:napari.yaml"
    assert MANIFEST.name == PLUGIN
    assert MANIFEST.display_name == "Mathematical Imaging"


def test_the_link_at_the_root_is_the_manifest() -> None:
    root = Path(__file__).parent.parent
    assert (root / "napari.yaml").resolve() == (root / "src/napari_mathimg/napari.yaml").resolve()


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_every_command_can_be_imported(command) -> None:
    module, _, name = command.python_name.partition(":")
    assert callable(getattr(importlib.import_module(module), name))


def command_of(op: Operation) -> str:
    """Return the id of an operation's command; napari's palette shows its parts before the title."""
    return f"{PLUGIN}.{op.family}.{op.id}"


def test_every_operation_has_a_command_with_its_title() -> None:
    titles = {id: command.title for id, command in COMMANDS.items() if "menu_commands:" in command.python_name}
    assert titles == {command_of(op): op.title for op in operations().values()}


def test_every_operation_is_in_one_menu_of_its_kind() -> None:
    menus = {name: [i.command for i in items] for name, items in MANIFEST.contributions.menus.items() if PLUGIN in name}
    domain = sorted((op for op in operations().values() if op.is_warp), key=lambda op: op.title)
    assert menus[f"{PLUGIN}/transform"] == [command_of(op) for op in domain]
    others = [command_of(op) for op in operations().values() if not op.is_warp]
    assert menus[f"{PLUGIN}/filter"] == others
    assert max(Counter(c for items in menus.values() for c in items).values()) == 1


def test_the_submenus_hang_in_napari_s_layers_menu() -> None:
    menus = MANIFEST.contributions.menus
    for place in ("transform", "filter"):
        (item,) = menus[f"napari/layers/{place}"]
        assert item.submenu == f"{PLUGIN}/{place}"
    assert {s.id: s.label for s in MANIFEST.contributions.submenus} == {
        f"{PLUGIN}/{place}": "Mathematical Imaging" for place in ("transform", "filter")
    }


def test_there_is_a_dock_for_every_family() -> None:
    docks = {w.display_name: COMMANDS[w.command].python_name for w in MANIFEST.contributions.widgets}
    for name, title in FAMILIES.items():
        module, _, dock = docks.pop(title).partition(":")
        assert getattr(importlib.import_module(module), dock).family == name
    assert docks == OTHER_DOCKS


def test_docks_are_tabs_on_the_right() -> None:
    assert {(w.default_dock_area, w.tabify) for w in MANIFEST.contributions.widgets} == {("right", True)}


def test_the_histogram_is_in_the_menu_of_measurements() -> None:
    (item,) = MANIFEST.contributions.menus["napari/layers/measure"]
    assert item.command == f"{PLUGIN}.histogram_dock"


def test_the_history_recipes_and_the_batch_are_in_the_menu_of_data() -> None:
    items = [item.command for item in MANIFEST.contributions.menus["napari/layers/data"]]
    assert items == [f"{PLUGIN}.{name}" for name in ("history_dock", "apply_recipe", "batch_dock")]


def test_only_kinds_of_files_that_say_pixel_sizes_are_read_unasked() -> None:
    (reader,) = MANIFEST.contributions.readers
    assert reader.accepts_directories  # an OME-Zarr image is one
    assert {*reader.filename_patterns} == {
        "*.ome.zarr", "*.zarr", "*.ome.tif", "*.ome.tiff", "*.ome.btf", "*.czi", "*.lif", "*.nd2",
    }  # fmt: skip
    writers = {writer.display_name: writer for writer in MANIFEST.contributions.writers}
    assert [*writers] == ["OME-Zarr", "OME-TIFF", "ImageJ TIFF"]
    assert all(writer.layer_types == ["image*", "labels*"] for writer in writers.values())
    assert ".tif" not in writers["OME-TIFF"].filename_extensions  # which napari writes where nothing is chosen


def test_every_sample_gives_layers() -> None:
    keys = [s.key for s in MANIFEST.contributions.sample_data]
    assert keys == ["camera", "moon", "page", "text", "stained_micrograph", "checkerboard", "synthetic_stack"]
    for sample in MANIFEST.contributions.sample_data:
        module, _, name = COMMANDS[sample.command].python_name.partition(":")
        (layer,) = getattr(importlib.import_module(module), name)()
        assert layer[2] == "image"
