"""Several fields side by side: a tuple, one value for each axis, lengths in pixels or in a unit of the world."""

from collections.abc import Sequence
from typing import Any

from magicgui.widgets import CheckBox, ComboBox, Container, Label


class Row(Container):
    """Several fields whose value is a tuple, at most three side by side."""

    def __init__(self, fields: Sequence[Any], **kwargs: Any) -> None:
        lines = [list(fields[k : k + 3]) for k in range(0, len(fields), 3)]
        nested = any(isinstance(f, Row) for f in fields)
        if nested or len(lines) > 1:
            inner = fields if nested else [line(few) for few in lines]
            super().__init__(widgets=inner, layout="vertical", labels=False, **kwargs)
        else:
            super().__init__(widgets=fields, layout="horizontal", labels=False, **kwargs)
        self.margins = (0, 0, 0, 0)
        self._fields = list(fields)

    @property
    def value(self) -> tuple[Any, ...]:
        """The fields' values."""
        return tuple(f.value for f in self._fields)

    @value.setter
    def value(self, value: Sequence[Any]) -> None:
        for f, v in zip(self._fields, value, strict=True):
            f.value = v


def line(fields: Sequence[Any]) -> Container:
    """Fields or buttons side by side."""
    row = Container(widgets=fields, layout="horizontal", labels=False)
    row.margins = (0, 0, 0, 0)
    return row


class PerAxisRow(Container):
    """One field for each axis, a tick that keeps them equal, and for lengths the unit they are typed in.

    The value is in pixels whatever the unit.
    """

    def __init__(self, row: Row, value: tuple[Any, ...], is_length: bool = False, **kwargs: Any) -> None:
        self._row = row
        self._spacing = (1.0,) * len(value)
        self._wanted: tuple[str, tuple[float, ...]] | None = None  # a unit, and lengths in it
        self._bounds = [(f.min, f.max) for f in row._fields]
        self._equal = CheckBox(text="equal", value=len(set(value)) == 1, tooltip="Same value on every axis")
        self._unit = ComboBox(choices=["px"], tooltip="Unit of the lengths", enabled=False)
        self._pixels = Label(visible=False)
        ticks = line([self._equal, self._unit] if is_length else [self._equal])
        super().__init__(widgets=[row, ticks, self._pixels], labels=False, **kwargs)
        self.margins = (0, 0, 0, 0)
        for f in row._fields:
            f.changed.connect(self._follow)
        self._equal.changed.connect(lambda on: self._follow(row._fields[0].value))
        self._unit.changed.connect(self._convert)

    def offer_unit(self, unit: str, spacing: Sequence[float]) -> None:
        """Let lengths be typed in a world unit, of which a pixel has so many along each axis.

        Lengths typed in this unit stay what they are in the world; others stay what they are in pixels.
        """
        if unit and self._unit.value == unit:
            self._spacing = tuple(spacing)
            self._widen_bounds()
            self._tell()
            return
        in_pixels = self.value
        self._spacing = tuple(spacing)
        choices = ["px", unit] if unit else ["px"]
        if tuple(choices) != tuple(self._unit.choices):
            with self._unit.changed.blocked():
                self._unit.choices = choices
                self._unit.value = "px"
        self._unit.enabled = bool(unit)
        self._type(in_pixels)
        if self._wanted is not None and self._wanted[0] == unit:
            self._type_wanted(*self._wanted)

    @property
    def in_world(self) -> tuple[str, tuple[float, ...]] | None:
        """The unit of the world that lengths are typed in, or will be, and the lengths; None for pixels."""
        return self._wanted or (None if self._unit.value == "px" else (self._unit.value, self._row.value))

    def want(self, unit: str, lengths: Sequence[float]) -> None:
        """Type lengths in a unit of the world as soon as it is offered, unless others are typed before.

        Raises
        ------
        ValueError
            If their number is not that of the axes.
        """
        if len(lengths) != len(self._spacing):
            raise ValueError(f"{len(self._spacing)} lengths, not {len(lengths)}")
        self._wanted = unit, tuple(lengths)

    def _type_wanted(self, unit: str, lengths: tuple[float, ...]) -> None:
        """Choose the unit and type lengths in it, where its boxes can hold them."""
        in_pixels = [n / s for n, s in zip(lengths, self._spacing, strict=True)]
        if all(least <= n <= most for n, (least, most) in zip(in_pixels, self._bounds, strict=True)):
            with self._equal.changed.blocked():
                self._equal.value = _all_equal(lengths)
            self._unit.value = unit
            self._type(in_pixels)
        self._wanted = None

    def _widen_bounds(self) -> None:
        """Bounds are in pixels; say them in the chosen unit, but keep what is typed within them."""
        factors = self._spacing if self._unit.value != "px" else (1.0,) * len(self._spacing)
        for f, (least, most), factor in zip(self._row._fields, self._bounds, factors, strict=True):
            f.native.setRange(min(least * factor, f.value), max(most * factor, f.value))

    def _type(self, in_pixels: Sequence[Any]) -> None:
        """Show lengths given in pixels in the chosen unit."""
        world = self._unit.value != "px"
        typed = [v * s if world else v for v, s in zip(in_pixels, self._spacing, strict=True)]
        if not _all_equal(typed):
            with self._equal.changed.blocked():
                self._equal.value = False
        self._widen_bounds()
        self._row.value = typed
        self._widen_bounds()
        self._tell()

    def _convert(self, unit: str) -> None:
        """Keep the lengths when the unit changes."""
        before = self._row.value
        self._type([v / s if unit == "px" else v for v, s in zip(before, self._spacing, strict=True)])

    def _tell(self) -> None:
        world = self._unit.value != "px"
        self._pixels.visible = world
        self._pixels.value = "= " + ", ".join(f"{v:.4g}" for v in self.value) + " px" if world else ""

    def _follow(self, value: Any) -> None:
        self._wanted = None
        if self._equal.value:  # within what all axes can hold: in the world their bounds differ
            least, most = max(f.min for f in self._row._fields), min(f.max for f in self._row._fields)
            self._row.value = (min(max(value, least), most),) * len(self._row.value)
        self._tell()

    @property
    def value(self) -> tuple[Any, ...]:
        """The fields' values, in pixels."""
        if self._unit.value == "px":
            return self._row.value
        return tuple(v / s for v, s in zip(self._row.value, self._spacing, strict=True))

    @value.setter
    def value(self, value: Any) -> None:
        each = tuple(value) if isinstance(value, list | tuple) else (value,) * len(self._row.value)
        if len(each) != len(self._row.value):
            raise ValueError(f"{len(self._row.value)} values, not {len(each)}")
        self._wanted = None
        with self._equal.changed.blocked():
            self._equal.value = _all_equal(each)
        self._type(each)


def _all_equal(values: Sequence[float]) -> bool:
    return max(values) - min(values) <= 1e-9 * max(abs(v) for v in values)
