"""The bar with the Run and Cancel buttons, the progress, and the message about the outcome."""

from collections.abc import Callable
from typing import Any

from napari.utils.notifications import show_error
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QProgressBar, QVBoxLayout, QWidget

from ...contract.progress import Progress
from ..qt.layout import button, hbox, wrapping_label
from .background_task import EXPECTED, BackgroundTask, Steps, reason

STEPS = 1000  # of the progress bar
MESSAGE_LINES = 5  # reserved, so that the buttons do not move


class RunBar(QWidget):
    """The bottom part of a dock: its background task, two buttons, a progress bar and a message."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.task = BackgroundTask(self)
        self.in_words: Callable[[str], str] = str  # says a message in the words of the form
        self.run = button("Run", "Apply the operation and add the result as a layer")
        self.cancel = button("Cancel", "Stop the run without adding a layer")
        self.cancel.setEnabled(False)
        self.progress = QProgressBar()
        policy = self.progress.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.progress.setSizePolicy(policy)
        self.progress.hide()
        self.message = wrapping_label()
        self.message.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.message.setMinimumHeight(MESSAGE_LINES * self.message.fontMetrics().lineSpacing())
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(hbox(self.run, self.cancel))
        column.addWidget(self.progress)
        column.addWidget(self.message)
        self.cancel.clicked.connect(self.task.cancel)
        self.task.progressed.connect(self._show_progress)
        self.task.failed.connect(self.tell_failure)
        self.task.canceled.connect(lambda: self.message.setText("Canceled; nothing was added."))
        self.task.finished.connect(self._end)

    def start(self, steps: Steps) -> None:
        """Start a run."""
        self.run.setEnabled(False)
        self.cancel.setEnabled(True)
        self.message.setText("")
        self.progress.show()
        self.task.start(steps)

    def _show_progress(self, progress: Progress) -> None:
        self.progress.setMaximum(STEPS)
        self.progress.setValue(int(STEPS * progress.done / max(progress.total, 1)))
        self.progress.setFormat(f"{progress.phase}  %p %")

    def tell_failure(self, error: Any) -> None:
        """Show an expected error; raise an unexpected one."""
        if not isinstance(error, EXPECTED):
            self.message.setText(f"Failed: {type(error).__name__}. Nothing was added.")
            raise error
        self.tell_reason(f"{self.in_words(reason(error))}. Nothing was added.")

    def tell_reason(self, text: str) -> None:
        """Say below the button why something failed; in a pop-up instead where that is out of sight."""
        self.message.setText(text)
        if self.message.visibleRegion().isEmpty():
            show_error(text)

    def _end(self) -> None:
        self.progress.hide()
        self.progress.reset()
        self.cancel.setEnabled(False)
