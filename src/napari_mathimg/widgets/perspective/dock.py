"""The Perspective dock: four corners clicked in the image become a rectangle."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from napari.layers import Labels, Layer, Points
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QApplication, QCheckBox, QSpinBox, QWidget

from ...contract.reach import Gather
from ...methods.homography_fit import residuals
from ...methods.maps import Projective
from ...methods.quadrilateral import Corners, fault, order
from ...ops.perspective import rectify
from ...recipe.record import last_step, xy_matrix
from ..dock.family_dock import FamilyDock
from ..form.fields import make_narrow
from ..form.level_scaling import LevelScaling
from ..layers.layer_picker import LayerPicker
from ..layers.levels import shape_at
from ..layers.plane import frame, plane_of, plane_to_world
from ..layers.spacing import spacing_of
from ..layers.view_geometry import check_view
from ..qt.layout import button, form_layout, hbox, vbox_widget, wrapping_label
from ..settings.saved_fields import SavedFields
from ..tasks.operation_job import Done, Job
from .corner_geometry import (
    CORNERS,
    Known,
    carried,
    error_words,
    fault_words,
    labels,
    lengths_of,
    map_of,
    outline,
    places,
    resized,
    sentence,
    size_words,
    tells_proportions,
    with_targets,
)
from .corner_markers import Markers
from .corner_snap import snap
from .corner_table import CornerTable
from .corner_targets import CornerTargets
from .preview import Preview
from .rectangle_panel import RectangleBox
from .result_outline import ResultOutlines

SHOWN = ("order", "mode", "cval")  # parameters that the form shows; the dock's own fields stand for the others
PICK, MOVE = "Pick corners", "Move corners"
BEGIN = "Press Pick corners, then click the four corners of a rectangle, in any order."
NEXT = "Click corner {} of 4, in any order. Backspace takes one back, Escape leaves."
UNTOLD = "Seen nearly from the front: the perspective tells no proportions, so edge lengths are taken."


class PerspectiveDock(FamilyDock):
    """Corners are clicked, dragged, snapped or typed; outline and preview follow; Run rectifies."""

    family = "perspective"

    def _panels(self) -> tuple[QWidget, ...]:
        self._turn = 0
        self._aims = CornerTargets()
        self._sizes = LevelScaling(resized)
        self._gather: Gather | None = None
        self._refreshing = False
        self._outlines = ResultOutlines(self._viewer)
        self.markers = Markers(self._viewer, self)
        self.corners = LayerPicker(
            self._viewer, lambda layer: isinstance(layer, Points), lambda layer: False, self, "None yet"
        )
        self.corners.setToolTip("Points layer whose points are the corners")
        self.pick_button = button(PICK, "Click the four corners in the image, in any order; then drag them")
        self.add_button = button("Add", "Click further points whose places in the rectangle are known; Escape ends it")
        self.table = CornerTable()
        self.turn_button = button("Turn", "Turn the result by a quarter: the corners' labels step on")
        self.snap_button = button("Snap", "Move every corner to the nearest corner in the image")
        self.radius = QSpinBox()
        self.radius.setRange(2, 100)
        self.radius.setValue(12)
        self.radius.setSuffix(" px")
        make_narrow(self.radius)
        self.radius.setToolTip("How far Snap looks for a corner")
        self.rectangle = RectangleBox()
        self.memory.keep("rectangle", self.rectangle)
        self.preview = Preview()
        self.size_text = wrapping_label()
        self.fault_text = wrapping_label()
        self.fault_text.setMinimumHeight(3 * self.fault_text.fontMetrics().lineSpacing())
        self.size_text.setMinimumHeight(3 * self.size_text.fontMetrics().lineSpacing())
        for text in (self.fault_text, self.size_text):
            text.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.outline_box = QCheckBox("Outline the rectangle")
        self.outline_box.setToolTip("Add the rectangle's outline as a Shapes layer over the result")
        self.memory.keep("tools", SavedFields(self, radius=self.radius, outline=self.outline_box))
        self.matrix_button = button("Copy matrix", "Copy the matrix from the result to the image, on (x, y, 1)")
        self._wire()
        return (
            vbox_widget(
                form_layout({"Corners": self.corners}),
                hbox(self.pick_button, self.add_button, self.turn_button),
                hbox(self.snap_button, self.radius, self.matrix_button),
                self.table,
                self.fault_text,
                self.preview,
                self.size_text,
                self.rectangle,
                self.outline_box,
            ),
        )

    def _wire(self) -> None:
        self.corners.picked.connect(self._use)
        self.markers.changed.connect(self._soon)
        self.markers.removed.connect(self._aims.forget)
        self.pick_button.clicked.connect(self.pick)
        self.add_button.clicked.connect(self.add)
        self.turn_button.clicked.connect(self.turn)
        self.snap_button.clicked.connect(self.snap)
        self.matrix_button.clicked.connect(self.copy_matrix)
        self.table.moved.connect(self._move)
        self.table.aimed.connect(self._aim)
        self.rectangle.changed.connect(self._soon)
        self.preview.ready.connect(self._soon)
        dims = self._viewer.dims.events.current_step
        dims.connect(self._soon)
        self._undo += [
            self.corners.disconnect_from_viewer,
            self.markers.close,
            self.preview.task.close,
            lambda: dims.disconnect(self._soon),
        ]

    def _may_follow(self, layer: Layer) -> bool:
        """Stay with the image whose corners are marked, not with what it becomes."""
        return not self._adding and layer not in self._results

    def _hidden(self, layer: Layer | None) -> dict[str, Any]:
        own = {name: p.default for name, p in rectify.parameters.items() if name not in SHOWN}
        return own | super()._hidden(layer)

    def _show(self, event: Any = None) -> None:
        super()._show()
        if self._form is not None and not getattr(self._form, "watched", False):
            self._form.watched = True
            self._form.changed.connect(self._soon)
        layer = self.picker.layer
        self.markers.watch(layer)
        if layer is not None:
            self.rectangle.type_pixels(self._sizes.follow(layer, self._level, self.rectangle.in_pixels))
        self._refresh()

    @property
    def _level(self) -> int:
        """The level of the layer that is processed, in whose pixels corners and sizes are."""
        layer = self.picker.layer
        return 0 if layer is None else self.options.level_of(layer)

    def _soon(self, event: Any = None) -> None:
        """Show what has changed once the window is free: one picture for many changes."""
        self._stale = self._stale or not self.isVisible()
        if not self._refreshing and self.isVisible():
            self._refreshing = True
            QTimer.singleShot(0, self._refresh_now)

    def _refresh_now(self) -> None:
        self._refreshing = False
        if self.isVisible():
            self._refresh()
        else:
            self._stale = True

    def pick(self) -> None:
        """Let clicks in the image set corners; once there are four, let them be dragged."""
        layer = self.picker.layer
        if layer is None:
            return
        try:
            plane_to_world(layer)
            check_view(self._viewer.dims, layer, "to pick corners")
        except ValueError as error:
            self.bar.tell_failure(error)
            return
        self.message.clear()
        self._uncover(layer)
        if len(self._corners()) >= CORNERS:
            self.markers.show("select")
            return
        self.markers.begin(layer)
        self.corners.layer = self.markers.points

    def add(self) -> None:
        """Let clicks in the image add corners."""
        if self.picker.layer is not None:
            self._uncover(self.picker.layer)
            self.markers.show("add")

    def _uncover(self, layer: Layer) -> None:
        """Show the image, and not what lies over it."""
        if self.result is not None:
            self.result.visible = False
        layer.visible = True

    def _use(self) -> None:
        self.markers.use(self.corners.layer, self.picker.layer)

    def turn(self) -> None:
        """Turn the result by a quarter."""
        self._turn = (self._turn + 1) % 4
        self._aims.turn()
        self._soon()

    def snap(self) -> None:
        """Move every corner to the nearest one in the image; tell which ones found none."""
        layer = self.picker.layer
        corners = self._corners()
        if layer is None or not corners:
            return
        plane = plane_of(self._viewer.dims, layer, self._level)
        found = [snap(plane, corner, self.radius.value()) for corner in corners]
        self.markers.place([new or old for new, old in zip(found, corners, strict=True)], layer, self._level)
        lost = [self.table.label(k) for k, new in enumerate(found) if new is None]
        moved = len(corners) - len(lost)
        text = f"{moved} of {len(corners)} corners moved to a corner in the image."
        if lost:
            text += f" None within {self.radius.value()} px of {', '.join(lost)}."
        self.message.setText(text)

    def copy_matrix(self) -> None:
        """Copy the matrix of the map, from the result to the image on (x, y, 1)."""
        if self._gather is not None and isinstance(self._gather.source, Projective):
            QApplication.clipboard().setText(str([list(row) for row in xy_matrix(self._gather.source)]))
            self.message.setText("Matrix copied: Homography takes it with inverse ticked.")

    def _corners(self) -> tuple[tuple[float, float], ...]:
        layer = self.picker.layer
        return () if layer is None else self.markers.corners_in(layer, self._level)

    def _move(self, row: int, axis: int, value: float) -> None:
        layer, corners = self.picker.layer, np.array(self._corners())
        if layer is not None and np.isfinite(value):
            corners[row, axis] = value
            self.markers.place(corners.tolist(), layer, self._level)
        self._soon()

    def _aim(self, row: int, axis: int, value: float) -> None:
        if np.isfinite(value):
            self._aims.type(row, axis, value / self._sides()[axis])
        self._soon()

    def _sides(self) -> tuple[float, float]:
        """Height and width of the rectangle in the unit that targets are typed in."""
        return self.rectangle.height_box.value, self.rectangle.width_box.value

    def parameters_for(self, layer: Layer) -> dict[str, Any]:
        """Return the parameters for a layer: the chosen one's, carried over through the world to the others."""
        own = self.picker.layer
        assert own is not None
        said = self._said(own, self._corners())
        if layer is own:
            return said
        known = rectify.resolve(said, self._shape(own), {})
        return self._suited(carried(known, (own, self._level), (layer, self.options.level_of(layer))), layer)

    def _shape(self, layer: Layer) -> tuple[int, ...]:
        """Rows and columns of the chosen layer's level."""
        return shape_at(layer, self._level)[-2:]

    def _said(self, layer: Layer, corners: Corners) -> dict[str, Any]:
        """Return the parameters that corners, table and fields say."""
        if len(corners) < CORNERS:
            raise ValueError(f"corners: {CORNERS} at least; {len(corners)} are marked")
        said = {**self.form.parameters, "corners": corners, "frame": frame(layer, self._level), "turn": self._turn}
        said |= self.rectangle.parameters(layer)
        if len(corners) == CORNERS and not self._aims.typed:
            return said
        return with_targets(said, self._aims.typed, self._shape(layer))

    def _job(self, layer: Layer) -> Job:
        job = super()._job(layer)
        unit = self.rectangle.new_units(layer)
        if not unit:
            return job
        inherited = {**job.source.inherited, "units": (*layer.units[:-2], unit, unit)}
        return replace(job, source=replace(job.source, inherited=inherited))

    def _refresh(self) -> None:
        """Show corners, outline, preview and size as they are now, or what is wrong with them."""
        layer = self.picker.layer
        self.preview.watch(layer, self._viewer.dims, self._level)
        self._gather = None
        if self.corners.layer is not self.markers.points:
            self.corners.layer = self.markers.points
        self._aims.follow(self.markers.points)
        corners: Corners = ()
        try:
            corners = self._corners()
        except ValueError as error:
            self._show_corners([], ())
            self.fault_text.setText(sentence(error))
        else:
            if layer is not None:
                self._show_marked(layer, corners)
            else:
                self._show_corners([], ())
                self.fault_text.setText("")
        ready, count = self._gather is not None, len(corners)
        if not ready:
            self.preview.clear()
            self.size_text.setText("")
        self.pick_button.setText(MOVE if count >= CORNERS else PICK)
        self.pick_button.setEnabled(layer is not None)
        self.add_button.setEnabled(count >= CORNERS)
        self.turn_button.setEnabled(count >= CORNERS)
        for widget in (self.snap_button, self.radius):
            widget.setEnabled(count > 0 and not isinstance(layer, Labels))
        self.matrix_button.setEnabled(ready)
        self.run_button.setEnabled(ready and not self.task.is_running)

    def _show_marked(self, layer: Layer, corners: Corners) -> None:
        """Show corners that are marked; where they make a rectangle, what becomes of it."""
        count = len(corners)
        if count < CORNERS:
            self._show_corners([str(k + 1) for k in range(count)], corners)
            self.markers.draw(corners, layer, self._level)
            self.fault_text.setText(NEXT.format(count + 1) if self.markers.is_marking else BEGIN)
            return
        wrong = fault(corners[:CORNERS])
        at = order(corners[:CORNERS], 1, 1, self._turn, frame(layer, self._level))
        try:
            if wrong is not None:
                raise ValueError(fault_words(wrong, labels(at, count)).rstrip("."))
            known = rectify.resolve(self._said(layer, corners), self._shape(layer), {})
            self._gather = rectify.function(self._shape(layer), **known)
        except ValueError as error:
            self._show_corners(labels(at, count), corners)
            self.markers.draw([corners[k] for k in at], layer, self._level, good=False)
            self.fault_text.setText(sentence(error))
            return
        self._show_map(layer, known, self._gather)

    def _show_map(self, layer: Layer, known: Known, gather: Gather) -> None:
        """Show corners with their labels and targets, the outline, the preview and the size."""
        corners, (high, wide) = known["corners"], (known["height"], known["width"])
        self.rectangle.show_size(high, wide)
        sides, aims = self._sides(), self._aims.show(known)
        errors: list[float] = residuals(map_of(known), known["targets"], corners).tolist() if aims else []
        targets = [(down * sides[0], right * sides[1]) for down, right in aims]
        self._show_corners(labels(places(known, corners, self._turn), len(corners)), corners, targets, errors)
        self.markers.draw(outline(known), layer, self._level)
        asked = self.rectangle.mode.currentData() == "perspective" and not errors
        untold = asked and not tells_proportions(known, self._shape(layer))
        self.fault_text.setText(error_words(errors) if errors else UNTOLD if untold else "")
        size = lengths_of(known)
        self.preview.show_map(layer, self._level, gather, (size[1] / wide) / (size[0] / high))
        new = self.rectangle.new_units(layer)
        words = size_words(gather.shape, known, new or spacing_of(layer, 2)[1])
        self.size_text.setText(words + (" (the image has no units)" if new else ""))

    def _show_corners(self, names: list[str], corners: Corners, targets: Any = (), errors: Any = ()) -> None:
        self.markers.label([name.split()[0] for name in names])
        self.table.show_corners(names, corners, targets, errors, self.rectangle.unit.currentText())

    def _complete(self, layer: Layer, job: Job, done: Done) -> None:
        """Outline the rectangle over the result where it is asked for, in the place of an earlier outline."""
        self._outlines.remove(layer)
        if self.outline_box.isChecked():
            self._outlines.add(layer, done.plan)

    def reset(self) -> None:
        """Set everything but the corners to its default."""
        super().reset()
        self._turn, self._aims.typed = 0, {}
        self.rectangle.reset()

    def load_step(self, step: Mapping[str, Any]) -> None:
        """Fill in a recorded step on the layer it was run on, where that is still there."""
        made = self.picker.layer
        unit = spacing_of(made, 2)[1] if made is not None and last_step(made.metadata) is step else ""
        source = next((layer for layer in self._viewer.layers if layer.name == step["source"]), None)
        if source is not None and self._takes(source):
            source.visible = True
            self.picker.layer = source
        super().load_step(step)
        layer = self.picker.layer
        known = step["parameters"]
        if layer is None:
            return
        self._turn = known["turn"]
        self.rectangle.load(known, unit)
        self.markers.place_own(known["corners"], layer, self._level)
        self.corners.layer = self.markers.points
        self._aims.load(known, self.markers.points)
        self._soon()
