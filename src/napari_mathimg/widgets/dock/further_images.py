"""The panel for the further images of an operation, with a picker of layers for each."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from napari.layers import Image, Layer
from qtpy.QtWidgets import QFormLayout, QWidget

from ...contract.operation import Operation
from ..layers.further_image import FurtherImage
from ..layers.item_axes import Axes
from ..layers.layer_picker import LayerPicker
from ..layers.levels import array_of, level_like, shape_at
from ..psf.panel import LAYER, PsfPanel
from ..qt.layout import wrap_rows
from ..tasks.operation_job import Job
from .dock_context import DockContext
from .panel import Panel

NONE = "None"
TIPS = {
    "aligned": "Layer to use as the {}; lists the layers with a matching shape, or with a level of a matching shape",
    "reference": "Layer to use as the {}; all its pixels are used, at full resolution if it is multiscale",
    "whole": "Layer to use as the {}; lists the layers with a matching number of axes",
}


class FurtherImagesPanel(Panel):
    """Pickers for the further images of the chosen operation, and panels for its point-spread functions (PSFs).

    It is hidden if the operation needs no further image. Operations whose PSFs have the same name share a PSF panel.

    Parameters
    ----------
    context
        The objects that the panels of the dock share.
    """

    name = "further_images"

    def __init__(self, context: DockContext) -> None:
        self._context = context
        self.widget = QWidget()
        self._form = QFormLayout(self.widget)
        self._form.setContentsMargins(0, 0, 0, 0)
        wrap_rows(self._form)
        self._operation: Operation | None = None
        self._source: Layer | None = None
        self._axes: Axes = (0, 1)  # those of the source's items
        self._level = 0
        self._saved: dict[str, Any] = {}  # saved states of panels, some not yet created
        self.pickers: dict[str, LayerPicker] = {}
        self.panels: dict[str, PsfPanel] = {}
        self.widget.hide()

    def show_for(self, layer: Layer | None, operation: Operation, level: int) -> None:
        """List the layers that can be further images of an operation on a level of a layer."""
        if layer is not None:
            self._list(layer, operation, level)
        self.widget.setVisible(layer is not None and bool(self.pickers))

    def _list(self, source: Layer, operation: Operation, level: int) -> None:
        if operation is not self._operation:
            self._clear()
            self._operation = operation
        axes = self._context.options.axes(source, operation)
        has_changed = (source, axes, level) != (self._source, self._axes, self._level)
        self._source, self._axes, self._level = source, axes, level
        for name, role in operation.images[1:]:
            if name not in self.pickers:
                self._add(name, role, name in operation.optional)
            elif has_changed:
                self.pickers[name].list_layers()
            if role == "whole":
                self.panels[name].show_for(source, axes, level)

    def _add(self, name: str, role: str, is_optional: bool) -> None:
        if role != "whole":
            self.pickers[name] = self._picker(name, role, is_optional)
            self._form.addRow(name[0].upper() + name[1:], self.pickers[name])
            return
        if name not in self.panels:
            panel = PsfPanel(self._context.viewer, name, self._picker(name, role, is_optional))
            if isinstance(saved := self._saved.get(name), dict):
                panel.restore_state(saved)
            self.panels[name] = panel
            panel.changed.connect(self.tell_changed)
        panel = self.panels[name]
        self.pickers[name] = panel.picker
        panel.picker.list_layers()
        self._form.addRow(panel)
        panel.show()

    def _picker(self, name: str, role: str, is_optional: bool) -> LayerPicker:
        def is_listed(layer: Layer) -> bool:
            return self._source is not None and can_serve(layer, role, self._source, self._axes, self._level)

        def refused(layer: Layer) -> str:
            fits_otherwise = isinstance(layer, Image) and not layer.rgb and layer.ndim in (2, 3)
            if role != "whole" or not fits_otherwise or layer is self._source or layer.ndim == len(self._axes):
                return ""
            return f"{layer.ndim}-D: for {'volumes' if layer.ndim == 3 else 'planes'}"

        none = NONE if is_optional else "Choose a layer"
        picker = LayerPicker(self._context.viewer, is_listed, lambda layer: False, self.widget, none, refused)
        picker.setToolTip(TIPS[role].format(name))
        return picker

    def _clear(self) -> None:
        """Remove the pickers; hide the PSF panels but keep them for later."""
        for panel in self.panels.values():
            if panel.picker in self.pickers.values():
                self._form.removeWidget(panel)
                panel.hide()
        for name, picker in self.pickers.items():
            if name not in self.panels or self.panels[name].picker is not picker:
                LayerPicker.disconnect_from_viewer(picker)
        self.pickers = {}
        while self._form.rowCount():
            self._form.removeRow(0)

    def add_to_job(self, job: Job, layer: Layer) -> Job:
        """Add the chosen images to a job.

        Raises
        ------
        ValueError
            If a required image is not chosen, or a point-spread function does not fit.
        """
        return replace(job, further_images=self._chosen(job.operation, layer, self._context.options.level_of(layer)))

    def _chosen(self, operation: Operation, source: Layer, level: int) -> tuple[FurtherImage | None, ...]:
        """Return the images for a level of a layer; None for one that is not chosen but precedes another."""
        axes = self._context.options.axes(source, operation)
        out: list[FurtherImage | None] = []
        for name, role in operation.images[1:]:
            layer, panel = self.pickers[name].layer, self.panels.get(name) if role == "whole" else None
            if panel is not None and not (layer is None and panel.kind == LAYER):
                out.append(FurtherImage(panel.title, panel.kernel(source, axes)))
            elif layer is not None:
                matching = aligned_level(layer, source, axes, level) if role == "aligned" else None
                out.append(FurtherImage(layer.name, array_of(layer, matching or 0), matching or 0))
            elif name in operation.optional:
                out.append(None)
            else:
                raise ValueError(f"{name}: choose a layer")
        while out and out[-1] is None:
            out.pop()
        return tuple(out)

    def load_step(self, step: Mapping[str, Any]) -> None:
        """Choose the recorded layers by name, if listed, and the recorded kinds of PSF with their parameters."""
        for name, record in zip(list(self.pickers), step.get("images", ()), strict=False):
            if record is None:
                self.pickers[name].layer = None
            elif name in self.panels:
                self.panels[name].load(record)
            else:
                self.pickers[name].choose(record["name"])

    def save_state(self) -> dict[str, Any]:
        """Return the states of the PSF panels by the names of the images."""
        return self._saved | {name: panel.save_state() for name, panel in self.panels.items()}

    def restore_state(self, saved: Mapping[str, Any]) -> None:
        """Keep saved states for PSF panels that are created later."""
        self._saved = dict(saved)

    def close(self) -> None:
        """Disconnect the pickers and the PSF panels from the viewer."""
        for panel in self.panels.values():
            PsfPanel.disconnect_from_viewer(panel)
        for picker in self.pickers.values():
            LayerPicker.disconnect_from_viewer(picker)
        self.pickers, self.panels = {}, {}


def can_serve(layer: Layer, role: str, source: Layer, axes: Axes, level: int = 0) -> bool:
    """Return whether a layer can be a further image for a level of a source layer, whose items have some axes."""
    ndim = len(axes)
    if not isinstance(layer, Image) or layer is source:
        return False
    if role == "reference":
        return bool(layer.rgb) == bool(getattr(source, "rgb", False)) and layer.ndim >= ndim
    if layer.rgb and not (role == "aligned" and getattr(source, "rgb", False)):
        return False
    if role == "whole":
        return bool(layer.ndim == ndim)
    return bool(ndim <= layer.ndim <= source.ndim) and aligned_level(layer, source, axes, level) is not None


def aligned_level(layer: Layer, source: Layer, axes: Axes, level: int = 0) -> int | None:
    """Return the finest level of a layer that lies on a level of a source; None if there is none.

    A layer with fewer axes than the source has those of the source's items, which are its last ones.
    """
    shape = shape_at(source, level)
    if layer.ndim < len(shape):
        shape = tuple(shape[axis] for axis in (*(k for k in range(len(shape)) if k not in axes), *axes))
    return level_like(layer, shape)
