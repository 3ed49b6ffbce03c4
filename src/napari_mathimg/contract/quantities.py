"""Numbers as text: the one way in which forms, messages, tables and tooltips write numbers, thousands and units."""

import math
import re
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal

__all__ = ["count", "figures", "in_prose", "number", "number_that_fits", "percent", "quantity", "sizes"]

GROUP = "\u202f"  # narrow space between thousands: fields take the comma and the point as decimal marks
NO_BREAK = "\u00a0"  # space between a number and its unit, at which lines do not break
GROUPED = 5  # digits from which on thousands are set apart
WHOLE = 7  # digits before the decimal mark up to which none of them is rounded away
ZEROS = 3  # zeros after the decimal mark from which on an exponent reads better, if more follow
MOST = 8  # digits of a number that is shown as it is; one with more was computed, and ends in noise
READ = 6  # digits that are shown of such a number


def figures(value: float, digits: int | None = None) -> str:
    """Write a number as it can be typed: no trailing zeros, and an exponent where it reads better.

    Parameters
    ----------
    value
        Finite number.
    digits
        Significant digits to which it is rounded; None for all. Up to 10,000,000, whole digits are never rounded away.

    Examples
    --------
    >>> figures(0.323390342594, 4), figures(1e-7), figures(123456.7, 3), figures(2.5e9)
    ('0.3234', '1e-7', '123457', '2.5e9')
    """
    value = float(value)
    if digits is not None and 1 <= abs(value) < 10**WHOLE:
        digits = max(digits, math.floor(math.log10(abs(value))) + 1)
    rounded = _rounded(value, digits)
    first = rounded.adjusted()  # power of ten of the first digit
    padded = int(rounded.as_tuple().exponent) > 0
    if rounded and (first < -ZEROS - 1 or (first >= WHOLE and padded)):
        return _with_exponent(rounded)
    return f"{rounded:f}"


def _rounded(value: float, digits: int | None) -> Decimal:
    """Round a number to significant digits, without trailing zeros and without the sign of zero."""
    exact = Decimal(repr(value) if digits is None else f"{value:.{digits - 1}e}")
    return exact.normalize() if exact else Decimal(0)


def _with_exponent(rounded: Decimal) -> str:
    first = rounded.adjusted()
    return f"{rounded.scaleb(-first):f}e{first}"


def number_that_fits(value: float, fits: Callable[[str], bool]) -> str:
    """Write a number as it can be typed, with as many of the digits that matter as fit.

    Parameters
    ----------
    value
        Finite number.
    fits
        Returns whether there is room for a text.

    Examples
    --------
    >>> [number_that_fits(0.02065358123457, lambda text: len(text) <= room) for room in (20, 7, 5, 2)]
    ['0.0206536', '0.02065', '0.021', '0.02']
    """
    tried = []
    for text in _ever_shorter(value):
        if fits(text):
            return text
        tried.append(text)
    return min(tried, key=len)


def _ever_shorter(value: float) -> Iterator[str]:
    exact = _rounded(float(value), None)
    if len(exact.as_tuple().digits) <= MOST or exact == exact.to_integral_value():
        yield figures(value)
    yield from (figures(value, digits) for digits in range(READ, 0, -1))
    if value:
        yield from (_with_exponent(_rounded(float(value), digits)) for digits in range(3, 0, -1))


def number(value: float | None, digits: int = 5) -> str:
    """Write a number rounded to significant digits, with thousands set apart; "–" for none and for NaN.

    Examples
    --------
    >>> number(0.30000000000000004), number(1023), number(4e-6), number(float("nan")), number(-float("inf"))
    ('0.3', '1023', '4e-6', '–', '-∞')
    >>> number(4294967295, 10).split(GROUP)
    ['4', '294', '967', '295']
    """
    if value is None or math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    text = figures(value, digits)
    return text if "e" in text else _grouped(text)


def _grouped(text: str) -> str:
    """Set the thousands of a number apart, from five digits on."""
    whole, mark, part = text.partition(".")
    if len(whole.lstrip("-")) >= GROUPED:
        whole = f"{int(whole):,}".replace(",", GROUP)
    return f"{whole}{mark}{part}"


def count(value: float) -> str:
    """Write a whole number with all its digits, thousands set apart.

    Examples
    --------
    >>> count(2048), count(1_048_576).split(GROUP)
    ('2048', ['1', '048', '576'])
    """
    return _grouped(str(int(value)))


def in_prose(text: str) -> str:
    """Write the thousands of numbers in an English text, which has commas there, as everywhere else.

    Examples
    --------
    >>> in_prose("1 in 10,000 pixels, or 2,048; (1, 100)").replace(GROUP, "_")
    '1 in 10_000 pixels, or 2048; (1, 100)'
    """
    return re.sub(r"(?<![\d,.])\d{1,3}(,\d{3})+(?![\d,])", lambda found: count(int(found[0].replace(",", ""))), text)


def percent(share: float) -> str:
    """Write a fraction from 0 to 1 as a percentage with at most two decimals; only none and all are 0 % and 100 %.

    Examples
    --------
    >>> [percent(share).replace(NO_BREAK, " ") for share in (0.25, 0.12345, 1.5e-7, 0.99999, 1)]
    ['25 %', '12.35 %', '1.5e-5 %', '99.999 %', '100 %']
    """
    if math.isnan(share):
        return "–"
    value = 100 * share
    off = min(abs(value), abs(100 - value)) if 0 <= share <= 1 else abs(value)
    decimals = 2 if not 0 < off < 0.01 else 1 - math.floor(math.log10(off))
    text = figures(value, 2) if 0 < abs(value) < 0.01 else figures(round(value, decimals))
    return quantity(text, "%")


def quantity(value: float | str, unit: str, digits: int = 5) -> str:
    """Write a number, or a text that stands for one, with its unit.

    Examples
    --------
    >>> quantity(0.16, "µm") == "0.16\u00a0µm", quantity(30.0, "°"), quantity(2.0, "")
    (True, '30°', '2')
    """
    text = value if isinstance(value, str) else number(value, digits)
    return f"{text}{'' if unit in ('', '°') else NO_BREAK}{unit}"


def sizes(values: Iterable[float], unit: str = "", digits: int = 4) -> str:
    """Write sizes along several axes, such as a shape, with their unit.

    Examples
    --------
    >>> sizes((0.5, 0.16, 0.16), "µm").replace(NO_BREAK, " "), sizes((2048, 2048))
    ('0.5 x 0.16 x 0.16 µm', '2048 x 2048')
    """
    return quantity(" x ".join(count(v) if float(v).is_integer() else number(v, digits) for v in values), unit)
