"""Edits in place of the pixels of a layer, of which napari tells only that it has read them again."""

from collections.abc import Callable
from typing import Any

from napari.layers import Layer
from qtpy.QtCore import QObject, QTimer, Signal

PLACES = ("contrast_limits", "data", "scale", "translate", "rotate", "shear", "affine", "units")


class Edits(QObject):
    """Tells when the pixels of a layer were edited in place.

    Parameters
    ----------
    viewer
        The viewer.
    parent
        The owner.
    is_ignored
        Whether what happens now is no edit.
    """

    edited = Signal()

    def __init__(self, viewer: Any, parent: QObject, is_ignored: Callable[[], bool] = lambda: False) -> None:
        super().__init__(parent)
        self._viewer, self._is_ignored = viewer, is_ignored
        self._layer: Layer | None = None
        self._state: Any = None  # of the slice of the layer that the viewer shows
        self._watched: list[tuple[Any, Callable[..., None]]] = []
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self.edited)

    @property
    def is_pending(self) -> bool:
        """Whether an edit is about to be told."""
        return bool(self._soon.isActive())

    def follow(self, layer: Layer | None) -> None:
        """Follow a layer instead of the last one."""
        for emitter, callback in self._watched:
            emitter.disconnect(callback)
        self._watched, self._layer = [], layer
        self._soon.stop()
        if layer is None:
            return
        pairs = [("set_data", self._note_slice), ("paint", self._note_paint)]
        pairs += [(name, self._expect_slice) for name in ("visible", *PLACES)]
        for name, callback in pairs:
            if hasattr(layer.events, name):
                emitter = getattr(layer.events, name)
                emitter.connect(callback, position="last")  # after napari has drawn what changed
                self._watched.append((emitter, callback))
        self._state = self._slice_state(layer)

    def _slice_state(self, layer: Layer) -> Any:
        """Return what decides which pixels of a layer the viewer reads."""
        dims = self._viewer.dims
        corners = layer.corner_pixels.tobytes() if layer.multiscale else b""
        return (*dims.point, dims.ndisplay, *dims.order, layer.visible, layer.data_level, corners, id(layer.data))

    def _note_slice(self, event: Any = None) -> None:
        """Where the same pixels are read again, nothing but an edit in place can be the reason."""
        if self._layer is None or self._is_ignored():
            return
        before, self._state = self._state, self._slice_state(self._layer)
        if self._state == before:
            self._soon.start(0)

    def _expect_slice(self, event: Any = None) -> None:
        """Take it for no edit that pixels were read again when a layer is shown or moved."""
        self._soon.stop()

    def _note_paint(self, event: Any = None) -> None:
        self.edited.emit()
