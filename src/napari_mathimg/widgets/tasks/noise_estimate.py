"""Background estimation of an image's noise."""

from typing import Any
from weakref import WeakKeyDictionary, ref

from napari.layers import Layer
from qtpy.QtCore import QObject, Signal

from ...engine import Options
from ...engine.estimates import estimate_sigma_steps
from ..layers.snapshot import given_names
from ..settings.preferences import threads
from .latest_task import PAUSE, LatestTask


class Key:
    """What an estimate is of; the array is not kept alive for it."""

    def __init__(self, array: Any, options: Options) -> None:
        self._array, self._options = ref(array), options

    def is_of(self, array: Any, options: Options) -> bool:
        """Return whether an array and options are the same."""
        return self._array() is array and self._options == options


class NoiseEstimator(QObject):
    """Estimates the noise of a layer as a fraction of the value range, and remembers the last estimate of each layer.

    Parameters
    ----------
    parent
        The owner.
    """

    found = Signal(object)  # the standard deviation of the noise; None if it cannot be estimated

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._known: WeakKeyDictionary[Layer, tuple[Key, float | None]] = WeakKeyDictionary()
        self._asked: tuple[Layer, Key] | None = None
        self._watched: Layer | None = None
        self.task = LatestTask(self, delay=PAUSE, name="noise")
        self.task.returned.connect(self._take)
        self.task.failed.connect(lambda text: self._take(None))

    def ask(self, layer: Layer, array: Any, options: Options) -> tuple[bool, float | None]:
        """Return whether the noise of an array of a layer is known, and what it is; else begin to estimate it."""
        self._watch(layer)
        known = self._known.get(layer)
        if known is not None and known[0].is_of(array, options):
            self.cancel()
            return True, known[1]
        if self._asked is None or self._asked[0] is not layer or not self._asked[1].is_of(array, options):
            self._asked = layer, Key(array, options)
            self.task.ask(estimate_sigma_steps(array, options, threads(), given_names(layer.axis_labels)))
        return False, None

    def _take(self, sigma: float | None) -> None:
        if self._asked is not None:
            layer, key = self._asked
            self._known[layer], self._asked = (key, sigma), None
            self.found.emit(sigma)

    def _watch(self, layer: Layer | None) -> None:
        """Forget the estimate of a layer when its data change."""
        if self._watched is layer:
            return
        if self._watched is not None:
            self._watched.events.data.disconnect(self._forget)
        if layer is not None:
            layer.events.data.connect(self._forget)
        self._watched = layer

    def _forget(self, event: Any = None) -> None:
        if self._watched is not None:
            self._known.pop(self._watched, None)
        self.cancel()

    def cancel(self) -> None:
        """Stop an estimate in progress."""
        self._asked = None
        self.task.cancel()

    def close(self) -> None:
        """Stop an estimate in progress, and follow no layer any more."""
        self._watch(None)
        self._asked = None
        self.task.close()
