"""The panel with the options of a run, folded into a line that says what they are."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any
from weakref import ref

from napari.layers import Labels, Layer

from ...contract.operation import Operation
from ...contract.quantities import NO_BREAK, number
from ..layers import levels
from ..lazy.pixels import Levels
from ..lazy.shown import as_level
from ..qt.collapsible import Collapsible
from ..settings.preferences import default_options
from ..tasks.operation_job import Job, LazyOption
from .options_panel import RANGES, OptionsBox
from .panel import Panel

DEPENDS = "automatic type"  # which depends on further images

Said = tuple[str, bool]  # a few words on an option, and whether it differs from its default


class OptionsPanel(Panel):
    """The options of a run in a fold, which is hidden while no layer is chosen.

    Parameters
    ----------
    options
        The options.
    parameters
        Returns the parameters in the form.
    """

    name = "options"

    def __init__(self, options: OptionsBox, parameters: Callable[[], Mapping[str, Any]]) -> None:
        self.options = options
        self.widget = self.fold = Collapsible("Options", options)
        self._parameters = parameters
        options.changed.connect(self.tell_changed)
        options.words_changed.connect(self.say)
        self.fold.toggled.connect(self.tell_changed)
        self._layer: Callable[[], Layer | None] = lambda: None

    def show_for(self, layer: Layer | None, operation: Operation, level: int) -> None:
        """Show the options that can change the result for a layer."""
        self._layer = (lambda: None) if layer is None else ref(layer)
        self.fold.setVisible(layer is not None)
        if layer is not None:
            self.options.show_for(layer, operation, self._parameters())
            self.say()

    def say(self) -> None:
        """Say in the line what the options are."""
        layer = self._layer()
        if layer is not None:
            with suppress(ValueError):  # the chosen level is gone; the dock is about to be updated
                self.fold.say([*in_words(self.options, layer)])

    def add_to_job(self, job: Job, layer: Layer) -> Job:
        """Request the domain and the multiscale levels if they are ticked."""
        options = self.options
        domain = options.domain.isChecked() and job.operation.is_warp and not isinstance(layer, Labels)
        with_levels = options.multiscale.isChecked() and options.level_of(layer) == 0
        pyramid = levels.pyramid_of(layer) if with_levels else None
        return replace(job, domain=domain, square=options.square.value(), pyramid=pyramid, lazy=self._lazy(layer))

    def _lazy(self, layer: Layer) -> LazyOption:
        """Return the levels of a layer, and whether its result is to be lazy."""
        level = self.options.level_of(layer)
        data = layer.data[level:] if layer.multiscale else [layer.data]
        image = Levels(tuple(map(as_level, data)), layer.ndim, not isinstance(layer, Labels))
        return LazyOption(image, self.options.is_lazy)

    def save_state(self) -> dict[str, Any]:
        """Return whether the options are shown."""
        return {"open": self.fold.is_open}

    def restore_state(self, saved: Mapping[str, Any]) -> None:
        """Show the options as they were."""
        self.fold.is_open = saved.get("open") is True


def in_words(options: OptionsBox, layer: Layer) -> Iterator[Said]:
    """Say what the options are that can change the result for the layer shown, the usual ones too.

    Options that only add or hide layers are said if they are not the usual ones.
    """
    usual = default_options()
    if options.is_shown("level"):
        level = options.level_of(layer)
        yield f"level {level}", level > 0
    if options.is_shown("process"):
        yield _first_small(options.process.currentText()), not options.items.is_usual
    if options.is_shown("scope"):
        is_all = options.scope.currentData() == "all"
        yield "whole layer" if is_all else _first_small(options.scope.currentText()), not is_all
    if options.is_shown("range"):
        yield _range_in_words(options, layer), options.value_range.currentData() != usual["value_range"]
    if options.is_shown("statistics") and options.statistics.currentData() != "layer":
        yield f"statistics of {_first_small(options.statistics.currentText())}", True
    if options.is_shown("dtype"):
        yield options.result_type or DEPENDS, options.dtype.currentData() != usual["dtype"]
    if options.is_lazy:
        yield "lazy", True
    yield from _layers_in_words(options)


def _layers_in_words(options: OptionsBox) -> Iterator[Said]:
    """Say what is unusual about the layers that are added."""
    if options.shares_range:
        yield "one value range for all", True
    for tick, is_usual, words in (
        (options.multiscale, True, "not multiscale"),
        (options.domain, False, "with the domain"),
        (options.replace, False, "replaces the last result"),
        (options.hide_source, True, "source stays visible"),
    ):
        if not tick.isHidden() and tick.isChecked() != is_usual:
            yield words, True


def _range_in_words(options: OptionsBox, layer: Layer) -> str:
    how = options.value_range.currentData()
    words = "range" if how == "custom" else _first_small(RANGES[how])
    if how == "percentiles":
        low, high = options.percentiles.ends
        words += f"{NO_BREAK}{number(low)}–{number(high)}{NO_BREAK}%"
    limits = options.limits(layer)
    if limits is None or how == "percentiles":
        return words
    to = "–" if limits.low >= 0 else f"{NO_BREAK}to{NO_BREAK}"
    return f"{words}{NO_BREAK}{number(limits.low, 6)}{to}{number(limits.high, 6)}"


def _first_small(text: str) -> str:
    return text[:1].lower() + text[1:]
