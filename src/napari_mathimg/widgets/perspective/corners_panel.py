"""The panel for marking the corners of a rectangle, which define the perspective map."""

from collections.abc import Mapping
from typing import Any, ClassVar
from weakref import ref

import numpy as np
from napari.layers import Labels, Layer, Points
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication

from ...contract.operation import Operation
from ...contract.quantities import quantity
from ...contract.reach import Gather
from ...methods.homography_fit import residuals
from ...methods.maps import Projective
from ...methods.quadrilateral import Corners, fault, order
from ...ops.perspective import rectify
from ...recipe.record import xy_matrix
from ..dock.dock_context import DockContext
from ..dock.form_panel import FormPanel
from ..dock.panel import Panel, Parameters
from ..form.fields import make_narrow
from ..layers.layer_picker import LayerPicker
from ..layers.levels import shape_at
from ..layers.plane import check_last, frame, plane_of, plane_to_world
from ..layers.view_geometry import check_view
from ..qt.layout import button, form_layout, vbox_widget, wrapping_label
from ..qt.number_boxes import WholeSpinBox
from ..qt.theme import FollowFont
from ..qt.visible_refresh import VisibleRefresh
from ..qt.wrapping_rows import wrapping_row
from ..settings.saved_fields import SavedFields
from ..tasks.latest_task import LatestTask
from .corner_geometry import (
    CORNERS,
    Known,
    carried,
    error_words,
    fault_words,
    labels,
    map_of,
    outline,
    places,
    sentence,
    tells_proportions,
    with_targets,
)
from .corner_markers import Markers
from .corner_snap import snap, snap_steps
from .corner_table import CornerTable
from .corner_targets import CornerTargets
from .preview_panel import PreviewPanel
from .rectangle_panel import RectanglePanel

SHOWN = ("order", "mode", "cval")  # parameters that the form shows; fields of the panels set the others
PICK, MOVE = "Pick corners", "Move corners"
BEGIN = "Press Pick corners, then click the four corners of a rectangle, in any order."
NEXT = "Click corner {} of 4, in any order. Press Backspace to remove the last one, Escape to stop."
FRONTAL = "The view is nearly frontal: edge lengths are used, as perspective gives no proportions."


class CornersPanel(Panel):
    """Lets the user click, drag, snap or type corners, and derives the parameters of `rectify` from them.

    Parameters
    ----------
    context
        The state that the panels of the dock share.
    forms
        The forms of the dock, whose parameters also affect the map.
    rectangle
        Sets the size of the rectangle, or shows it if it is not typed.
    preview
        Shows the mapped image.
    """

    name = "corners"
    hides: ClassVar[Mapping[str, Any]] = {n: p.default for n, p in rectify.parameters.items() if n not in SHOWN}

    def __init__(
        self, context: DockContext, forms: FormPanel, rectangle: RectanglePanel, preview: PreviewPanel
    ) -> None:
        self._context, self._viewer = context, context.viewer
        self._forms, self._rectangle, self._preview = forms, rectangle, preview
        self._turn = 0
        self._aims = CornerTargets()
        self._gather: Gather | None = None
        self.markers = Markers(self._viewer, context.dock)
        self.corners = LayerPicker(
            self._viewer, lambda layer: isinstance(layer, Points), lambda layer: False, none="None yet"
        )
        self.corners.setToolTip("Points layer whose points are the corners")
        self.pick_button = button(PICK, "Click the four corners in the image, in any order; then drag them")
        self.add_button = button("Add", "Click more points whose positions in the rectangle are known; Escape stops")
        self.turn_button = button("Turn", "Rotate the result by a quarter turn; the corner labels move on by one")
        self.snap_button = button("Snap", "Move every corner to the nearest corner in the image")
        self.radius = WholeSpinBox()
        self.radius.setRange(2, 100)
        self.radius.setValue(12)
        self.radius.setSuffix("\u00a0px")
        make_narrow(self.radius)
        self.radius.setToolTip("Greatest distance at which Snap looks for a corner")
        self.radius.setAccessibleName("Distance of Snap")
        self.matrix_button = button("Copy matrix", "Copy the matrix that maps (x, y, 1) of the result to the image")
        self.table = CornerTable()
        FollowFont(self.pick_button, self.table)
        self.fault_text = wrapping_label()
        self.fault_text.setMinimumHeight(3 * self.fault_text.fontMetrics().lineSpacing())
        self.fault_text.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.widget = vbox_widget(
            form_layout({"Corners": self.corners}),
            wrapping_row(self.pick_button, self.add_button, self.turn_button),
            wrapping_row(self.snap_button, self.radius, self.matrix_button),
            self.table,
            self.fault_text,
        )
        self._fields = SavedFields(self.widget, radius=self.radius)
        self.refresh = VisibleRefresh(self.widget, self._show)
        self._connect()

    def _connect(self) -> None:
        self.corners.picked.connect(self._use)
        self.markers.removed.connect(self._aims.forget)
        self.pick_button.clicked.connect(self.pick)
        self.add_button.clicked.connect(self.add)
        self.turn_button.clicked.connect(self.turn)
        self.snap_button.clicked.connect(self.snap)
        self._snapping = LatestTask(
            self._context.dock, expected=(Exception,)
        )  # reading lazy data may raise any exception
        self._snapping.returned.connect(self._end_snapping)
        self._snapping.failed.connect(lambda text: self._context.tell(f"The plane could not be read: {text}."))
        self.matrix_button.clicked.connect(self.copy_matrix)
        self.table.moved.connect(self._move)
        self.table.aimed.connect(self._aim)
        self._fields.changed.connect(self.tell_changed)
        for change in (self.markers.changed, self._rectangle.changed, self._preview.changed, self._forms.changed):
            change.connect(self.refresh.soon)
        self._viewer.dims.events.current_step.connect(self.refresh.soon)

    @property
    def is_ready(self) -> bool:
        """Whether the corners define a valid map."""
        return self._gather is not None

    def may_follow(self, layer: Layer) -> bool:
        """Stay with the image whose corners are marked when its result becomes active."""
        results = self._context.results
        return not results.is_adding and layer not in results.made

    def show_for(self, layer: Layer | None, operation: Operation, level: int) -> None:
        """Show the corners in a level of a layer."""
        self.markers.watch(layer)
        if layer is not None:
            self._rectangle.follow(layer, level)
        self.refresh.at_once()

    def pick(self) -> None:
        """Let clicks in the image add corners; once there are four, let the user drag them."""
        layer = self._context.layer
        if layer is None:
            return
        try:
            check_last(layer)
            plane_to_world(layer)
            check_view(self._viewer.dims, layer, "to pick corners")
        except ValueError as error:
            self._context.bar.tell_failure(error)
            return
        self._context.tell("")
        self._uncover(layer)
        if len(self._corners()) >= CORNERS:
            self.markers.show("select")
            return
        self.markers.begin(layer)
        self.corners.layer = self.markers.points

    def add(self) -> None:
        """Let clicks in the image add corners."""
        if self._context.layer is not None:
            self._uncover(self._context.layer)
            self.markers.show("add")

    def _uncover(self, layer: Layer) -> None:
        """Show the image, and hide the result over it."""
        if (result := self._context.results.last) is not None:
            result.visible = False
        layer.visible = True

    def _use(self) -> None:
        self.markers.use(self.corners.layer, self._context.layer)

    def turn(self) -> None:
        """Rotate the result by a quarter turn."""
        self._turn = (self._turn + 1) % 4
        self._aims.turn()
        self.refresh.soon()

    def snap(self) -> None:
        """Move every corner to the nearest corner in the image, and report the ones without any nearby."""
        layer = self._context.layer
        corners = self._corners()
        if layer is None or not corners:
            return
        level, radius = self._context.level, self.radius.value()
        plane = plane_of(self._viewer.dims, layer, level)
        if isinstance(plane, np.ndarray):
            self._take_snapped(layer, level, corners, [snap(plane, corner, radius) for corner in corners])
        else:  # which may take long to read
            self._snapping.ask(snap_steps(plane, corners, radius, (ref(layer), level)))

    def _end_snapping(self, answer: tuple[Any, ...]) -> None:
        """Move the corners that were snapped in the background, unless they have been moved meanwhile."""
        (layer, level), corners, snapped = answer
        if layer() is self._context.layer and level == self._context.level and corners == self._corners():
            self._take_snapped(layer(), level, corners, snapped)

    def _take_snapped(self, layer: Layer, level: int, corners: Any, snapped: Any) -> None:
        self.markers.place([new or old for new, old in zip(snapped, corners, strict=True)], layer, level)
        unmoved = [self.table.label(k) for k, new in enumerate(snapped) if new is None]
        moved = len(corners) - len(unmoved)
        text = f"{moved} of {len(corners)} corners moved to a corner in the image."
        if unmoved:
            text += f" There is none within {quantity(self.radius.value(), 'px')} of {', '.join(unmoved)}."
        self._context.tell(text)

    def copy_matrix(self) -> None:
        """Copy the matrix of the map, which takes (x, y, 1) of the result to the image."""
        if self._gather is not None and isinstance(self._gather.source, Projective):
            QApplication.clipboard().setText(str([list(row) for row in xy_matrix(self._gather.source)]))
            self._context.tell("The matrix was copied. Paste it into Homography, and tick inverse there.")

    def _corners(self) -> tuple[tuple[float, float], ...]:
        layer = self._context.layer
        if layer is None:
            return ()
        check_last(layer)
        return self.markers.corners_in(layer, self._context.level)

    def _move(self, row: int, axis: int, value: float) -> None:
        layer, corners = self._context.layer, np.array(self._corners())
        if layer is not None and np.isfinite(value):
            corners[row, axis] = value
            self.markers.place(corners.tolist(), layer, self._context.level)
        self.refresh.soon()

    def _aim(self, row: int, axis: int, value: float) -> None:
        if np.isfinite(value):
            self._aims.type(row, axis, value / self._sides()[axis])
        self.refresh.soon()

    def _sides(self) -> tuple[float, float]:
        """Return the height and width of the rectangle, in the unit of the typed targets."""
        return self._rectangle.box.height_box.value, self._rectangle.box.width_box.value

    def parameters(self, layer: Layer, typed: Parameters) -> Parameters:
        """Return the parameters for the chosen layer, or convert them through the world for another one."""
        chosen, level = self._context.layer, self._context.level
        assert chosen is not None
        parameters = self._parameters(chosen, self._corners(), typed)
        if layer is chosen:
            return parameters
        check_last(layer)
        known = rectify.resolve(parameters, self._shape(chosen), {})
        return carried(known, (chosen, level), (layer, self._context.options.level_of(layer)))

    def _shape(self, layer: Layer) -> tuple[int, ...]:
        """Return the numbers of rows and columns of the chosen level of a layer."""
        return shape_at(layer, self._context.level)[-2:]

    def _parameters(self, layer: Layer, corners: Corners, typed: Parameters) -> Parameters:
        """Return the parameters of the form together with those of the corners, the table and the fields."""
        if len(corners) < CORNERS:
            raise ValueError(f"corners: must be at least {CORNERS}; {len(corners)} are marked")
        parameters = {**typed, "corners": corners, "frame": frame(layer, self._context.level), "turn": self._turn}
        parameters |= self._rectangle.box.parameters(layer)
        if len(corners) == CORNERS and not self._aims.typed:
            return parameters
        return with_targets(parameters, self._aims.typed, self._shape(layer))

    def _show(self) -> None:
        """Update corners, outline, preview and size, or show what is wrong with the corners."""
        layer = self._context.layer
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
        count = len(corners)
        if not self.is_ready:
            self._preview.clear(keep_place=count >= CORNERS)  # while a corner is dragged, nothing moves
        self.pick_button.setText(MOVE if count >= CORNERS else PICK)
        self.pick_button.setEnabled(layer is not None)
        self.add_button.setEnabled(count >= CORNERS)
        self.turn_button.setEnabled(count >= CORNERS)
        for widget in (self.snap_button, self.radius):
            widget.setEnabled(count > 0 and not isinstance(layer, Labels))
        self.matrix_button.setEnabled(self.is_ready)
        self.tell_changed()

    def _show_marked(self, layer: Layer, corners: Corners) -> None:
        """Show the marked corners, and the map if they define one."""
        count = len(corners)
        if count < CORNERS:
            self._show_corners([str(k + 1) for k in range(count)], corners)
            self.markers.draw(corners, layer, self._context.level)
            self.fault_text.setText(NEXT.format(count + 1) if self.markers.is_marking else BEGIN)
            return
        wrong = fault(corners[:CORNERS])
        at = order(corners[:CORNERS], 1, 1, self._turn, frame(layer, self._context.level))
        try:
            if wrong is not None:
                raise ValueError(fault_words(wrong, labels(at, count)).rstrip("."))
            typed = self._forms.form.parameters
            known = rectify.resolve(self._parameters(layer, corners, typed), self._shape(layer), {})
            self._gather = rectify.function(self._shape(layer), **known)
        except ValueError as error:
            self._show_corners(labels(at, count), corners)
            self.markers.draw([corners[k] for k in at], layer, self._context.level, good=False)
            self.fault_text.setText(sentence(error))
            return
        self._show_map(layer, known, self._gather)

    def _show_map(self, layer: Layer, known: Known, gather: Gather) -> None:
        """Show the corners with labels and targets, the outline, the preview and the size."""
        corners, (high, wide) = known["corners"], (known["height"], known["width"])
        self._rectangle.box.show_size(high, wide)
        sides, aims = self._sides(), self._aims.show(known)
        errors: list[float] = residuals(map_of(known), known["targets"], corners).tolist() if aims else []
        targets = [(down * sides[0], right * sides[1]) for down, right in aims]
        self._show_corners(labels(places(known, corners, self._turn), len(corners)), corners, targets, errors)
        self.markers.draw(outline(known), layer, self._context.level)
        by_perspective = self._rectangle.box.mode.currentData() == "perspective" and not errors
        is_frontal = by_perspective and not tells_proportions(known, self._shape(layer))
        self.fault_text.setText(error_words(errors) if errors else FRONTAL if is_frontal else "")
        self._preview.show_map(layer, self._context.level, known, gather, self._rectangle.box.new_units(layer))

    def _show_corners(self, names: list[str], corners: Corners, targets: Any = (), errors: Any = ()) -> None:
        self.markers.label([name.split()[0] for name in names])
        self.table.show_corners(names, corners, targets, errors, self._rectangle.box.unit.currentText())

    def reset(self) -> None:
        """Undo quarter turns and discard typed targets."""
        self._turn, self._aims.typed = 0, {}
        self.refresh.soon()

    def source_of(self, step: Mapping[str, Any]) -> Layer | None:
        """Return the source layer of a recorded step if it is still in the viewer: the corners lie in it."""
        layers = self._context.layers
        return next((x for x in self._viewer.layers if x.name == step["source"] and layers.takes(x)), None)

    def load_step(self, step: Mapping[str, Any]) -> None:
        """Mark the corners of a recorded step."""
        layer, known = self._context.layer, step["parameters"]
        if layer is None:
            return
        self._turn = known["turn"]
        self.markers.place_own(known["corners"], layer, self._context.level)
        self.corners.layer = self.markers.points
        self._aims.load(known, self.markers.points)
        self.refresh.soon()

    def save_state(self) -> dict[str, Any]:
        """Return the search radius of Snap."""
        return self._fields.save_state()

    def restore_state(self, saved: Mapping[str, Any]) -> None:
        """Restore the search radius of Snap."""
        self._fields.restore_state(saved)

    def close(self) -> None:
        """Remove the outline and disconnect from the viewer."""
        self._snapping.close()
        self.corners.disconnect_from_viewer()
        self.markers.close()
        self._viewer.dims.events.current_step.disconnect(self.refresh.soon)
