"""The preview of a batch: one of its files as a layer, and over it what the recipe would give."""

from collections.abc import Generator, Mapping
from typing import Any
from weakref import ref

import numpy as np
from napari.layers import Layer
from qtpy.QtCore import QObject, Signal

from ...contract.progress import Progress
from ...io.reading import open_image
from ...recipe.recipe import Recipe
from ..files.layer_data import LayerData
from ..history.chain_state import ChainState, Start, start_of
from ..history.chain_steps import ReadyChain, ready_steps
from ..history.seen import SeenResult
from ..settings.preferences import threads
from ..tasks.latest_task import LatestTask
from .opened_image import add_layers, opening_whole

NAME = "Result of the recipe"


class FilePreview(QObject):
    """Opens a file as a layer, and shows over it what a recipe gives, for what is on screen.

    The layer of the file stays; that of the next file takes its place.

    Parameters
    ----------
    viewer
        The viewer.
    parent
        The owner.
    """

    failed = Signal(str)
    said = Signal(str, str)
    ended = Signal()  # somebody has removed the layers, or another preview was started

    def __init__(self, viewer: Any, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._asked: tuple[str, Recipe, Mapping[str, str]] | None = None
        self._layer: ref[Layer] | None = None
        self._opened = ""  # the file of the layer
        self._ready: ReadyChain | None = None
        self._opening = LatestTask(self, name="opening")
        self._opening.returned.connect(self._add)
        self._preparing = LatestTask(self, name="preview")
        self._preparing.returned.connect(self._show)
        for task in (self._opening, self._preparing):
            task.failed.connect(self._fail)
        self.live = SeenResult(viewer, self, self._seen, lambda: [] if self.layer is None else [self.layer])
        self.live.said.connect(self.said)
        for signal in (self.live.removed, self.live.gave_way):
            signal.connect(self.ended)

    @property
    def layer(self) -> Layer | None:
        """The layer of the file, while it is in the viewer."""
        layer = None if self._layer is None else self._layer()
        return layer if layer is not None and layer in self._viewer.layers else None

    @property
    def is_busy(self) -> bool:
        """Whether something is opened, prepared or computed."""
        return bool(self._opening.is_running or self._preparing.is_running or self.live.is_busy)

    def show(self, file: str, recipe: Recipe, images: Mapping[str, str]) -> None:
        """Show what a recipe gives for a file."""
        if self._asked == (file, recipe, images) and (self.live.is_on or self.is_busy):
            return
        self._asked = file, recipe, dict(images)
        self._preparing.cancel()
        if self._opened == file and self.layer is not None:
            self._prepare()
        else:
            self.live.stop()
            self._opening.ask(opening_whole(file))

    def _add(self, opened: list[LayerData]) -> None:
        if self._asked is None:
            return
        before = self.layer
        (layer,) = add_layers(self._viewer, opened)
        self._layer, self._opened = ref(layer), self._asked[0]
        if before is not None:
            self._viewer.layers.remove(before)
        self._prepare()

    def _prepare(self) -> None:
        layer = self.layer
        if self._asked is None or layer is None:
            return
        _, recipe, images = self._asked
        try:
            start = start_of(layer, recipe)
        except ValueError as error:
            self._fail(str(error))
            return
        self._preparing.ask(_preparing(recipe, start, images))

    def _show(self, ready: ReadyChain) -> None:
        self._ready = ready
        self.live.shown.call(NAME)
        self.live.start()
        self.live.renew()

    def _seen(self) -> tuple[ChainState, Start] | None:
        ready = self._ready
        return None if ready is None else (ready.after(len(ready.steps) and ready.steps[-1].number), ready.start)

    def _fail(self, text: str) -> None:
        self.stop()
        self.failed.emit(text)

    def stop(self) -> None:
        """Show nothing over the layer of the file, which stays."""
        self._asked = self._ready = None
        self._opening.cancel()
        self._preparing.cancel()
        self.live.stop()

    def close(self) -> None:
        """Stop for good."""
        self.stop()
        self._opening.close()
        self._preparing.close()
        self.live.close()


def _preparing(recipe: Recipe, start: Start, images: Mapping[str, str]) -> Generator[Progress, None, ReadyChain]:
    """Open the further images, and prepare the steps of a recipe."""
    yield Progress("Open", 0, 1)
    inputs = {name: np.asarray(open_image(file).array) for name, file in images.items()}
    return (yield from ready_steps(recipe, start, inputs, None, threads()))
