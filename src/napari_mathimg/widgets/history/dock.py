"""The History dock: the steps that made the active layer, edited, repeated, saved and copied."""

from collections.abc import Callable, Sequence
from typing import Any
from weakref import ref

from napari.layers import Layer
from qtpy.QtCore import QTimer

from ...recipe.names import cut_middle
from ...recipe.recipe import Recipe
from ...recipe.record import RECORD, is_preview
from ..layers.layer_observer import is_quiet
from ..layers.napari_proxies import unwrapped
from ..place.content import Connection
from ..qt.keyboard import FocusRing, name_fields
from ..qt.layout import order_fields
from ..qt.number_boxes import first_refused
from ..settings.saved_docks import DockState
from .edited_chain import EditedChain, EditedChains, seconds_of
from .layout import END, NOTHING, STEP
from .origins import find_source, takes
from .replayed import Replayed, add_result, add_results, run_all, selected_layers, task_of
from .shown_chain import ShownChain
from .step_list import SOURCE
from .wording import seconds_in_words

EDITED = "edited"


class HistoryDock(ShownChain):
    """Shows the chain of steps of the active layer, and what an edited chain gives.

    No layer that exists is changed by an edit: the result of an edited chain is a layer of its own.

    Parameters
    ----------
    napari_viewer
        The viewer.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(unwrapped(napari_viewer))
        self.chains = EditedChains()
        self._layer: ref[Layer] | None = None
        self._has_told = False  # whether a message is to stay while the layer that it is about is followed
        self._ran: EditedChain | None = None  # whose result a run will show; None for a replay
        self._watched: list[Connection] = []
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self._follow)
        self._connect()
        self.saved_state = DockState(self, "history")
        self.show_sentence("Show this dock to see the steps of a layer.")
        order_fields(self)
        name_fields(self)
        FocusRing(self)

    def _connect(self) -> None:
        self.steps.chosen.connect(self._choose)
        self.steps.switched.connect(self._switch)
        self.steps.removed.connect(self._remove)
        self.form.edited.connect(self._edit)
        self.see.currentIndexChanged.connect(self._see)
        self.source.picked.connect(self._pick_source)
        self.pin.toggled.connect(self._follow_soon)
        self.remove_button.clicked.connect(self._remove_chosen)
        self.reset_button.clicked.connect(self._reset)
        self.run_button.clicked.connect(self.run)
        self.replay_button.clicked.connect(self.replay)
        self.bar.take_keys(self)
        self.task.returned.connect(self._add)
        self.task.finished.connect(self._enable)

    def viewer_events(self) -> list[Connection]:
        """Return what is connected while the dock is shown."""
        layers = self._viewer.layers
        return [
            (layers.selection.events.active, self._follow_soon),
            (layers.selection.events.changed, self._follow_soon),
            (layers.events.inserted, self._follow_soon),
            (layers.events.removed, self._follow_soon),
        ]

    def catch_up(self) -> None:
        """Show what was run meanwhile, and the chain of the active layer."""
        self.log.changed.connect(self.show_session)
        self.show_session()
        self._follow()

    def rest(self) -> None:
        """Stop computing what is seen."""
        self._soon.stop()
        if self.is_following:
            self.log.changed.disconnect(self.show_session)
        self._watch(None)
        self.live.stop()
        self.updates.stop()

    def end(self) -> None:
        """Stop all that runs, for good."""
        self.task.cancel()
        self.files.cancel()
        self.updates.close()
        self.live.close()
        self.source.disconnect_from_viewer()

    @property
    def layer(self) -> Layer | None:
        """The layer whose chain is shown."""
        layer = None if self._layer is None else self._layer()
        return layer if layer is not None and layer in self._viewer.layers else None

    @property
    def chain(self) -> EditedChain | None:
        """The chain that is shown; None if the layer has none."""
        layer = self.layer
        return None if layer is None else self.chains.get(layer)

    @property
    def is_busy(self) -> bool:
        """Whether something is about to be shown, or is computed."""
        waits = self._soon.isActive() or self.form.is_pending or self.updates.is_busy
        return bool(waits or self.task.is_running or self.files.is_running or self.live.is_busy)

    def _follow_soon(self, event: Any = None) -> None:
        if not is_quiet(self._viewer.layers):
            self._soon.start(0)

    def _follow(self) -> None:
        """Show the chain of the active layer, or a sentence that says why there is none."""
        active, before = self._viewer.layers.selection.active, self.layer
        several = active is None and len(self._viewer.layers.selection) > 1
        layer = before if before is not None and (self.pin.isChecked() or several) else active
        if layer is not None and is_preview(layer.metadata):
            layer = before
        if layer is not before or layer is None:
            if not self._has_told:  # of the layer that a run has added
                self.message.clear()
            self.form.clear()
            self.steps.setCurrentRow(-1)
        self._has_told = False
        self._layer = None if layer is None else ref(layer)
        self._watch(layer)
        self.show_chain_of(layer)

    def _watch(self, layer: Layer | None) -> None:
        while self._watched:
            emitter, callback = self._watched.pop()
            emitter.disconnect(callback)
        if layer is not None:
            self._watched = [(layer.events.name, self._follow_soon), (layer.events.data, self._follow_soon)]
            for emitter, callback in self._watched:
                emitter.connect(callback)

    def show_chain_of(self, layer: Layer | None) -> None:
        """Show the chain of a layer, or a sentence that says why there is none."""
        self.title.setText("" if layer is None else layer.name)
        sentence = self._open_chain(layer)
        chain = self.chain
        if chain is None:
            self.form.clear()
            self.live.stop()
            self.updates.stop()
            self.show_sentence(sentence)
        else:
            if chain.source is None or chain.source not in self._viewer.layers:
                chain.source = find_source(layer, self._viewer.layers) if layer is not None else None
            self.show_chain()
            self._show()
        self._enable()

    def _open_chain(self, layer: Layer | None) -> str:
        """Read the chain of a layer unless it is known; return a sentence if it has none."""
        if layer is None:
            return "Open an image to see its steps." if not len(self._viewer.layers) else "Select one layer."
        if self.chains.get(layer) is not None:
            return ""
        name, record = cut_middle(layer.name), layer.metadata.get(RECORD)
        if not record:
            rest = "" if not takes(layer) else " Load a recipe to apply it to this layer."
            return f"{name!r} has no steps: it is no result of Mathematical Imaging.{rest}"
        try:
            recipe = Recipe.from_record(record)
            seconds = seconds_of(record)
        except (ValueError, TypeError, AttributeError) as error:
            return f"The steps of {name!r} cannot be read: {error}."
        source = find_source(layer, self._viewer.layers)
        self.chains.put(layer, EditedChain(layer, recipe, seconds, source))
        return ""

    def _choose(self, number: int) -> None:
        """Show the result of a step, and its form."""
        if self._rests or self.see.currentData() == END:
            self._look_at(STEP)
        self._show_form()
        self._enable()
        self._prepare()

    def _see(self) -> None:
        self._rests = False
        self._prepare()

    def _pick_source(self) -> None:
        chain = self.chain
        if chain is None or self.source.layer is chain.source:
            return
        chain.source = self.source.layer
        self.message.clear()
        self._show()
        self._enable()

    def _change(self, change: Callable[[EditedChain], None]) -> None:
        """Edit the chain; show the end result, or say why it cannot be so."""
        chain = self.chain
        if chain is None:
            return
        try:
            change(chain)
        except ValueError as error:
            self._tell_failure(str(error).partition("parameters.")[2] or str(error))
            return
        self.message.clear()
        if self._rests or self.see.currentData() != NOTHING:
            self._look_at(END)
        if self.steps.number is None and len(chain.recipe.steps):
            self.steps.blockSignals(True)
            self.steps.setCurrentRow(len(chain.recipe.steps))
            self.steps.blockSignals(False)
        self._show()
        self._enable()

    def _edit(self, parameters: dict[str, Any]) -> None:
        number = self.steps.number
        if number is None or number == SOURCE:
            return

        def change(chain: EditedChain) -> None:
            chain.change(number, parameters)
            self.form.take(chain.recipe.steps[number])

        self._change(change)

    def _switch(self, number: int, on: bool) -> None:
        self._change(lambda chain: chain.switch(number, on))

    def _remove(self, number: int) -> None:
        self._change(lambda chain: chain.remove(number))

    def _remove_chosen(self) -> None:
        if self.steps.number is not None and self.steps.number >= 0:
            self._remove(self.steps.number)

    def _reset(self) -> None:
        self._change(EditedChain.reset)

    def _enable(self) -> None:
        """Enable what can be done."""
        chain, number = self.chain, self.steps.number
        is_idle, has_chain = not self.task.is_running, chain is not None
        several = chain is not None and len(chain.recipe.steps) > 1
        self.remove_button.setEnabled(several and number is not None and number >= 0)
        self.reset_button.setEnabled(chain is not None and chain.is_edited)
        self.run_button.setEnabled(is_idle and chain is not None and chain.source is not None)
        self.replay_button.setEnabled(is_idle and has_chain)
        self.load_button.setEnabled(self.layer is not None and takes(self.layer))
        for each in (self.save_button, self.python_button, self.command_button, self.methods_button):
            each.setEnabled(has_chain)

    def run(self) -> None:
        """Run all steps that are on, and add or update the layer of the edited chain."""
        chain = self.chain
        if chain is None or chain.source is None or self.task.is_running:
            return
        if reason := first_refused(self):
            self._tell_failure(reason)
            return
        self._ran = chain
        layers = [*self._viewer.layers]
        self.bar.start(run_all([task_of(chain.recipe, chain.source, layers, self.updates.start_of(chain))]))

    def replay(self) -> None:
        """Apply the steps that are on to the other selected layers; add the results when all are complete."""
        chain = self.chain
        if chain is None or self.task.is_running:
            return
        own = [self.layer, chain.result] if chain.is_recorded else []
        layers = selected_layers(self._viewer, own)
        if not layers:
            self.message.setText("Select the layers to replay on, besides this one (Ctrl+click), or tick Keep.")
            return
        self._ran = None
        self.bar.start(run_all([task_of(chain.recipe, layer, [*self._viewer.layers]) for layer in layers]))

    def _add(self, outcomes: Sequence[Replayed]) -> None:
        chain, self._has_told = self._ran, True
        if chain is None:
            self.bar.tell_reason(add_results(self._viewer, outcomes))
            return
        (outcome,) = outcomes
        if outcome.done is None:
            self._tell_failure(outcome.error)
            return
        previous = chain.result if chain.result in self._viewer.layers else None
        of = chain.layer()
        name = "" if of is None or not chain.is_recorded else f"{of.name} – {EDITED}"
        layer = add_result(self._viewer, outcome.task, outcome.done, previous, previous.name if previous else name)
        chain.result = layer
        if outcome.task.recipe == chain.recipe:
            chain.seconds = outcome.done.seconds
        self.chains.put(layer, chain)
        took = seconds_in_words(sum(filter(None, outcome.done.seconds)))
        self.message.setText(f"{'Updated' if previous is layer else 'Added'} in {took}.")
        self._rest()
        self._follow_soon()
