"""The panel with the form of the chosen operation and the tools that fill it in."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from napari.layers import Labels, Layer
from psygnal import Signal
from qtpy.QtWidgets import QVBoxLayout

from ...contract.operation import Operation
from ...recipe.lengths import agreeing_lengths, is_length, plain_unit
from ...recipe.placement import axis_names
from ...recipe.record import last_step
from ..canvas.picking import Picking
from ..form.form import Form
from ..form.image_values import ImageValues
from ..form.level_scaling import PlaceScaling
from ..layers.levels import array_of, full_resolution, shape_at
from ..layers.plane import taken_from_layer
from ..layers.spacing import spacing_at, spacing_like
from ..psf.drawn_outline import offer_outlines
from ..psf.pixel_sizes import micrometers
from ..qt.layout import button, vbox_widget
from ..qt.wrapping_rows import wrapping_row
from ..tasks.noise_estimate import NoiseEstimator
from ..tasks.operation_job import Job
from .dock_context import DockContext
from .panel import Panel, Parameters
from .saved_family_dock import FamilyDockState

LABELS_VALUES = {"order": 0, "anti_aliasing": False}  # labels are categories and must not be interpolated


class FormPanel(Panel):
    """Shows the form of the chosen operation, and keeps a form for each operation and kind of layer.

    Values can be typed, picked in the image or estimated.

    Parameters
    ----------
    context
        The objects that the panels of the dock share.
    state
        The saved state of the dock, which restores the values of new forms.
    panels
        The panels that may hide parameters from the form.
    """

    auto_changed = Signal()  # the meaning of "auto" may have changed

    def __init__(self, context: DockContext, state: FamilyDockState, panels: Sequence[Panel]) -> None:
        self._context, self._state, self._panels = context, state, panels
        self.forms: dict[tuple[Any, ...], Form] = {}
        self._form: Form | None = None
        self._places = PlaceScaling()
        self._image_values: dict[Form, ImageValues] = {}
        self.estimator = NoiseEstimator(context.dock)
        self.estimator.found.connect(self._show_noise)
        context.viewer.dims.events.current_step.connect(self._follow_position)
        self.picking = Picking(context.viewer, context.dock, context.results.made)
        self.picking.told.connect(context.tell)
        self.reset_button = button("Reset", "Set the parameters to their defaults")
        self.load_button = button("Load settings", "Fill in the settings that produced the chosen layer")
        self._place = QVBoxLayout()
        self._place.setContentsMargins(0, 0, 0, 0)
        self.widget = vbox_widget(self._place, wrapping_row(self.reset_button, self.load_button))

    @property
    def form(self) -> Form:
        """The chosen operation's form for the chosen layer."""
        assert self._form is not None
        return self._form

    def show_for(self, layer: Layer | None, operation: Operation, level: int) -> None:
        """Show the form of an operation, and the meaning of "auto" in it for a level of a layer."""
        self.load_button.setEnabled(layer is not None and last_step(layer.metadata) is not None)
        if layer is None:
            self._show_form(operation, ("y", "x"), None)
            self.picking.use(None, None)
            return
        options = self._context.options
        axes, names = options.axes(layer, operation), axis_names(layer.axis_labels)
        self._show_form(operation, tuple(names[axis] for axis in axes), layer)
        self._image_values[self.form].follow(self.form, layer)
        self._places.follow(self.form, layer, level, axes)
        data = full_resolution(layer)
        limits = options.limits(layer) if operation.uses_range(self.form.parameters) else None
        channels = data.shape[-1] if getattr(layer, "rgb", False) else 0
        place, shape = spacing_at(layer, axes, level), shape_at(layer, level)
        self.form.show_image(tuple(shape[axis] for axis in axes), *place, limits, data.dtype, {"channels": channels})
        self.picking.use(self.form, layer, level, axes)
        self.reset_button.setEnabled(bool(len(self.form)))

    def _show_form(self, operation: Operation, axes: tuple[str, ...], layer: Layer | None) -> None:
        hidden: dict[str, Any] = {}
        for panel in self._panels:
            hidden |= panel.hides
        hidden |= LABELS_VALUES if isinstance(layer, Labels) else {}
        hidden = {name: value for name, value in hidden.items() if name in operation.parameters}
        hidden |= {name: operation.parameters[name].default for name in operation.from_layer}
        key = (operation.id, axes, tuple(hidden))
        if key not in self.forms:
            self.forms[key] = self._make(operation, axes, hidden)
        if self._form is not self.forms[key]:
            if self._form is not None:
                self._form.native.hide()
            self._form = self.forms[key]
            self._form.native.show()

    def _make(self, operation: Operation, axes: tuple[str, ...], hidden: Mapping[str, Any]) -> Form:
        context = self._context
        form = Form(operation, axes, hidden)
        form.native.hide()
        self._image_values[form] = ImageValues(operation)
        self._state.fill_form(form, operation, len(axes))
        form.changed.connect(self.tell_changed)
        if form.steers_auto:
            form.changed.connect(self._emit_auto_changed)
        self.picking.serve(form)
        offer_outlines(form, context.viewer, lambda: context.layer, context.options.level_of, context.tell)
        self._place.addWidget(form.native)
        return form

    def _emit_auto_changed(self, *change: Any) -> None:
        self.auto_changed.emit()

    @property
    def is_ready(self) -> bool:
        """Whether every parameter has a value: a run waits for one that is being estimated."""
        return self._form is None or not self._form.is_waiting

    def show_noise(self, layer: Layer | None, operation: Operation, level: int) -> None:
        """Show what "auto" means for the noise of a layer, with the options shown; a run measures it anew, alike."""
        context = self._context
        if layer is None or not self.form.uses_noise:
            self.estimator.cancel()
            return
        try:
            options, _ = context.options.options(layer, operation, context.viewer.dims)
        except ValueError:  # which a run will tell
            self.estimator.cancel()
            self.form.show_noise(None)
            return
        is_known, sigma = self.estimator.ask(layer, array_of(layer, level), options)
        self.form.show_noise(sigma, is_coming=not is_known)
        self.tell_changed()

    def _show_noise(self, sigma: float | None) -> None:
        if self._form is not None and self._form.uses_noise:
            self._form.show_noise(sigma)
            self.tell_changed()

    def _follow_position(self, event: Any = None) -> None:
        """Estimate the noise of another plane if only the plane shown is processed."""
        if self._form is not None and self._form.uses_noise and self._context.options.scope.currentData() != "all":
            self.auto_changed.emit()

    def parameters(self, layer: Layer, typed: Parameters) -> Parameters:
        """Return the form's parameters for a layer; lengths in a unit of the world become pixels of that layer."""
        chosen, form, context = self._context.layer, self.form, self._context
        operation, level = context.operations.operation, context.options.level_of(layer)
        axes = context.options.axes(layer, operation)
        taken = taken_from_layer(operation, layer, level, axes, context.viewer.dims)
        if chosen is None or layer is chosen or not form.in_world:
            return typed | self._adapted(form.parameters, layer) | taken
        spacing = spacing_like(layer, chosen, axes, level)
        return typed | self._adapted(form.parameters_on(spacing), layer) | taken

    def _adapted(self, parameters: Parameters, layer: Layer) -> Parameters:
        """Return parameters of the chosen layer for another one, of which only one may be a Labels layer."""
        if isinstance(layer, Labels) == isinstance(self._context.layer, Labels):
            return parameters
        defaults = {name: p.default for name, p in self._context.operations.operation.parameters.items()}
        values = LABELS_VALUES if isinstance(layer, Labels) else defaults
        return parameters | {name: values[name] for name in LABELS_VALUES if name in parameters}

    def add_to_job(self, job: Job, layer: Layer) -> Job:
        """Add the lengths that are typed in a unit of the world, which the record then holds as they were typed."""
        context = self._context
        spacing = micrometers(layer, context.options.axes(layer, job.operation), context.options.level_of(layer))
        if spacing is None or not self.form.in_world:
            return job
        return replace(job, lengths=agreeing_lengths(job.operation, self.form.in_units, spacing, job.parameters))

    def reset(self) -> None:
        """Set the parameters to their defaults."""
        self.form.reset()

    def load_step(self, step: Mapping[str, Any]) -> None:
        """Fill in the parameters of a recorded step; change nothing if they do not fit.

        Raises
        ------
        ValueError
            If they do not fit.
        """
        typed = self.form.parameters
        given = step.get("given", step["parameters"])
        lengths = {name: value for name, value in given.items() if is_length(value)}
        try:
            self.form.load({**given, **{name: step["parameters"][name] for name in lengths}})
            self._load_lengths(lengths)
        except ValueError:
            self.form.load(typed)
            raise

    def _load_lengths(self, lengths: Mapping[str, Mapping[str, Any]]) -> None:
        """Fill in recorded lengths in their unit, where the layer has this unit."""
        layer, context = self._context.layer, self._context
        if layer is None:
            return
        axes = context.options.axes(layer, context.operations.operation)
        unit = spacing_at(layer, axes, context.options.level_of(layer))[1]
        for name, length in lengths.items():
            if plain_unit(unit) == length["unit"]:
                values = length["value"] if isinstance(length["value"], tuple) else (length["value"],)
                self.form.want(name, {"unit": unit, "lengths": values})

    def close(self) -> None:
        """Cancel a noise estimate and disconnect all signals."""
        self._context.viewer.dims.events.current_step.disconnect(self._follow_position)
        self.estimator.close()
        self.picking.close()
