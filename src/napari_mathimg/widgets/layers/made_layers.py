"""The layers that a dock made, as long as they are in the viewer, and the sources that it hid for them."""

from typing import Any, NamedTuple
from weakref import ref

from napari.layers import Layer


class Made(NamedTuple):
    """A result, its source, and the domain's overlay over it."""

    source: "ref[Layer] | None"
    layer: "ref[Layer]"
    overlay: "ref[Layer] | None"


class MadeLayers:
    """Remembers which layer each source last became, and the domain's overlay over it."""

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._made: list[Made] = []

    @property
    def last(self) -> Layer | None:
        """The layer made last, while it is in the viewer."""
        return self._there(self._made[-1].layer) if self._made else None

    def __contains__(self, layer: object) -> bool:
        """Whether the dock made a layer."""
        return layer is not None and any(layer in self._both(made) for made in self._made)

    def previous(self, source: Layer | None, alone: bool) -> tuple[Layer | None, Layer | None]:
        """Return the result and overlay that a new result replaces: its source's own, or, for a run alone, the last."""
        if source in self:
            return None, None
        own = [made for made in self._made if made.source is not None and made.source() is source]
        made = own[-1:] or (self._made[-1:] if alone else [])
        return self._both(made[0]) if made else (None, None)

    def overlays(self, source: Layer | None = None) -> list[Layer]:
        """Return the overlays that are in the viewer; those of the results of one source, where it is given."""
        made = [m for m in self._made if source is None or (m.source is not None and m.source() is source)]
        return [overlay for m in made if (overlay := self._there(m.overlay)) is not None]

    def orphans(self) -> list[Layer]:
        """Return the overlays whose results are no longer in the viewer."""
        return [
            overlay
            for m in self._made
            if self._there(m.layer) is None and (overlay := self._there(m.overlay)) is not None
        ]

    def keep(self, source: Layer | None, layer: Layer, overlay: Layer | None) -> None:
        """Remember a new result; of a source's overlays the new one is shown."""
        for earlier in self.overlays(source) if source is not None and overlay is not None else ():
            earlier.visible = earlier is overlay
        there = [made for made in self._made if any(self._both(made)) and self._there(made.layer) is not layer]
        made = Made(None if source is None else ref(source), ref(layer), None if overlay is None else ref(overlay))
        self._made = [*there, made]

    def _both(self, made: Made) -> tuple[Layer | None, Layer | None]:
        return self._there(made.layer), self._there(made.overlay)

    def _there(self, kept: "ref[Layer] | None") -> Layer | None:
        layer = kept() if kept is not None else None
        return layer if layer is not None and layer in self._viewer.layers else None


class HiddenSources:
    """Sources that were hidden for their results: one is seen again when the last result seen in its place goes."""

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._pairs: list[tuple[ref[Layer], ref[Layer]]] = []  # source, result
        viewer.layers.events.removed.connect(self._show_again)

    def hide(self, source: Layer, result: Layer) -> None:
        """Hide a source for a result of it."""
        source.visible = False
        self._pairs = [p for p in self._pairs if p[0]() and p[1]() not in (None, result)] + [(ref(source), ref(result))]

    def _show_again(self, event: Any) -> None:
        gone = [source() for source, result in self._pairs if result() is event.value]
        self._pairs = [pair for pair in self._pairs if pair[1]() is not event.value]
        others = [source() for source, result in self._pairs if self._is_seen(result())]
        for source in gone:
            if source is not None and event.value.visible and source in self._viewer.layers and source not in others:
                source.visible = True

    def _is_seen(self, layer: Layer | None) -> bool:
        return layer is not None and layer in self._viewer.layers and bool(layer.visible)

    def close(self) -> None:
        """Leave all layers as they are; the dock is going."""
        self._viewer.layers.events.removed.disconnect(self._show_again)
