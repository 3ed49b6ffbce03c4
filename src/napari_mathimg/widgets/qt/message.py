"""A message in a fixed number of lines, which shows all of it on a click."""

from typing import Any

from qtpy.QtCore import QEvent, QPoint, QPointF, QRect, QSize, Qt
from qtpy.QtGui import QFont, QFontMetrics, QPainter, QPalette, QTextLayout, QTextOption
from qtpy.QtWidgets import QFrame, QLabel, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

LINES = 2
MORE = "more"
GAP = 6  # pixels before "more"
KEYS = (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter)


class Message(QWidget):
    """A text that wraps within `LINES` lines, whatever its length.

    A longer one ends with "more"; a click, or Space while it has the focus, shows all of it above.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._text = self._passing = ""
        self._page: _Page | None = None
        self.is_cut = False  # whether part of the text does not fit
        self._like = QLabel(self)  # never shown: napari's style sheet gives labels, not this widget, a size of font
        self._like.hide()
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)

    def text(self) -> str:
        """Return the whole text."""
        return self._text

    def setText(self, text: str) -> None:
        """Show a text."""
        self._text = text
        self.setAccessibleName(text)
        self._fit()

    def clear(self) -> None:
        """Show nothing."""
        self.setText("")

    def pass_by(self, text: str) -> None:
        """Show a text that is no message, such as the progress of a run, while there is no message."""
        self._passing = text
        self._fit()

    @property
    def shown(self) -> str:
        """The text that is shown, whole."""
        return self._text or self._passing

    def _font(self) -> QFont:
        self._like.ensurePolished()
        return self._like.font()

    def sizeHint(self) -> QSize:
        """Return the size of the lines."""
        return QSize(0, LINES * QFontMetrics(self._font()).lineSpacing() + 2)

    minimumSizeHint = sizeHint

    def _fit(self) -> None:
        self.is_cut = len(self._lines()) > LINES
        self.setToolTip("Click to read all" if self.is_cut else "")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus if self.is_cut else Qt.FocusPolicy.NoFocus)
        (self.setCursor if self.is_cut else lambda shape: self.unsetCursor())(Qt.CursorShape.PointingHandCursor)
        self.update()

    def _lines(self) -> list[str]:
        """Return the lines of the text at the width of the widget."""
        lines: list[str] = []
        for paragraph in self.shown.split("\n"):
            layout, option = QTextLayout(paragraph, self._font()), QTextOption()
            option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
            layout.setTextOption(option)
            layout.beginLayout()
            while (line := layout.createLine()).isValid():
                line.setLineWidth(max(self.contentsRect().width(), 1))
                lines.append(paragraph[line.textStart() : line.textStart() + line.textLength()].rstrip())
            layout.endLayout()
        return lines

    def resizeEvent(self, event: Any) -> None:
        """Wrap the text at the new width."""
        super().resizeEvent(event)
        self._fit()

    def changeEvent(self, event: QEvent) -> None:
        """Wrap the text in the new font."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._fit()
            self.updateGeometry()

    def paintEvent(self, event: Any) -> None:
        """Draw the lines, the last one elided if there are more."""
        painter, inside, metrics = QPainter(self), self.contentsRect(), QFontMetrics(self._font())
        painter.setFont(self._font())
        painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
        lines = self._lines()
        shown, rest = lines[:LINES], ""
        if len(lines) > LINES:
            shown, rest = lines[: LINES - 1], " ".join(lines[LINES - 1 :])
        baseline = inside.top() + metrics.ascent() + 1
        for text in shown:
            painter.drawText(QPointF(inside.left(), baseline), text)
            baseline += metrics.lineSpacing()
        if rest:
            room = inside.width() - metrics.horizontalAdvance(MORE) - GAP
            elided = metrics.elidedText(rest, Qt.TextElideMode.ElideRight, max(room, 0))
            painter.drawText(QPointF(inside.left(), baseline), elided)
            font = painter.font()
            font.setUnderline(True)
            painter.setFont(font)
            painter.drawText(QPointF(inside.right() - metrics.horizontalAdvance(MORE), baseline), MORE)

    def mouseReleaseEvent(self, event: Any) -> None:
        """Show all of the text if it is cut."""
        if event.button() == Qt.MouseButton.LeftButton and self.rect().contains(event.position().toPoint()):
            self.open()

    def keyPressEvent(self, event: Any) -> None:
        """Show all of the text if it is cut."""
        if event.key() in KEYS and self.is_cut:
            self.open()
        else:
            super().keyPressEvent(event)

    @property
    def page(self) -> QWidget | None:
        """What shows all of the text, while it does."""
        return self._page if self._page is not None and self._page.isVisible() else None

    def open(self) -> None:
        """Show all of the text above its lines, until a click elsewhere or Escape."""
        if not self.is_cut:
            return
        if self._page is None:
            self._page = _Page(self)
        self._page.tell(self.shown)


class _Page(QFrame):
    """A text that can be selected and copied, over whatever lies below."""

    def __init__(self, message: QWidget) -> None:
        super().__init__(message, Qt.WindowType.Popup)
        self._message = message
        self.setFrameShape(QFrame.Shape.Box)
        self.setObjectName("message")
        self.label = QLabel()
        self.label.setWordWrap(True)
        self.label.setContentsMargins(6, 4, 6, 4)
        self.label.setTextFormat(Qt.TextFormat.PlainText)
        self.label.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(self.label)
        column = QVBoxLayout(self)
        column.setContentsMargins(1, 1, 1, 1)
        column.addWidget(area)

    def tell(self, text: str) -> None:
        """Show a text, its last line where the message has its last one."""
        message = self._message
        color = message.palette().color(QPalette.ColorRole.WindowText).name()
        self.setStyleSheet(f"QFrame#message {{ border: 1px solid {color}; }}")
        self.label.setText(text)
        self.ensurePolished()
        self.label.ensurePolished()
        corner = message.mapToGlobal(QPoint(0, message.height()))
        screen: QRect = message.screen().availableGeometry()
        wide = message.width()
        high = min(self.label.heightForWidth(wide - 4) + 8, screen.height() * 2 // 3)
        self.setGeometry(corner.x(), max(corner.y() - high, screen.top()), wide, high)
        self.show()
        self.label.setFocus()

    def keyPressEvent(self, event: Any) -> None:
        """Go on Escape and on the keys that opened it."""
        if event.key() in (Qt.Key.Key_Escape, *KEYS):
            self.hide()
            self._message.setFocus()
        else:
            super().keyPressEvent(event)
