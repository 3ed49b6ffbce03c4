"""A searchable combo box for a large number of names."""

from collections.abc import Iterable
from typing import Any

from magicgui.backends._qtpy.widgets import ComboBox as _ComboBoxBackend
from magicgui.widgets.bases import CategoricalWidget
from qtpy.QtCore import QSignalBlocker, Qt
from qtpy.QtWidgets import QComboBox, QCompleter

LETTERS = 5  # minimum number of letters of a choice that a narrow form shows


class _NamesBackend(_ComboBoxBackend):
    """A combo box whose names are their own values; it adds them all at once, because magicgui searches for each."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._names: list[str] = []

    def _emit_data(self, index: int) -> None:
        self._event_filter.valueChanged.emit(self._qwidget.itemText(index))

    def _mgui_get_value(self) -> str:
        return str(self._mgui_get_current_choice())

    def _mgui_set_value(self, value: str) -> None:
        self._qwidget.setCurrentIndex(self._names.index(value))

    def _mgui_get_choices(self) -> tuple[tuple[str, str], ...]:
        return tuple((name, name) for name in self._names)

    def _mgui_set_choices(self, choices: Iterable[tuple[str, Any]]) -> None:
        names = [name for name, _ in choices]
        if names == self._names:
            return
        box, chosen = self._qwidget, self._mgui_get_value()
        self._names = names
        with QSignalBlocker(box):
            box.clear()
            box.addItems(names)
            box.setCurrentIndex(names.index(chosen) if chosen in names else 0)
        if box.currentText() != chosen:
            self._emit_data(box.currentIndex())


class SearchBox(CategoricalWidget[str]):
    """A combo box of many names; typing lists the names that contain the typed text."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(widget_type=_NamesBackend, **kwargs)
        box = self.native
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        box.setMinimumContentsLength(LETTERS)
        box.view().setUniformItemSizes(True)  # the list is laid out whenever the font changes, even if never seen
        box.setEditable(True)
        box.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        box.completer().setCompletionMode(QCompleter.CompletionMode.PopupCompletion)
        box.completer().setFilterMode(Qt.MatchFlag.MatchContains)
        box.lineEdit().editingFinished.connect(self._choose_typed)

    def _choose_typed(self) -> None:
        """Choose the typed name; if there is no such name, show the chosen one again."""
        box = self.native
        index = box.findText(box.currentText().strip(), Qt.MatchFlag.MatchFixedString)
        if index >= 0:
            box.setCurrentIndex(index)
        box.setEditText(box.itemText(box.currentIndex()))
