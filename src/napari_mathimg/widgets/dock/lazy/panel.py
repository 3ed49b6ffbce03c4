"""The row of a dock for a lazy layer: to compute its pixels, and to let napari read them in the background."""

from collections.abc import Callable
from typing import Any
from weakref import ref

from napari.layers import Layer
from napari.settings import get_settings
from qtpy.QtWidgets import QWidget

from ....contract.operation import Operation
from ...lazy.pixels import pixels_of
from ...lazy_layers.computing import Computed, steps_of
from ...lazy_layers.layers import LazyLayers
from ...qt.layout import button, hbox
from ..panel import Panel

Start = Callable[[Any, Callable[[Any], None]], None]  # of steps, and of what takes their result


class LazyPanel(Panel):
    """Shown while the chosen layer is lazy.

    Parameters
    ----------
    viewer
        The viewer.
    start
        Starts steps in the bar of the dock, and passes on what they return.
    tell
        Shows what came of it.
    """

    def __init__(self, viewer: Any, start: Start, tell: Callable[[Layer, Computed], None]) -> None:
        self._viewer, self._start, self._tell = viewer, start, tell
        self._layer: Callable[[], Layer | None] = lambda: None
        self.widget = QWidget()
        self.compute = button("Compute", "Compute all pixels of this lazy layer, and keep them in the layer")
        self.slicing = button(
            "Slice in background",
            "Turn on asynchronous slicing, an experimental setting of napari that it keeps for all windows and later"
            " sessions: the window then does not wait for what a lazy layer computes."
            " Preferences > Experimental turns it off",
        )
        row = hbox(self.compute, self.slicing)
        row.setContentsMargins(0, 0, 0, 0)
        self.widget.setLayout(row)
        self.widget.hide()
        self.compute.clicked.connect(self._compute)
        self.slicing.clicked.connect(self._slice)
        self._setting = get_settings().experimental.events.async_
        self._setting.connect(self._show_setting)
        self._show_setting()

    def show_for(self, layer: Layer | None, operation: Operation, level: int) -> None:
        """Show the row for a lazy layer."""
        self._layer = (lambda: None) if layer is None else ref(layer)
        self.widget.setVisible(pixels_of(layer) is not None)

    def _compute(self) -> None:
        layer = self._layer()
        if layer is None or (pixels := pixels_of(layer)) is None:
            return
        made = ref(layer)

        def take(computed: Computed) -> None:
            layer = made()
            if layer is None or layer not in self._viewer.layers or pixels_of(layer) is not pixels:
                return  # it was removed, or made anew, meanwhile
            LazyLayers.of(self._viewer).take_pixels(layer, computed.data, computed.step)
            self.widget.setVisible(pixels_of(self._layer()) is not None)
            self._tell(layer, computed)

        self._start(steps_of(layer, pixels), take)

    def _slice(self) -> None:
        get_settings().experimental.async_ = True

    def _show_setting(self, event: Any = None) -> None:
        self.slicing.setVisible(not get_settings().experimental.async_)

    def close(self) -> None:
        """Disconnect from napari's settings."""
        self._setting.disconnect(self._show_setting)
