"""The dock of a family: panels below each other, and a run that adds a layer."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar

from napari.layers import Layer
from napari.utils.notifications import show_warning
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QFrame, QVBoxLayout, QWidget

from ...catalog import FAMILIES, find
from ...contract.operation import Operation
from ...recipe.record import last_step
from ..form.form import Form
from ..layers.napari_proxies import unwrapped
from ..qt.dock_area import place_dock
from ..qt.layout import dock_of, order_tabs, scroll_area
from ..qt.visible_refresh import VisibleRefresh
from ..settings.preferences import on_change
from ..tasks.run_bar import RunBar
from .dock_context import DockContext
from .form_panel import FormPanel
from .further_images import FurtherImagesPanel
from .layer_panel import LayerPanel
from .open_dock import open_dock
from .operation_panel import OperationPanel, RequirementPanel, SummaryPanel
from .options_panel import OptionsBox, OptionsPanel
from .panel import Panel
from .results import Results
from .run_panel import RunPanel
from .saved_family_dock import FamilyDockState

MINIMUM_WIDTH = 280

SomePanel = TypeVar("SomePanel", bound=Panel)


class FamilyDock(QWidget):
    """A dock for the operations of one family, composed of panels.

    Every dock has panels for the layer, the operation, its further images, its parameters, the options and the run;
    those of the family's own come above the parameters.

    Parameters
    ----------
    napari_viewer
        The viewer.
    """

    family: ClassVar[str]
    first_operation: ClassVar[str] = ""  # id of the one that is chosen at first; "" for the family's first one
    first_options: ClassVar[Mapping[str, str]] = {}  # options that are chosen at first, by name

    @staticmethod
    def make_panels(context: DockContext, forms: FormPanel, further_images: FurtherImagesPanel) -> tuple[Panel, ...]:
        """Return the panels of the family's own, from the top to the bottom."""
        return ()

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self._viewer = viewer = unwrapped(napari_viewer)
        self.bar = RunBar()
        self.task, self.message, self.progress = self.bar.task, self.bar.message, self.bar.progress
        self.run_button, self.cancel_button = self.bar.run, self.bar.cancel
        self.options = OptionsBox()
        self.results = Results(viewer, self.options, self)
        self.operations = OperationPanel(self.family, self.first_operation)
        self.saved_state = FamilyDockState(self, self.family, self.operations, self.options, self.first_options)
        self.saved_state.fill_choices()
        own: list[Panel] = []
        self.layers = LayerPanel(viewer, self.family, self.results, own)
        self.picker = self.layers.picker
        context = DockContext(self, viewer, self.bar, self.options, self.results, self.layers, self.operations)
        self.forms = FormPanel(context, self.saved_state, own)
        self.further_images = FurtherImagesPanel(context)
        own += self.make_panels(context, self.forms, self.further_images)
        summary, self.requirement = SummaryPanel(), RequirementPanel(self.family)
        options = OptionsPanel(self.options, lambda: self.forms.form.parameters)
        panels: tuple[Panel, ...] = (self.layers, self.operations, summary, self.requirement)
        panels += (self.forms, options, self.further_images, *own)
        self.runs = RunPanel(context, panels)
        self.panels = (*panels, self.runs)
        self._undo: list[Callable[[], Any]] = []  # what to do when the dock goes
        self._refresh = VisibleRefresh(self, self._show)
        self._placed = False
        self._lay_out(summary, *own, self.requirement, self.further_images, self.forms)
        self._connect()
        self._refresh.at_once()

    def _lay_out(self, *above: Panel) -> None:
        line = QFrame()
        line.setFrameShape(QFrame.Shape.HLine)
        column = QVBoxLayout(self)
        column.addWidget(self.layers.widget)
        column.addWidget(self.operations.widget)
        column.addWidget(scroll_area(*(panel.widget for panel in above), line, self.options), 1)
        column.addWidget(self.bar)
        self.setMinimumWidth(MINIMUM_WIDTH)

    def _connect(self) -> None:
        for panel in self.panels:
            if panel.name:
                self.saved_state.keep(panel.name, panel)
        self.layers.picked.connect(self._clear_message)
        self.layers.selected.connect(self._show_selected)
        self.layers.changed.connect(self._refresh.when_visible)
        self.operations.changed.connect(self._clear_message)
        self.operations.changed.connect(self._refresh.at_once)
        self.options.changed.connect(self._refresh.at_once)
        self.forms.auto_changed.connect(self._refresh.at_once)
        self.forms.reset_button.clicked.connect(self.reset)
        self.forms.load_button.clicked.connect(self.load_settings)
        self.run_button.clicked.connect(self.run)
        self._undo += [panel.close for panel in self.panels]
        self._undo += [self.results.close, on_change("results", self.saved_state.take_defaults)]
        undo = self._undo
        self.destroyed.connect(lambda: _close_all(undo))

    def showEvent(self, event: Any) -> None:
        """Share the place of the other family docks, as tabs, when shown for the first time."""
        super().showEvent(event)
        if not self._placed:
            self._placed = True
            QTimer.singleShot(0, self._settle)

    def _settle(self) -> None:
        self.form.align()  # in the style of the window, which is known from now on
        if dock := dock_of(self):
            dock.destroyed.connect(self._close)
            dock.setWindowTitle(FAMILIES[self.family])  # the text of its tab
        place_dock(self, FamilyDock, self.saved_state.size)
        if dock:
            dock.visibilityChanged.connect(self.forms.picking.show_in_front)

    def _close(self) -> None:
        """Go with the dock widget that napari removes when it is closed: end the run, undo all connections."""
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
        """The layer this dock made last, while it is in the viewer."""
        return self.results.last

    def panel(self, kind: type[SomePanel]) -> SomePanel:
        """Return the dock's panel of a class."""
        return next(panel for panel in self.panels if isinstance(panel, kind))

    def _clear_message(self) -> None:
        if not self.results.is_adding:
            self.message.clear()

    def _show(self) -> None:
        """Show in every panel what fits the chosen operation and layer."""
        layer, operation = self.layers.layer, self.operation
        self._show_selected()
        level = 0 if layer is None else self.options.follow(layer)
        for panel in self.panels:
            panel.show_for(layer, operation, level)
        order_tabs(self)  # forms and pickers may have come

    def _show_selected(self) -> None:
        self.options.show_selected(len(self.layers.selection()))

    def run(self) -> None:
        """Apply the operation to the chosen layer, or to all selected ones; results are added when all are done."""
        if self._refresh.is_pending:
            self._refresh.at_once()
        self.runs.start()

    def reset(self) -> None:
        """Set what is typed to its defaults."""
        for panel in self.panels:
            panel.reset()

    def load_settings(self) -> None:
        """Fill in the operation, parameters and options that made the chosen layer."""
        layer = self.layers.layer
        step = last_step(layer.metadata) if layer is not None else None
        if step is None:
            show_warning("This layer has no settings: it was not made by Mathematical Imaging.")
            return
        try:
            op = find(step["operation"])
            op.validate(step["parameters"])
            dock = self if op.id in self.operations.operations else open_dock(self._viewer, op.family)
            dock.load_step(step)
        except (KeyError, TypeError, ValueError) as error:
            show_warning(f"These settings do not fit: {error}")

    def load_step(self, step: Mapping[str, Any]) -> None:
        """Fill in a recorded step; nothing is changed where its numbers of axes are not those of the form."""
        for panel in self.panels:
            if (source := panel.source_of(step)) is not None:
                source.visible = True
                self.picker.layer = source
        operation, choices = self.operation, self.options.choices()
        self.operation = step["operation"]
        self.options.load(step["options"], step["scope"], step.get("level", 0))
        self._refresh.at_once()
        try:
            self.forms.load_step(step)
        except ValueError:
            self.operation = operation
            self.options.choose_all(choices)
            raise ValueError("the layer has another number of axes than the one they were used on") from None
        for panel in self.panels:
            if panel is not self.forms:
                panel.load_step(step)
        self.message.setText(f"Settings of {find(step['operation']).title} loaded.")


def _close_all(undo: list[Callable[[], Any]]) -> None:
    """Stop the run and undo every connection of a dock that is gone."""
    while undo:
        undo.pop()()
