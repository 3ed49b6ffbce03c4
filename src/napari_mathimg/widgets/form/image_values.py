"""Values that belong to one image, which a form does not carry over to another."""

from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary, ref

from napari.layers import Layer

from ...contract.signature import NOISE, Signature, arguments
from ...contract.types import Auto, OfImage, Picked, annotation_of
from ..layers.item_axes import plane_axes
from ..layers.levels import shape_at
from .fields import Automatic
from .form import Form


class ImageValues:
    """Sets the values that belong to one image to their defaults when a form is shown for another one.

    These are the parameters declared so, points picked in an image of another size, and numbers that "auto" stood for
    if they follow from the noise or from an image of another size. They come back with their image.

    Parameters
    ----------
    operation
        The operation of the form.
    """

    def __init__(self, operation: Signature) -> None:
        self._operation = operation
        autos = {name: annotation_of(p.hint, Auto) for name, p in operation.parameters.items()}
        rules = {name: {*arguments(auto.rule)} for name, auto in autos.items() if auto}
        self._of_noise = {name for name, asked in rules.items() if asked & NOISE}
        self._of_noise |= {name for name, asked in rules.items() if asked & self._of_noise}
        self._layer: ref[Layer] | None = None
        self._size: tuple[int, ...] = ()
        self._kept: WeakKeyDictionary[Layer, Mapping[str, Any]] = WeakKeyDictionary()

    def follow(self, form: Form, layer: Layer) -> bool:
        """Set the form's values for a layer; return whether a value of another image was set to its default."""
        before, shape = None if self._layer is None else self._layer(), shape_at(layer, 0)
        size = tuple(shape[axis] for axis in plane_axes(layer))
        is_other, is_resized = self._layer is not None and before is not layer, size != self._size
        self._layer, self._size = ref(layer), size
        if not is_other:
            return False
        shown, defaults = form.parameters, {n: p.default for n, p in self._operation.parameters.items()}
        bound = [n for n in form.shown_names if shown[n] != defaults[n] and self._is_bound(form, n, is_resized)]
        if before is not None:
            self._kept[before] = {name: shown[name] for name in bound}
        form.load({name: defaults[name] for name in bound} | dict(self._kept.get(layer, {})))
        return bool(bound)

    def _is_bound(self, form: Form, name: str, is_resized: bool) -> bool:
        hint = self._operation.parameters[name].hint
        if isinstance(form[name], Automatic) and form[name].is_untouched and (is_resized or name in self._of_noise):
            return True
        if of_image := annotation_of(hint, OfImage):
            return is_resized or not of_image.by_size
        picked = annotation_of(hint, Picked)
        return is_resized and picked is not None and picked.what == "point"
