"""The choice between a linear and a logarithmic axis of counts, by the counts until the user chooses."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QButtonGroup, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from ...contract.quantities import percent
from ..qt.elided import WrappingLabel
from ..qt.layout import button

FLAT = 0.02  # share of the highest bin up to which a bin is as good as empty on a linear axis: some three pixels
MANY = 0.5  # share of such bins from which on a logarithmic axis shows more


def flat_share(counts: NDArray[Any]) -> float:
    """Return the share of the bins with pixels that a linear axis shows as good as empty, from 0 to 1.

    Parameters
    ----------
    counts
        Numbers of pixels, of any shape.
    """
    filled = counts[counts > 0]
    return float(np.mean(filled < FLAT * filled.max())) if filled.size else 0.0


class CountsAxis(QWidget):
    """Three buttons, of which one is pressed: the axis that suits the counts, or always linear, or logarithmic."""

    changed = Signal(bool)  # emits whether the axis is logarithmic

    def __init__(self) -> None:
        super().__init__()
        self.auto = self._choice("Auto", "Logarithmic where a linear axis shows most bins as good as empty")
        self.linear = self._choice("Linear", "Show the counts on a linear axis")
        self.log = self._choice("Log", "Show the counts on a logarithmic axis")
        self.sentence = WrappingLabel()
        self._group = QButtonGroup(self)
        line = QHBoxLayout()
        line.addWidget(QLabel("Counts"))
        for choice in (self.auto, self.linear, self.log):
            self._group.addButton(choice)
            line.addWidget(choice, 1)
            choice.toggled.connect(self._follow)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(line)
        column.addWidget(self.sentence)
        self._share = 0.0
        self.is_log = False
        self.auto.setChecked(True)

    def _choice(self, text: str, tip: str) -> QPushButton:
        choice: QPushButton = button(text, tip)
        choice.setCheckable(True)
        return choice

    def suggest(self, counts: NDArray[Any]) -> None:
        """Choose the axis that suits counts, unless the user has chosen one."""
        self._share = flat_share(counts)
        self._follow()

    def _follow(self, *change: Any) -> None:
        suits = self._share > MANY
        is_log = suits if self.auto.isChecked() else self.log.isChecked()
        axis = "Logarithmic" if is_log else "Linear"
        flat = f"{percent(round(self._share, 2))} of the bins {'would look' if is_log else 'look'} empty"
        says_why = suits and (self.auto.isChecked() or not is_log)
        self.sentence.setText(f"{axis}: {flat}" if says_why else f"{axis} axis")
        if is_log != self.is_log:
            self.is_log = is_log
            self.changed.emit(is_log)
