"""What is seen of a chain: the result of a step, computed for what is on screen."""

from collections.abc import Callable
from typing import Any

from napari.layers import Layer
from qtpy.QtCore import QObject

from ...catalog import find
from ...engine import Options
from ..preview.live import LivePreview
from ..settings.preferences import threads
from ..tasks.operation_job import Job
from .chain_state import ChainState, Start


class SeenResult(LivePreview):
    """Shows a lazy result over the layers of its chain, as previews are shown.

    Parameters
    ----------
    viewer
        The viewer.
    parent
        The owner.
    state
        Returns what is to be seen, and the image that the chain begins with; None if there is nothing.
    layers
        Returns the layers of the chain, of which the topmost one that is visible is covered.
    """

    def __init__(
        self, viewer: Any, parent: QObject, state: Callable[[], tuple[ChainState, Start] | None],
        layers: Callable[[], list[Layer]],
    ) -> None:  # fmt: skip
        super().__init__(viewer, parent, lambda: None if (found := state()) is None else job_of(*found))
        self._layers_of = layers

    def covered(self, layer: Layer) -> Layer | None:
        """Return the topmost visible layer of the chain."""
        order = self._viewer.layers
        seen = [each for each in self._layers_of() if each in order and each.visible]
        return max(seen, key=order.index, default=None)


def job_of(state: ChainState, start: Start) -> tuple[Job, Layer] | None:
    """Return the job of showing an image as it is, and the layer that it is shown for; None if that is gone."""
    layer = start.layer()
    if layer is None:
        return None
    crop, ndim = find("crop"), state.ndim
    options = Options(ndim=ndim, channel_axis=ndim if state.snapshot.rgb else None)
    whole = crop.validate({})
    return Job(crop, state.snapshot, start.layer, options, whole, "everything", threads=threads()), layer
