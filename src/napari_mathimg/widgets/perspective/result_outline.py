"""An outline of the rectangle over a result."""

from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from napari.layers import Layer, Shapes
from qtpy.QtWidgets import QCheckBox

from ...contract.reach import Gather
from ...engine import Plan
from ...recipe.names import named_after
from ..dock.dock_context import DockContext
from ..dock.panel import Panel
from ..layers.plane import spatial_state_like
from ..settings.preferences import color_of_marks
from ..settings.saved_fields import SavedFields
from ..tasks.operation_job import Done, Job
from .corner_geometry import outline_in


class ResultOutlines:
    """Manages Shapes layers that outline the rectangle, one per result.

    Parameters
    ----------
    viewer
        The viewer.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._over: WeakKeyDictionary[Layer, Layer] = WeakKeyDictionary()

    def remove(self, result: Layer) -> None:
        """Remove the outline of a result."""
        earlier = self._over.pop(result, None)
        if earlier is not None and earlier in self._viewer.layers:
            self._viewer.layers.remove(earlier)

    def add(self, result: Layer, plan: Plan) -> None:
        """Outline the rectangle over the result of a run, and keep the result active."""
        gather = plan.reach
        assert isinstance(gather, Gather)
        box = self._over[result] = Shapes(
            [np.array(outline_in(plan.parameters, gather))],
            shape_type="polygon",
            name=named_after(result.name, "outline"),
            face_color="transparent",
            edge_color=color_of_marks(),
            edge_width=max(max(gather.shape) / 250, 0.5),
            ndim=2,
            **spatial_state_like(result),
        )
        self._viewer.add_layer(box)
        self._viewer.layers.selection.active = result


class OutlinePanel(Panel):
    """A check box for outlining the rectangle over results.

    Parameters
    ----------
    context
        The state that the panels of the dock share.
    """

    name = "outline"

    def __init__(self, context: DockContext) -> None:
        self._outlines = ResultOutlines(context.viewer)
        self.widget = self.tick = QCheckBox("Outline the rectangle")
        self.tick.setToolTip("Add the rectangle's outline as a Shapes layer over the result")
        self._fields = SavedFields(self.tick, outline=self.tick)
        self._fields.changed.connect(self.tell_changed)

    def added(self, layer: Layer, job: Job, done: Done) -> None:
        """Replace the outline of a result, or only remove it if the box is not checked."""
        self._outlines.remove(layer)
        if self.tick.isChecked():
            self._outlines.add(layer, done.plan)

    def save_state(self) -> dict[str, Any]:
        """Return the state of the check box."""
        return self._fields.save_state()

    def restore_state(self, saved: Mapping[str, Any]) -> None:
        """Restore the state of the check box."""
        self._fields.restore_state(saved)
