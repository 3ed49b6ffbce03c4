"""Conversion of positions and distances in pixels when another level of a multiscale layer is chosen."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary, ref

from napari.layers import Layer

from ..layers.levels import factors, shape_at
from .form import Form

DECIMALS = 3  # of a pixel
ROUNDING = 1e-9

Numbers = Mapping[str, Any]
Carry = Callable[[Layer, Numbers, int, int], Numbers]  # converts numbers from one level to another


class LevelScaling:
    """Converts numbers whenever the level of a layer changes; each is exact again at the level where it was typed.

    Parameters
    ----------
    carry
        Function that converts numbers from one level of a layer to another.
    """

    def __init__(self, carry: Carry) -> None:
        self._carry = carry
        self._layer: ref[Layer] | None = None
        self._level = 0
        self._typed: dict[str, tuple[Any, int]] = {}  # each number, and the level at which it was typed
        self._shown: dict[str, Any] = {}

    def follow(self, layer: Layer, level: int, numbers: Numbers) -> Numbers:
        """Return the numbers converted to the chosen level; an empty mapping if nothing changes."""
        before, is_same = self._level, self._layer is not None and self._layer() is layer
        self._layer, self._level = ref(layer), level
        if not is_same:
            self._typed, self._shown = {}, {}
        if not is_same or level == before:
            return {}
        for name, number in numbers.items():
            if name not in self._typed or number != self._shown[name]:
                self._typed[name] = number, before
            self._shown[name] = self._at(layer, level, name)
        return {name: self._shown[name] for name in numbers}

    def _at(self, layer: Layer, level: int, name: str) -> Any:
        typed, typed_at = self._typed[name]
        return typed if level == typed_at else self._carry(layer, {name: typed}, typed_at, level)[name]


class PlaceScaling:
    """Keeps the points, boxes and distances of forms unchanged in the world when the level changes."""

    def __init__(self) -> None:
        self._forms: dict[Form, LevelScaling] = {}
        self._boxes: WeakKeyDictionary[Layer, Numbers] = WeakKeyDictionary()  # the last box of each layer
        self._boxed: dict[Form, ref[Layer]] = {}  # the layer whose box a form shows
        self._axes: Sequence[int] = ()

    def follow(self, form: Form, layer: Layer, level: int, axes: Sequence[int]) -> None:
        """Convert the positions and distances of a form to a level of a layer, if it showed another of its levels.

        Those on fewer axes than the layer has are on the last ones of `axes`, which are those of its items.
        """
        self._axes = axes
        if form not in self._forms:
            names = {name: what for what, name in form.picked.items()} | dict.fromkeys(form.distances, "distance")
            self._forms[form] = LevelScaling(lambda *arguments: _converted(names, self._axes, *arguments))
        parameters = form.parameters
        places = (*form.picked.values(), *form.distances)
        numbers = {name: parameters[name] for name in places if parameters[name] != "auto"}
        form.load(self._forms[form].follow(layer, level, numbers))
        self._follow_box(form, layer, shape_at(layer, level))

    def _follow_box(self, form: Form, layer: Layer, shape: tuple[int, ...]) -> None:
        """Leave a box that does not lie in a layer to the layer that it was chosen for."""
        if {*form.picked} != {"start", "stop"}:
            return
        earlier = self._boxed.get(form, lambda: None)()
        self._boxed[form] = ref(layer)
        if earlier is layer:
            return
        box = {name: form.parameters[name] for name in form.picked.values()}
        if earlier is not None:
            self._boxes[earlier] = box
        stop = box[form.picked["stop"]]
        if stop == "auto" or any(end > n for end, n in zip(stop, shape, strict=True)):
            form.load(self._boxes.get(layer, dict.fromkeys(box, "auto")))


def _converted(
    kinds: Mapping[str, str], axes: Sequence[int], layer: Layer, numbers: Numbers, before: int, after: int
) -> Numbers:
    """Return positions and distances on the last ones of some axes, converted from one level of a layer to another."""
    along, counts = factors(layer, before) / factors(layer, after), shape_at(layer, after)
    ratio, shape = [float(along[axis]) for axis in axes], [counts[axis] for axis in axes]
    out = {}
    for name, value in numbers.items():
        kind, each = kinds[name], value if isinstance(value, tuple) else (value,)
        per_axis = list(zip(each, ratio[-len(each) :], shape[-len(each) :], strict=True))
        if kind == "distance" and len(each) == 1:
            out[name] = max(round(value * math.sqrt(ratio[-2] * ratio[-1]), DECIMALS), 10**-DECIMALS)
        elif kind == "distance":
            out[name] = tuple(round(v * r, DECIMALS) for v, r, _ in per_axis)
        elif kind == "point":
            out[name] = tuple(round((v + 0.5) * r - 0.5, DECIMALS) for v, r, _ in per_axis)
        elif kind == "start":
            out[name] = tuple(min(math.floor(v * r + ROUNDING), n - 1) for v, r, n in per_axis)
        else:
            out[name] = tuple(min(math.ceil(v * r - ROUNDING), n) for v, r, n in per_axis)
    return out
