"""Names that are cut where there is no room for them, so that the operation of a result stays whole."""

from typing import Any

from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QFontMetrics
from qtpy.QtWidgets import QLabel, QSizePolicy

from ...recipe.names import CUT, MORE, STEP

MIDDLE = Qt.TextElideMode.ElideMiddle


def elided(name: str, metrics: QFontMetrics, width: int) -> str:
    """Return a name cut to a width in pixels: in the middle, or for a result in the middle of its source's name."""
    if metrics.horizontalAdvance(name) <= width:
        return name
    separator = max(STEP, MORE, key=name.rfind)
    source, _, operation = name.rpartition(separator)
    room = width - metrics.horizontalAdvance(f"{separator}{operation}")
    if source and room >= metrics.horizontalAdvance(f"m{CUT}"):
        text = f"{metrics.elidedText(source, MIDDLE, room)}{separator}{operation}"
        over = max(metrics.horizontalAdvance(text) - width, 0)  # letters may take more room beside others
        return f"{metrics.elidedText(source, MIDDLE, room - over)}{separator}{operation}" if over else text
    if source and metrics.horizontalAdvance(short := f"{CUT} {operation}") <= width:
        return short
    return str(metrics.elidedText(name, MIDDLE, width))


class ElidedLabel(QLabel):
    """A line of text that is cut to the width of the label and requests no width; the tooltip shows all of it."""

    def __init__(self) -> None:
        super().__init__()
        self._whole = ""
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def setText(self, text: str | None) -> None:
        """Set the text."""
        self._whole = text or ""
        self.setToolTip(self._whole)
        self._fit()

    def whole(self) -> str:
        """Return the full text."""
        return self._whole

    def sizeHint(self) -> QSize:
        """Return a size whose height does not depend on the text."""
        return QSize(0, self.fontMetrics().lineSpacing() + 4)

    minimumSizeHint = sizeHint

    def resizeEvent(self, event: Any) -> None:
        """Cut the text to the new width."""
        super().resizeEvent(event)
        self._fit()

    def changeEvent(self, event: Any) -> None:
        """Cut the text anew in another font."""
        super().changeEvent(event)
        self._fit()

    def _fit(self) -> None:
        super().setText(elided(self._whole, self.fontMetrics(), max(self.width() - 2, 0)))


class WrappingLabel(QLabel):
    """A text that wraps where there is no room for it in a line."""

    def __init__(self) -> None:
        super().__init__()
        self.setWordWrap(True)

    def setText(self, text: str | None) -> None:
        """Set the text, which is the tooltip, too."""
        super().setText(text or "")
        self.setToolTip(text or "")

    def whole(self) -> str:
        """Return the full text."""
        return str(self.text())
