"""The bar with the Run and Cancel buttons, the progress, and the message about the outcome."""

from collections.abc import Callable
from typing import Any

from napari.utils.notifications import show_error
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QApplication, QHBoxLayout, QProgressBar, QSizePolicy, QStackedWidget, QVBoxLayout, QWidget

from ...contract.progress import Progress
from ...engine.forecast import Forecast
from ..qt.elided import ElidedLabel
from ..qt.keyboard import shortcut
from ..qt.layout import button, hbox
from ..qt.message import Message
from .background_task import EXPECTED, BackgroundTask, Steps, reason

STEPS = 1000  # of the progress bar
NOTHING = "nothing was added"
RUN, BESIDE = 2, 3  # shares of the width that Run and what is beside it take


class RunBar(QWidget):
    """The bottom part of a dock: Run, beside it what a run will take or its progress and Cancel, and a message.

    Nothing in it moves, whatever is said. Ctrl+Return anywhere in the dock runs, Escape cancels.
    """

    running = Signal(bool)  # whether something runs now

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.task, self.other = BackgroundTask(self), BackgroundTask(self)
        self._nothing = NOTHING
        self.in_words: Callable[[str], str] = str  # says a message in the words of the form
        self.run = button("Run", "Apply the operation and add the result as a layer (Ctrl+Return)")
        self.cancel = button("Cancel", "Stop the run without adding a layer (Escape)")
        self.cancel.setEnabled(False)
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)  # there is no room for its phase, which is told below
        self.needs = ElidedLabel()
        self.needs.setAlignment(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft)
        self.message = Message()
        self._build()
        for task in (self.task, self.other):
            self.cancel.clicked.connect(task.cancel)
            task.progressed.connect(self._show_progress)
            task.failed.connect(self.tell_failure)
            task.canceled.connect(lambda: self.message.setText(f"Canceled; {self._nothing}."))
            task.finished.connect(self._end)

    @property
    def is_running(self) -> bool:
        """Whether a run, or something else, is in progress."""
        return self.task.is_running or self.other.is_running

    def _build(self) -> None:
        running = QWidget()
        self._running = hbox(self.progress, self.cancel)
        self._running.setContentsMargins(0, 0, 0, 0)
        running.setLayout(self._running)
        self._beside = QStackedWidget()
        waiting = QWidget()
        self._before = hbox(self.needs)
        self._before.setContentsMargins(0, 0, 0, 0)
        waiting.setLayout(self._before)
        self._beside.addWidget(waiting)
        self._beside.addWidget(running)
        self._beside.setMinimumWidth(1)  # what a run takes may be cut
        for widget, share in ((self.run, RUN), (self._beside, BESIDE)):
            policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            policy.setHorizontalStretch(share)
            widget.setSizePolicy(policy)
        for widget in (self.progress, self.needs):
            widget.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
        self._line = line = QHBoxLayout()
        line.addWidget(self.run)
        line.addWidget(self._beside)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(3)
        column.addLayout(line)
        column.addWidget(self.message)

    def put_before_cancel(self, widget: QWidget) -> None:
        """Put a widget between the progress and Cancel."""
        self._running.insertWidget(1, widget)

    def put_beside_run(self, widget: QWidget, state: QWidget) -> None:
        """Put a widget beside Run, and a word before what a run will take, for which progress is told during a run."""
        self._line.insertWidget(1, widget)
        self._before.insertWidget(0, state)

    def take_keys(self, dock: QWidget) -> None:
        """Run on Ctrl+Return in a dock, and cancel a run on Escape."""
        shortcut(dock, ("Ctrl+Return", "Ctrl+Enter"), self.press)
        self._escape = shortcut(dock, ("Escape",), self.cancel.click)[0]
        self._escape.setEnabled(False)  # picking in the image ends on Escape too

    def press(self) -> None:
        """Press Run as with the mouse: what is being typed counts; the focus stays."""
        focus = QApplication.focusWidget()
        if not self.run.isEnabled():
            return
        self.run.setFocus()
        self.run.click()
        if focus is not None and focus is not self.run and focus.isVisible():
            focus.setFocus()

    def start(self, steps: Steps, other: str = "") -> None:
        """Start a run, or something else, of which `other` says what it leaves as it was if it is canceled or fails."""
        self._nothing = other or NOTHING
        had_focus = self.run.hasFocus()
        self.cancel.setEnabled(True)
        self._beside.setCurrentIndex(1)
        if had_focus:
            self.cancel.setFocus()
        self.run.setEnabled(False)
        self._escape.setEnabled(True)
        self.message.setText("")
        self.running.emit(True)
        (self.other if other else self.task).start(steps)

    def _show_progress(self, progress: Progress) -> None:
        self.progress.setMaximum(STEPS)
        self.progress.setValue(int(STEPS * progress.done / max(progress.total, 1)))
        self.progress.setFormat(f"{progress.phase}  %p %")
        self.message.pass_by(self.progress.text())

    def tell_needs(self, forecast: Forecast | None) -> None:
        """Say beside Run what a run will take."""
        text, explanation = ("", "") if forecast is None else (forecast.text, forecast.explanation)
        self.needs.setText(text)
        self.needs.setToolTip("\n".join(filter(None, [text, explanation])))

    def tell_failure(self, error: Any) -> None:
        """Show an expected error; raise an unexpected one."""
        if not isinstance(error, EXPECTED):
            self.message.setText(f"Failed: {type(error).__name__}; {self._nothing}.")
            raise error
        left = f"{self._nothing[0].upper()}{self._nothing[1:]}"
        self.tell_reason(f"{self.in_words(reason(error))}. {left}.")

    def tell_reason(self, text: str) -> None:
        """Say below the button why something failed; in a pop-up instead where that is out of sight."""
        self.message.setText(text)
        if self.message.visibleRegion().isEmpty():
            show_error(text)

    def _end(self) -> None:
        self.running.emit(False)
        had_focus = self.cancel.hasFocus()
        self.run.setEnabled(True)
        if had_focus:
            self.run.setFocus()
        self._beside.setCurrentIndex(0)
        self.progress.reset()
        self.message.pass_by("")
        self.cancel.setEnabled(False)
        self._escape.setEnabled(False)
