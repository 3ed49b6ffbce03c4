"""Parameters and further images that have one value for each index along an axis of a stack."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class PerIndex:
    """One value for each index along an axis: ``{"per": axis, "values": [...]}``, as recipes hold it.

    Parameters
    ----------
    axis
        Name or index of the axis.
    values
        Values in the order of the indices.
    """

    axis: int | str
    values: tuple[Any, ...]

    def plain(self) -> dict[str, Any]:
        """Return the mapping that says the same."""
        return {"per": self.axis, "values": self.values}


def per_index(name: str, value: Any) -> PerIndex | None:
    """Return the values that a parameter or image has for each index along an axis; None if it is one value for all.

    Parameters
    ----------
    name
        Name of the parameter or the image.
    value
        Mapping with the axis, "per", and the "values", or a plain value.

    Raises
    ------
    ValueError
        If the value is a mapping of another kind.
    """
    if isinstance(value, PerIndex) or not isinstance(value, Mapping):
        return value if isinstance(value, PerIndex) else None
    axis: Any = value.get("per")
    values: Any = value.get("values")
    is_axis = isinstance(axis, str | int | np.integer) and not isinstance(axis, bool)
    is_list = isinstance(values, Sequence | np.ndarray) and not isinstance(values, str)
    if {*value} != {"per", "values"} or not is_axis or not is_list:
        raise ValueError(
            f"{name}={value!r}: must be one value, or one for each index along an axis, as in "
            "{'per': 'c', 'values': [1, 2, 3]}"
        )
    return PerIndex(axis if isinstance(axis, str) else int(axis), tuple(values))
