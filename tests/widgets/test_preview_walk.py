"""A random walk of a preview through operations, parameters, planes, places and edits: no stale picture, no leak."""

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from event_loop import process_events

from napari_mathimg import apply
from napari_mathimg.widgets.dock import run_panel
from napari_mathimg.widgets.dock.family_dock import FamilyDock
from napari_mathimg.widgets.preview.computed import Update
from nightly import nightly

CHOICES: dict[str, tuple[str, str, tuple[Any, ...]]] = {
    "gaussian": ("blur", "sigma", (0.7, 1.5, 3.0)),
    "blur_box": ("blur", "size", (3, 5, 9)),
    "median": ("denoise", "size", (3, 5)),
    "adjust_gamma": ("intensity", "gamma", (0.5, 1.5, 2.5)),
    "invert": ("intensity", "", (None,)),
    "rotate": ("geometry", "angle", (10.0, 90.0, -30.0)),
    "rescale": ("geometry", "scale", (0.5, 1.7)),
    "add_gaussian_noise": ("noise", "seed", (1, 2, 3)),
}


@pytest.fixture(autouse=True)
def _no_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Load no kernels for the first run of each operation that is shown."""
    monkeypatch.setattr(run_panel, "load_kernels", lambda *args: None)


class Walk:
    """A viewer with a stack and the docks of some families, through which a walk goes."""

    def __init__(self, viewer: Any, dock: Callable[[str], FamilyDock], qtbot: Any, seed: int) -> None:
        self.viewer, self.qtbot, self.rng = viewer, qtbot, np.random.default_rng(seed)
        self.data = self.rng.integers(0, 4000, (4, 220, 260), dtype=np.uint16)
        self.layer = viewer.add_image(self.data, name="stack", contrast_limits=(0, 4000))
        self.docks: dict[str, FamilyDock] = {}
        for family in dict.fromkeys(family for family, _, _ in CHOICES.values()):
            self.docks[family] = dock(family)
            process_events()  # a dock that is new comes to the front when the event loop is idle
        self.open_dock, self.version = dock, 0
        self.results: dict[Any, Any] = {}
        self.updates: list[Update] = []
        for widget in self.docks.values():
            widget.preview.live.worker.told.connect(self._note)
            widget.preview.tick.setChecked(True)
        self.operation, self.value = "", None
        self.choose()

    def _note(self, serial: int, update: Any, shown: Any) -> None:
        if update is not None:
            self.updates.append(update)

    @property
    def widget(self) -> FamilyDock:
        return self.docks[CHOICES[self.operation][0]]

    def choose(self) -> None:
        """Choose an operation, and show its dock."""
        self.operation = str(self.rng.choice(list(CHOICES)))
        family, _, values = CHOICES[self.operation]
        self.open_dock(family)
        self.widget.operation = self.operation
        process_events()
        self.change(values)

    def change(self, values: Any = None) -> None:
        """Change the parameter."""
        _, name, all_values = CHOICES[self.operation]
        self.value = (values or all_values)[self.rng.integers(len(values or all_values))]
        if name:
            self.widget.form[name].value = self.value

    def look_elsewhere(self) -> None:
        """Pan and zoom."""
        camera = self.viewer.scene.camera
        camera.zoom = float(self.rng.choice([0.3, 0.7, 1.0, 2.3, 6.0]))
        camera.center = (0, *self.rng.uniform(20, 200, 2))

    def go_to_another_plane(self) -> None:
        self.viewer.dims.set_point(0, int(self.rng.integers(len(self.data))))

    def edit(self) -> None:
        """Change pixels in place."""
        self.data[tuple(self.rng.integers(0, n) for n in self.data.shape)] = self.rng.integers(0, 4000)
        self.layer.refresh()
        self.version += 1

    def step(self) -> None:
        """Do something by chance."""
        steps = (self.choose, self.change, self.change, self.look_elsewhere, self.look_elsewhere)
        steps += (self.go_to_another_plane, self.edit)
        steps[self.rng.integers(len(steps))]()
        if self.rng.random() < 0.7:
            process_events()

    def expected(self) -> Any:
        """The whole result."""
        name = CHOICES[self.operation][1]
        key = self.operation, self.value, self.version
        if key not in self.results:
            self.results = {key: apply(self.data, self.operation, **({name: self.value} if name else {}))}
        return self.results[key]

    def check(self) -> None:
        """Wait until all is shown, and compare it."""
        live = self.widget.preview.live
        process_events()
        self.qtbot.waitUntil(lambda: live.is_on and not live.is_busy)
        process_events()
        previews = [layer for layer in self.viewer.layers if layer is not self.layer]
        if live.shown.layer is None:
            assert previews == []
            assert "on screen" in self.widget.message.shown  # nothing of the result is
            return
        assert previews == [live.shown.layer]
        view = self.updates[-1].view
        shown = self.expected()[tuple(slice(a, b, s) for (a, b), s in zip(view.box, view.step, strict=True))]
        np.testing.assert_array_equal(np.asarray(live.shown.layer.data), shown)
        assert self.widget.preview.state.text() == "exact"
        assert self.viewer.layers.selection.active is self.layer


@pytest.mark.parametrize(("seed", "steps"), [(0, 40), *nightly((1, 500))])
def test_a_random_walk(viewer: Any, dock: Callable[[str], FamilyDock], qtbot: Any, seed: int, steps: int) -> None:
    walk = Walk(viewer, dock, qtbot, seed)
    walk.check()
    for number in range(steps):
        walk.step()
        if number % 4 == 3:
            walk.check()
    threads = [thread for thread in threading.enumerate() if thread.name == "mathimg preview" and thread.is_alive()]
    assert len(threads) <= len(walk.docks)
    for widget in walk.docks.values():
        widget.preview.tick.setChecked(False)
    process_events()
    assert list(viewer.layers) == [walk.layer]
