"""The counts of one layer, updated when its pixels or the region change."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from napari.layers import Labels, Layer
from qtpy.QtCore import QObject, QTimer, Signal

from ...contract.progress import Progress
from ...engine.facts import Facts, Key
from ...engine.value_range import key_of_ends, remember_ends
from ...histogram import Answer, Region, tally_steps
from ...histogram.fine_histogram import FineHistogram
from ...recipe.names import cut_middle
from ..layers.levels import full_resolution
from ..settings.preferences import threads
from ..tasks.latest_task import LatestTask
from .counted_region import Place, RegionChoice, place_in

Connection = tuple[Any, Callable[..., None]]

RUNS = 3  # concurrent runs: a slow read of an old region cannot be stopped, but must not delay the next one
PATIENCE = 60  # milliseconds that an outdated curve may stay while the first answer is awaited
CAMERA = 80  # milliseconds after a camera move until napari has updated the pixels on screen


class Follower(QObject):
    """Keeps the counts of one image layer up to date.

    `changed` is emitted when `tally` or `message` has changed; they never describe an outdated state of the layer.

    Parameters
    ----------
    viewer, layer
        The viewer and one of its image layers.
    choice
        The region to count.
    facts
        Receives the exact counts of lazy arrays, so that nothing is read twice, and the value ranges of all.
    """

    changed = Signal()

    def __init__(
        self, viewer: Any, layer: Layer, choice: RegionChoice, facts: Facts, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.layer, self.message = layer, ""
        self.tally: FineHistogram | None = None
        self.progress: Progress | None = None
        self.updates = 0
        self._viewer, self._choice, self._facts = viewer, choice, facts
        self._task = LatestTask(
            self,
            runs=RUNS,
            expected=(Exception,),  # reading lazy data may raise any exception
            urgent=lambda answer: answer.tally is not None,
        )
        self._task.progressed.connect(self._answer)
        self._task.returned.connect(self._finish)
        self._task.failed.connect(self._fail)
        self._task.closed.connect(self.deleteLater)
        self._key: tuple[Any, ...] | None = None
        self._place: Place | None = None
        self._fact: Key | None = None  # of the pixels before the first of them is read, as is the next one
        self._ends: Key | None = None
        self._begun = 0.0
        self._dirty = True
        self._soon, self._patience = QTimer(self), QTimer(self)
        for timer, slot in ((self._soon, self._update), (self._patience, self._emit_changed)):
            timer.setSingleShot(True)
            timer.timeout.connect(slot)
        self._state = self._view()
        self._connections: list[Connection] = []
        self._connect()
        self._soon.start(0)

    @property
    def is_counting(self) -> bool:
        """Whether another answer is expected."""
        return self._soon.isActive() or self.progress is not None

    @property
    def is_first_look(self) -> bool:
        """Whether the counts are the preliminary ones of a coarser level."""
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
        """Read the pixels again; files can change without an event."""
        self._forget()
        self._soon.start(0)

    def stop(self) -> None:
        """End all runs and disconnect for good."""
        self._disconnect()
        self._soon.stop()
        self._cancel()
        self._task.close()

    def cancel(self) -> None:
        """Stop counting; the counts so far stay and are marked as partial."""
        self._cancel()
        self._emit_changed()

    def _connect(self) -> None:
        events, dims, inside = self.layer.events, self._viewer.dims.events, self._choice.inside
        connections: list[Connection] = [
            (events.data, self._replaced),
            (events.set_data, self._sliced),
            (events.visible, self._shown),
        ]
        if self._choice.where != "layer" or inside is not None:
            connections += [(event, self._moved) for event in (dims.current_step, dims.ndisplay, dims.order)]
        if self._choice.where == "screen":
            connections.append((self._viewer.scene.camera.events, self._panned))
        if inside is not None:
            connections += [(getattr(inside.events, name), self._reselected) for name in ("data", "set_data")]
            connections.append(
                (inside.events.selected_label, self._reselected)
                if isinstance(inside, Labels)
                else (inside.selected_data.events.items_changed, self._reselected)
            )
            if isinstance(inside, Labels):
                connections.append((inside.events.paint, self._reselected))
        for emitter, callback in connections:
            emitter.connect(callback)
        self._connections = connections

    def _disconnect(self) -> None:
        while self._connections:
            emitter, callback = self._connections.pop()
            emitter.disconnect(callback)

    def _view(self) -> tuple[Any, ...]:
        """Return the state whose change makes napari slice a layer again although its pixels are the same."""
        dims = self._viewer.dims
        extent = np.asarray(self.layer.extent.world)
        return (*dims.current_step, dims.ndisplay, *dims.order, self.layer.visible, extent.tobytes())

    def _replaced(self, event: Any = None) -> None:
        self._forget()
        self._soon.start(0)

    def _sliced(self, event: Any = None) -> None:
        """Distinguish a move of the sliders from a change of pixels in place."""
        state, before = self._view(), self._state
        self._state = state
        if state == before and (self._in_memory or not (self.layer.multiscale or _is_dask(self.layer.data))):
            self._forget()
        self._soon.start(0)

    def _shown(self, event: Any = None) -> None:
        """Count again when the layer is shown: its pixels may have changed while it was hidden."""
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
        self._facts.touch(full_resolution(self.layer))
        self._key, self._dirty = None, True

    def _update(self) -> None:
        """Determine the region, and count it unless this is done or in progress."""
        try:
            place = place_in(self._viewer, self.layer, self._choice)
        except ValueError as error:
            self._cancel()
            self._key, self.tally, self.message = None, None, str(error)
            self._emit_changed()
            return
        if place.key == self._key and not self._dirty and not self.message:
            return
        self._cancel()
        self.tally, self.message, self._key, self._place, self._dirty = None, "", place.key, place, False
        region = place.region
        self._fact = self._facts.key(region.array, "histogram", region.box, region.colors)
        self._ends = key_of_ends(self._facts, region.array, region.colors) if region.is_whole else None
        is_kept = region.mask is None and not region.in_memory
        if is_kept and self._fact is not None and (fact := self._facts.find(self._fact)) is not None:
            self.tally = fact.value
            self._emit_changed()
        else:
            self._start(place)

    def _start(self, place: Place) -> None:
        self._patience.start(PATIENCE)
        self._begun = time.perf_counter()
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
            self._emit_changed()

    def _finish(self, tally: FineHistogram) -> None:
        self.tally, self.progress = tally, None
        if self._place is not None and self._place.region.mask is None and tally.exact:
            self._remember(self._place.region, tally)
        self._emit_changed()

    def _remember(self, region: Region, tally: FineHistogram) -> None:
        """Keep the counts of pixels that are not in memory, and of a whole layer its value range."""
        if self._fact is not None and not region.in_memory:
            self._facts.add(self._fact, tally, time.perf_counter() - self._begun)
        channels = len(tally.channels) if len(tally.channels) == 1 else 3  # without luminance
        ends = tally.ends[:channels]
        if self._ends is not None and np.isfinite(ends).all():
            dtype = np.dtype(region.array.dtype)
            remember_ends(self._facts, self._ends, dtype, (ends[:, 0].min(), ends[:, 1].max()))

    def _fail(self, text: str) -> None:
        self.tally, self.progress = None, None
        self.message = f"{cut_middle(self.layer.name)!r} could not be read: {text}"
        self._emit_changed()

    def _emit_changed(self) -> None:
        self._patience.stop()
        self.updates += 1
        self.changed.emit()


def _is_dask(array: Any) -> bool:
    return type(array).__module__.partition(".")[0] == "dask"
