"""One layer's counts, counted anew when its pixels or the region change."""

from collections.abc import Callable, MutableMapping
from typing import Any

import numpy as np
from napari.layers import Labels, Layer
from qtpy.QtCore import QObject, QTimer, Signal

from ...contract.progress import Progress
from ...histogram import Answer, tally_steps
from ...histogram.fine_histogram import FineHistogram
from ..settings.preferences import threads
from ..tasks.latest_task import LatestTask
from .counted_region import Place, RegionChoice, place_in

Connection = tuple[Any, Callable[..., None]]
Kept = MutableMapping[Layer, dict[tuple[Any, ...], tuple[Any, FineHistogram]]]

RUNS = 3  # at most under way: a slow read of an old region cannot be stopped, but need not hold up the next
PATIENCE = 60  # milliseconds an old curve may stay while the first answer is under way
CAMERA = 80  # milliseconds after which the pixels on screen are known


class Follower(QObject):
    """The counts of one image layer.

    `changed` is emitted when there is another `tally` or `message`: never one of an old state of the layer.

    Parameters
    ----------
    viewer, layer
        The viewer and one of its image layers.
    choice
        What is counted of it.
    kept
        Exact tallies of lazy arrays by layer and region, so that nothing is read twice.
    """

    changed = Signal()

    def __init__(
        self, viewer: Any, layer: Layer, choice: RegionChoice, kept: Kept, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.layer, self.message = layer, ""
        self.tally: FineHistogram | None = None
        self.progress: Progress | None = None
        self.updates = 0
        self._viewer, self._choice, self._saved = viewer, choice, kept
        self._task = LatestTask(
            self,
            runs=RUNS,
            expected=(Exception,),  # whatever reading a layer's data may raise
            urgent=lambda answer: answer.tally is not None,
        )
        self._task.progressed.connect(self._answer)
        self._task.returned.connect(self._finish)
        self._task.failed.connect(self._fail)
        self._task.closed.connect(self.deleteLater)
        self._key: tuple[Any, ...] | None = None
        self._place: Place | None = None
        self._dirty = True
        self._soon, self._patience = QTimer(self), QTimer(self)
        for timer, slot in ((self._soon, self._look), (self._patience, self._tell)):
            timer.setSingleShot(True)
            timer.timeout.connect(slot)
        self._state = self._view()
        self._connections: list[Connection] = []
        self._connect()
        self._soon.start(0)

    @property
    def is_counting(self) -> bool:
        """Whether an answer is still to come."""
        return self._soon.isActive() or self.progress is not None

    @property
    def is_first_look(self) -> bool:
        """Whether what is known are the counts of a coarser level, which come before those of the full resolution."""
        coarse = self._place is not None and self._place.coarse is not None
        return coarse and self.tally is not None and not self.tally.exact

    def choose(self, choice: RegionChoice) -> None:
        """Count another region."""
        if choice != self._choice:
            self._disconnect()
            self._choice = choice
            self._connect()
            self._soon.start(0)

    def count_again(self) -> None:
        """Read everything again: a file may have changed without a word."""
        self._forget()
        self._soon.start(0)

    def stop(self) -> None:
        """End all runs and undo all connections; the follower goes."""
        self._disconnect()
        self._soon.stop()
        self._cancel()
        self._task.close()

    def cancel(self) -> None:
        """Stop counting; what is known by then stays, marked partial."""
        self._cancel()
        self._tell()

    def _connect(self) -> None:
        events, dims, inside = self.layer.events, self._viewer.dims.events, self._choice.inside
        wanted: list[Connection] = [
            (events.data, self._replaced),
            (events.set_data, self._sliced),
            (events.visible, self._shown),
        ]
        if self._choice.where != "layer" or inside is not None:
            wanted += [(event, self._moved) for event in (dims.current_step, dims.ndisplay, dims.order)]
        if self._choice.where == "screen":
            wanted.append((self._viewer.scene.camera.events, self._panned))
        if inside is not None:
            wanted += [(getattr(inside.events, name), self._reselected) for name in ("data", "set_data")]
            wanted.append(
                (inside.events.selected_label, self._reselected)
                if isinstance(inside, Labels)
                else (inside.selected_data.events.items_changed, self._reselected)
            )
            if isinstance(inside, Labels):
                wanted.append((inside.events.paint, self._reselected))
        for emitter, callback in wanted:
            emitter.connect(callback)
        self._connections = wanted

    def _disconnect(self) -> None:
        while self._connections:
            emitter, callback = self._connections.pop()
            emitter.disconnect(callback)

    def _view(self) -> tuple[Any, ...]:
        """Return what makes napari slice a layer anew without its pixels having changed."""
        dims = self._viewer.dims
        extent = np.asarray(self.layer.extent.world)
        return (*dims.current_step, dims.ndisplay, *dims.order, self.layer.visible, extent.tobytes())

    def _replaced(self, event: Any = None) -> None:
        self._forget()
        self._soon.start(0)

    def _sliced(self, event: Any = None) -> None:
        """Tell a move of the sliders from pixels that changed in place."""
        state, before = self._view(), self._state
        self._state = state
        if state == before and (self._in_memory or not (self.layer.multiscale or _is_dask(self.layer.data))):
            self._forget()
        self._soon.start(0)

    def _shown(self, event: Any = None) -> None:
        """Count anew what may have changed while nobody saw it."""
        if self.layer.visible and self._in_memory:
            self._replaced()

    def _moved(self, event: Any = None) -> None:
        self._soon.start(0)

    def _panned(self, event: Any = None) -> None:
        self._soon.start(CAMERA)

    def _reselected(self, event: Any = None) -> None:
        self._dirty = True
        self._soon.start(0)

    @property
    def _in_memory(self) -> bool:
        return isinstance(self.layer.data, np.ndarray)

    def _forget(self) -> None:
        self._saved.pop(self.layer, None)
        self._key, self._dirty = None, True

    def _look(self) -> None:
        """Find out what is to be counted now, and count it unless that is done or under way."""
        try:
            place = place_in(self._viewer, self.layer, self._choice)
        except ValueError as error:
            self._cancel()
            self._key, self.tally, self.message = None, None, str(error)
            self._tell()
            return
        if place.key == self._key and not self._dirty and not self.message:
            return
        self._cancel()
        self.tally, self.message, self._key, self._place, self._dirty = None, "", place.key, place, False
        array, known = self._saved.get(self.layer, {}).get(place.key, (None, None))
        if known is not None and array is place.region.array:
            self.tally = known
            self._tell()
        else:
            self._start(place)

    def _start(self, place: Place) -> None:
        self._patience.start(PATIENCE)
        self.progress = Progress("", 0, 1)
        self._task.ask(tally_steps(place.region, place.coarse, threads()))

    def _cancel(self) -> None:
        self.progress = None
        self._patience.stop()
        self._task.cancel()

    def _answer(self, answer: Answer) -> None:
        self.progress = answer.progress
        if answer.tally is not None:
            self.tally = answer.tally
        if answer.tally is not None or not self._patience.isActive():
            self._tell()

    def _finish(self, tally: FineHistogram) -> None:
        self.tally, self.progress = tally, None
        place = self._place
        if place is not None and place.region.mask is None and not place.region.in_memory:
            self._saved.setdefault(self.layer, {})[place.key] = (place.region.array, tally)
        self._tell()

    def _fail(self, text: str) -> None:
        self.tally, self.progress = None, None
        self.message = f"'{self.layer.name}' could not be read: {text}"
        self._tell()

    def _tell(self) -> None:
        self._patience.stop()
        self.updates += 1
        self.changed.emit()


def _is_dask(array: Any) -> bool:
    return type(array).__module__.partition(".")[0] == "dask"
