"""Two number fields for the ends of a range."""

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QWidget

from .fields import NumberBox, make_narrow

Ends = tuple[float, float]


class RangeRow(QWidget):
    """Two number fields side by side; `changed` is emitted when the user or a caller has set one.

    Parameters
    ----------
    ends
        Values at first.
    bounds
        Lowest and highest value that can be typed.
    step
        Step of the arrow keys.
    suffix
        Unit behind the numbers.
    """

    changed = Signal()

    def __init__(self, ends: Ends, bounds: Ends, step: float = 1.0, suffix: str = "") -> None:
        super().__init__()
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        self.low, self.high = (NumberBox(value=v, min=bounds[0], max=bounds[1], step=step) for v in ends)
        self._touched = False
        for box, end in ((self.low, "Lower end"), (self.high, "Upper end")):
            box.native.setAccessibleName(end)
            make_narrow(box.native)
            box.native.setSuffix(suffix)
            line.addWidget(box.native)
            box.changed.connect(self._touch)

    def _touch(self) -> None:
        self._touched = True
        self.changed.emit()

    @property
    def ends(self) -> Ends:
        """Both values."""
        return self.low.value, self.high.value

    @property
    def typed(self) -> Ends | None:
        """Both values; None if none was set since `suggest` or the beginning."""
        return self.ends if self._touched else None

    @typed.setter
    def typed(self, ends: Ends) -> None:
        self.low.value, self.high.value = ends

    def suggest(self, ends: Ends) -> None:
        """Show values, unless others were typed."""
        if not self._touched:
            with self.low.changed.blocked(), self.high.changed.blocked():
                self.low.value, self.high.value = ends
