"""A combo box whose words are whole, and whose names of any length are cut where there is no room."""

from collections.abc import Sequence
from typing import Any

from qtpy.QtCore import QSize
from qtpy.QtWidgets import QComboBox, QSizePolicy, QStyle, QStyleOptionComboBox, QStylePainter, QWidget

from .elided import elided

ARROW = 47  # width of what a combo box shows beside its text, margins included
TEXT_MARGIN = 2  # pixels left free beside the text in a combo box


class ElidedComboBox(QComboBox):
    """A combo box that is as wide as its words: it cuts a longer text, and its list shows the whole text."""

    def __init__(self, parent: QWidget | None = None, seams: Sequence[str] = ()) -> None:
        super().__init__(parent)
        self._seams = seams
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(8)

    def words(self) -> list[str]:
        """Return the texts that there must be room for: all of them, where none is the name of a layer or a file."""
        return [self.itemText(k) for k in range(self.count())]

    def minimumSizeHint(self) -> QSize:
        """Return a size with room for the words."""
        size, metrics = super().minimumSizeHint(), self.fontMetrics()
        texts = max((int(metrics.horizontalAdvance(word)) for word in self.words()), default=0)
        return QSize(max(size.width(), texts + ARROW), size.height())

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
