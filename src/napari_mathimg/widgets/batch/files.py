"""What the Batch dock does with files: adds them, leaves them out, previews them, and opens their results."""

from collections.abc import Sequence
from typing import Any

from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import QFileDialog

from ..settings.saved_fields import SavedFields
from .file_preview import FilePreview
from .layout import BatchLayout
from .listed_files import ListedFiles, LookedUp, look_up
from .opened_image import add_layers, opening
from .recipe_box import IMAGES
from .task_queue import TaskQueue
from .wording import in_dock_words

STATES = {"exact": "exact", "near": "approximate", "partial": "computing…", "counting": "counting…"}
BUSY = "The run is in progress: cancel it to change the files."


class BatchFiles(BatchLayout):
    """Adds the list of files to the layout."""

    files_changed = Signal()

    def __init__(self, viewer: Any) -> None:
        super().__init__(viewer)
        self.listed = ListedFiles()
        self._looking, self._opening = TaskQueue(self, "files"), TaskQueue(self, "opening")
        self._looking.returned.connect(self._take_found)
        self._opening.returned.connect(lambda layers: add_layers(self._viewer, layers))
        self.file_preview = FilePreview(viewer, self)
        self._preview_soon = QTimer(self)
        self._preview_soon.setSingleShot(True)
        self._preview_soon.timeout.connect(self._show_preview)
        self.saved_ticks = SavedFields(self, subfolders=self.subfolders)
        self._connect_files()
        self._show_count()

    def _connect_files(self) -> None:
        self.list.dropped.connect(self.add)
        self.list.removed.connect(self.remove)
        self.list.opened.connect(self.open_result)
        self.list.selected.connect(self._choose)
        self.add_files.clicked.connect(self._ask_files)
        self.add_folder.clicked.connect(self._ask_folder)
        self.remove_button.clicked.connect(self.remove)
        self.result_button.clicked.connect(self._open_chosen)
        self.subfolders.toggled.connect(self._look_again)
        self.failures_only.toggled.connect(self.list.show_failures)
        self.preview.toggled.connect(self._toggle_preview)
        self.recipe.changed.connect(self._preview_soon.start)
        self.file_preview.failed.connect(self._tell_preview_failed)
        self.file_preview.ended.connect(lambda: self.preview.setChecked(False))
        self.file_preview.said.connect(self._say)
        for queue in (self._looking, self._opening):
            queue.failed.connect(self.tell)

    @property
    def is_running(self) -> bool:
        """Whether files are being computed."""
        return self.bar.is_running

    @property
    def is_reading(self) -> bool:
        """Whether files are looked up, opened or previewed, or about to be."""
        waits = self._looking.is_busy or self._opening.is_busy or self._preview_soon.isActive()
        return waits or self.file_preview.is_busy

    def tell(self, text: str) -> None:
        """Show a sentence in the one place of messages."""
        self.message.setText(f"{in_dock_words(text).rstrip('.')}." if text else "")

    def _ask_files(self) -> None:
        chosen, _ = QFileDialog.getOpenFileNames(self, "Add files", "", IMAGES)
        self.add(chosen)

    def _ask_folder(self) -> None:
        if chosen := QFileDialog.getExistingDirectory(self, "Add folder"):
            self.add([chosen])

    def add(self, paths: Sequence[str]) -> None:
        """Add files, and those in folders."""
        if self.is_running:
            self.tell(BUSY)
        elif paths:
            self._looking.ask(look_up(list(paths), self.subfolders.isChecked()))

    def _look_again(self) -> None:
        self.add([given.path for given in self.listed.given if given.is_whole])

    def _take_found(self, found: LookedUp) -> None:
        self.listed.add(found.given)
        if self.listed.files:
            self.target.suggest(self.listed.given[0].path)
        if found.refused:
            more = f" ({len(found.refused) - 1} more)" if len(found.refused) > 1 else ""
            self.tell(f"Left out{more}: {found.refused[0]}")
        else:
            self.message.clear()
        self._show_files()

    def remove(self) -> None:
        """Leave the selected files out."""
        if self.is_running:
            self.tell(BUSY)
            return
        gone = [row.source for row in self.list.chosen]
        if gone:
            self.listed.remove(gone)
            self._show_files()

    def _show_files(self) -> None:
        self.rows.show_files(self.listed.files)
        self._show_count()
        self._choose()
        self.files_changed.emit()

    def _show_count(self) -> None:
        self.count.setText(self.listed.in_words())

    def _choose(self) -> None:
        """Follow the selection."""
        chosen = self.list.chosen
        self.remove_button.setEnabled(bool(chosen) and not self.is_running)
        self.result_button.setEnabled(any(row.has_result for row in chosen))
        if self.preview.isChecked():
            self._preview_soon.start()

    def open_result(self, source: str) -> None:
        """Open the result of a file as a layer."""
        number = self.rows.number(source)
        row = None if number is None else self.rows.rows[number]
        if row is not None and row.item is not None and row.has_result:
            self._opening.ask(opening(str(row.item.output)))

    def _open_chosen(self) -> None:
        for row in self.list.chosen:
            self.open_result(row.source)

    def _toggle_preview(self, on: bool) -> None:
        if on and (lacks := self._lacks_for_preview()):
            self.preview.setChecked(False)
            self.tell(lacks)
        elif on:
            self._show_preview()
        else:
            self.file_preview.stop()
            self._say_preview("")

    def _lacks_for_preview(self) -> str:
        return self.recipe.missing or ("" if self.rows.rows else "Add files to preview one of them.")

    def _show_preview(self) -> None:
        """Show what the recipe gives for the current file."""
        row, recipe = self.list.current, self.recipe.recipe
        if not self.preview.isChecked():
            return
        if self._lacks_for_preview() or row is None or recipe is None or not self.is_following:
            self.file_preview.stop()
        else:
            self._say_preview(STATES["partial"])
            self.file_preview.show(row.source, recipe, self.recipe.images)

    def _tell_preview_failed(self, text: str) -> None:
        self.preview.setChecked(False)
        self.tell(text)

    def _say(self, state: str, text: str) -> None:
        words = STATES.get(state, "")
        self._say_preview(f"{words} {text}".strip() if state in ("partial", "counting") else words)
        if text and not words:
            self.tell(text)

    def _say_preview(self, words: str) -> None:
        self.preview_state.setText(f"Preview: {words}" if words else "")
