"""How a row of the list of files is drawn: a sign of its state, name, progress or time, and the reason of a failure."""

from qtpy.QtCore import QModelIndex, QPointF, QRect, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QFontMetrics, QPainter, QPalette, QPen
from qtpy.QtWidgets import QApplication, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from ..qt.elided import elided
from .file_model import ROW, Row
from .wording import state_in_words

GAP = 5  # pixels between the parts of a row
BAR = 0.3  # share of a row that its progress takes
FADED = 0.72  # opacity of what is less important
GOOD = {"dark": QColor("#5fd068"), "light": QColor("#1a7f2b")}
BAD = {"dark": QColor("#ff8a80"), "light": QColor("#b3261e")}


class RowDelegate(QStyledItemDelegate):
    """Draws rows of one line, and of two where there is a reason to tell."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:
        """Return the height of the lines."""
        row: Row = index.data(ROW)
        lines = 2 if told(row) else 1
        return QSize(0, lines * option.fontMetrics.lineSpacing() + 4)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        """Draw a row."""
        row: Row = index.data(ROW)
        style = option.widget.style() if option.widget is not None else QApplication.style()
        style.drawPrimitive(QStyle.PrimitiveElement.PE_PanelItemViewItem, option, painter, option.widget)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(option.font)
        metrics = QFontMetrics(option.font)
        text = option.palette.color(QPalette.ColorRole.Text)
        line = QRect(option.rect.adjusted(GAP, 2, -GAP, 0))
        line.setHeight(metrics.lineSpacing())
        side = metrics.ascent()
        sign = QRectF(line.left(), line.top() + (line.height() - side) / 2, side, side)
        _draw_sign(painter, row.state, sign, text)
        line.setLeft(line.left() + side + GAP)
        said = state_in_words(row.state, row.outcome, row.share)
        color = _state_color(row.state, text)
        line.setRight(line.right() - self._draw_state(painter, row, said, line, color, metrics))
        painter.setPen(text)
        painter.drawText(line, Qt.AlignmentFlag.AlignVCenter, elided(row.name, metrics, line.width()))
        if reason := told(row):
            below = line.translated(0, line.height())
            below.setRight(option.rect.right() - GAP)
            reason = metrics.elidedText(reason, Qt.TextElideMode.ElideRight, below.width())
            painter.setPen(color)
            painter.drawText(below, Qt.AlignmentFlag.AlignVCenter, reason)
        painter.restore()

    def _draw_state(
        self, painter: QPainter, row: Row, said: str, line: QRect, color: QColor, metrics: QFontMetrics
    ) -> int:
        """Draw the words or the bar at the right end of a line, and return the width that they take."""
        width = int(metrics.horizontalAdvance(said))
        if said:
            painter.setPen(color)
            painter.drawText(line, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, said)
            width += GAP
        if row.is_running:
            room = int(line.width() * BAR)
            right = line.right() - metrics.horizontalAdvance("100 %") - GAP
            bar = QRectF(right - room, line.center().y() - 2, room, 5)
            painter.setPen(Qt.PenStyle.NoPen)
            faded = QColor(color)
            faded.setAlphaF(0.25)
            for part, shade in ((1.0, faded), (row.share, color)):
                painter.setBrush(shade)
                painter.drawRoundedRect(QRectF(bar.left(), bar.top(), part * bar.width(), bar.height()), 2, 2)
            width = int(line.right() - bar.left()) + GAP
        return width


def told(row: Row) -> str:
    """Return why a file has failed or is left out, without its own path; "" if it is not so."""
    return row.outcome.reason.removeprefix(f"{row.source}: ") if row.state in ("failed", "skipped") else ""


def _state_color(state: str, text: QColor) -> QColor:
    """Return the color of the words on a state."""
    theme = "dark" if text.lightnessF() > 0.5 else "light"
    if state == "failed":
        return BAD[theme]
    if state == "running":
        return text
    faded = QColor(text)
    faded.setAlphaF(FADED)
    return faded


def _draw_sign(painter: QPainter, state: str, where: QRectF, text: QColor) -> None:
    """Draw the sign of a state: a ring to be done, a dot that runs, a tick, a dash for what is left out, or a cross."""
    theme = "dark" if text.lightnessF() > 0.5 else "light"
    color = {"failed": BAD[theme], "done": GOOD[theme], "kept": GOOD[theme]}.get(state, text)
    pen = QPen(color, max(where.width() / 7, 1.5))
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    inside = where.adjusted(2, 2, -2, -2)

    def at(x: float, y: float) -> QPointF:
        return QPointF(inside.left() + x * inside.width(), inside.top() + y * inside.height())

    if state in ("done", "kept"):
        painter.drawPolyline([at(0, 0.55), at(0.35, 0.9), at(1, 0.1)])
    elif state == "failed":
        painter.drawLine(at(0, 0), at(1, 1))
        painter.drawLine(at(0, 1), at(1, 0))
    elif state == "skipped":
        painter.drawLine(at(0, 0.5), at(1, 0.5))
    else:
        if state == "running":
            painter.setBrush(color)
        else:
            faded = QColor(color)
            faded.setAlphaF(0.5)
            painter.setPen(QPen(faded, max(where.width() / 9, 1.0)))
        painter.drawEllipse(inside.adjusted(1, 1, -1, -1))
