"""A random walk over all docks, with the mouse and the keyboard: nothing raises, warns or stays behind."""

import gc
import os
import random
import threading
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from event_loop import process_events
from mouse_and_keys import callbacks
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QAbstractButton, QAbstractSpinBox, QCheckBox, QComboBox, QLineEdit, QWidget
from shared_window import our_connections, our_objects

from napari_mathimg.widgets.batch.dock import BatchDock
from napari_mathimg.widgets.dock.family_dock import FamilyDock
from napari_mathimg.widgets.histogram.dock import HistogramDock
from napari_mathimg.widgets.history.dock import HistoryDock
from napari_mathimg.widgets.place.entries import TITLES
from napari_mathimg.widgets.place.open_dock import open_dock
from napari_mathimg.widgets.qt.layout import dock_of
from napari_mathimg.widgets.tasks.background_task import BackgroundTask
from nightly import nightly

SEED = int(os.environ.get("NAPARI_MATHIMG_RANDOM_SEED", "0"))
ACTIONS = os.environ.get("NAPARI_MATHIMG_RANDOM_ACTIONS", "60")
MOST_LAYERS = 12
COMPILING = 600_000  # milliseconds at most, in which kernels are still compiled in a new checkout
LEAVES_THE_WINDOW = (  # buttons that open a dialog of the system
    "save", "export", "help", "load recipe", "open recipe", "add f", "choose", "…",
)  # fmt: skip


def images() -> list[Callable[[Any], Any]]:
    rng = np.random.default_rng(4)
    missing = rng.random((64, 48)).astype("f4")
    missing[5, 7] = np.nan
    stack = rng.integers(0, 4000, (3, 40, 50), dtype="u2")
    levels = [missing, missing[::2, ::2]]
    world = {"scale": (2, 0.5, 0.5), "units": ("um",) * 3, "contrast_limits": (0, 4000)}
    limits = {"contrast_limits": (0, 1)}
    return [
        lambda v: v.add_image(stack, **world),
        lambda v: v.add_image(stack[0] / 4000, rotate=20, **limits),
        lambda v: v.add_image(rng.integers(0, 255, (40, 50, 3), dtype="u1"), rgb=True),
        lambda v: v.add_image(rng.integers(-9, 9, (2, 3, 20, 30)), contrast_limits=(-9, 9)),
        lambda v: v.add_image(levels, multiscale=True, **limits),
        lambda v: v.add_image(stack[:, ::2] > 2000, contrast_limits=(0, 1)),
        lambda v: v.add_labels(rng.integers(0, 9, (40, 50))),
        lambda v: v.add_points(rng.random((4, 2)) * 40),
        lambda v: v.add_shapes([np.array([[4, 5], [4, 30], [25, 30], [25, 5]])]),
    ]


class Walk:
    """Chooses what to do next."""

    def __init__(self, viewer: Any, qtbot: Any) -> None:
        self.viewer, self.qtbot, self.rng, self.docks = viewer, qtbot, random.Random(SEED), dict[str, QWidget]()
        self.makers = images()
        self.done: list[str] = []
        self.actions = [
            (3, self.add_layer), (1, self.remove), (1, self.rename), (2, self.switch), (1, self.select_several),
            (2, self.slide), (1, self.transpose), (1, self.change_theme), (3, self.open), (1, self.close),
            (1, self.float), (5, self.operate), (6, self.choose), (6, self.tick), (6, self.type), (4, self.press),
            (6, self.run), (2, self.click_in_the_image),
        ]  # fmt: skip

    def step(self) -> None:
        """Do one thing, and remember what it was."""
        weights, actions = zip(*self.actions, strict=True)
        action = self.rng.choices(actions, weights)[0]
        self.done.append(action.__name__)
        action()
        process_events()
        while len(self.viewer.layers) > MOST_LAYERS:
            self.remove()

    def dock(self) -> Any:
        return self.docks[self.rng.choice(sorted(self.docks))] if self.docks else self.open()

    def any_of(self, kind: Any, fits: Callable[[Any], bool] = lambda widget: True) -> Any:
        """A child of some dock that a hand can reach."""
        found = [w for w in self.dock().findChildren(kind) if w.isVisible() and w.isEnabled() and fits(w)]
        return self.rng.choice(found) if found else None

    def layer(self) -> Any:
        return self.rng.choice(list(self.viewer.layers)) if len(self.viewer.layers) else self.add_layer()

    def add_layer(self) -> Any:
        self.rng.choice(self.makers)(self.viewer)
        return self.viewer.layers[-1]

    def remove(self) -> None:
        self.viewer.layers.remove(self.layer())

    def rename(self) -> None:
        self.layer().name = f"layer {self.rng.randrange(99)}"

    def switch(self) -> None:
        self.viewer.layers.selection.active = self.layer()

    def select_several(self) -> None:
        self.viewer.layers.selection = {self.layer() for _ in range(3)}

    def slide(self) -> None:
        for axis in range(self.viewer.dims.ndim - 2):
            self.viewer.dims.set_current_step(axis, self.rng.randrange(4))

    def transpose(self) -> None:
        self.viewer.dims.order = tuple(self.rng.sample(range(self.viewer.dims.ndim), self.viewer.dims.ndim))
        process_events()
        self.viewer.dims.order = tuple(range(self.viewer.dims.ndim))

    def change_theme(self) -> None:
        self.viewer.theme = self.rng.choice(["dark", "light"])

    def open(self) -> Any:
        title = self.rng.choice(TITLES)
        self.docks[title] = open_dock(self.viewer, title)
        return self.docks[title]

    def find_docks(self) -> None:
        """Take hold of the docks that others opened, such as Load settings."""
        kinds = FamilyDock, HistogramDock, HistoryDock, BatchDock
        open_ones = [w for kind in kinds for w in self.viewer.window._qt_window.findChildren(kind)]
        self.docks = {dock_of(w).windowTitle(): w for w in open_ones}

    def close(self) -> None:
        if self.docks:
            title = self.rng.choice(sorted(self.docks))
            QTest.mouseClick(dock_of(self.docks.pop(title)).titleBarWidget().close_button, Qt.MouseButton.LeftButton)

    def float(self) -> None:
        holder = dock_of(self.dock())
        holder.setFloating(True)
        process_events()
        holder.setFloating(False)

    def operate(self) -> None:
        dock = self.dock()
        if isinstance(dock, FamilyDock):
            dock.operations.choice.setCurrentIndex(self.rng.randrange(dock.operations.choice.count()))

    def choose(self) -> None:
        box = self.any_of(QComboBox)
        if box is not None:
            for _ in range(self.rng.randrange(1, 3)):
                QTest.keyClick(box, self.rng.choice([Qt.Key.Key_Down, Qt.Key.Key_Up]))

    def tick(self) -> None:
        box = self.any_of(QCheckBox)
        if box is not None:
            QTest.keyClick(box, Qt.Key.Key_Space)

    def type(self) -> None:
        box = self.any_of((QAbstractSpinBox, QLineEdit), lambda w: not isinstance(w.parent(), QAbstractSpinBox))
        if box is not None:
            box.selectAll()
            QTest.keyClicks(box, self.rng.choice(["0", "1", "2.5", "3", "-1", "7", ""]))
            QTest.keyClick(box, Qt.Key.Key_Return)

    def press(self) -> None:
        def harmless(button: Any) -> bool:
            text = (button.text() or button.toolTip()).lower()
            return not isinstance(button, QCheckBox) and bool(text) and not text.startswith(LEAVES_THE_WINDOW)

        button = self.any_of(QAbstractButton, lambda b: harmless(b) and not (hasattr(b, "menu") and b.menu()))
        if button is not None:
            self.done.append(button.text())
            QTest.mouseClick(button, Qt.MouseButton.LeftButton)

    def run(self) -> None:
        dock = self.dock()
        if isinstance(dock, FamilyDock):
            self.done.append(dock.operation.id)
            QTest.mouseClick(dock.run_button, Qt.MouseButton.LeftButton)
            if self.rng.random() < 0.3:
                QTest.mouseClick(dock.cancel_button, Qt.MouseButton.LeftButton)
            if self.rng.random() < 0.7:
                self.rest()

    def click_in_the_image(self) -> None:
        canvas = self.viewer.window._qt_viewer.canvas.native
        place = canvas.rect().center()
        place.setX(place.x() + self.rng.randrange(-80, 80))
        place.setY(place.y() + self.rng.randrange(-80, 80))
        QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=place)
        QTest.keyClick(canvas, Qt.Key.Key_Escape)

    def rest(self) -> None:
        """Wait until nothing runs."""
        self.qtbot.waitUntil(lambda: not any(running(dock) for dock in self.docks.values()))


def running(dock: Any) -> bool:
    return any(task.is_running for task in dock.findChildren(BackgroundTask))


def ours_at_work() -> list[str]:
    """Our threads that have not ended."""
    return [t.name for t in threading.enumerate() if t.name.startswith("mathimg")]


@pytest.mark.own_window
@pytest.mark.parametrize("actions", [int(ACTIONS), *nightly(240)])
def test_a_random_walk_over_all_docks(
    viewer: Any, qtbot: Any, capsys: pytest.CaptureFixture[str], actions: int
) -> None:
    """Pick, type, run, cancel, delete, rename, undock and close, in any order."""
    viewer.window._qt_window.resize(1100, 800)
    idle, threads = callbacks(viewer), threading.active_count()
    walk = Walk(viewer, qtbot)
    walk.add_layer()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", module="napari")
        warnings.filterwarnings("ignore", ".*Docutils 2.0")  # it hides them itself, unless a thread undoes that
        for _ in range(actions):
            try:
                walk.step()
            except BaseException as error:
                error.add_note(f"seed {SEED}, after {walk.done}")
                raise
        walk.rest()
    made = {layer.name for layer in viewer.layers}
    walk.find_docks()
    while walk.docks:
        walk.close()
        process_events()
    assert {layer.name for layer in viewer.layers} <= made  # a dock takes its markers with it, and adds nothing
    viewer.layers.clear()
    process_events()
    gc.collect()
    process_events()
    assert not our_objects()
    assert not our_connections(viewer)
    assert callbacks(viewer) == idle
    qtbot.waitUntil(lambda: not ours_at_work(), timeout=COMPILING)
    assert threading.active_count() <= threads + 1
    with capsys.disabled():
        print(f" {len(walk.done)} things done, seed {SEED}", end="")
