"""Units of lengths and times: the spellings that files use, and their sizes."""

from typing import NamedTuple

# Symbol, size in meters, and words in lower case; case matters in symbols: Mm is not mm.
_LENGTHS = (
    ("pm", 1e-12, ("picometer",)),
    ("Å", 1e-10, ("Å", "angstrom", "angstroms", "ångström")),  # the second is the angstrom sign, U+212B
    ("nm", 1e-9, ("nanometer",)),
    ("µm", 1e-6, ("μm", "um", "\\u00b5m", "\\u03bcm", "micron", "microns", "micrometer")),
    ("mm", 1e-3, ("millimeter",)),
    ("cm", 1e-2, ("centimeter",)),
    ("dm", 1e-1, ("decimeter",)),
    ("m", 1.0, ("meter",)),
    ("km", 1e3, ("kilometer",)),
    ("inch", 0.0254, ("in", "inches")),
    ("ft", 0.3048, ("foot", "feet")),
)
_TIMES = (
    ("ns", 1e-9, ("nanosecond",)),
    ("µs", 1e-6, ("μs", "us", "\\u00b5s", "\\u03bcs", "microsecond")),
    ("ms", 1e-3, ("msec", "millisecond")),
    ("s", 1.0, ("sec", "second")),
    ("min", 60.0, ("minute",)),
    ("h", 3600.0, ("hr", "hour")),
    ("d", 86400.0, ("day",)),
)
NO_UNIT = ("", "pixel", "pixels", "px", "none", "null", "unit", "units", "reference frame", "relative")
SYMBOL = 2  # letters up to which their case matters


class Unit(NamedTuple):
    """A unit: its symbol, "length" or "time", and its size in meters or seconds."""

    symbol: str
    kind: str
    size: float


def _table() -> dict[str, Unit]:
    found: dict[str, Unit] = {}
    for kind, rows in (("length", _LENGTHS), ("time", _TIMES)):
        for symbol, size, words in rows:
            unit = Unit(symbol, kind, size)
            plurals = [word + "s" for word in words if len(word) > 3 and word.isalpha()]
            british = [word.replace("meter", "metre") for word in (*words, *plurals) if "meter" in word]
            found.update(dict.fromkeys((symbol, *words, *plurals, *british), unit))
    return found


_UNITS = _table()


def find_unit(text: str) -> Unit | None:
    r"""Return the unit that a text means; None for pixels, for none, and for one that is not known.

    Examples
    --------
    >>> [find_unit(text).symbol for text in ("µm", "μm", "\\u00B5m", "um", "Microns", "micrometre", "in", "sec")]
    ['µm', 'µm', 'µm', 'µm', 'µm', 'µm', 'inch', 's']
    >>> find_unit("pixel"), find_unit("Mm"), find_unit("furlong")
    (None, None, None)
    """
    word = text.strip().rstrip("\0")
    return _UNITS.get(word) or (_UNITS.get(word.lower()) if len(word) > SYMBOL else None)


def says_pixels(text: str) -> bool:
    """Return whether a text says that there is no unit."""
    return text.strip().lower() in NO_UNIT


def factor(unit: str, other: str) -> float | None:
    """Return the size of a unit in another one; None if one of them is not known or they measure different things.

    Examples
    --------
    >>> factor("nm", "µm"), factor("s", "µm")
    (0.001, None)
    """
    a, b = find_unit(unit), find_unit(other)
    if a is None or b is None or a.kind != b.kind:
        return None
    return float(f"{a.size / b.size:.15g}")  # without the error of the division of powers of ten
