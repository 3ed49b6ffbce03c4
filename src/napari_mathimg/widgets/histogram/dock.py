"""The histogram dock, which shows the exact histogram of the active layer and compares it with others."""

from typing import Any
from weakref import ref

import numpy as np
from napari.layers import Image, Layer
from qtpy.QtCore import QTimer

from ...contract.progress import Progress
from ...contract.quantities import count, percent, quantity
from ...histogram import Histogram
from ...histogram.fine_histogram import FineHistogram
from ...recipe.names import cut_middle
from ...recipe.record import last_step
from ..layers.napari_proxies import unwrapped
from ..place.content import Connection
from ..preview.shared_facts import facts_of
from ..qt.keyboard import FocusRing, name_fields
from ..qt.layout import order_fields
from ..qt.theme import theme_colors
from ..settings.saved_docks import DockState
from .actions import HistogramActions
from .counted_region import RegionChoice
from .curves import PALETTE, channel_index, compared_curve, main_curves, median_tip, numbers, read_out
from .fields import fill_with_layers
from .layer_counts import Follower

LOOK = ("contrast_limits", "gamma", "colormap")  # layer attributes that the plot shows besides the pixels


class HistogramDock(HistogramActions):
    """Shows the histogram of the active layer, compares it with other layers, and offers actions.

    It follows the data, the slice and the appearance of the layer while it is visible, and is idle while hidden.

    Parameters
    ----------
    napari_viewer
        The viewer.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(unwrapped(napari_viewer))
        self._facts = facts_of(self._viewer)
        self._compared: dict[Layer, Follower] = {}
        self.pinned: list[ref[Layer]] = []
        self._looks: list[Connection] = []
        self._reset_view = True  # whether the next curves are shown whole
        self.redraws = 0
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self._follow)
        self._connect_controls()
        self.saved_state = DockState(self, "histogram")
        self.saved_state.keep("view", self.saved_fields)
        self._show_nothing("Show this dock to count.")
        order_fields(self)
        name_fields(self)
        FocusRing(self)

    @property
    def follower(self) -> Follower | None:
        """The counts of the active layer; None if it is not an image."""
        return self._follower

    @property
    def found(self) -> Histogram | None:
        """The histogram that is drawn for the active layer; None if none is."""
        return self._found

    @property
    def is_counting(self) -> bool:
        """Whether counting is in progress or about to start."""
        followers = [f for f in (self._follower, *self._compared.values()) if f is not None]
        return self._soon.isActive() or any(f.is_counting for f in followers)

    def viewer_events(self) -> list[Connection]:
        """Return what is connected while the dock is shown."""
        layers = self._viewer.layers
        return [
            (layers.selection.events.active, self._follow_soon),
            (layers.selection.events.changed, self._follow_soon),
            (layers.events.inserted, self._follow_soon),
            (layers.events.removed, self._follow_soon),
            (layers.events.reordered, self._follow_soon),
            (self._viewer.events.theme, self._show_theme),
        ]

    def catch_up(self) -> None:
        """Take the theme, and count the active layer."""
        self._show_theme()
        self._follow()

    def rest(self) -> None:
        """Stop counting."""
        self._soon.stop()
        self._stop_following()
        self._compare_with([])

    def end(self) -> None:
        """Stop all that runs, for good."""
        self.task.cancel()

    def _stop_following(self) -> None:
        while self._looks:
            emitter, callback = self._looks.pop()
            emitter.disconnect(callback)
        if self._follower is not None:
            self._follower.changed.disconnect(self._show)
            self._follower.stop()
            self._follower = None

    def _follow_soon(self, event: Any = None) -> None:
        self._soon.start(0)

    def _follow(self) -> None:
        """Follow the active layer, or show a sentence that explains why it has no histogram."""
        self.inside.list_layers(self._viewer.layers)
        self.pinned = [pin for pin in self.pinned if pin() in self._viewer.layers]
        layer, sentence = self._active()
        if layer is None:
            self._stop_following()
            self._compare_with([])
            self._show_nothing(sentence)
            return
        if self._follower is None or self._follower.layer is not layer:
            self._stop_following()
            self._compare_with([other for other in self._compared if other is not layer])
            self._reset_view, self._mark = True, None
            self._show_nothing("Counting…")
            self._follower = Follower(self._viewer, layer, self.choice, self._facts, self)
            self._follower.changed.connect(self._show)
            self._looks = [(getattr(layer.events, name), self._show_look) for name in LOOK]
            self._looks.append((layer.events.name, self._follow_soon))
            for emitter, callback in self._looks:
                emitter.connect(callback)
        self._compare()

    def _active(self) -> tuple[Layer | None, str]:
        selection = self._viewer.layers.selection
        layer = selection.active
        if layer is None:
            if not len(self._viewer.layers):
                return None, "Open an image to see its histogram."
            if len(selection) > 1:
                return None, f"{len(selection)} layers are selected: select one to see its histogram."
            return None, "No layer is selected: select an image to see its histogram."
        if not isinstance(layer, Image):
            kind = type(layer).__name__
            return None, f"{cut_middle(layer.name)!r} is a {kind} layer: select an image to see its histogram."
        return layer, ""

    @property
    def choice(self) -> RegionChoice:
        """The chosen region."""
        return RegionChoice(self.where.currentData(), self.inside.layer)

    def _choose(self) -> None:
        self._reset_view = True
        for follower in (self._follower, *self._compared.values()):
            if follower is not None:
                follower.choose(self.choice)

    @property
    def source(self) -> Layer | None:
        """The source of the active layer according to its metadata; None if it is not in the viewer."""
        step = last_step(self._follower.layer.metadata) if self._follower is not None else None
        name = None if step is None else step.get("source")
        return next((x for x in self._viewer.layers if x.name == name and isinstance(x, Image)), None)

    def pin(self, layer: Layer, on: bool = True) -> None:
        """Keep showing a layer's histogram for comparison, or stop."""
        self.pinned = [pin for pin in self.pinned if pin() is not layer]
        if on:
            self.pinned.append(ref(layer))
        self._compare()

    def _compare(self) -> None:
        active = self._follower.layer if self._follower is not None else None
        source = self.source
        self.before_after.setEnabled(source is not None)
        layers = [layer for pin in self.pinned if (layer := pin()) is not None]
        if source is not None and self.before_after.isChecked() and source not in layers:
            layers.insert(0, source)
        self._compare_with([layer for layer in layers if layer is not active] if active is not None else [])
        self.pin_button.blockSignals(True)
        self.pin_button.setChecked(active is not None and any(pin() is active for pin in self.pinned))
        self.pin_button.blockSignals(False)
        self._show()

    def _compare_with(self, layers: list[Layer]) -> None:
        for layer in [x for x in self._compared if x not in layers]:
            follower = self._compared.pop(layer)
            layer.events.name.disconnect(self._follow_soon)
            follower.changed.disconnect(self._show)
            follower.stop()
        for layer in layers:
            if layer not in self._compared:
                follower = self._compared[layer] = Follower(self._viewer, layer, self.choice, self._facts, self)
                follower.changed.connect(self._show)
                layer.events.name.connect(self._follow_soon)
        self._compared = {layer: self._compared[layer] for layer in layers}

    def _list_others(self) -> None:
        chosen = [layer for pin in self.pinned if (layer := pin()) is not None]
        active = self._follower.layer if self._follower is not None else None
        fill_with_layers(self.others.menu(), self._viewer.layers, chosen, active, self.pin)

    def _show(self) -> None:
        """Draw the counts known so far."""
        follower = self._follower
        if follower is None or not self.is_following:
            return
        tally = follower.tally
        if tally is None:
            self._show_nothing(follower.message or "Counting…")
            self._show_progress(follower)
            return
        if not tally.pixels:
            self._show_nothing("The selection holds no pixel of this layer.")
            return
        self._found = tally.histogram(self.bins.value())
        self.redraws += 1
        self.axis.suggest(self._found.counts[channel_index(tally, self.channel.currentData())])
        self.channel.setVisible(len(tally.channels) > 1)
        self._draw(tally, self._found)
        self.table.show_numbers(numbers(tally, self._found, self.channel.currentData()))
        median = self.table.values["Median"]
        median.setToolTip("\n".join(filter(None, (median.toolTip(), median_tip(tally, self.channel.currentData())))))
        self._show_mark()
        self._show_progress(follower)
        self.show_plot()

    def _draw(self, tally: FineHistogram, drawn: Histogram) -> None:
        assert self._follower is not None
        layer, channel, cumulative = self._follower.layer, self.channel.currentData(), self.cumulative.isChecked()
        curves = list(main_curves(tally, drawn, layer.name, channel, self.outline, cumulative))
        pixels, legend = int(tally.finite[channel_index(tally, channel)]), [(self.outline, layer.name, False)]
        for (other, follower), color in zip(self._compared.items(), PALETTE * 9, strict=False):
            if follower.tally is not None and follower.tally.pixels:
                curves.append(
                    compared_curve(
                        follower.tally, self.bins.value(), drawn, pixels, other.name, channel, color, cumulative
                    )
                )
                legend.append((color, other.name + ("" if follower.tally.exact else " (partial)"), True))
        self._show_look()
        self.plot.show_curves(curves, anew=self._reset_view)
        self.show_legend(legend if len(legend) > 1 else [])
        self._reset_view = self._reset_view and not tally.exact

    def _show_look(self, event: Any = None) -> None:
        """Show the name, contrast limits, gamma and colormap of the layer."""
        if self._follower is None:
            return
        layer = self._follower.layer
        self.title.setText(layer.name)
        has_limits = not layer.rgb
        limits = (float(layer.contrast_limits[0]), float(layer.contrast_limits[1])) if has_limits else None
        for widget in (self.limits, *self.limit_buttons.values()):
            widget.setEnabled(has_limits)
        self.limits.show_range(limits)
        colors = np.asarray(layer.colormap.map(np.linspace(0, 1, 256))) if has_limits else None
        self.plot.set_limits(limits, float(layer.gamma), colors)

    def _show_progress(self, follower: Follower) -> None:
        tally, progress = follower.tally, follower.progress
        counting, outside = progress is not None, ""
        self.cancel_button.setEnabled(counting)
        if tally is None:
            self.state.setText(f"{share_read(progress)} read" if progress else "")
        elif tally.exact and self._found is not None:
            index = channel_index(tally, self.channel.currentData())
            beside = {"below": self._found.underflow, "above": self._found.overflow, "NaN or ∞": self._found.nonfinite}
            pixels = {where: int(np.atleast_1d(n)[index]) for where, n in beside.items()}
            outside = ", ".join(f"{count(n)} {where}" for where, n in pixels.items() if n)
            outside = f"Outside the plot: {outside}" if outside else ""
            self.state.setText(f"exact: {quantity(count(tally.pixels), 'px')}")
            if follower.layer.multiscale:
                self.state.setToolTip(f"{self.state.whole()}, in full resolution")
        else:
            done = f", {share_read(progress)} read" if progress else ", stopped"
            counted = f"{count(tally.pixels)} of {quantity(count(tally.wanted), 'px')}"
            self.state.setText(f"partial: {'a coarser level' if follower.is_first_look else counted}{done}")
        self.outside.setText(outside)

    def _show_nothing(self, sentence: str) -> None:
        """Show a sentence instead of an outdated histogram."""
        self._found = None
        self.plot.show_curves([])
        self.plot.set_limits(None)
        self.plot.set_mark(None)
        self.table.show_numbers({})
        self.show_legend([])
        self.read_out.setText("")
        self.state.setText("")
        self.outside.setText("")
        self.title.setText(self._follower.layer.name if self._follower is not None else "")
        self.show_sentence(sentence)

    def _show_theme(self, event: Any = None) -> None:
        colors = theme_colors(self._viewer.theme)
        self.outline = (colors.text.red(), colors.text.green(), colors.text.blue())
        self.plot.set_theme(colors.background, colors.text, colors.accent)
        if self._found is not None:
            self._show()

    def _hover(self, value: float) -> None:
        tally = self._tally
        if tally is not None and self._found is not None:
            self.read_out.setText(read_out(tally, self._found, self.channel.currentData(), value))

    def _connect_controls(self) -> None:
        self.where.currentIndexChanged.connect(self._choose)
        self.inside.currentIndexChanged.connect(self._choose)
        self.channel.currentIndexChanged.connect(self._show)
        self.bins.valueChanged.connect(self._show)
        self.cumulative.toggled.connect(self._show)
        self.axis.changed.connect(self.plot.set_log)
        self.before_after.toggled.connect(self._toggle_source)
        self.pin_button.toggled.connect(self._pin_active)
        self.others.menu().aboutToShow.connect(self._list_others)
        self.plot.hovered.connect(self._hover)
        self.cancel_button.clicked.connect(self.stop_counting)
        self.again.triggered.connect(self.count_again)

    def _pin_active(self, on: bool) -> None:
        if self._follower is not None:
            self.pin(self._follower.layer, on)

    def stop_counting(self) -> None:
        """Stop counting; the counts so far stay and are marked as partial."""
        if self._follower is not None:
            self._follower.cancel()

    def count_again(self) -> None:
        """Read all shown layers again; files can change without an event."""
        for follower in (self._follower, *self._compared.values()):
            if follower is not None:
                follower.count_again()

    def _toggle_source(self, on: bool) -> None:
        if on:
            self.cumulative.setChecked(True)
        self._reset_view = True
        self._compare()


def share_read(progress: Progress) -> str:
    """Say how much has been read, in whole percent."""
    return percent(int(100 * progress.done / max(progress.total, 1)) / 100)
