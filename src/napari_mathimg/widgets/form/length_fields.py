"""Fields for one number per axis, and for lengths in pixels or in a unit of the world."""

import math
from collections.abc import Callable, Sequence
from typing import Any

from magicgui.widgets import CheckBox, ComboBox, Container, Label

from ...contract.quantities import number, quantity
from ..qt.number_boxes import DIGITS
from .field_row import Row, line
from .fields import IntegerBox

PIXELS = "px"
NOISE = 9  # decimals of a number of pixels; smaller differences come from the conversion of units

Rounding = Callable[[float], Any]


def whole(length: float) -> int:
    """Return the whole number of pixels nearest to a length."""
    return math.floor(length + 0.5)


def odd(length: float) -> int:
    """Return the odd number of pixels nearest to a length; the larger one in a tie."""
    return 2 * math.floor(length / 2) + 1


class PerAxisRow(Container):
    """One field for each axis, a check box that keeps them equal, and for lengths the unit in which they are typed.

    The value is always in pixels.

    Parameters
    ----------
    row
        The fields.
    value
        Their initial values.
    rounding
        Function that rounds a length in pixels to a valid value; None if the values are not lengths.
    """

    def __init__(self, row: Row, value: tuple[Any, ...], rounding: Rounding | None = None, **kwargs: Any) -> None:
        self._row = row
        self._round = rounding
        self._spacing = (1.0,) * len(value)
        self._wanted: tuple[str, tuple[float, ...]] | None = None  # a unit not yet offered, and lengths in it
        self._least = max(f.min for f in row._fields)
        self._most = min(f.max for f in row._fields)
        self._equal = CheckBox(text="equal", value=len(set(value)) == 1, tooltip="Same value on every axis")
        self._unit = ComboBox(choices=[PIXELS], tooltip="Unit of the lengths", enabled=False)
        self._pixels = Label(visible=False)
        super().__init__(widgets=[*self._lines(), self._pixels], labels=False, **kwargs)
        self.margins = (0, 0, 0, 0)
        for f in row._fields:
            f.changed.connect(self._follow)
        self._equal.changed.connect(lambda on: self._follow(self._typed[0]))
        self._unit.changed.connect(self._convert)

    def _lines(self) -> list[Any]:
        return [self._row, line([self._equal, self._unit] if self._round else [self._equal])]

    @property
    def is_length(self) -> bool:
        """Whether the values are lengths."""
        return self._round is not None

    @property
    def in_world(self) -> bool:
        """Whether the lengths are typed in a unit of the world."""
        return bool(self._unit.value != PIXELS)

    @property
    def _typed(self) -> tuple[float, ...]:
        """The numbers in the fields, in the chosen unit; they can be fractions even if pixels are whole numbers."""
        return tuple(float(f.native.value()) for f in self._row._fields)

    def offer_unit(self, unit: str, spacing: Sequence[float]) -> None:
        """Offer a unit of the world, given the pixel size in that unit along each axis.

        Lengths already typed in this unit keep their size in the world; others keep their number of pixels.
        """
        if unit and self._unit.value == unit:
            self._spacing = tuple(spacing)
            self._set_bounds()
            self._show_pixels()
            return
        in_pixels = self.lengths
        self._spacing = tuple(spacing)
        choices = [PIXELS, unit] if unit else [PIXELS]
        if tuple(choices) != tuple(self._unit.choices):
            with self._unit.changed.blocked():
                self._unit.choices = choices
                self._unit.value = PIXELS
        self._unit.enabled = bool(unit)
        self._type(in_pixels)
        if self._wanted is not None and self._wanted[0] == unit:
            self._type_wanted(*self._wanted)

    @property
    def in_unit(self) -> tuple[str, tuple[float, ...]] | None:
        """The unit of the world in which the lengths are or will be typed, and the lengths; None for pixels."""
        return self._wanted or ((self._unit.value, self._typed) if self.in_world else None)

    def want(self, unit: str, lengths: Sequence[float]) -> None:
        """Fill in lengths in a unit of the world as soon as the unit is offered, unless the user types others first.

        Raises
        ------
        ValueError
            If the number of lengths is not the number of fields.
        """
        if len(lengths) != len(self._row._fields):
            raise ValueError(f"there must be {len(self._row._fields)} lengths, not {len(lengths)}")
        self._wanted = unit, tuple(lengths)

    def _type_wanted(self, unit: str, lengths: tuple[float, ...]) -> None:
        """Choose the unit and fill in the lengths, if they are within the bounds."""
        in_pixels = [n / s for n, s in zip(lengths, self._spacing, strict=True)]
        if all(self._least <= n <= self._most for n in in_pixels):
            with self._equal.changed.blocked():
                self._equal.value = _all_equal(lengths)
            self._unit.value = unit
            self._type(in_pixels)
        self._wanted = None

    def _set_bounds(self) -> None:
        """Set the bounds in the chosen unit: the same for all axes, and wide enough for the current values."""
        factors = self._spacing if self.in_world else (1.0,)
        low, high = self._least * min(factors), self._most * max(factors)
        for f, now in zip(self._row._fields, self._typed, strict=True):
            if isinstance(f, IntegerBox):
                f.native.setDecimals(DIGITS if self.in_world else 0)
            f.min, f.max = min(low, now), max(high, now)

    def _type(self, in_pixels: Sequence[Any]) -> None:
        """Show lengths, given in pixels, in the chosen unit."""
        typed = [v * s if self.in_world else v for v, s in zip(in_pixels, self._spacing, strict=True)]
        if not _all_equal(typed):
            with self._equal.changed.blocked():
                self._equal.value = False
        self._set_bounds()
        self._row.value = typed
        self._set_bounds()
        self._show_pixels()

    def _convert(self, unit: str) -> None:
        """Convert the lengths when the unit changes."""
        self._type(self._resolved(self._spacing) if unit == PIXELS else self._typed)

    def _show_pixels(self) -> None:
        self._pixels.visible = self.in_world
        lengths = ", ".join(number(v, 4) for v in self.lengths)
        self._pixels.value = f"= {quantity(lengths, PIXELS)}" if self.in_world else ""

    def _follow(self, value: Any) -> None:
        self._wanted = None
        if self._equal.value:
            self._row.value = (value,) * len(self._row._fields)
        self._show_pixels()

    def _resolved(self, spacing: Sequence[float]) -> tuple[Any, ...]:
        """Return the lengths typed in a unit of the world in pixels, given the pixel size along each axis."""
        assert self._round is not None
        return tuple(
            self._round(max(round(v / s, NOISE), self._least)) for v, s in zip(self._typed, spacing, strict=True)
        )

    def lengths_on(self, spacing: Sequence[float]) -> tuple[Any, ...]:
        """Return the lengths in pixels, given the pixel size along each axis."""
        return self._resolved(spacing) if self.in_world else self._row.value

    @property
    def lengths(self) -> tuple[Any, ...]:
        """The fields' values, in pixels."""
        return self.lengths_on(self._spacing)

    def value_on(self, spacing: Sequence[float]) -> Any:
        """Return the value in pixels, given the pixel size along each axis."""
        return self.lengths_on(spacing)

    @property
    def value(self) -> Any:
        """The value, in pixels."""
        return self.value_on(self._spacing)

    @value.setter
    def value(self, value: Any) -> None:
        count = len(self._row._fields)
        each = tuple(value) if isinstance(value, list | tuple) else (value,) * count
        if len(each) != count:
            raise ValueError(f"there must be {count} values, not {len(each)}")
        self._wanted = None
        with self._equal.changed.blocked():
            self._equal.value = _all_equal(each)
        self._type(each)


class LengthBox(PerAxisRow):
    """A field for one length in a plane, and the unit in which it is typed; a unit of the world needs square pixels."""

    def __init__(self, box: Any, value: float, **kwargs: Any) -> None:
        super().__init__(Row([box]), (value,), float, **kwargs)

    def _lines(self) -> list[Any]:
        return [line([self._row, self._unit])]

    def offer_unit(self, unit: str, spacing: Sequence[float]) -> None:
        """Offer a unit of the world if the pixels are square, given the pixel size in that unit along each axis."""
        super().offer_unit(unit if _square(spacing) else "", spacing[-1:])

    def value_on(self, spacing: Sequence[float]) -> Any:
        """Return the length in pixels, given the pixel size along each axis.

        Raises
        ------
        ValueError
            If the length is typed in a unit of the world and the pixels are not square.
        """
        if self.in_world and not _square(spacing):
            raise ValueError(f"{self.name} in {self._unit.value}: pixels must be square")
        return self.lengths_on(spacing[-1:])[0]


def _square(spacing: Sequence[float]) -> bool:
    return math.isclose(*spacing[-2:], rel_tol=1e-6) if len(spacing) > 1 else True


def _all_equal(values: Sequence[float]) -> bool:
    return max(values) - min(values) <= 1e-9 * max(abs(v) for v in values)
