"""The result layers of a dock while they are in the viewer, and the source layers that the dock has hidden."""

from typing import Any, NamedTuple
from weakref import WeakKeyDictionary, ref

from napari.layers import Layer

from ...recipe.names import chain

_SOURCES: "WeakKeyDictionary[Layer, ref[Layer]]" = WeakKeyDictionary()  # of results, whatever made them


def note_source(layer: Layer, source: Layer | None) -> None:
    """Keep in mind, as long as both live, what a result was made from."""
    if source is not None and source is not layer:
        _SOURCES[layer] = ref(source)


def source_of(layer: Layer) -> Layer | None:
    """Return what a result was made from; None if that is not known or no longer lives."""
    source = _SOURCES.get(layer)
    return None if source is None else source()


class Made(NamedTuple):
    """A result, its source, and its domain overlay."""

    source: "ref[Layer] | None"
    layer: "ref[Layer]"
    overlay: "ref[Layer] | None"


class MadeLayers:
    """Keeps track of the results of each source layer and of their domain overlays."""

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._made: list[Made] = []

    @property
    def last(self) -> Layer | None:
        """The most recent result; None if it is no longer in the viewer."""
        return self._in_viewer(self._made[-1].layer) if self._made else None

    def __contains__(self, layer: object) -> bool:
        """Whether a layer is a result or an overlay of this dock."""
        return layer is not None and any(layer in self._both(made) for made in self._made)

    def previous(self, source: Layer | None, alone: bool) -> tuple[Layer | None, Layer | None]:
        """Return the result and overlay that a new result replaces.

        A result of a result takes its place. Otherwise, these are the last ones of the same source or, for a run on a
        single layer (`alone`), the last ones at all; an overlay stays while it is a source.
        """
        for earlier in self._made if source is not None else ():
            if source is self._in_viewer(earlier.layer):
                return self._both(earlier)
        if source in self:
            return None, None
        same_source = [made for made in self._made if made.source is not None and made.source() is source]
        made = same_source[-1:] or (self._made[-1:] if alone else [])
        return self._both(made[0]) if made else (None, None)

    def overlays(self, source: Layer | None = None) -> list[Layer]:
        """Return the overlays that are in the viewer: all, or those of the results of one source."""
        made = [m for m in self._made if source is None or (m.source is not None and m.source() is source)]
        return [overlay for m in made if (overlay := self._in_viewer(m.overlay)) is not None]

    def orphans(self) -> list[Layer]:
        """Return the overlays whose results have been removed from the viewer."""
        return [
            overlay
            for m in self._made
            if self._in_viewer(m.layer) is None and (overlay := self._in_viewer(m.overlay)) is not None
        ]

    def keep(self, source: Layer | None, layer: Layer, overlay: Layer | None) -> None:
        """Record a new result, and hide the source's earlier overlays if there is a new one."""
        for earlier in self.overlays(source) if source is not None and overlay is not None else ():
            earlier.visible = earlier is overlay
        if source is not None:  # of a result that was replaced by its own result
            source = next((m.source() for m in self._made if m.source and m.layer() is source is layer), source)
        others = [made for made in self._made if any(self._both(made)) and self._in_viewer(made.layer) is not layer]
        made = Made(None if source is None else ref(source), ref(layer), None if overlay is None else ref(overlay))
        self._made = [*others, made]

    def _both(self, made: Made) -> tuple[Layer | None, Layer | None]:
        return self._in_viewer(made.layer), self._in_viewer(made.overlay)

    def _in_viewer(self, reference: "ref[Layer] | None") -> Layer | None:
        layer = reference() if reference is not None else None
        return layer if layer is not None and layer in self._viewer.layers else None


def tell_chain(layer: Layer) -> None:
    """Let the tooltip in the list of layers say from what, and by which operations, a layer was made."""
    made, usual = ref(layer), type(layer).get_source_str

    def tip() -> str:
        layer = made()
        return "" if layer is None else "\n".join(filter(None, (usual(layer), chain(layer.metadata))))

    layer.get_source_str = tip


class HiddenSources:
    """Hides sources behind their results, and shows a source again when its last visible result is removed."""

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._pairs: list[tuple[ref[Layer], ref[Layer]]] = []  # source, result
        viewer.layers.events.removed.connect(self._show_again)

    def hide(self, source: Layer, result: Layer) -> None:
        """Hide a source in favor of its result."""
        source.visible = False
        self._pairs = [p for p in self._pairs if p[0]() and p[1]() not in (None, result)] + [(ref(source), ref(result))]

    def _show_again(self, event: Any) -> None:
        sources = [source() for source, result in self._pairs if result() is event.value]
        self._pairs = [pair for pair in self._pairs if pair[1]() is not event.value]
        others = [source() for source, result in self._pairs if self._is_visible(result())]
        for source in sources:
            if source is not None and event.value.visible and source in self._viewer.layers and source not in others:
                source.visible = True

    def _is_visible(self, layer: Layer | None) -> bool:
        return layer is not None and layer in self._viewer.layers and bool(layer.visible)

    def close(self) -> None:
        """Disconnect from the viewer and leave all layers as they are."""
        self._viewer.layers.events.removed.disconnect(self._show_again)
