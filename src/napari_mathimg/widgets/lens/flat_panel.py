"""The panel that estimates the flat field of a stack as a layer."""

from typing import Any

from napari.layers import Image, Layer
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QVBoxLayout, QWidget

from ...catalog import find
from ...contract.operation import Operation
from ...contract.progress import Progress
from ...contract.quantities import number
from ...engine import Options
from ...engine.estimates import estimate_flat_steps
from ...recipe.names import named_after
from ..dock.dock_context import DockContext
from ..dock.form_panel import FormPanel
from ..dock.further_images import FurtherImagesPanel
from ..dock.panel import Panel
from ..form.sentences import in_form_words
from ..layers.levels import array_of, into_full, level_like, shape_at
from ..layers.plane import spatial_state_like
from ..layers.snapshot import snapshot
from ..qt.layout import button, wrapping_label
from ..settings.preferences import threads
from ..tasks.background_task import BackgroundTask, reason

ESTIMATE = "Estimate the flat"
HELP = "If no flat is chosen, it is estimated from what the planes of the layer have in common."
BUSY = "Estimating the flat…  {} %"


class FlatBox(QWidget):
    """A button that estimates the illumination of a stack and adds it as a layer.

    Parameters
    ----------
    viewer
        The viewer.
    """

    made = Signal(object)  # emits the layer

    def __init__(self, viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._source: Layer | None = None
        self._level = 0
        self.is_adding = False  # while True, docks must not follow the added layer
        self.task = BackgroundTask(self)
        self.button = button(ESTIMATE, "Estimate the illumination that all planes of the layer share, and use it")
        self.sentence = wrapping_label()
        self.sentence.setText(HELP)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.sentence)
        column.addWidget(self.button)
        self.task.progressed.connect(self._show_progress)
        self.task.returned.connect(self._add)
        self.task.failed.connect(self._fail)
        self.task.canceled.connect(lambda: self.sentence.setText("Canceled."))
        self.task.finished.connect(lambda: self.button.setText(ESTIMATE))

    def start(self, layer: Layer, level: int, dark: Any, degree: int, options: Options) -> None:
        """Estimate the flat of a level of a layer, or cancel the running estimate."""
        if self.task.is_running:
            self.task.cancel()
            return
        self._source, self._level = layer, level
        self.button.setText("Cancel")
        self.sentence.setText(BUSY.format(0))
        self.task.start(
            estimate_flat_steps(
                array_of(layer, level), dark, degree, options, threads(), axis_names=snapshot(layer).axis_names
            )
        )

    def _show_progress(self, progress: Progress) -> None:
        self.sentence.setText(BUSY.format(round(100 * progress.done / max(progress.total, 1))))

    def _fail(self, error: Exception) -> None:
        text = in_form_words(reason(error), find("flat_field").parameters, ("dark", "flat"))
        self.sentence.setText(f"{text[0].upper()}{text[1:]}.")

    def _add(self, flat: Any) -> None:
        source = self._source
        seen = flat[tuple(slice(None if step else 1) for step in flat.strides)]  # a view may repeat planes
        self.sentence.setText(f"Gain {number(1 / seen.max())} to {number(1 / seen.min())}.")
        if source is None or source not in self._viewer.layers:
            return
        active = self._viewer.layers.selection.active
        last = list(range(source.ndim - flat.ndim + bool(source.rgb), source.ndim))
        place = spatial_state_like(source, moved=into_full(source, self._level).set_slice(last))
        limits = {} if source.rgb else {"contrast_limits": (0.0, float(seen.max()))}
        layer = Image(
            flat, name=named_after(source.name, "flat"), rgb=bool(source.rgb), visible=False, **limits, **place
        )
        self.is_adding = True
        self._viewer.add_layer(layer)
        self._viewer.layers.selection.active = active
        self.is_adding = False
        self.made.emit(layer)


class FlatPanel(Panel):
    """Estimates a flat and chooses it for `flat_field`.

    Parameters
    ----------
    context
        The state that the panels of the dock share.
    forms
        The forms of the dock, where the degree of the estimate is typed.
    further_images
        The panel where the dark image and the flat are chosen.
    """

    def __init__(self, context: DockContext, forms: FormPanel, further_images: FurtherImagesPanel) -> None:
        self._context, self._forms, self._further_images = context, forms, further_images
        self.widget = self.box = FlatBox(context.viewer)
        self.box.button.clicked.connect(self._estimate)
        self.box.made.connect(self._take)

    def may_follow(self, layer: Layer) -> bool:
        """Stay with the stack when its flat is added."""
        return not self.box.is_adding

    def show_for(self, layer: Layer | None, operation: Operation, level: int) -> None:
        """Offer an estimate if the operation takes a flat."""
        self.box.setVisible(operation.id == "flat_field" and layer is not None)

    def _estimate(self) -> None:
        """Estimate the illumination that the planes of the chosen layer share."""
        context, layer = self._context, self._context.layer
        if layer is None:
            return
        try:
            options, _ = context.options.options(layer, context.operations.operation, context.viewer.dims)
        except ValueError as error:
            context.bar.tell_failure(error)
            return
        dark, level = self._further_images.pickers["dark"].layer, context.level
        image = None if dark is None else array_of(dark, level_like(dark, shape_at(layer, level)) or 0)
        self.box.start(layer, level, image, self._forms.form["degree"].value, options)

    def _take(self, flat: Layer) -> None:
        """Choose the estimated flat, unless another operation has been chosen meanwhile."""
        picker = self._further_images.pickers.get("flat")
        if picker is not None:
            picker.choose(flat.name)

    def close(self) -> None:
        """Cancel the estimate."""
        self.box.task.cancel()
