"""The lazy results of a chain, prepared outside of the window's thread whenever it or its source changes."""

from typing import Any
from weakref import ref

from napari.layers import Layer
from qtpy.QtCore import QObject, Signal

from ...recipe.recipe import Recipe
from ..layers.layer_observer import LayerObserver, is_quiet
from ..preview.edits import Edits
from ..settings.preferences import threads
from ..tasks.latest_task import LatestTask
from .chain_state import Start, start_of
from .chain_steps import ReadyChain, ready_steps
from .edited_chain import EditedChain
from .replayed import inputs_of


class ChainUpdates(QObject):
    """Prepares the steps of the chain that was asked for last; those that stay the same are prepared once.

    Parameters
    ----------
    viewer
        The viewer.
    parent
        The owner.
    """

    ready = Signal()
    failed = Signal(str)
    progressed = Signal(object)

    def __init__(self, viewer: Any, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._task = LatestTask(self, name="history")
        self._task.returned.connect(self._take)
        self._task.failed.connect(self._fail)
        self._task.progressed.connect(self.progressed)
        self._observer = LayerObserver(self._forget)
        self._edits = Edits(viewer, self, lambda: is_quiet(viewer.layers))
        self._edits.edited.connect(self._forget)
        self._source: ref[Layer] | None = None
        self._start: Start | None = None
        self._asked: EditedChain | None = None
        self._wanted: Recipe | None = None  # that is being prepared
        self._recipe: Recipe | None = None  # that the ready chain is of
        self._chain: ReadyChain | None = None

    @property
    def is_busy(self) -> bool:
        """Whether steps are being prepared, or about to be."""
        return bool(self._task.is_running or self._edits.is_pending)

    @property
    def chain(self) -> ReadyChain:
        """The steps that are ready."""
        assert self._chain is not None
        return self._chain

    def is_for(self, chain: EditedChain) -> bool:
        """Return whether the steps of a chain, as it is now, are ready."""
        return self._chain is not None and self._asked is chain and self._recipe == chain.recipe

    def start_of(self, chain: EditedChain) -> Start | None:
        """Return the image that a chain begins with, the same one until its layer changes; None without a source."""
        source = chain.source
        if source is None:
            return None
        if self._start is None or self._source is None or self._source() is not source:
            self._follow(source)
            self._start = start_of(source, chain.recipe)
        return self._start

    def _follow(self, layer: Layer | None) -> None:
        self._source = None if layer is None else ref(layer)
        self._start = self._chain = None
        self._observer.watch(layer)
        self._edits.follow(layer)

    def _forget(self, event: Any = None) -> None:
        """Prepare all steps anew, because the source has changed; contrast limits change no pixels."""
        if event is not None and event.type == "contrast_limits":
            return
        self._start = self._chain = None
        if self._asked is not None:
            self.ask(self._asked)

    def ask(self, chain: EditedChain) -> None:
        """Prepare the steps of a chain; `ready` is emitted even if they are."""
        self._asked = chain
        start = self.start_of(chain)
        if start is None:
            return
        inputs = inputs_of(chain.recipe, [*self._viewer.layers])
        self._wanted = chain.recipe
        self._task.ask(ready_steps(chain.recipe, start, inputs, self._chain, threads()))

    def _take(self, chain: ReadyChain) -> None:
        self._chain, self._recipe = chain, self._wanted
        self.ready.emit()

    def _fail(self, text: str) -> None:
        self._recipe = None
        self.failed.emit(text)

    def stop(self) -> None:
        """Prepare nothing, and forget the source."""
        self._task.cancel()
        self._asked = None
        self._follow(None)

    def close(self) -> None:
        """Prepare nothing more."""
        self.stop()
        self._task.close()
