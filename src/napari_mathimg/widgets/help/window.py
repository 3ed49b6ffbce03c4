"""The help window, which stays open beside the docks and shows the page of the chosen operation."""

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtGui import QImageReader
from qtpy.QtWidgets import QDialog, QPushButton, QTextBrowser, QVBoxLayout, QWidget

from ...contract.operation import Operation
from ..qt.layout import dock_of
from .page import PICTURES, STYLE, page

SIZE = 440, 640
WIDTH = 24  # of the help button, in pixels
MARGIN = 12  # between the window and the dock whose button opened it, in pixels


class HelpWindow(QDialog):
    """The window with the page of one operation; it closes with the dock that opened it."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowFlag(Qt.WindowType.WindowContextHelpButtonHint, False)
        self.operation: Operation | None = None
        self.browser = QTextBrowser()
        self.browser.setSearchPaths([str(PICTURES)])
        self.browser.setOpenExternalLinks(True)
        self.browser.document().setDefaultStyleSheet(STYLE)
        self.browser.document().setDocumentMargin(10)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.browser)
        self.resize(*SIZE)

    def explain(self, operation: Operation) -> None:
        """Show the page of an operation, scrolled to its beginning."""
        if operation is self.operation:
            return
        self.operation = operation
        self.setWindowTitle(f"{operation.title} – Mathematical Imaging")
        caption = QImageReader(str(PICTURES / f"{operation.id}.png")).text("Description")
        self.browser.setHtml(page(operation).replace("{caption}", caption))

    def leave(self, opener: Any = None) -> None:
        """Close the window, because the dock that opened it is closed."""
        self.close()


class HelpButton(QPushButton):
    """A question-mark button that opens the page of the chosen operation.

    Parameters
    ----------
    chosen
        Function that returns the chosen operation.
    """

    def __init__(self, chosen: Callable[[], Operation], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._chosen = chosen
        self.setText("?")
        self.setFixedWidth(WIDTH)
        self.setToolTip("Explain this operation: what it does, its parameters and units, references and a picture")
        self.setAccessibleName("Explain this operation")
        self.clicked.connect(self.open)

    def open(self) -> None:
        """Show the page of the chosen operation, beside the dock if there is room."""
        window = self.window().findChild(HelpWindow)
        if window is None:
            window = HelpWindow(self.window())
            self.destroyed.connect(window.leave)
        window.explain(self._chosen())
        if not window.isVisible():
            self._place_beside_dock(window)
            window.show()
        window.raise_()
        window.activateWindow()

    def _place_beside_dock(self, window: HelpWindow) -> None:
        screen = self.screen().availableGeometry()
        dock = dock_of(self) or self
        corner = dock.mapToGlobal(dock.rect().topLeft())
        width, height = window.width(), min(window.height(), screen.height())
        left = corner.x() - width - MARGIN
        if left < screen.left():
            left = min(corner.x() + dock.width() + MARGIN, screen.right() - width)
        top = min(max(corner.y(), screen.top()), screen.bottom() - height)
        window.setGeometry(left, top, width, height)

    def follow(self) -> None:
        """Show the page of the chosen operation if the window is open."""
        window = self.window().findChild(HelpWindow)
        if window is not None and window.isVisible():
            window.explain(self._chosen())
