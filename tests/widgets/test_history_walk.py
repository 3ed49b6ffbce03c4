"""A random walk over edits in the History dock: each state equals a fresh run of its recipe."""

import os
import random
from typing import Any

import numpy as np
import pytest
from busy_docks import opened, settled
from event_loop import process_events
from history_checks import Step, equal, fresh, made
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QCheckBox, QComboBox, QSpinBox, QWidget

from napari_mathimg.recipe.record import RECORD
from napari_mathimg.widgets.qt.number_boxes import NumberSpinBox
from nightly import nightly

SEED = int(os.environ.get("NAPARI_MATHIMG_RANDOM_SEED", "0"))
EDITS = int(os.environ.get("NAPARI_MATHIMG_RANDOM_EDITS", "40"))
CHAINS: tuple[tuple[Step, ...], ...] = (
    (
        ("gaussian", {"sigma": (1.0, 1.5, 1.5)}, {"ndim": 3}),
        ("rescale_intensity", {}, {}),
        ("crop", {"start": (0, 4, 4), "stop": (3, 30, 28)}, {"ndim": 3}),
        ("adjust_gamma", {"gamma": 0.7}, {}),
        ("median", {"size": 3}, {}),
    ),
    (
        ("add_gaussian_noise", {"var": 0.01, "seed": 3}, {"value_range": "dtype"}),
        ("rotate", {"angle": 30.0}, {}),
        ("equalize_hist", {}, {"statistics": "item"}),
    ),
    (("rescale", {"scale": 0.5}, {}), ("invert", {}, {"scope": {0: (0, 2)}}), ("blur_box", {"size": 3}, {})),
)


class Walk:
    """Chooses what to do next, with real keys and clicks."""

    def __init__(self, viewer: Any, qtbot: Any, dock: Any, results: list[Any]) -> None:
        self.viewer, self.qtbot, self.dock, self.rng = viewer, qtbot, dock, random.Random(SEED)
        self.results, self.done = results, list[str]()
        self.compared = 0
        self.data = [(layer, np.array(layer.data)) for layer in viewer.layers]
        self.edits = [self.choose, self.switch, self.edit, self.edit, self.edit, self.remove, self.reset, self.look]
        self.edits += [self.other, self.run]

    def step(self) -> None:
        action = self.rng.choice(self.edits)
        self.done.append(action.__name__)
        action()
        settled(self.dock, self.qtbot)
        self.check()

    def choose(self) -> None:
        for _ in range(self.rng.randrange(1, 4)):
            QTest.keyClick(self.dock.steps, self.rng.choice([Qt.Key.Key_Down, Qt.Key.Key_Up]))

    def switch(self) -> None:
        QTest.keyClick(self.dock.steps, Qt.Key.Key_Space)

    def edit(self) -> None:
        if (self.dock.steps.number or -1) < 0:
            self.choose()
            settled(self.dock, self.qtbot)
        kinds = (NumberSpinBox, QSpinBox, QComboBox, QCheckBox)
        fields = [f for kind in kinds for f in self.dock.form.findChildren(kind) if f.isVisible() and f.isEnabled()]
        if fields:
            self.touch(self.rng.choice(fields))

    def touch(self, field: QWidget) -> None:
        if isinstance(field, QCheckBox):
            QTest.keyClick(field, Qt.Key.Key_Space)
        elif isinstance(field, QComboBox):
            QTest.keyClick(field, self.rng.choice([Qt.Key.Key_Down, Qt.Key.Key_Up]))
        else:
            field.setFocus()
            field.selectAll()  # type: ignore[attr-defined]
            QTest.keyClicks(field, self.rng.choice(["1", "2", "3", "5", "0.5", "1.5", "7"]))
            QTest.keyClick(field, Qt.Key.Key_Return)

    def remove(self) -> None:
        if self.rng.random() < 0.5:
            QTest.keyClick(self.dock.steps, Qt.Key.Key_Delete)
        else:
            QTest.mouseClick(self.dock.remove_button, Qt.MouseButton.LeftButton)

    def reset(self) -> None:
        QTest.mouseClick(self.dock.reset_button, Qt.MouseButton.LeftButton)

    def look(self) -> None:
        QTest.keyClick(self.dock.see, self.rng.choice([Qt.Key.Key_Down, Qt.Key.Key_Up]))

    def other(self) -> None:
        self.viewer.layers.selection.active = self.rng.choice(self.results)

    def run(self) -> None:
        QTest.mouseClick(self.dock.run_button, Qt.MouseButton.LeftButton)
        settled(self.dock, self.qtbot)
        chain = self.dock.chain
        self.data = [pair for pair in self.data if pair[0] is not chain.result]
        if chain.result is not None and chain.result.metadata[RECORD]:
            self.compare_run(chain)

    def compare_run(self, chain: Any) -> None:
        """What a run has just made is what a recipe makes of the source, unless the run was refused."""
        if self.dock.message.text().startswith(("Added", "Updated")):
            equal(chain.result.data, fresh(chain.recipe, chain.source))

    def check(self) -> None:
        """The end that is ready equals a fresh run, or both are refused; no layer is changed, and none is lost."""
        chain, updates = self.dock.chain, self.dock.updates
        if chain is None:
            return
        try:
            expected = fresh(chain.recipe, chain.source)
        except ValueError:
            assert not updates.is_for(chain)
        else:
            if self.dock.steps.number is not None and self.dock.see.currentData():
                assert updates.is_for(chain)
            if updates.is_for(chain):
                equal(updates.chain.after(len(chain.recipe.steps)).image.array, expected)
                self.compared += 1
        for layer, data in self.data:
            equal(layer.data, data)
            assert layer in self.viewer.layers


@pytest.mark.parametrize("edits", [EDITS, *nightly(300)])
def test_each_state_of_a_walk_equals_a_fresh_run(viewer: Any, qtbot: Any, edits: int) -> None:
    rng = np.random.default_rng(5)
    results = []
    for number, chain in enumerate(CHAINS):
        source = viewer.add_image(
            rng.integers(0, 4000, (3, 34, 32), dtype="u2"), name=f"source {number}", scale=(2, 0.5, 0.5), units="um"
        )
        results.append(made(viewer, source, chain))
    dock = opened(viewer, qtbot, "History")
    walk = Walk(viewer, qtbot, dock, results)
    for _ in range(edits):
        try:
            walk.step()
        except BaseException as error:
            error.add_note(f"seed {SEED}, after {walk.done}")
            raise
    process_events()
    assert walk.compared > edits // 3
    assert len(viewer.layers) <= sum(len(chain) + 2 for chain in CHAINS) + 1  # each result is updated, not added again
