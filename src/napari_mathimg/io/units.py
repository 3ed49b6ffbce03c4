"""Units of lengths and times: the spellings that files use, and their sizes."""

from typing import NamedTuple

# Symbol, size in meters, and words in lower case; case matters in symbols: Mm is not mm.
_LENGTHS = (
    ("ym", 1e-24, ("yoctometer",)),
    ("zm", 1e-21, ("zeptometer",)),
    ("am", 1e-18, ("attometer",)),
    ("fm", 1e-15, ("femtometer",)),
    ("pm", 1e-12, ("picometer",)),
    ("Å", 1e-10, ("angstrom", "Å", "angstroms", "ångström")),  # the second is the angstrom sign, U+212B
    ("nm", 1e-9, ("nanometer",)),
    ("µm", 1e-6, ("micrometer", "μm", "um", "\\u00b5m", "\\u03bcm", "micron", "microns")),
    ("mm", 1e-3, ("millimeter",)),
    ("cm", 1e-2, ("centimeter",)),
    ("dm", 1e-1, ("decimeter",)),
    ("m", 1.0, ("meter",)),
    ("hm", 1e2, ("hectometer",)),
    ("km", 1e3, ("kilometer",)),
    ("Mm", 1e6, ("megameter",)),
    ("Gm", 1e9, ("gigameter",)),
    ("Tm", 1e12, ("terameter",)),
    ("Pm", 1e15, ("petameter",)),
    ("Em", 1e18, ("exameter",)),
    ("Zm", 1e21, ("zettameter",)),
    ("Ym", 1e24, ("yottameter",)),
    ("inch", 0.0254, ("inch", "in", "inches")),
    ("ft", 0.3048, ("foot", "feet")),
    ("yd", 0.9144, ("yard",)),
    ("mi", 1609.344, ("mile",)),
    ("pc", 3.0856775814913673e16, ("parsec",)),
)
_TIMES = (
    ("ys", 1e-24, ("yoctosecond",)),
    ("zs", 1e-21, ("zeptosecond",)),
    ("as", 1e-18, ("attosecond",)),
    ("fs", 1e-15, ("femtosecond",)),
    ("ps", 1e-12, ("picosecond",)),
    ("ns", 1e-9, ("nanosecond",)),
    ("µs", 1e-6, ("microsecond", "μs", "us", "\\u00b5s", "\\u03bcs")),
    ("ms", 1e-3, ("millisecond", "msec")),
    ("cs", 1e-2, ("centisecond",)),
    ("ds", 1e-1, ("decisecond",)),
    ("s", 1.0, ("second", "sec")),
    ("hs", 1e2, ("hectosecond",)),
    ("ks", 1e3, ("kilosecond",)),
    ("min", 60.0, ("minute",)),
    ("Ms", 1e6, ("megasecond",)),
    ("Gs", 1e9, ("gigasecond",)),
    ("Ts", 1e12, ("terasecond",)),
    ("Ps", 1e15, ("petasecond",)),
    ("Es", 1e18, ("exasecond",)),
    ("Zs", 1e21, ("zettasecond",)),
    ("Ys", 1e24, ("yottasecond",)),
    ("h", 3600.0, ("hour", "hr")),
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
    >>> find_unit("pixel"), find_unit("furlong"), find_unit("Mm").size / find_unit("mm").size
    (None, None, 1000000000.0)
    """
    word = text.strip().rstrip("\0")
    return _UNITS.get(word) or (_UNITS.get(word.lower()) if len(word) > SYMBOL else None)


def udunits_name(unit: Unit) -> str:
    """Return the name of a unit in UDUNITS, by which OME-Zarr knows it.

    Examples
    --------
    >>> udunits_name(find_unit("µm")), udunits_name(find_unit("h"))
    ('micrometer', 'hour')
    """
    return next(words[0] for symbol, _, words in (*_LENGTHS, *_TIMES) if symbol == unit.symbol)


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
