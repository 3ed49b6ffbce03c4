"""The preview of a dock: asks for what is on screen whenever something changes, and shows what is computed."""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from weakref import WeakKeyDictionary

from napari.layers import Layer
from qtpy.QtCore import QCoreApplication, QEvent, QObject, Qt, QTimer, Signal

from ...contract.progress import Progress
from ...contract.quantities import percent
from ..layers.levels import array_of
from ..tasks.operation_job import Job
from .computed import Request, Update, key_of
from .edits import PLACES, Edits
from .preview_layer import LOOK, PreviewLayer
from .shared_facts import facts_of
from .shown import Shown
from .view import Seen, Unseen, seen_in
from .worker import PreviewWorker

LOOKS = (*LOOK, "visible")
AT_ONCE = QEvent.Type(QEvent.registerEventType())
SAME_FRAME = 0.02  # seconds that the window waits for a picture, which saves a frame: drawing takes longer
SLOW = 150  # milliseconds after which it is said that something is being computed
OWNERS: "WeakKeyDictionary[Any, LivePreview]" = WeakKeyDictionary()  # the preview that was started last, by window


class LivePreview(QObject):
    """Shows over a layer what a run would give, for what is on screen.

    Parameters
    ----------
    viewer
        The viewer.
    parent
        The owner.
    job
        Returns the job of a run on the chosen layer, and this layer; raises ValueError if it would be refused.
    stand_in
        Returns the layer that stands for a hidden source, an earlier result; None if there is none.
    """

    said = Signal(str, str)  # a state, "exact", "near", "partial", "counting" or "", and a sentence
    removed = Signal()  # somebody else has removed the layer
    gave_way = Signal()  # another preview of the viewer has been started

    def __init__(
        self,
        viewer: Any,
        parent: QObject,
        job: Callable[[], tuple[Job, Layer] | None],
        stand_in: Callable[[], Layer | None] = lambda: None,
    ) -> None:
        super().__init__(parent)
        self._viewer, self._job_of, self._stand_in = viewer, job, stand_in
        self.facts = facts_of(viewer)
        self.worker = PreviewWorker(self, self.facts)
        self.worker.told.connect(self._take)
        self.worker.progressed.connect(self._tell_progress)
        self.shown = PreviewLayer(viewer)
        self.is_on = False
        self._is_difference = False
        self._job: tuple[Job, Layer] | None = None
        self._seen: Seen | None = None
        self._asked: Any = None  # the key of the job that was asked for last
        self._latest = self._showing = 0
        self._raised: set[str] = set()
        self._is_posted = False
        self._watched: list[tuple[Any, Callable[..., None]]] = []
        self._layer: Layer | None = None
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self._ask)
        self._drawn = QTimer(self)
        self._drawn.setSingleShot(True)
        self._drawn.timeout.connect(self._note_drawn)
        self._began, self._turns = 0.0, 0
        self._events: list[tuple[Any, Callable[..., None]]] = []
        self._edits = Edits(viewer, self, lambda: self.shown.is_changing)
        self._edits.edited.connect(self._note_edit)
        self._slow = QTimer(self)  # a word that changes makes the window draw, which takes time from the preview
        self._slow.setSingleShot(True)
        self._slow.timeout.connect(lambda: self.said.emit("partial", ""))

    @property
    def is_busy(self) -> bool:
        """Whether something is about to be asked for, computed, or shown."""
        return bool(self._soon.isActive() or self._edits.is_pending or self.worker.is_busy)

    def start(self) -> None:
        """Show a preview, until `stop`."""
        if self.is_on:
            return
        self.is_on = True
        viewer = self._viewer
        other, OWNERS[viewer.window] = OWNERS.get(viewer.window), self
        if other is not None and other is not self and other.is_on:
            other.gave_way.emit()
        self._events = [
            (viewer.scene.camera.events, self._follow_view), (viewer.canvas.events.size, self._follow_view),
            (viewer.canvas.grid.events, self._follow_view), (viewer.dims.events, self._follow_view),
            (viewer.layers.events.removed, self._note_removed), (viewer.layers.events.reordered, self.shown.keep_above),
        ]  # fmt: skip
        for emitter, callback in self._events:
            emitter.connect(callback)
        self.renew()

    def stop(self) -> None:
        """Remove the preview."""
        if not self.is_on:
            return
        self.is_on = False
        for emitter, callback in self._events:
            emitter.disconnect(callback)
        self._events = []
        self._soon.stop()
        self._slow.stop()
        self._watch(None)
        self._showing = self.worker.cancel()
        self._job = self._seen = self._asked = None
        self.shown.remove()
        self.said.emit("", "")

    def close(self) -> None:
        """Remove the preview, and stop computing for good."""
        self.stop()
        self.worker.close()

    def renew(self, *change: Any) -> None:
        """Show what a run would give now, because parameters, options or the layer may have changed."""
        if self.is_on:
            self._job = None
            self._soon.start(0)

    def renew_at_once(self) -> None:
        """As `renew`, but before the window draws, which takes longer than many a preview."""
        if self.is_on and not self._is_posted:
            self._is_posted = True
            QCoreApplication.postEvent(self, QEvent(AT_ONCE), Qt.EventPriority.HighEventPriority.value)

    def customEvent(self, event: QEvent) -> None:
        """Ask for what has changed, all of it: fields may depend on each other."""
        self._is_posted = False
        if self.is_on:
            with suppress(ValueError):  # told when the event loop is idle, if it still holds
                self._job = self._job_of()
                if self._ask():
                    self.worker.wait(SAME_FRAME)

    def show_difference(self, is_difference: bool) -> None:
        """Show the result minus the source, or the result."""
        self._is_difference = is_difference
        self._seen = self._job = None
        self._follow_view()

    def _follow_view(self, event: Any = None) -> None:
        """Ask again if something else is on screen."""
        if self.is_on and not self.shown.is_changing and not self._soon.isActive():
            self._soon.start(0)

    def _ask(self) -> bool:
        """Ask for what is on screen, unless it was asked for last; return whether it was asked for now."""
        seen = seen_in(self._viewer, self._dots())
        if self._seen is not None and (seen.point, seen.displayed) != (self._seen.point, self._seen.displayed):
            self._job = None  # options may say which planes are processed
        try:
            if self._viewer.canvas.grid.enabled:
                raise Unseen("Preview shows one layer over the other: leave the grid")
            self._job = self._job or self._job_of()
        except ValueError as error:
            self._fail(str(error))
            return False
        if self._job is None:
            self._fail("")
            return False
        job, layer = self._job
        key = key_of(job), job.source.contrast_limits
        if key == self._asked and seen == self._seen:
            return False
        self._seen, self._asked = seen, key
        self._watch(layer)
        self._slow.start(SLOW)
        self._latest = self.worker.ask(Request(job, seen, self._is_difference))
        return True

    def _dots(self) -> float:
        return float(self._viewer.window._qt_window.devicePixelRatioF())

    def _take(self, serial: int, update: Update | None, what: Any) -> None:
        """Show a picture, unless it is of a layer that is no longer previewed; or say what failed."""
        if not self.is_on or self._layer is None or serial < self._showing:
            return
        self._showing = serial
        if serial == self._latest:
            self._slow.stop()
        if update is None:
            text = what if isinstance(what, str) else f"{type(what).__name__}: {what}"
            if serial == self._latest:
                self._fail(text)
            if isinstance(what, Exception) and text not in self._raised:  # once: a lazy source fails at each request
                self._raised.add(text)
                raise what
            return
        self._show(update, what)
        if serial == self._latest:
            self.said.emit(update.state, f"{update.share:.0%}")

    def _tell_progress(self, serial: int, progress: Progress) -> None:
        """Say that something is counted before anything can be shown."""
        if self.is_on and serial == self._latest and progress.total:
            self._slow.stop()
            share = percent(round(progress.done / progress.total, 2))
            self.said.emit("counting", f"{progress.phase} of the layer: {share}")

    def _show(self, update: Update, shown: Shown) -> None:
        layer, is_asked = self._layer, update.request.job.layer() is self._layer
        if layer is None or not is_asked or layer not in self._viewer.layers:
            return
        self._began, self._turns = time.perf_counter(), 0
        self.shown.show(layer, update, shown, self.covered(layer))
        self._drawn.start(0)

    def covered(self, layer: Layer) -> Layer | None:
        """Return the layer that is covered instead of the one that is previewed; None to cover that one."""
        return None if layer.visible else self._stand_in()

    def _note_drawn(self) -> None:
        """The second time that the event loop is idle, the frame has been drawn."""
        self._turns += 1
        if self._turns < 2:
            self._drawn.start(0)
        else:
            self.worker.note_drawn(time.perf_counter() - self._began)

    def _fail(self, sentence: str) -> None:
        self._slow.stop()
        self._showing = self.worker.cancel()
        self._latest = 0
        self._job = self._asked = None
        self.shown.remove()
        self.said.emit("", sentence)

    def _watch(self, layer: Layer | None) -> None:
        """Follow the look, the place and the pixels of a layer."""
        if layer is self._layer:
            return
        for emitter, callback in self._watched:
            emitter.disconnect(callback)
        self._watched, self._layer = [], layer
        self._edits.follow(layer)
        if layer is None:
            return
        pairs = [*((name, self.shown.take_look) for name in LOOKS), *((name, self.renew) for name in PLACES)]
        pairs.append(("set_data", self._arrange))
        for name, callback in pairs:
            if hasattr(layer.events, name):
                emitter = getattr(layer.events, name)
                emitter.connect(callback, position="last")  # after napari has drawn what changed
                self._watched.append((emitter, callback))

    def _arrange(self, event: Any = None) -> None:
        if not self.shown.is_changing:
            self.shown.arrange()

    def _note_edit(self) -> None:
        """Compute anew, because pixels were edited in place."""
        if self._job is not None:
            self.facts.touch(self._job[0].source.array)
        if self._layer is not None:
            self.facts.touch(array_of(self._layer))
        self.worker.touch()
        self._asked = None
        self.renew()

    def _note_removed(self, event: Any) -> None:
        if self.shown.is_changing:
            return
        if event.value is self.shown.layer:
            source = self._layer  # where all layers are removed, it goes later
            QTimer.singleShot(0, lambda: self._tell_removed(source))
        elif event.value is self._layer:
            self._watch(None)
            self._fail("")

    def _tell_removed(self, source: Layer | None) -> None:
        """Tell that the layer was removed while its source stays."""
        if self.is_on and source is not None and source in self._viewer.layers:
            self.removed.emit()
