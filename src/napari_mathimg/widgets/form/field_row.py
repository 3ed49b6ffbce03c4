"""Rows of form fields."""

from collections.abc import Sequence
from typing import Any

from magicgui.widgets import Container

from ...contract.quantities import quantity
from ..qt.wrapping_rows import WrapRows

SPACING = 4  # pixels between fields side by side


class Row(Container):
    """Several fields, at most three side by side, whose value is a tuple; each shows their unit.

    Where there is no room for them side by side, they stand below each other.
    """

    def __init__(self, fields: Sequence[Any], unit: str = "", **kwargs: Any) -> None:
        lines = [list(fields[k : k + 3]) for k in range(0, len(fields), 3)]
        nested = any(isinstance(f, Row) for f in fields)
        if nested or len(lines) > 1:
            inner = fields if nested else [line(few) for few in lines]
            super().__init__(widgets=inner, layout="vertical", labels=False, **kwargs)
        else:
            super().__init__(widgets=lines[0], layout="horizontal", labels=False, **kwargs)
            self.native.layout().setSpacing(SPACING)
            WrapRows(self.native)
        self.margins = (0, 0, 0, 0)
        self._fields = list(fields)
        if unit:
            for f in fields:
                f.native.setSuffix(quantity("", unit))

    @property
    def value(self) -> tuple[Any, ...]:
        """The fields' values."""
        return tuple(f.value for f in self._fields)

    @value.setter
    def value(self, value: Sequence[Any]) -> None:
        for f, v in zip(self._fields, value, strict=True):
            f.value = v


def line(fields: Sequence[Any]) -> Container:
    """Return a container with fields or buttons side by side."""
    row = Container(widgets=fields, layout="horizontal", labels=False)
    row.margins = (0, 0, 0, 0)
    WrapRows(row.native)
    return row
