"""What a panel of a dock is."""

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

from napari.layers import Layer
from psygnal import Signal
from qtpy.QtWidgets import QWidget

from ...contract.operation import Operation
from ..tasks.operation_job import Done, Job

Parameters = dict[str, Any]


class Panel(Protocol):
    """A part of a dock: a plain object with a widget.

    To add a panel, derive a class from this one, give it a `widget`, and override what it takes part in; whatever is
    not overridden does nothing. What it needs of its dock it gets as arguments (see `DockContext`), for example the
    layer that is chosen, or a place for messages. Then name it among the panels of its family's dock::

        class ScalePanel(Panel):
            name = "scale"

            def __init__(self, context: DockContext) -> None:
                self.widget = self.tick = QCheckBox("Mind the scale")
                self.tick.toggled.connect(self.tell_changed)

            def parameters(self, layer, typed):
                return typed | {"scale": layer.scale if self.tick.isChecked() else 1.0}


        class ScaleDock(FamilyDock):
            family = "scale"

            @staticmethod
            def make_panels(context, forms, further_images):
                return (ScalePanel(context),)

    Whenever the layer, the operation or an option has changed, the dock calls `show_for` of all panels: of the ones
    that every dock has, then of the family's own in their order. In the same order a run asks them for `parameters` and
    `add_to_job`, and tells them of each layer that was `added`.
    """

    name: ClassVar[str] = ""  # what its state is kept by, for a panel that has one
    widget: QWidget
    hides: ClassVar[Mapping[str, Any]] = {}  # parameters that the form does not show, and the values they have there
    changed: ClassVar[Signal] = Signal()  # something that is kept, or that a run depends on, has changed

    def tell_changed(self, *change: Any) -> None:
        """Emit `changed`; for signals of widgets."""
        self.changed.emit()

    @property
    def is_ready(self) -> bool:
        """Whether a run can begin."""
        return True

    def may_follow(self, layer: Layer) -> bool:
        """Whether the dock goes to a layer that becomes active."""
        return True

    def show_for(self, layer: Layer | None, operation: Operation, level: int) -> None:
        """Show what fits an operation on a level of the chosen layer; there may be no layer."""
        return

    def parameters(self, layer: Layer, typed: Parameters) -> Parameters:
        """Return the operation's parameters for a layer, the chosen one or another.

        `typed` is what the panels before say; what is chosen here is added to it.

        Raises
        ------
        ValueError
            If something is missing or wrong.
        """
        return typed

    def add_to_job(self, job: Job, layer: Layer) -> Job:
        """Return the job of a run on a layer with what is chosen here.

        Raises
        ------
        ValueError
            If something is missing or wrong.
        """
        return job

    def added(self, layer: Layer, job: Job, done: Done) -> None:
        """A run has added a layer, or updated it."""
        return

    def reset(self) -> None:
        """Set what is typed to its default."""
        return

    def source_of(self, step: Mapping[str, Any]) -> Layer | None:
        """Return the layer that the dock is to go to before a recorded step is loaded; None to stay."""
        return None

    def load_step(self, step: Mapping[str, Any]) -> None:
        """Fill in a recorded step; the form has been filled in by then."""
        return

    def save_state(self) -> dict[str, Any]:
        """Return what is chosen and typed, as a file can keep it."""
        return {}

    def restore_state(self, saved: Mapping[str, Any]) -> None:
        """Choose and type what was saved, as far as it fits."""
        return

    def close(self) -> None:
        """End what runs and undo all connections: the dock is going."""
        return
