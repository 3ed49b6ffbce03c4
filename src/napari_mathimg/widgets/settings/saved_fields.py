"""Boxes and ticks of a dock that the next session begins with."""

from collections.abc import Mapping
from typing import Any

from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QAbstractButton, QComboBox, QDoubleSpinBox, QWidget


class SavedFields(QObject):
    """Says what boxes and ticks hold, by their names, and gives it back to them as far as it fits.

    Parameters
    ----------
    parent
        The owner.
    **fields
        Ticks and other buttons that stay pressed, lists of choices, and boxes for numbers.
    """

    changed = Signal()

    def __init__(self, parent: QObject, **fields: QWidget) -> None:
        super().__init__(parent)
        self._fields = fields
        for field in fields.values():
            _change_of(field).connect(self.changed)

    def save_state(self) -> dict[str, Any]:
        """Return what is chosen, ticked and typed."""
        return {name: _value_of(field) for name, field in self._fields.items()}

    def restore_state(self, saved: Mapping[str, Any]) -> None:
        """Choose, tick and type what was saved, as far as it fits."""
        for name, field in self._fields.items():
            if name in saved:
                _give(field, saved[name])


def _change_of(field: QWidget) -> Any:
    if isinstance(field, QAbstractButton):
        return field.toggled
    return field.currentIndexChanged if isinstance(field, QComboBox) else field.valueChanged


def _value_of(field: QWidget) -> Any:
    if isinstance(field, QAbstractButton):
        return field.isChecked()
    if isinstance(field, QComboBox):
        return field.currentText() if field.currentData() is None else field.currentData()
    return field.value()


def _give(field: QWidget, value: Any) -> None:
    if isinstance(field, QAbstractButton):
        if isinstance(value, bool):
            field.setChecked(value)
    elif isinstance(field, QComboBox):
        if isinstance(value, str):
            index = field.findText(value) if field.currentData() is None else field.findData(value)
            field.setCurrentIndex(index if index >= 0 else field.currentIndex())
    elif _is_number(value, field) and field.minimum() <= value <= field.maximum():
        field.setValue(value)


def _is_number(value: Any, box: QWidget) -> bool:
    kinds = int | float if isinstance(box, QDoubleSpinBox) else int
    return isinstance(value, kinds) and not isinstance(value, bool)
