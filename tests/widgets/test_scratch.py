import itertools, os
from typing import Any
import numpy as np, pytest
from event_loop import process_events
from napari.settings import get_settings
from qtpy.QtWidgets import *
from test_layout import TITLES, cut_off, resized, operations, _no_kernels, shown
from napari_mathimg.widgets.dock.open_dock import open_dock

@pytest.mark.parametrize("size", [14])
@pytest.mark.parametrize("title", ["Blur", "Geometry", "Histogram","Denoise"])
def test_scratch(viewer, shown, title, size):
    get_settings().appearance.font_size = size
    widget = open_dock(viewer, title)
    process_events()
    resized(viewer, widget, 300, 800)
    for operation in itertools.islice(operations(widget), 3):
        if hasattr(widget, "options"): widget.options.choose(widget.options.process, "volumes"); process_events()
        area = widget.findChild(QScrollArea)
        print(title, operation, area.width(), area.viewport().width())
        for w in area.widget().findChildren(QWidget):
            n = w.minimumSizeHint().width() if not isinstance(w, QAbstractSpinBox) else w.minimumWidth()
            n = max(n, w.minimumWidth())
            if w.isVisible() and n > 200: print("   ", type(w).__name__, n, getattr(w,"text",str)(), w.objectName())

def tree(w, d=0):
    print("  "*d, type(w).__name__, "min", w.minimumWidth(), "hint", w.minimumSizeHint().width(), "size", w.sizeHint().width(), "w", w.width(), type(w.layout()).__name__, getattr(w, "text", str)() , w.isVisible())
    for c in w.children():
        if isinstance(c, QWidget): tree(c, d+1)

def test_tree(viewer, shown):
    get_settings().appearance.font_size = 14
    widget = open_dock(viewer, "Blur")
    process_events()
    resized(viewer, widget, 300, 800)
    tree(widget.form.native)
