"""A long task in napari's thread, with a dialog that shows its progress and cancels it."""

from collections.abc import Generator

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication, QMainWindow, QProgressDialog

from ...contract.progress import Progress, run_to_end

PATIENCE = 500  # milliseconds before the dialog is shown
PARTS = 1000  # of the bar


class SavingError(OSError):
    """A file that was not saved, and why. It is no ValueError, because napari takes these for missing writers."""


def run_with_dialog(title: str, steps: Generator[Progress, None, None]) -> None:
    """Run steps to their end; meanwhile, a dialog keeps the window from changes and shows the progress.

    Parameters
    ----------
    title
        What is being done.
    steps
        The steps, which yield their progress and may be closed before their end.

    Raises
    ------
    SavingError
        If the dialog was canceled or closed; the steps are closed before.
    """
    if QApplication.instance() is None:
        run_to_end(steps)
        return
    windows = (widget for widget in QApplication.topLevelWidgets() if isinstance(widget, QMainWindow))
    window = QApplication.activeWindow() or next((window for window in windows if window.isVisible()), None)
    dialog = QProgressDialog(title, "Cancel", 0, PARTS, window)
    dialog.setWindowTitle("Save")
    dialog.setWindowModality(Qt.WindowModality.ApplicationModal)
    dialog.setMinimumDuration(PATIENCE)
    try:
        for progress in steps:
            dialog.setValue(min(int(PARTS * progress.done / max(progress.total, 1)), PARTS - 1))
            QApplication.processEvents()
            if dialog.wasCanceled():
                steps.close()
                raise SavingError(f"{title} was canceled; it was not written.")
    finally:
        steps.close()
        dialog.close()
        dialog.deleteLater()
