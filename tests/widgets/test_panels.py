"""A dock takes part in nothing itself: its panels do."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from mouse_and_keys import close_by_mouse
from napari.layers import Layer
from qtpy.QtWidgets import QSpinBox

from napari_mathimg.contract.operation import Operation
from napari_mathimg.widgets.dock.dock_context import DockContext
from napari_mathimg.widgets.dock.family_dock import FamilyDock
from napari_mathimg.widgets.dock.form_panel import FormPanel
from napari_mathimg.widgets.dock.further_images import FurtherImagesPanel
from napari_mathimg.widgets.dock.panel import Panel, Parameters
from napari_mathimg.widgets.tasks.operation_job import Done, Job


class GammaPanel(Panel):
    """Stands for a field of the form; 0 is no gamma."""

    name = "gamma"
    hides: ClassVar[Mapping[str, Any]] = {"gamma": 1.0}

    def __init__(self, context: DockContext) -> None:
        self.widget = self.box = QSpinBox()
        self.box.valueChanged.connect(self.tell_changed)
        self.told: list[Any] = []

    @property
    def is_ready(self) -> bool:
        return self.box.value() > 0

    def may_follow(self, layer: Layer) -> bool:
        return bool(layer.name != "ignored")

    def show_for(self, layer: Layer | None, operation: Operation, level: int) -> None:
        self.told.append((layer, operation.id, level))

    def parameters(self, layer: Layer, typed: Parameters) -> Parameters:
        return typed | {"gamma": float(self.box.value())}

    def added(self, layer: Layer, job: Job, done: Done) -> None:
        self.told.append(layer)

    def reset(self) -> None:
        self.box.setValue(0)

    def load_step(self, step: Mapping[str, Any]) -> None:
        self.box.setValue(round(step["parameters"]["gamma"]))

    def save_state(self) -> dict[str, Any]:
        return {"value": self.box.value()}

    def restore_state(self, saved: Mapping[str, Any]) -> None:
        self.box.setValue(saved["value"])

    def close(self) -> None:
        self.told.append("closed")


class GammaDock(FamilyDock):
    family = "intensity"
    first_operation = "adjust_gamma"
    first_options: ClassVar[Mapping[str, str]] = {"value_range": "dtype"}

    @staticmethod
    def make_panels(context: DockContext, forms: FormPanel, further_images: FurtherImagesPanel) -> tuple[Panel, ...]:
        return (GammaPanel(context),)


def test_a_further_panel_takes_part_in_all_that_a_dock_does(viewer: Any, press: Any, qtbot: Any) -> None:
    image = np.arange(256, dtype=np.uint8).reshape(16, 16)
    layer = viewer.add_image(image)
    dock = GammaDock(viewer)
    viewer.window.add_dock_widget(dock)
    qtbot.waitUntil(dock.isVisible)
    panel = dock.panel(GammaPanel)
    assert panel.told[-1] == (layer, "adjust_gamma", 0)
    assert [field.name for field in dock.form] == ["gain"]
    assert not dock.run_button.isEnabled()
    panel.box.setValue(2)
    press(dock)
    result = viewer.layers[-1]
    np.testing.assert_allclose(result.data, (image / 255) ** 2 * 255, atol=0.5 + 1e-3)
    assert any(told is result for told in panel.told)
    viewer.add_image(image, name="ignored")
    assert dock.picker.layer is result
    dock.reset()
    assert not dock.run_button.isEnabled()
    dock.load_settings()
    assert panel.box.value() == 2
    close_by_mouse(dock, qtbot)
    assert panel.told[-1] == "closed"
    again = GammaDock(viewer)
    viewer.window.add_dock_widget(again)
    qtbot.waitUntil(again.isVisible)
    assert again.panel(GammaPanel).box.value() == 2
