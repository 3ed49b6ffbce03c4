"""Texts that are cut where there is no room for them."""

from collections.abc import Sequence
from typing import Any

from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QFontMetrics
from qtpy.QtWidgets import QLabel, QSizePolicy

CUT = "…"
MIDDLE = Qt.TextElideMode.ElideMiddle


def elided(text: str, metrics: QFontMetrics, width: int, seams: Sequence[str] = ()) -> str:
    """Return a text cut to a width in pixels: in the middle, or in the middle of what is before its last seam.

    Seams are such as the dash in "source – operation": what follows the last one stays whole if there is room for it.
    """
    if metrics.horizontalAdvance(text) <= width:
        return text
    seam = max(seams, key=text.rfind, default="")
    first, _, last = text.rpartition(seam) if seam else ("", "", text)
    room = width - metrics.horizontalAdvance(f"{seam}{last}")
    if first and room >= metrics.horizontalAdvance(f"m{CUT}"):
        cut = f"{metrics.elidedText(first, MIDDLE, room)}{seam}{last}"
        over = max(metrics.horizontalAdvance(cut) - width, 0)  # letters may take more room beside others
        return f"{metrics.elidedText(first, MIDDLE, room - over)}{seam}{last}" if over else cut
    if first and metrics.horizontalAdvance(short := f"{CUT} {last}") <= width:
        return short
    return str(metrics.elidedText(text, MIDDLE, width))


class ElidedLabel(QLabel):
    """A line of text that is cut to the width of the label and requests no width; the tooltip shows all of it."""

    def __init__(self, seams: Sequence[str] = ()) -> None:
        super().__init__()
        self._whole, self._seams = "", seams
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
        super().setText(elided(self._whole, self.fontMetrics(), max(self.width() - 2, 0), self._seams))


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
