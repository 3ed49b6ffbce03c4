"""The dock of a family: a layer, an operation, its form, and a run that adds a layer."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar
from weakref import ref

from napari.layers import Labels, Layer
from napari.utils.notifications import show_error, show_warning
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QFrame, QLabel, QVBoxLayout, QWidget

from ...catalog import FAMILIES, family, find
from ...contract.operation import Operation
from ...recipe.placement import axis_names
from ...recipe.record import last_step
from ..canvas.domain_overlay import DomainOverlays
from ..canvas.picking import Picking
from ..form.form import Form, summary
from ..form.level_scaling import PlaceScaling
from ..help.window import HelpButton
from ..layers.layer_observer import LayerObserver
from ..layers.layer_picker import LayerPicker
from ..layers.levels import array_of, full_resolution, pyramid_of, shape_at
from ..layers.made_layers import HiddenSources, MadeLayers
from ..layers.proxies import unwrapped
from ..layers.snapshot import DOMAIN, is_usable, snapshot_at
from ..layers.spacing import spacing_at, spacing_like
from ..layers.transforms import check_square
from ..psf.drawn_outline import offer_outlines
from ..qt.combo_box import ElidedComboBox
from ..qt.dock_area import place_dock
from ..qt.layout import button, dock_of, form_layout, hbox, order_tabs, scroll_area, wrapping_label
from ..settings.preferences import memory, on_change, threads
from ..tasks.kernel_loading import load_kernels
from ..tasks.noise_estimate import NoiseEstimator
from ..tasks.operation_job import Done, Job, Outcome, all_steps
from .further_images import FurtherImages
from .open_dock import open_dock
from .options_panel import OptionsPanel
from .remembered_dock import FamilyMemory
from .run_bar import RunBar
from .shown_result import elapsed, result_sentence, show_result

LABELS_HAVE = {"order": 0, "anti_aliasing": False}  # labels are names: between two of them there is nothing


class FamilyDock(QWidget):
    """A dock for the operations of one family.

    Parameters
    ----------
    napari_viewer
        The viewer.
    """

    family: ClassVar[str]

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self._viewer = napari_viewer = unwrapped(napari_viewer)
        self._operations = family(self.family)
        self._forms: dict[tuple[Any, ...], Form] = {}
        self._form: Form | None = None
        self._places = PlaceScaling()
        self._results = MadeLayers(napari_viewer)
        self._hidden_sources = HiddenSources(napari_viewer)
        self._observer = LayerObserver(self._follow_layer)
        self._undo: list[Callable[[], Any]] = []  # what to do when the dock goes
        self._refused: list[tuple[str, Exception]] = []
        self._placed = False
        self._adding = False
        self._stale = True
        self.bar = RunBar()
        self.task, self.message, self.progress = self.bar.task, self.bar.message, self.bar.progress
        self.run_button, self.cancel_button = self.bar.run, self.bar.cancel
        self.estimator = NoiseEstimator(self)
        self.options = OptionsPanel()
        self.overlays = DomainOverlays(
            napari_viewer, self._results, self.options.domain, self.options.domain_place, self
        )
        self.further_images = FurtherImages(napari_viewer)
        self.picker = LayerPicker(napari_viewer, self._takes, self._may_follow, self)
        self.picking = Picking(napari_viewer, self, self._results)
        self.operations = ElidedComboBox(self)
        self.help = HelpButton(lambda: self.operation)
        self.memory = FamilyMemory(self)
        self._build()
        self.operation = self.memory.operation
        self.memory.fill_options(self.options)
        self._connect()
        self._show_layer()
        self._show()

    def _build(self) -> None:
        for op in self._operations.values():
            self.operations.addItem(op.title, op.id)
        self.operations.setToolTip("What is done")
        self._summary = wrapping_label()
        self._note = wrapping_label()
        self._forms_place = QVBoxLayout()
        self._forms_place.setContentsMargins(0, 0, 0, 0)
        self.reset_button = button("Reset", "Set the parameters to their defaults")
        self.load_button = button("Load settings", "Fill in the settings that made the chosen layer")
        line = QFrame()
        line.setFrameShape(QFrame.Shape.HLine)
        buttons = hbox(self.reset_button, self.load_button)
        self.operations.setVisible(len(self._operations) > 1)
        named = QLabel(self.operation.title) if self.operations.isHidden() else self.operations
        operation = hbox(named, self.help)
        operation.setSpacing(3)
        layout = QVBoxLayout(self)
        layout.addLayout(form_layout({"Layer": self.picker}))
        layout.addLayout(operation)
        layout.addWidget(
            scroll_area(
                self._summary,
                *self._panels(),
                self._note,
                self.further_images,
                self._forms_place,
                buttons,
                line,
                self.options,
            ),
            1,
        )
        layout.addWidget(self.bar)
        self.setMinimumWidth(280)

    def _panels(self) -> tuple[QWidget, ...]:
        """What a dock shows above its form."""
        return ()

    def _connect(self) -> None:
        self.picker.picked.connect(self._show_layer)
        self.picker.selected.connect(self._show_selected)
        self.operations.currentIndexChanged.connect(self._choose)
        self.operations.currentIndexChanged.connect(self.memory.touch)
        self.options.changed.connect(self._show)
        self.further_images.made.connect(self.memory.keep)
        self.reset_button.clicked.connect(self.reset)
        self.load_button.clicked.connect(self.load_settings)
        self.run_button.clicked.connect(self.run)
        self.picking.told.connect(self.message.setText)
        self.task.returned.connect(self._add_results)
        self.task.finished.connect(self._show)
        self._undo += [
            self.further_images.disconnect_from_viewer,
            self.picker.disconnect_from_viewer,
            self.task.cancel,
            self.estimator.cancel,
            self._observer.close,
            self.picking.close,
            self.overlays.close,
            self._hidden_sources.close,
            on_change("results", partial(self.memory.take_defaults, self.options)),
        ]
        undo = self._undo
        self.destroyed.connect(lambda: _close_all(undo))

    def showEvent(self, event: Any) -> None:
        """Share the place of the other family docks, as tabs, when shown for the first time."""
        super().showEvent(event)
        if self._stale:
            self._show()
        if not self._placed:
            self._placed = True
            QTimer.singleShot(0, self._settle)

    def _settle(self) -> None:
        self.form.align()  # in the style of the window, which is known from now on
        if dock := dock_of(self):
            dock.destroyed.connect(self._close)
            dock.setWindowTitle(FAMILIES[self.family])  # the text of its tab
        place_dock(self, FamilyDock, self.memory.size)
        if dock:
            dock.visibilityChanged.connect(self.picking.show_in_front)

    def _close(self) -> None:
        """Go with the dock widget that napari removes when it is closed: end the run, undo all connections."""
        _close_all(self._undo)
        self.deleteLater()

    @property
    def operation(self) -> Operation:
        """The chosen operation."""
        return self._operations[self.operations.currentData()]

    @operation.setter
    def operation(self, operation: Operation | str) -> None:
        id = operation if isinstance(operation, str) else operation.id
        if (index := self.operations.findData(id)) >= 0:
            self.operations.setCurrentIndex(index)

    @property
    def form(self) -> Form:
        """The chosen operation's form for the chosen layer."""
        assert self._form is not None
        return self._form

    @property
    def result(self) -> Layer | None:
        """The layer this dock made last, while it is in the viewer."""
        return self._results.last

    def _may_follow(self, layer: Layer) -> bool:
        """Whether the layer picker goes to a layer that becomes active: not to a result about to be replaced."""
        return not (self.options.replace.isChecked() and (self._adding or layer is self.result))

    def _show_layer(self) -> None:
        """Follow another layer's data, scale and limits, then show what fits it."""
        if not self._adding:
            self.message.clear()
        self._observer.watch(self.picker.layer)
        self._follow_layer()

    def _follow_layer(self, event: Any = None) -> None:
        """Show what fits the layer, once somebody looks."""
        self._stale = True
        if self.isVisible():
            self._show()

    def _choose(self) -> None:
        self.message.clear()
        self.help.follow()
        self._show()

    def _show(self, event: Any = None) -> None:
        """Show the form, options and notes for the chosen operation and layer."""
        self._stale = False
        layer, op = self.picker.layer, self.operation
        self._summary.setText(summary(op))
        self.run_button.setEnabled(layer is not None and not self.task.is_running)
        self.load_button.setEnabled(layer is not None and last_step(layer.metadata) is not None)
        self.options.setVisible(layer is not None)
        self.further_images.setVisible(layer is not None and bool(self.further_images.pickers))
        self._show_selected()
        if layer is None:
            kinds = "image or labels" if self.family in DOMAIN else "image"
            self._show_note(f"Open or select an {kinds} layer to begin.")
            self._show_form(op, ("y", "x"), self._hidden(None))
            self.picking.use(None, None)
            return
        ndim = self.options.ndim(layer, op)
        self._show_form(op, axis_names(layer.axis_labels)[-ndim:], self._hidden(layer))
        self.options.show_for(layer, op, self.form.parameters)
        level = self.options.level_of(layer)
        self._places.follow(self.form, layer, level)
        self.further_images.show_for(op, layer, ndim, level)
        limits = self.options.limits(layer) if op.uses_range(self.form.parameters) else None
        dtype = full_resolution(layer).dtype
        channels = full_resolution(layer).shape[-1] if getattr(layer, "rgb", False) else 0
        place = spacing_at(layer, ndim, level)
        self.form.show_image(shape_at(layer, level)[-ndim:], *place, limits, dtype, {"channels": channels})
        self.picking.use(self.form, layer, level)
        load_kernels(op, str(dtype), ndim, bool(getattr(layer, "rgb", False)))
        colorless = op.channels == "reduce" and not getattr(layer, "rgb", False)
        self.run_button.setEnabled(not colorless and not self.task.is_running)
        self._show_note("This needs an RGB layer." if colorless else "")
        self.reset_button.setEnabled(bool(len(self.form)))
        order_tabs(self)  # forms and pickers may have come

    def _hidden(self, layer: Layer | None) -> dict[str, Any]:
        """Parameters that the form does not show for a layer, and the values they then have."""
        return LABELS_HAVE if isinstance(layer, Labels) else {}

    def _show_selected(self) -> None:
        self.options.show_selected(len(self._selected()))

    def _show_note(self, text: str) -> None:
        self._note.setText(text)
        self._note.setVisible(bool(text))

    def _show_form(self, op: Operation, axes: tuple[str, ...], hidden: dict[str, Any]) -> None:
        own = {name: value for name, value in hidden.items() if name in op.parameters}
        key = (op.id, axes, tuple(own))
        if key not in self._forms:
            form = self._forms[key] = Form(op, axes, own)
            form.native.hide()
            self.memory.fill_form(form, op, len(axes))
            if form.steers_auto:
                form.changed.connect(self._show)
            for name, rule in form.noise_buttons.items():
                rule.changed.connect(partial(self._estimate, name))
            self.picking.serve(form)
            tell = self.message.setText
            offer_outlines(form, self._viewer, lambda: self.picker.layer, self.options.level_of, tell)
            self._forms_place.addWidget(form.native)
        if self._form is not self._forms[key]:
            if self._form is not None:
                self._form.native.hide()
            self._form = self._forms[key]
            self._form.native.show()
            self._form.align()

    def _estimate(self, name: str) -> None:
        """Find the noise of the chosen layer and type what a parameter is for it."""
        layer, op = self.picker.layer, self.operation
        if layer is None or self.estimator.is_running:
            return
        try:
            options, _ = self.options.options(layer, op, self._viewer.dims)
            array = array_of(layer, self.options.level_of(layer))
        except ValueError as error:
            self.bar.tell_failure(error)
            return
        self.message.setText("The noise is estimated…")
        typed = partial(self.form.load_noise, name)
        self.estimator.estimate(array, options, lambda sigma: self.message.setText(typed(sigma)), self.bar.tell_failure)

    def reset(self) -> None:
        """Set the parameters to their defaults."""
        self.form.reset()

    def load_settings(self) -> None:
        """Fill in the operation, parameters and options that made the chosen layer."""
        layer = self.picker.layer
        step = last_step(layer.metadata) if layer is not None else None
        if step is None:
            show_warning("This layer has no settings: it was not made by Mathematical Imaging.")
            return
        try:
            op = find(step["operation"])
            op.validate(step["parameters"])
            dock = self if op.id in self._operations else open_dock(self._viewer, op.family)
            dock.load_step(step)
        except (KeyError, TypeError, ValueError) as error:
            show_warning(f"These settings do not fit: {error}")

    def load_step(self, step: Mapping[str, Any]) -> None:
        """Fill in a recorded step; nothing is changed where its numbers of axes are not those of the form."""
        before, options = self.operation, self.options.state()
        self.operation = step["operation"]
        self.options.load(step["options"], step["scope"], step.get("level", 0))
        self._show()
        typed = self.form.parameters
        try:
            self.form.load(step["parameters"])
        except ValueError:
            self.form.load(typed)
            self.operation = before
            self.options.restore(options)
            raise ValueError("the layer has another number of axes than the one they were used on") from None
        self.further_images.load(step.get("images", ()))
        self.message.setText(f"Settings of {find(step['operation']).title} loaded.")

    def _selected(self) -> list[Layer]:
        """The layers of the dock's kind that are selected in the viewer."""
        return [layer for layer in self._viewer.layers if layer in self._viewer.layers.selection and self._takes(layer)]

    def _takes(self, layer: Layer) -> bool:
        return is_usable(layer, self.family)

    def parameters_for(self, layer: Layer) -> dict[str, Any]:
        """Return what is typed, as it counts for a layer."""
        chosen, form = self.picker.layer, self.form
        if chosen is None or layer is chosen or not form.in_world:
            return self._suited(form.parameters, layer)
        spacing = spacing_like(layer, chosen, self.options.ndim(layer, self.operation), self.options.level_of(layer))
        return self._suited(form.parameters_on(spacing), layer)

    def _suited(self, parameters: dict[str, Any], layer: Layer) -> dict[str, Any]:
        """Parameters typed for the chosen layer, with what labels have and images do not, and the reverse."""
        if isinstance(layer, Labels) == isinstance(self.picker.layer, Labels):
            return parameters
        own = LABELS_HAVE if isinstance(layer, Labels) else {n: p.default for n, p in self.operation.parameters.items()}
        return parameters | {name: own[name] for name in LABELS_HAVE if name in parameters}

    def _job(self, layer: Layer) -> Job:
        """Return all that a run on a layer needs; ValueError where it cannot be done."""
        op = self.operation
        check_square(op, layer)
        options, scope = self.options.options(layer, op, self._viewer.dims)
        parameters = op.validate(self.parameters_for(layer))
        domain = self.options.domain.isChecked() and op.is_warp and not isinstance(layer, Labels)
        level, square = self.options.level_of(layer), self.options.square.value()
        further = self.further_images.chosen(op, layer, level)
        pyramid = pyramid_of(layer) if self.options.multiscale.isChecked() and level == 0 else None
        limits = (threads(), memory(), pyramid)
        source = snapshot_at(layer, level)
        return Job(op, source, ref(layer), options, parameters, scope, domain, further, square, *limits)

    def run(self) -> None:
        """Apply the operation to the chosen layer, or to all selected ones; results are added when all are done."""
        if self.picker.layer is None or self.task.is_running:
            return
        if self._stale:
            self._show()
        selected = self._selected()
        many = len(selected) > 1 and self.options.all_selected.isChecked()
        jobs, self._refused = [], []
        for layer in selected if many else [self.picker.layer]:
            try:
                jobs.append(self._job(layer))
            except ValueError as error:
                self._refused.append((layer.name, error))
        if not jobs:
            self.bar.tell_failure(self._refused[0][1])
            return
        self.bar.start(all_steps(jobs, self.options.shares_range))

    def _add_results(self, outcomes: list[Outcome]) -> None:
        """Add the layers of a run, and tell what became of each."""
        failed = self._refused + [(o.job.source.name, o.error) for o in outcomes if o.error is not None]
        told = [self._add_result(o.job, o.done, len(outcomes) == 1) for o in outcomes if o.done is not None]
        self.overlays.arrange()
        if len(told) > 2:
            told = [f"{len(told)} layers in {elapsed(outcomes[0].job)}."]
        failures = [f"{name}: {error}." for name, error in failed]
        self.message.setText(" ".join(told + failures))
        for text in failures:
            show_error(text)

    def _add_result(self, job: Job, done: Done, alone: bool) -> str:
        """Add the layer of one job; say what it is."""
        source = job.layer()
        previous = self._results.previous(source, alone) if self.options.replace.isChecked() else (None, None)
        self._adding = True
        try:
            layer, overlay = show_result(self._viewer, job, done, *previous)
            self._results.keep(source, layer, overlay)
            self._complete(layer, job, done)
        finally:
            self._adding = False
        if self.options.hide_source.isChecked() and source is not None and source is not layer:
            self._hidden_sources.hide(source, layer)
        return result_sentence(layer, job, done)

    def _complete(self, layer: Layer, job: Job, done: Done) -> None:
        """What a dock does with a result it has just added."""


def _close_all(undo: list[Callable[[], Any]]) -> None:
    """Stop the run and undo every connection of a dock that is gone."""
    while undo:
        undo.pop()()
