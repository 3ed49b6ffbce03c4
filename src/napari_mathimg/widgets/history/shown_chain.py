"""The chain that the History dock shows: its list, the form of the chosen step, and the result that is seen."""

from typing import Any

from napari.layers import Layer

from ..qt.layout import order_fields
from .chain_state import ChainState, Start
from .exporting import Exporting
from .layout import END, NOTHING
from .seen import SeenResult
from .step_list import SOURCE, Row
from .updates import ChainUpdates
from .wording import parameters_of, seconds_in_words, title_of

STATES = {"exact": "exact", "near": "approximate", "partial": "computing…", "counting": "counting…"}


class ShownChain(Exporting):
    """Lists the steps, shows the form of the chosen one, and what is to be seen over the image."""

    def __init__(self, viewer: Any) -> None:
        super().__init__(viewer)
        self.updates = ChainUpdates(self._viewer, self)
        self.updates.ready.connect(self._take_ready)
        self.updates.failed.connect(self._tell_failure)
        self.updates.progressed.connect(lambda progress: self.state.setText(f"{progress.phase}…"))
        self.live = SeenResult(self._viewer, self, self._seen, self._layers_of_chain)
        self.live.said.connect(self._say)
        self._rests = False  # whether nothing is shown until another step is chosen or edited
        for signal in (self.live.removed, self.live.gave_way):
            signal.connect(self._rest)

    def _show(self) -> None:
        """Show the steps, the source, and the form of the chosen step; prepare what is to be seen."""
        chain = self.chain
        if chain is None:
            return
        source = chain.source
        if self.source.layer is not source:
            self.source.blockSignals(True)
            self.source.setCurrentIndex(0)
            self.source.layer = source
            self.source.blockSignals(False)
        rows = [
            Row(
                "\n".join([_heading(n, step, s), parameters_of(step)]),
                not step.off,
                "\n".join(filter(None, [_mark(step)])),
            )
            for n, (step, s) in enumerate(zip(chain.recipe.steps, chain.seconds, strict=True), 1)
        ]
        name = "No source" if source is None else f"Source: {source.name}"
        self.steps.show_steps(name, rows, self.steps.number)
        self._show_form()
        if source is None:
            self.message.setText("The source of these steps is no longer in the viewer: choose a layer.")
        self._prepare()

    def _show_form(self) -> None:
        chain, number = self.chain, self.steps.number
        if chain is None or number is None or number == SOURCE:
            self.form.clear()
            return
        start = self.updates.start_of(chain)
        names = start.state.image.axis_names if start is not None else chain.recipe.axis_names
        self.form.show_step(chain.recipe.steps[number], names)
        self.form.show_image(self.updates.chain.at(number) if self.updates.is_for(chain) else None)
        order_fields(self)

    def _prepare(self) -> None:
        """Prepare what is to be seen."""
        chain = self.chain
        is_seen = self.see.currentData() != NOTHING and self.steps.number is not None
        if chain is None or chain.source is None or not self.is_following:
            self.live.stop()
            self.updates.stop()
            return
        if not is_seen:
            self.live.stop()
        if is_seen or self.form.form is not None:
            self.updates.ask(chain)

    def _take_ready(self) -> None:
        """Show what is prepared."""
        chain = self.chain
        if chain is None or not self.updates.is_for(chain):
            return
        number = self.steps.number
        if number is not None and number >= 0:
            self.form.show_image(self.updates.chain.at(number))
        if self.see.currentData() == NOTHING or number is None:
            self.state.setText("")
            return
        self.live.shown.call(self._name_of_seen())
        self.live.start()
        self.live.renew()

    def _name_of_seen(self) -> str:
        chain, number = self.chain, self.steps.number
        if chain is None or number is None:
            return ""
        if self.see.currentData() == END:
            return "End result"
        return "Source" if number == SOURCE else f"{number + 1}. {chain.recipe.steps[number].declared.title}"

    def _seen(self) -> tuple[ChainState, Start] | None:
        """Return what is to be seen, if it is prepared."""
        chain, number = self.chain, self.steps.number
        if chain is None or number is None or not self.updates.is_for(chain):
            return None
        ready = self.updates.chain
        last = len(chain.recipe.steps) - 1
        return ready.after(last if self.see.currentData() == END else number), ready.start

    def _layers_of_chain(self) -> list[Layer]:
        chain = self.chain
        layers = [] if chain is None else [self.layer, chain.source, chain.layer(), chain.result]
        return [layer for layer in layers if layer is not None]

    def _say(self, state: str, text: str) -> None:
        words = STATES.get(state, "")
        self.state.setText(f"{words} {text}".strip() if state in ("partial", "counting") else words)
        if text and not words:
            self.message.setText(f"{text.rstrip('.')}.")

    def _look_at(self, way: str) -> None:
        """Choose what is shown."""
        self._rests = False
        self.see.blockSignals(True)
        self.see.setCurrentIndex(self.see.findData(way))
        self.see.blockSignals(False)

    def _rest(self) -> None:
        """Show nothing until another step is chosen or edited, because a result or the preview of a dock is seen."""
        if self.see.currentData() != NOTHING:
            self._look_at(NOTHING)
            self._rests = True
        self._prepare()

    def _tell_failure(self, text: str) -> None:
        self.live.stop()
        self.state.setText("")
        if text:
            self.message.setText(f"{text.rstrip('.')}.")


def _heading(number: int, step: Any, seconds: float | None) -> str:
    took = seconds_in_words(seconds)
    return f"{number}. {title_of(step)}{'' if not took else f'  {took}'}"


def _mark(step: Any) -> str:
    return "Pixels of its input were changed during the run: repeated, it may give another result" if step.torn else ""
