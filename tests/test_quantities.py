"""Numbers as text: what is written says the number, as exactly as it claims, in few characters."""

import math

import numpy as np
import pytest

from napari_mathimg import operations
from napari_mathimg.contract.quantities import count, figures, number, number_that_fits, percent, sizes
from napari_mathimg.contract.signature import Signature
from napari_mathimg.recipe.names import MOST, chain, cut_middle, result_name

RNG = np.random.default_rng(17)
SOME = [float(m * 10.0**e) for m, e in zip(RNG.uniform(-10, 10, 400), RNG.integers(-13, 14, 400), strict=True)]
ROUND = [0.0, -0.0, 1.0, 0.1, 1 / 3, 0.30000000000000004, 2.5, 1e-12, 65535.0, 4294967295.0, 1e15, -3600.0, 0.020653581]


@pytest.mark.parametrize("digits", [1, 3, 6, 12])
def test_a_written_number_is_the_number_to_its_last_digit(digits: int) -> None:
    for value in SOME + ROUND:
        written = float(figures(value, digits))
        assert written == pytest.approx(value, rel=0.51 * 10.0 ** (1 - digits), abs=0)
        assert float(figures(value)) == value


def test_nothing_that_says_nothing_is_written() -> None:
    for value in SOME + ROUND:
        for text in (figures(value), figures(value, 4), number(value)):
            mantissa = text.replace("\u202f", "").partition("e")[0]
            assert not ("." in mantissa and mantissa.endswith(("0", ".")))
            assert len(text) <= 25
            assert "e+" not in text
            assert "e-0" not in text
            assert text != "-0"


def test_of_a_number_as_many_digits_are_written_as_fit() -> None:
    for value in SOME + ROUND:
        before = -1.0
        for room in range(24, 6, -1):
            text = number_that_fits(value, lambda text, room=room: len(text) <= room)
            assert len(text) <= max(room, 7)
            error = abs(float(text) - value)
            assert error >= before or math.isclose(error, before, rel_tol=1e-9)
            before = error
    assert number_that_fits(0.323390342594, lambda text: True) == "0.32339"  # the rest is noise
    assert number_that_fits(0.3233903, lambda text: True) == "0.3233903"
    assert number_that_fits(4294967295, lambda text: True) == "4294967295"


def test_thousands_are_apart_by_a_space_that_is_no_decimal_mark() -> None:
    assert count(1023) == number(1023) == "1023"
    for n in RNG.integers(0, 2**40, 50).tolist():
        assert int(count(n).replace("\u202f", "")) == n
        assert f"{n:,}".replace(",", "\u202f") == count(n) or n < 10_000
    assert sizes((2048, 2048)) == "2048 x 2048"


def test_shares_are_percentages_that_round_neither_to_none_nor_to_all() -> None:
    for share in [*RNG.random(100).tolist(), 1e-9, 1 - 1e-9, 1.7]:
        text = percent(share)
        assert text.endswith("\u00a0%")
        assert float(text[:-2]) / 100 == pytest.approx(share, rel=0.06, abs=6e-5)
        assert text not in ("0\u00a0%", "100\u00a0%")
    assert (percent(0.0), percent(1.0)) == ("0\u00a0%", "100\u00a0%")


@pytest.mark.parametrize("operation", operations().values(), ids=lambda o: o.id)
def test_the_operation_stays_whole_in_the_name_of_a_result(operation: Signature) -> None:
    title = operation.title
    for length in (1, 8, 20, 60):
        source = "".join(chr(97 + k % 26) for k in range(length))
        name = result_name(source, {}, title)
        assert name.endswith(f" – {title}")
        assert len(name) <= max(MOST, len(title) + 10)
        again = result_name(name, {"napari_mathimg": [{}]}, title)
        assert again.endswith(title)
        assert len(again) <= max(MOST, len(title) + 10)
        assert again[0] == source[0]
    assert result_name("cells", {}, "Clip") == "cells – Clip"
    assert result_name("cells – Clip", {"napari_mathimg": [{}]}, "Invert") == "cells – Clip – Invert"
    long = result_name("CellDivision_T=10_ch00", {}, "Gaussian filter")
    assert long == "Cell…ch00 – Gaussian filter"
    assert result_name(long, {"napari_mathimg": [{}]}, "Median filter") == "Cell…ch00 … Median filter"


def test_a_name_is_cut_in_the_middle() -> None:
    for length in range(1, 60):
        name = "".join(chr(97 + k % 26) for k in range(length))
        cut = cut_middle(name, 12)
        head, mark, tail = cut.partition("…")
        assert len(cut) <= 12
        assert name.startswith(head)
        assert name.endswith(tail)
        assert bool(mark) == (length > 12)
    assert chain({}) == ""
