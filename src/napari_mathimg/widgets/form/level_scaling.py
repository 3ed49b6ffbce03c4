"""Numbers in pixels of a level that stay what they are in the world when another level is chosen."""

import math
from collections.abc import Callable, Mapping
from typing import Any
from weakref import ref

from napari.layers import Layer

from ..layers.levels import factors, shape_at
from .form import Form

DECIMALS = 3  # of a pixel
ROUNDING = 1e-9

Numbers = Mapping[str, Any]
Carry = Callable[[Layer, Numbers, int, int], Numbers]  # numbers of one level for another


class LevelScaling:
    """Follows the level of a layer with some numbers; each is the same again at the level where it was typed.

    Parameters
    ----------
    carry
        Returns numbers of one level of a layer for another level.
    """

    def __init__(self, carry: Carry) -> None:
        self._carry = carry
        self._layer: ref[Layer] | None = None
        self._level = 0
        self._typed: dict[str, tuple[Any, int]] = {}  # and at which level
        self._shown: dict[str, Any] = {}

    def follow(self, layer: Layer, level: int, numbers: Numbers) -> Numbers:
        """Return what numbers that are shown become, now that a level of a layer is chosen; nothing if they stay."""
        before, known = self._level, self._layer is not None and self._layer() is layer
        self._layer, self._level = ref(layer), level
        if not known:
            self._typed, self._shown = {}, {}
        if not known or level == before:
            return {}
        for name, number in numbers.items():
            if name not in self._typed or number != self._shown[name]:
                self._typed[name] = number, before
            self._shown[name] = self._at(layer, level, name)
        return {name: self._shown[name] for name in numbers}

    def _at(self, layer: Layer, level: int, name: str) -> Any:
        typed, home = self._typed[name]
        return typed if level == home else self._carry(layer, {name: typed}, home, level)[name]


class PlaceScaling:
    """Keeps points and boxes of forms, and distances from such points, where and what they are in the world."""

    def __init__(self) -> None:
        self._forms: dict[Form, LevelScaling] = {}

    def follow(self, form: Form, layer: Layer, level: int) -> None:
        """Type what the places of a form are in a level of a layer, if it showed them for another of its levels."""
        if form not in self._forms:
            names = {name: what for what, name in form.picked.items()} | dict.fromkeys(form.distances, "distance")
            self._forms[form] = LevelScaling(lambda *given: _carried(names, *given))
        parameters = form.parameters
        places = (*form.picked.values(), *form.distances)
        numbers = {name: parameters[name] for name in places if parameters[name] != "auto"}
        form.load(self._forms[form].follow(layer, level, numbers))


def _carried(kinds: Mapping[str, str], layer: Layer, numbers: Numbers, before: int, after: int) -> Numbers:
    """Return places in a level of a layer for another level."""
    ratio = (factors(layer, before) / factors(layer, after)).tolist()
    shape = shape_at(layer, after)
    out = {}
    for name, value in numbers.items():
        kind, each = kinds[name], value if isinstance(value, tuple) else (value,)
        own = list(zip(each, ratio[-len(each) :], shape[-len(each) :], strict=True))
        if kind == "distance" and len(each) == 1:
            out[name] = max(round(value * math.sqrt(ratio[-2] * ratio[-1]), DECIMALS), 10**-DECIMALS)
        elif kind == "distance":
            out[name] = tuple(round(v * r, DECIMALS) for v, r, _ in own)
        elif kind == "point":
            out[name] = tuple(round((v + 0.5) * r - 0.5, DECIMALS) for v, r, _ in own)
        elif kind == "start":
            out[name] = tuple(min(math.floor(v * r + ROUNDING), n - 1) for v, r, n in own)
        else:
            out[name] = tuple(min(math.ceil(v * r - ROUNDING), n) for v, r, n in own)
    return out
