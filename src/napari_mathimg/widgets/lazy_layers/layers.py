"""The lazy layers of a viewer: added, made anew after edits of what they read, and turned into pixels."""

from collections.abc import Callable, Generator, Mapping
from typing import Any, NamedTuple
from weakref import ref

from napari.layers import Layer
from napari.utils.notifications import show_warning
from qtpy.QtCore import QObject

from ...contract.progress import Progress
from ...recipe.names import cut_middle
from ...recipe.record import LAZY, RECORD, last_step
from ..lazy.origin import ORIGINS, Origin, Remade, is_outdated, leaves, renewal
from ..lazy.pixels import LazyPixels, pixels_of
from ..lazy.shown import unwrapped_data
from ..preview.edits import Edits
from ..preview.shared_facts import facts_of
from ..tasks.latest_task import LatestTask
from .prefetch import Prefetch


class Remaking(NamedTuple):
    """A lazy layer, and what it becomes: made anew, or the reason why not."""

    layer: "ref[Layer]"
    remade: Remade | Exception


class LazyLayers(QObject):
    """Knows the lazy layers of a viewer.

    After an edit in place of pixels that they read, whatever was counted of these is counted anew in the background,
    and their pixels are computed anew; until then, their record says that pixels were changed. A layer whose array is
    replaced or that is removed from the viewer leaves them as they are.
    """

    def __init__(self, viewer: Any) -> None:
        super().__init__(viewer.window._qt_window)
        self._viewer = viewer
        self._edits: dict[Layer, Edits] = {}  # of each layer that a lazy layer reads
        self._edited: set[int] = set()  # identities of arrays
        self._task = LatestTask(self, expected=(Exception,), name="lazy layers")
        self._task.returned.connect(self._take)
        self._looking = LatestTask(self, expected=(Exception,), name="lazy layers")
        self._looking.returned.connect(lambda edited: None if edited() is None else self.note_edit(edited()))
        self._prefetch = Prefetch(viewer, self.lazy_layers, self)
        events = viewer.layers.events
        events.removed.connect(self._forget)
        events.inserted.connect(self._follow)
        undo = self._undo = [self._prefetch.close, self._task.close, self._looking.close]
        undo += [lambda: events.removed.disconnect(self._forget), lambda: events.inserted.disconnect(self._follow)]

    @classmethod
    def of(cls, viewer: Any) -> "LazyLayers":
        """Return the one of a viewer, which ends with its last lazy layer."""
        children = viewer.window._qt_window.children()
        found = (child for child in children if isinstance(child, cls) and not child.is_closed)
        return next(found, None) or cls(viewer)

    @property
    def is_closed(self) -> bool:
        """Whether there is no lazy layer any more."""
        return not self._undo

    def lazy_layers(self) -> list[tuple[Layer, LazyPixels]]:
        """Return the lazy layers that are in the viewer."""
        return [(layer, pixels) for layer in self._viewer.layers if (pixels := pixels_of(layer)) is not None]

    def keep(self, layer: Layer, origin: Origin | None) -> None:
        """Take up a layer that shows a lazy result."""
        if (pixels := pixels_of(layer)) is not None and origin is not None:
            ORIGINS[pixels.finest] = origin
        layer.editable = False
        self._follow()

    def take_pixels(self, layer: Layer, data: Any, step: Mapping[str, Any]) -> None:
        """Replace what a layer shows by computed pixels, and the last step of its record."""
        metadata = {name: value for name, value in layer.metadata.items() if name != LAZY}
        layer.metadata = {**metadata, RECORD: [*metadata[RECORD][:-1], dict(step)]}
        layer.data = data
        self._follow()

    def _follow(self, event: Any = None) -> None:
        """Follow the layers that lazy layers read, and no others."""
        read = {id(leaf) for _, pixels in self.lazy_layers() for leaf in leaves(pixels.finest)}
        arrays = {layer: _arrays(layer) for layer in self._viewer.layers if hasattr(layer, "data")}
        followed = [layer for layer, own in arrays.items() if not read.isdisjoint(map(id, own))] if read else []
        for layer in [*self._edits]:
            if layer not in followed:
                self._drop(layer)
        if not self.lazy_layers():
            self.close()
            return
        for layer in followed:
            if layer not in self._edits:
                edits = self._edits[layer] = Edits(self._viewer, self)
                edits.follow(layer)
                edits.edited.connect(lambda layer=layer: self.note_edit(layer))
                layer.events.visible.connect(self._look)

    def _drop(self, layer: Layer) -> None:
        edits = self._edits.pop(layer)
        layer.events.visible.disconnect(self._look)
        edits.follow(None)
        edits.deleteLater()

    def _forget(self, event: Any) -> None:
        if event.value in self._edits:
            self._drop(event.value)
        self._follow()

    def _look(self, event: Any) -> None:
        """Look whether pixels were edited while their layer was hidden: napari does not draw it then."""
        if event.source.visible:
            self._looking.ask(_outdated([(ref(layer), pixels) for layer, pixels in self.lazy_layers()], event.source))

    def note_edit(self, layer: Layer) -> None:
        """Mark the lazy layers that read an edited one, and make them anew."""
        facts = facts_of(self._viewer)
        for array in _arrays(layer):
            facts.touch(array)
            self._edited.add(id(array))
        reading = [
            (each, pixels)
            for each, pixels in self.lazy_layers()
            if not self._edited.isdisjoint(map(id, leaves(pixels.finest)))
        ]
        for each, _ in reading:
            each.metadata = {**each.metadata, RECORD: _torn(each.metadata.get(RECORD, []))}
        self._task.ask(_remade([(ref(each), pixels) for each, pixels in reading], self._edited.copy()))

    def _take(self, found: list[Remaking]) -> None:
        self._edited.clear()
        for made in found:
            layer = made.layer()
            if layer is None or layer not in self._viewer.layers or pixels_of(layer) is None:
                continue
            if isinstance(made.remade, Exception):
                show_warning(f"{cut_middle(layer.name)} could not follow an edit of what it reads: {made.remade}.")
                continue
            pixels, record, _ = made.remade
            layer.data = pixels.data
            layer.metadata = {**layer.metadata, RECORD: record, LAZY: {"levels": pixels.marks}}
            self.keep(layer, None)

    @property
    def is_busy(self) -> bool:
        """Whether layers are about to be made anew."""
        is_told = any(edits.is_pending for edits in self._edits.values())
        return is_told or self._task.is_running or self._looking.is_running

    def close(self) -> None:
        """Disconnect from the viewer, and stop all that runs."""
        for layer in [*self._edits]:
            self._drop(layer)
        while self._undo:
            self._undo.pop()()
        self.deleteLater()


def _arrays(layer: Layer) -> list[Any]:
    """Return the arrays of the levels of a layer."""
    return [unwrapped_data(data) for data in (layer.data if getattr(layer, "multiscale", False) else [layer.data])]


def _torn(record: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a record whose last step says that pixels were changed."""
    step = last_step({RECORD: record})
    return [*record[:-1], {**step, "torn": True}] if step is not None else record


def _outdated(
    layers: list[tuple["ref[Layer]", LazyPixels]], shown: Layer
) -> Generator[Progress, None, Callable[[], Layer | None]]:
    """Return the layer that is shown again if pixels were edited that lazy layers read."""
    own = {id(array) for array in _arrays(shown)}
    made = ref(shown)
    del shown
    for _, pixels in layers:
        if not own.isdisjoint(map(id, leaves(pixels.finest))) and (yield from is_outdated(pixels.finest)):
            return made
    return lambda: None


def _remade(
    layers: list[tuple["ref[Layer]", LazyPixels]], edited: set[int]
) -> Generator[Progress, None, list[Remaking]]:
    """Make lazy results anew."""
    renew, found = renewal(edited), []
    for layer, pixels in layers:
        try:
            renewed = yield from renew(pixels.finest)
        except Exception as error:  # as of an image that has become constant; the others go on
            found.append(Remaking(layer, error))
            continue
        if renewed.pixels is not None and renewed.record is not None:
            origin = ORIGINS[renewed.pixels.finest]
            found.append(Remaking(layer, Remade(renewed.pixels, renewed.record, origin)))
    return found
