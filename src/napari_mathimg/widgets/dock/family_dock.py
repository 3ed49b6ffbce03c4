"""The dock of a family of operations: a column of panels, and runs that add layers."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar

from napari.layers import Layer
from napari.utils.notifications import show_warning
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QVBoxLayout

from ...catalog import FAMILIES, find
from ...contract.operation import Operation
from ...contract.per_index import per_index
from ...recipe.record import last_step
from ..form.form import Form
from ..layers.napari_proxies import unwrapped
from ..lazy import kept_levels
from ..lazy_layers.computing import Computed
from ..place.content import DockContent
from ..place.open_dock import open_dock
from ..qt.keyboard import FocusRing, name_fields
from ..qt.layout import dock_of, order_fields, scroll_area
from ..qt.visible_refresh import VisibleRefresh
from ..settings.preferences import on_change
from ..tasks.run_bar import RunBar
from .dock_context import DockContext
from .form_panel import FormPanel
from .further_images import FurtherImagesPanel
from .layer_panel import LayerPanel
from .lazy.panel import LazyPanel
from .operation_panel import OperationPanel, RequirementPanel, SummaryPanel
from .options_fold import OptionsPanel
from .options_panel import OptionsBox
from .panel import Panel
from .preview_panel import LivePreviewPanel
from .results import Results, computed_sentence
from .run_panel import RunPanel
from .saved_family_dock import FamilyDockState, load_options

MINIMUM_WIDTH = 280

SomePanel = TypeVar("SomePanel", bound=Panel)


class FamilyDock(DockContent):
    """A dock for the operations of one family, composed of panels.

    Every dock has panels for the layer, the operation, its further images, its parameters, the options and the run.
    Panels that only one family has lie above the parameters.

    Parameters
    ----------
    napari_viewer
        The viewer.
    """

    family: ClassVar[str]
    first_operation: ClassVar[str] = ""  # id of the one chosen initially; "" for the family's first
    first_options: ClassVar[Mapping[str, str]] = {}  # options chosen initially, by name

    @staticmethod
    def make_panels(context: DockContext, forms: FormPanel, further_images: FurtherImagesPanel) -> tuple[Panel, ...]:
        """Return the panels that only this family has, from top to bottom."""
        return ()

    def __init__(self, napari_viewer: Any) -> None:
        viewer = unwrapped(napari_viewer)
        super().__init__(viewer, FAMILIES[self.family])
        self.bar = RunBar()
        self.task, self.message, self.progress = self.bar.task, self.bar.message, self.bar.progress
        self.run_button, self.cancel_button = self.bar.run, self.bar.cancel
        self.options = OptionsBox()
        self.results = Results(viewer, self.options, self)
        self.operations = OperationPanel(self.family, self.first_operation)
        self.saved_state = FamilyDockState(self, self.family, self.operations, self.options, self.first_options)
        self.saved_state.fill_choices()
        family_panels: list[Panel] = []
        self.layers = LayerPanel(viewer, self.family, self.results, family_panels)
        self.picker = self.layers.picker
        context = DockContext(self, viewer, self.bar, self.options, self.results, self.layers, self.operations)
        self.forms = FormPanel(context, self.saved_state, family_panels)
        self.further_images = FurtherImagesPanel(context)
        family_panels += self.make_panels(context, self.forms, self.further_images)
        summary, self.requirement = SummaryPanel(), RequirementPanel(self.family)
        options = OptionsPanel(self.options, lambda: self.forms.form.parameters)
        panels: tuple[Panel, ...] = (self.layers, self.operations, summary, self.requirement)
        panels += (self.forms, options, self.further_images, *family_panels)
        self.runs = RunPanel(context, panels)
        self.preview = LivePreviewPanel(context, self.forms, self.runs)
        self.lazy = LazyPanel(viewer, self.runs.start_other, self._tell_computed)
        self.panels = (*panels, self.lazy, self.runs, self.preview)
        self._undo: list[Callable[[], Any]] = []  # called when the dock is closed
        self._refresh = VisibleRefresh(self, self._show)
        self._placed = False
        FocusRing(self)
        self.fold = options.fold
        self._lay_out(summary, *family_panels, self.requirement, self.further_images, self.forms)
        self._connect()
        self._refresh.at_once()

    def _lay_out(self, *above: Panel) -> None:
        column = QVBoxLayout(self)
        column.addWidget(self.chooser)
        column.addWidget(self.layers.widget)
        column.addWidget(self.options.all_selected)  # in sight, although the other options may be folded
        column.addWidget(self.operations.widget)
        column.addWidget(scroll_area(*(panel.widget for panel in above), self.fold), 1)
        column.addWidget(self.preview.widget)
        column.addWidget(self.lazy.widget)
        column.addWidget(self.bar)
        self.bar.put_beside_run(self.preview.tick, self.preview.state)
        self.setMinimumWidth(MINIMUM_WIDTH)

    def _connect(self) -> None:
        for panel in self.panels:
            if panel.name:
                self.saved_state.keep(panel.name, panel)
        self.preview.follow_panels(self.panels[:-1])
        self.layers.picked.connect(self._clear_message)
        self.layers.selected.connect(self._show_selected)
        self.layers.changed.connect(self._refresh.when_visible)
        self.operations.changed.connect(self._clear_message)
        self.operations.changed.connect(self._refresh.at_once)
        self.options.changed.connect(self._refresh.at_once)
        self.forms.auto_changed.connect(self._show_for_values)
        self.forms.reset_button.clicked.connect(self.reset)
        self.forms.load_button.clicked.connect(self.load_settings)
        self.run_button.clicked.connect(self.run)
        self.bar.running.connect(self.lazy.compute.setDisabled)
        self._undo += [panel.close for panel in self.panels]
        self._undo += [self.results.close, on_change("results", self.saved_state.take_defaults)]
        self._undo.append(on_change("computing", kept_levels.trim))
        undo = self._undo
        self.destroyed.connect(lambda: _close_all(undo))

    def showEvent(self, event: Any) -> None:
        """Place the dock, as a tab of the other family docks, when it is shown for the first time."""
        super().showEvent(event)
        if not self._placed:
            self._placed = True
            QTimer.singleShot(0, self._settle)

    def _settle(self) -> None:
        if dock := dock_of(self):
            dock.destroyed.connect(self._close)
            self.put_in_place(self.saved_state.size)
            dock.visibilityChanged.connect(self.forms.picking.show_in_front)
            dock.visibilityChanged.connect(self.preview.visibility.show_in_front)

    def _close(self) -> None:
        """Stop the run, disconnect all signals and delete the dock when napari removes its dock widget."""
        _close_all(self._undo)
        self.deleteLater()

    @property
    def operation(self) -> Operation:
        """The chosen operation."""
        return self.operations.operation

    @operation.setter
    def operation(self, operation: Operation | str) -> None:
        self.operations.choose(operation if isinstance(operation, str) else operation.id)

    @property
    def form(self) -> Form:
        """The chosen operation's form for the chosen layer."""
        return self.forms.form

    @property
    def result(self) -> Layer | None:
        """The layer that this dock added last, while it is in the viewer."""
        return self.results.last

    def panel(self, kind: type[SomePanel]) -> SomePanel:
        """Return the dock's panel of a class."""
        return next(panel for panel in self.panels if isinstance(panel, kind))

    def _clear_message(self) -> None:
        if not self.results.is_adding:
            self.message.clear()

    def _show(self) -> None:
        """Update every panel for the chosen operation and layer."""
        layer, operation = self.layers.layer, self.operation
        self._show_selected()
        self._show_panels(layer, 0 if layer is None else self.options.follow(layer, operation))
        order_fields(self)  # forms and pickers may have been added
        name_fields(self)

    def _show_for_values(self) -> None:
        """Update every panel for other values of parameters."""
        layer = self.layers.layer
        if self._refresh.is_pending:
            self._refresh.at_once()
        else:
            self._show_panels(layer, 0 if layer is None else self.options.level_of(layer))

    def _show_panels(self, layer: Layer | None, level: int) -> None:
        for panel in self.panels:
            panel.show_for(layer, self.operation, level)
        self.forms.show_noise(layer, self.operation, level)

    def _show_selected(self) -> None:
        self.options.show_selected(len(self.layers.selection()))

    def _tell_computed(self, layer: Layer, computed: Computed) -> None:
        self.message.setText(computed_sentence(layer, computed))

    def run(self) -> None:
        """Apply the operation to the chosen layer or to all selected layers; add the results when all are complete."""
        if self._refresh.is_pending:
            self._refresh.at_once()
        self.runs.start()

    def reset(self) -> None:
        """Set everything in the panels to its defaults."""
        for panel in self.panels:
            panel.reset()

    def load_settings(self) -> None:
        """Fill in the operation, parameters and options that produced the chosen layer."""
        layer = self.layers.layer
        step = last_step(layer.metadata) if layer is not None else None
        if step is None:
            show_warning("This layer has no settings to load: it is not a result of Mathematical Imaging.")
            return
        try:
            op = find(step["operation"])
            parameters = op.validate(step["parameters"])
            _check_one_value(parameters, step["options"])
            dock = self if op.id in self.operations.operations else open_dock(self._viewer, op.family)
            dock.load_step(step)
        except (KeyError, TypeError, ValueError) as error:
            show_warning(f"The settings cannot be loaded: {error}")

    def load_step(self, step: Mapping[str, Any]) -> None:
        """Fill in a recorded step.

        Raises
        ------
        ValueError
            If the step was applied to items of other axes; the parameters and options then stay.
        """
        for panel in self.panels:
            if (source := panel.source_of(step)) is not None:
                source.visible = True
                self.picker.layer = source
        operation, choices = self.operation, self.options.choices()
        self.operation = step["operation"]
        self._refresh.at_once()
        try:
            load_options(self.options, self.layers.layer, step)
            self._refresh.at_once()
            self.forms.load_step(step)
        except ValueError:
            self.operation = operation
            self.options.choose_all(choices)
            raise ValueError("the chosen layer has other axes than the layer they were used on") from None
        for panel in self.panels:
            if panel is not self.forms:
                panel.load_step(step)
        self.message.setText(f"Settings of {find(step['operation']).title} loaded.")


def _check_one_value(parameters: Mapping[str, Any], options: Mapping[str, Any]) -> None:
    """Refuse a recorded step that only a recipe can repeat: a form has one value for all, and no wrapper."""
    for name, value in parameters.items():
        if (each := per_index(name, value)) is not None:
            raise ValueError(f"{name} has a value for each index of axis {each.axis}, and a form has one for all")
    if around := options.get("around"):
        raise ValueError(f"the operation ran within {around['wrapper']}, which a dock does not offer")


def _close_all(undo: list[Callable[[], Any]]) -> None:
    """Stop the run and disconnect all signals of a dock that is closed."""
    while undo:
        undo.pop()()
