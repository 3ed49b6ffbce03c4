"""The interface of a dock's panels."""

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

from napari.layers import Layer
from psygnal import Signal
from qtpy.QtWidgets import QWidget

from ...contract.operation import Operation
from ..tasks.operation_job import Done, Job

Parameters = dict[str, Any]


class Panel(Protocol):
    """A part of a dock: an object that has a widget and takes part in runs.

    To add a panel, derive a class from this one, give it a `widget`, and override the methods that it needs; the
    others do nothing. The panel gets what it needs of its dock as arguments: a `DockContext` has, for example, the
    chosen layer and a place for messages. Then return the panel from `make_panels` of its family's dock::

        class ScalePanel(Panel):
            name = "scale"

            def __init__(self, context: DockContext) -> None:
                self.widget = self.tick = QCheckBox("Use the scale")
                self.tick.toggled.connect(self.tell_changed)

            def parameters(self, layer, typed):
                return typed | {"scale": layer.scale if self.tick.isChecked() else 1.0}


        class ScaleDock(FamilyDock):
            family = "scale"

            @staticmethod
            def make_panels(context, forms, further_images):
                return (ScalePanel(context),)

    Whenever the layer, the operation or an option changes, the dock calls `show_for` of all panels: first of those
    that every dock has, then of those that only its family has, in the order of `make_panels`. A run calls
    `parameters`, then `add_to_job`, and then `added` for each layer that it adds, in the same order of the panels.
    """

    name: ClassVar[str] = ""  # key of the saved state; empty for a panel that saves none
    widget: QWidget
    hides: ClassVar[Mapping[str, Any]] = {}  # parameters that the form does not show, and their values in it
    changed: ClassVar[Signal] = Signal()  # something that is saved, or that a run depends on, has changed

    def tell_changed(self, *change: Any) -> None:
        """Emit `changed`; signals of widgets can be connected to this."""
        self.changed.emit()

    @property
    def is_ready(self) -> bool:
        """Whether this panel is ready for a run."""
        return True

    def may_follow(self, layer: Layer) -> bool:
        """Return whether to choose a layer when it becomes active."""
        return True

    def show_for(self, layer: Layer | None, operation: Operation, level: int) -> None:
        """Update the panel for an operation on a level of the chosen layer; `layer` is None if there is none."""
        return

    def parameters(self, layer: Layer, typed: Parameters) -> Parameters:
        """Return the operation's parameters for a layer, which need not be the chosen one.

        `typed` has the parameters from the panels before this one; the panel returns them with its own.

        Raises
        ------
        ValueError
            If something is missing or invalid.
        """
        return typed

    def add_to_job(self, job: Job, layer: Layer) -> Job:
        """Return the job of a run on a layer, with the choices of this panel added.

        Raises
        ------
        ValueError
            If something is missing or invalid.
        """
        return job

    def added(self, layer: Layer, job: Job, done: Done) -> None:
        """Respond to a layer that a run has added or updated."""
        return

    def reset(self) -> None:
        """Set everything in the panel to its default."""
        return

    def source_of(self, step: Mapping[str, Any]) -> Layer | None:
        """Return the layer to choose before a recorded step is loaded; None to keep the chosen layer."""
        return None

    def load_step(self, step: Mapping[str, Any]) -> None:
        """Fill in a recorded step; the form is already filled in."""
        return

    def save_state(self) -> dict[str, Any]:
        """Return the state of the panel, as values that a file can hold."""
        return {}

    def restore_state(self, saved: Mapping[str, Any]) -> None:
        """Restore a saved state as far as it fits."""
        return

    def close(self) -> None:
        """Stop all tasks and disconnect all signals, because the dock is closed."""
        return
