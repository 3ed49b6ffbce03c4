"""The panel for the point-spread function of an operation: an image layer, or a model with parameters."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from napari.layers import Image, Layer
from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import QCheckBox, QFormLayout, QVBoxLayout, QWidget

from ...methods.point_spread.kinds import KINDS, PointSpread, Resampled, psf
from ...recipe.lengths import agreeing_lengths, is_length
from ...recipe.names import cut_middle
from ...recipe.placement import axis_names
from ..form.form import Form, summary
from ..form.restored_form import restore_form
from ..form.sentences import in_form_words
from ..layers.item_axes import Axes
from ..layers.layer_picker import LayerPicker
from ..layers.levels import full_resolution, shape_at
from ..layers.plane import taken_from_layer
from ..layers.spacing import spacing_at, spacing_like
from ..qt.combo_box import ElidedComboBox
from ..qt.layout import button, wrap_rows
from ..settings.saved_fields import SavedFields
from .beads_panel import BeadsBox
from .drawn_outline import offer_outlines
from .pixel_sizes import axes_like, in_words, micrometers, pixel_sizes, placed_in_middle, same_pixels
from .preview import Pictured, PsfPreview

LAYER = "layer"
WATCHED = ("data", "scale", "units")


class PsfPanel(QWidget):
    """Chooses a point-spread function for the processed layer, and previews it.

    Parameters
    ----------
    viewer
        The viewer.
    name
        Name of the operation's image argument.
    picker
        Lists the layers that can serve as point-spread function.
    """

    changed = Signal()

    def __init__(self, viewer: Any, name: str, picker: LayerPicker) -> None:
        super().__init__()
        self._viewer, self.picker = viewer, picker
        self._title = "PSF" if name == "psf" else name
        self._called = f"{self._title[0].upper()}{self._title[1:]}"
        self._source: Layer | None = None
        self._axes: Axes = (0, 1)  # those of the source's items
        self._level = 0
        self._forms: dict[tuple[str, tuple[str, ...]], Form] = {}
        self._wanted = LAYER  # the chosen kind, or the one to choose as soon as it is offered
        self._typed: dict[str, dict[str, Any]] = {}  # typed parameters by kind and number of axes
        self._watched: list[Any] = []
        self._adding = False
        self._request: Any = None  # what the preview was asked for: the layer, its level and the key of the array
        self._declared: PointSpread | None = None
        self._soon = QTimer(self)  # fires after fields that depend on each other have been updated
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self.refresh)
        self.kinds = ElidedComboBox()
        self.resample = QCheckBox("Resample to the image's pixel size")
        self.resample.setToolTip("Resample the PSF to the pixel size of the image; its sum is preserved")
        self.from_beads = button("From beads", "Measure the PSF on beads that are marked by points")
        self.from_beads.setCheckable(True)
        self.beads = BeadsBox(viewer)
        self.beads.hide()
        self.preview = PsfPreview()
        self.add_button = button(
            f"Add {self._title} as layer", "Add it to the viewer, with the pixel size of the image"
        )
        self._saved = SavedFields(self, resample=self.resample, from_beads=self.from_beads, **self.beads.sizes)
        self._saved.changed.connect(self.changed)
        self._build()
        self.kinds.currentIndexChanged.connect(self._want)
        self.kinds.activated.connect(self._want)  # the current entry may replace a kind that is not offered now
        self.kinds.currentIndexChanged.connect(self.refresh)
        self.resample.toggled.connect(self.refresh)
        picker.picked.connect(self._follow_layer)
        self.from_beads.toggled.connect(self.beads.setVisible)
        self.beads.measured.connect(self._take_measured)
        self.add_button.clicked.connect(self._add)
        self.preview.ready.connect(self._add_when_ready)
        self.preview.said.connect(self._offer_nothing)
        viewer.dims.events.order.connect(self.refresh)  # a direction is as displayed

    def _build(self) -> None:
        rows = QFormLayout()
        wrap_rows(rows)
        rows.addRow(self._title[0].upper() + self._title[1:], self.kinds)
        rows.addRow(f"{self._called} layer", self.picker)
        self._rows = rows
        self._forms_place = QVBoxLayout()
        self._forms_place.setContentsMargins(0, 0, 0, 0)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(rows)
        column.addLayout(self._forms_place)
        for widget in (self.resample, self.from_beads, self.beads, self.preview, self.add_button):
            column.addWidget(widget)

    @property
    def kind(self) -> str:
        """The chosen kind; "layer" for an image layer."""
        return str(self.kinds.currentData())

    @kind.setter
    def kind(self, kind: str) -> None:
        if (index := self.kinds.findData(kind)) >= 0:
            self._wanted = kind
            self.kinds.setCurrentIndex(index)

    @property
    def form(self) -> Form:
        """The form for the parameters of the chosen kind, which is not an image layer."""
        assert self._source is not None
        key = self.kind, self._axis_names(self._source)
        if key not in self._forms:
            kind = KINDS[self.kind]
            taken = {name: kind.parameters[name].default for name in kind.from_layer}
            form = self._forms[key] = Form(kind, key[1], taken)
            typed = self._typed.get(self.kind, {}).get(str(len(self._axes)))
            if isinstance(typed, dict):
                restore_form(form, kind, typed)
            form.changed.connect(partial(self._note, self.kind, str(len(self._axes)), form))
            form.changed.connect(self._refresh_soon)
            offer_outlines(form, self._viewer, lambda: self._source, lambda layer: self._level, self.preview.say)
            form.native.hide()
            self._forms_place.addWidget(form.native)
        return self._forms[key]

    def _axis_names(self, source: Layer) -> tuple[str, ...]:
        names = axis_names(source.axis_labels)
        return tuple(names[axis] for axis in self._axes)

    def show_for(self, source: Layer, axes: Axes, level: int = 0) -> None:
        """Offer the kinds that fit items with some axes of a level of a layer."""
        self._source, self._axes, self._level = source, axes, level
        choices = {LAYER: "Image layer"} | {k: v.title for k, v in KINDS.items() if len(axes) in v.dimensions}
        if [self.kinds.itemData(k) for k in range(self.kinds.count())] != list(choices):
            self.kinds.blockSignals(True)
            self.kinds.clear()
            for data, text in choices.items():
                self.kinds.addItem(text, data)
            self.kinds.setCurrentIndex(max(self.kinds.findData(self._wanted), 0))
            self.kinds.blockSignals(False)
        self.beads.show_for(source, axes, level)
        self._show_kind()

    def _want(self, index: int) -> None:
        self._wanted = self.kind

    def _note(self, kind: str, ndim: str, form: Form, change: Any = None) -> None:
        """Keep typed parameters, unless an outline is incomplete."""
        with suppress(SyntaxError, ValueError):
            self._typed[kind] = {**self._typed.get(kind, {}), ndim: form.typed}

    def _refresh_soon(self, event: Any = None) -> None:
        self._soon.start()

    def refresh(self, event: Any = None) -> None:
        """Update the widgets after a change of the kind or the parameters."""
        self._show_kind()
        self.changed.emit()

    def _show_kind(self) -> None:
        """Show the widgets of the chosen kind, and request a preview."""
        source = self._source
        if source is None:
            return
        layer = self.kind == LAYER
        shown = None if layer else self.form
        self._rows.setRowVisible(self.picker, layer)
        self.from_beads.setVisible(layer)
        self.beads.setVisible(layer and self.from_beads.isChecked())
        for form in self._forms.values():
            form.native.setVisible(form is shown)
        fits = not layer or self.picker.layer is None or same_pixels(self.picker.layer, source, self._axes, self._level)
        self.resample.setVisible(not fits)
        self.kinds.setToolTip("A layer of the viewer" if layer else summary(KINDS[self.kind]))
        if shown is not None:
            self._show_defaults(shown, source)
        self._show(source)

    def _show_defaults(self, form: Form, source: Layer) -> None:
        axes, shape = self._axes, shape_at(source, self._level)
        known = {"spacing": micrometers(source, axes, self._level)}
        place = spacing_at(source, axes, self._level)
        form.show_image(tuple(shape[axis] for axis in axes), *place, None, np.dtype(float), known)

    def _show(self, source: Layer) -> None:
        """Request a preview, or show why there is none."""
        if self.kind == LAYER and self.picker.layer is None:
            self.preview.say(f"Choose a layer, or measure the {self._title} on beads.")
            return
        try:
            kernel = self.kernel(source)
        except ValueError as error:
            self.preview.say(str(error))
            return
        before, self._request = self._request, (source, self._level, self._key(kernel))
        self._adding = self._adding and self._request == before
        place = pixel_sizes(source, self._axes, self._level)
        self.preview.ask(self._request[-1], kernel, self._axis_names(source), *place)
        self.add_button.setEnabled(not isinstance(kernel, np.ndarray))

    def _offer_nothing(self) -> None:
        """Disable adding without a preview, and drop a pending request to add."""
        self._adding = False
        self.add_button.setEnabled(False)

    def _key(self, kernel: Any) -> Any:
        if isinstance(kernel, PointSpread):
            return kernel.kind, repr(kernel.parameters)
        if isinstance(kernel, Resampled):
            return id(kernel.source), kernel.pixel, kernel.target
        return id(kernel)

    def kernel(self, source: Layer, axes: Axes | None = None) -> Any:
        """Return the point-spread function for the chosen level of a layer, as an array or a lazy equivalent.

        Parameters
        ----------
        source
            The layer.
        axes
            The axes of its items; by default those of the layer shown.

        Raises
        ------
        ValueError
            If there is none, or it does not fit.
        """
        axes, level = axes or self._axes, self._level
        if self.kind != LAYER:
            shape, spacing = shape_at(source, level), micrometers(source, axes, level)
            form, shown = self.form, self._source
            typed = form.parameters
            if form.in_world and shown is not None and source is not shown:
                typed = form.parameters_on(spacing_like(source, shown, axes, level))
            if spacing is None and typed.get("pixel_size") == "auto":
                raise ValueError("Pixel size: untick auto and type it in µm, as the image has no unit of length")
            try:
                taken = taken_from_layer(KINDS[self.kind], source, level, axes, self._viewer.dims)
                declared = psf(self.kind, shape=tuple(shape[axis] for axis in axes), spacing=spacing, **typed | taken)
            except ValueError as error:
                raise ValueError(in_form_words(str(error), KINDS[self.kind].parameters)) from None
            lengths = agreeing_lengths(KINDS[self.kind], form.in_units, spacing, typed) if spacing else {}
            declared = replace(declared, given={**(declared.given or {}), **lengths})
            before = self._declared
            if before is None or (declared, declared.given) != (
                before,
                before.given,
            ):  # reuse a kernel that the preview has already computed
                self._declared = declared
            return self._declared
        layer = self.picker.layer
        if layer is None:
            raise ValueError(f"{self._called}: choose a layer")
        array = full_resolution(layer)
        if same_pixels(layer, source, axes, level):
            return array
        own = axes_like(layer, source, axes)
        if not self.resample.isChecked():
            raise ValueError(
                f"{self._called}: {cut_middle(layer.name)!r} needs pixels of {in_words(source, axes, level)}, like the"
                f" image, not of {in_words(layer, own)}; or tick {self.resample.text()!r}"
            )
        return Resampled(array, pixel_sizes(layer, own)[0], pixel_sizes(source, axes, level)[0])

    @property
    def title(self) -> str:
        """The name of the chosen layer, or the title of the kind."""
        layer = self.picker.layer
        return KINDS[self.kind].title if self.kind != LAYER else "" if layer is None else str(layer.name)

    def load(self, record: Mapping[str, Any]) -> None:
        """Restore the choice of a record if it is offered and fits."""
        if "kind" not in record:
            self.kind = LAYER
            self.picker.choose(record["name"])
            self.resample.setChecked("resampled" in record)
        elif self._source is not None and len(record["shape"]) == len(self._axes):
            self.kind = record["kind"]
            given, numbers = record.get("given", record["parameters"]), record["parameters"]
            self.form.load({name: numbers[name] if is_length(value) else value for name, value in given.items()})

    def save_state(self) -> dict[str, Any]:
        """Return the chosen kind, the typed parameters by kind and number of axes, and the settings for layers."""
        return {"kind": self._wanted, "typed": dict(self._typed), "layer": self._saved.save_state()}

    def restore_state(self, saved: Mapping[str, Any]) -> None:
        """Restore a saved state before anything is shown."""
        kind, typed = saved.get("kind"), saved.get("typed")
        if isinstance(kind, str) and kind in KINDS:
            self._wanted = kind
        if isinstance(typed, dict):
            self._typed = {k: v for k, v in typed.items() if k in KINDS and isinstance(v, dict)}
        if isinstance(saved.get("layer"), dict):
            self._saved.restore_state(saved["layer"])

    def _follow_layer(self) -> None:
        """Watch the chosen layer, and show it."""
        self._unwatch()
        if self.picker.layer is not None:
            self._watched = [getattr(self.picker.layer.events, name) for name in WATCHED]
            for emitter in self._watched:
                emitter.connect(self.refresh)
        self.refresh()

    def _unwatch(self) -> None:
        while self._watched:
            self._watched.pop().disconnect(self.refresh)

    def _take_measured(self, layer: Layer) -> None:
        self.picker.list_layers()
        self.kind = LAYER
        self.picker.layer = layer

    def _add(self) -> None:
        """Add the point-spread function as a layer once it is computed."""
        self._adding = True
        self._add_when_ready(self.preview.shown)

    def _add_when_ready(self, shown: Pictured | None) -> None:
        source = self._source
        if not self._adding or source is None or self.preview.is_pending or shown is None:
            return
        self._adding = False
        look = {"contrast_limits": (0, float(shown.array.max())), "name": f"{self.title} {self._title}"}
        active = self._viewer.layers.selection.active
        place = placed_in_middle(shown.array, source, self._axes, self._level)
        self._viewer.add_layer(Image(np.array(shown.array), **look, **place))
        self._viewer.layers.selection.active = active

    def disconnect_from_viewer(self) -> None:
        """Stop computing and disconnect from the viewer."""
        self._unwatch()
        self._viewer.dims.events.order.disconnect(self.refresh)
        self.preview.task.close()
        self.beads.disconnect_from_viewer()
        LayerPicker.disconnect_from_viewer(self.picker)
