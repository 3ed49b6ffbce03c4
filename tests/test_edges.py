"""Edge modes name the same pixels as NumPy's padding."""

import numpy as np
import pytest

from napari_mathimg.contract.edges import MODES, folded

PADDING = {"nearest": "edge", "reflect": "symmetric", "mirror": "reflect", "grid-wrap": "wrap"}


@pytest.mark.parametrize("n", [1, 2, 3, 7])
@pytest.mark.parametrize("mode", MODES)
def test_an_edge_mode_continues_an_axis_as_numpy_pads_it(mode: str, n: int) -> None:
    reach = 3 * n + 2
    index = np.arange(-reach, n + reach)
    if mode == "constant":
        expected = np.pad(np.arange(n), reach, mode="constant", constant_values=-1)
    else:
        expected = np.pad(np.arange(n), reach, mode=PADDING[mode])  # type: ignore[call-overload]
    np.testing.assert_array_equal(folded(index, n, mode), expected)
