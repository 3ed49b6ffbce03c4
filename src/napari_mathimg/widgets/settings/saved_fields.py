"""Saving and restoring of individual fields of a dock."""

from collections.abc import Mapping
from typing import Any

from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QAbstractButton, QComboBox, QDoubleSpinBox, QLineEdit, QWidget


class SavedFields(QObject):
    """Saves the values of fields by name, and restores them as far as they fit.

    Parameters
    ----------
    parent
        The owner.
    **fields
        Check boxes and other checkable buttons, combo boxes, spin boxes, and lines to type in.
    """

    changed = Signal()

    def __init__(self, parent: QObject, **fields: QWidget) -> None:
        super().__init__(parent)
        self._fields = fields
        for field in fields.values():
            _change_signal(field).connect(self.changed)

    def save_state(self) -> dict[str, Any]:
        """Return the values of the fields by name."""
        return {name: _value(field) for name, field in self._fields.items()}

    def restore_state(self, saved: Mapping[str, Any]) -> None:
        """Restore saved values as far as they fit."""
        for name, field in self._fields.items():
            if name in saved:
                _set_value(field, saved[name])


def _change_signal(field: QWidget) -> Any:
    if isinstance(field, QAbstractButton):
        return field.toggled
    if isinstance(field, QLineEdit):
        return field.textChanged
    return field.currentIndexChanged if isinstance(field, QComboBox) else field.valueChanged


def _value(field: QWidget) -> Any:
    if isinstance(field, QAbstractButton):
        return field.isChecked()
    if isinstance(field, QLineEdit):
        return field.text()
    if isinstance(field, QComboBox):
        return field.currentText() if field.currentData() is None else field.currentData()
    return field.value()


def _set_value(field: QWidget, value: Any) -> None:
    if isinstance(field, QAbstractButton):
        if isinstance(value, bool):
            field.setChecked(value)
    elif isinstance(field, QLineEdit):
        if isinstance(value, str):
            field.setText(value)
    elif isinstance(field, QComboBox):
        if isinstance(value, str):
            index = field.findText(value) if field.currentData() is None else field.findData(value)
            field.setCurrentIndex(index if index >= 0 else field.currentIndex())
    elif _is_number(value, field) and field.minimum() <= value <= field.maximum():
        field.setValue(value)


def _is_number(value: Any, box: QWidget) -> bool:
    kinds = int | float if isinstance(box, QDoubleSpinBox) else int
    return isinstance(value, kinds) and not isinstance(value, bool)
