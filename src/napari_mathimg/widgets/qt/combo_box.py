"""A combo box for names of any length."""

from collections.abc import Sequence
from typing import Any

from qtpy.QtWidgets import QComboBox, QSizePolicy, QStyle, QStyleOptionComboBox, QStylePainter, QWidget

from .elided import elided

TEXT_MARGIN = 2  # pixels left free beside the text in a combo box


class ElidedComboBox(QComboBox):
    """A combo box that can be narrow: it cuts a long text, and its list shows the whole text."""

    def __init__(self, parent: QWidget | None = None, seams: Sequence[str] = ()) -> None:
        super().__init__(parent)
        self._seams = seams
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(8)

    def paintEvent(self, event: Any) -> None:
        """Draw the box with its text elided to fit."""
        painter, option = QStylePainter(self), QStyleOptionComboBox()
        self.initStyleOption(option)
        text_rect = self.style().subControlRect(
            QStyle.ComplexControl.CC_ComboBox, option, QStyle.SubControl.SC_ComboBoxEditField, self
        )
        room = text_rect.width() - TEXT_MARGIN
        option.currentText = elided(option.currentText, self.fontMetrics(), room, self._seams)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)

    def showPopup(self) -> None:
        """Open the list, as wide as its longest text."""
        self.view().setMinimumWidth(self.view().sizeHintForColumn(0) + 24)
        super().showPopup()
