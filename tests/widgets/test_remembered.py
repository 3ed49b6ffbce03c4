"""Every field of every dock is remembered, or named here with the reason why it is not."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from event_loop import process_events
from mouse_and_keys import close_by_mouse
from napari.settings import _clear_plugin_settings_cache
from qtpy.QtWidgets import QAbstractButton, QAbstractSpinBox, QComboBox, QLineEdit, QWidget
from sessions import new_session

from napari_mathimg.catalog import FAMILIES
from napari_mathimg.widgets.histogram.dock import HistogramDock
from napari_mathimg.widgets.histogram.fields import RangeFields
from napari_mathimg.widgets.layers.layer_picker import LayerPicker
from napari_mathimg.widgets.place.chooser import DockChooser
from napari_mathimg.widgets.qt.collapsible import Collapsible
from nightly import some

POLYGON = "((1.0, 1.0), (1.0, 6.0), (5.0, 3.0))"
NOT_REMEMBERED = {  # what the tooltip begins with, and why
    "Level of the multiscale layer": "another layer has other levels",
    "Count only inside": "lists layers",
    "Keep showing this layer's histogram": "pins a layer",
    "Click the point in the image": "waits for a click",
    "Take the box around the selected": "waits for a rectangle",
    "Show only lenses whose names": "searches",
}
BY_HAND = {  # what cannot be altered at once is tested in test_saved_docks
    "CountsAxis.auto": "is pressed at first, and released by the two beside it",
    "CornersPanel.radius": "needs corners",
    "RectangleBox.width_box": "needs a typed size",
    "RectangleBox.height_box": "needs a typed size",
    "RectangleBox.unit": "needs a typed size",
    "HistogramDock.before_after": "needs a layer made from another",
}
EQUAL = "Same value on every axis"  # a tick that follows from the values
BOX = ("start", "stop")  # of a crop
Fields = dict[str, Any]


def forms(dock: Any) -> Iterator[tuple[str, Any, bool]]:
    """Every form in a dock: whose it is, and whether it is shown."""
    if isinstance(dock, HistogramDock):
        return
    for (id, *_), form in dock.forms.forms.items():
        yield id, form, form is dock.form
    for panel in dock.further_images.panels.values():
        for (kind, _), form in panel._forms.items():
            yield f"{panel._title} {kind}", form, panel.isVisible() and panel.kind == kind and form is panel.form


def is_field(widget: QWidget) -> bool:
    """Whether somebody may choose, tick or type in a widget, and not for one layer only."""
    if isinstance(widget, LayerPicker) or isinstance(
        widget.parent(), QComboBox | QAbstractSpinBox | RangeFields | DockChooser
    ):
        return False
    if any(widget.toolTip().startswith(tip) for tip in NOT_REMEMBERED):
        return False
    button = isinstance(widget, QAbstractButton) and widget.isCheckable()
    return button or isinstance(widget, QComboBox | QAbstractSpinBox | QLineEdit)


def name_of(widget: QWidget, top: QWidget) -> str:
    """What a widget is called by the nearest that calls it something, or which of its kind it is there."""
    owners, parent = [*getattr(top, "panels", ())], widget.parent()
    while parent is not top.parent():
        owners.append(parent)
        parent = parent.parent()
    for owner in owners:
        names = [n for n, x in getattr(owner, "__dict__", {}).items() if widget in (x, getattr(x, "native", None))]
        if names:
            return f"{type(owner).__name__}.{names[0]}"
    siblings = [w for w in widget.parent().children() if type(w) is type(widget)]
    return f"{type(widget.parent().parent()).__name__}.{type(widget).__name__}{siblings.index(widget)}"


def fields(dock: Any) -> Fields:
    """What can be chosen, ticked and typed in the pieces of a dock that are shown, by where it is."""
    choice = None if isinstance(dock, HistogramDock) else dock.operations.choice
    natives = [form.native for _, form, _ in forms(dock)]
    found = {}
    for widget in dock.findChildren(QWidget):
        inside = any(native.isAncestorOf(widget) for native in natives)
        shown = (
            widget.parent().isVisibleTo(dock) and widget is not choice and not isinstance(widget.parent(), Collapsible)
        )
        if is_field(widget) and shown and not inside:
            found[name_of(widget, dock)] = widget
    for whose, form, shown in forms(dock):
        for field in form if shown else ():
            inner = [w for w in (field.native, *field.native.findChildren(QWidget)) if is_field(w)]
            found |= {f"{whose}: {field.name} {k}": widget for k, widget in enumerate(inner)}
    return found


def held(field: Any) -> Any:
    if isinstance(field, QAbstractButton):
        return field.isChecked()
    return field.currentText() if isinstance(field, QComboBox) else field.text()


def alter(field: Any, step: int) -> None:
    """Choose, tick or type something else."""
    if isinstance(field, QAbstractButton):
        field.click()
    elif isinstance(field, QComboBox):
        field.setCurrentIndex((field.currentIndex() + 1) % max(field.count(), 1))
    elif isinstance(field, QAbstractSpinBox):
        field.setValue(field.value() + (step if field.value() + step <= field.maximum() else -step))
    else:
        field.setText(POLYGON)
        field.editingFinished.emit()


def alter_all(dock: Any, altered: dict[str, bool]) -> None:
    """Alter every field that can be altered, those too that come up by it, and note which are.

    Forms come last, for others may change them; ticks first, for they may tie fields to each other.
    """
    while new := {name: f for name, f in fields(dock).items() if name not in altered and f.isEnabled()}:
        first = {name: field for name, field in new.items() if ": " not in name} or new
        ordered = sorted(first.items(), key=lambda item: not isinstance(item[1], QAbstractButton))
        for k, (name, field) in enumerate(ordered):
            before = held(field)
            if field.isEnabled():
                step = 1 + k % 5  # neighbors differ
                alter(field, -step if name.startswith("crop: stop") else step)  # a box stays within its image
            altered[name] = altered.get(name, False) or held(field) != before


def state(dock: Any, ids: list[str]) -> dict[str, Any]:
    """What all fields hold, for each operation."""
    found = {}
    for id in ids:
        if id:
            dock.operation = id
        found |= {f"{id}, {n}": held(field) for n, field in fields(dock).items() if field.toolTip() != EQUAL}
    return found


@pytest.mark.parametrize("name", some([*FAMILIES, "Histogram"], "perspective", "deconvolve", "Histogram"))
def test_a_dock_is_found_as_it_was_left(viewer: Any, dock: Any, qtbot: Any, name: str) -> None:
    place = {"scale": (2, 0.5, 0.25, 0.25), "units": ("s", "um", "um", "um")}
    viewer.add_image(np.random.default_rng(0).integers(0, 99, (9, 9, 24, 32), dtype=np.uint8), **place)
    widget = dock(name)
    qtbot.waitUntil(widget.isVisible)
    process_events()
    ids = [""] if isinstance(widget, HistogramDock) else list(widget.operations.operations)
    altered: dict[str, bool] = {}
    for id in ids:
        if id:
            widget.operation = id
        alter_all(widget, altered)
    assert {field for field, is_altered in altered.items() if not is_altered and ": " not in field} <= BY_HAND.keys()
    left = state(widget, ids)
    close_by_mouse(widget, qtbot)
    new_session()
    _clear_plugin_settings_cache()
    widget = dock(name)
    qtbot.waitUntil(widget.isVisible)
    process_events()
    assert state(widget, ids) == left


def test_a_box_that_leaves_the_image_is_not_found_again(viewer: Any, dock: Any, qtbot: Any, again: Any) -> None:
    """It is that of another image, or a slip: a crop begins with the whole image instead."""
    viewer.add_image(np.zeros((20, 30)))
    widget = dock("geometry")
    widget.operation = "crop"
    for stop, expected in (((19, 30), {"start": (3, 4), "stop": (19, 30)}), ((21, 30), dict.fromkeys(BOX, "auto"))):
        widget.form.load({"start": (3, 4), "stop": stop})
        widget = again(widget)
        assert widget.form.parameters == expected
