"""The layout of the History dock."""

from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QCheckBox, QListWidget, QStackedWidget, QVBoxLayout, QWidget

from ...recipe.names import SEAMS
from ..layers.layer_picker import LayerPicker
from ..place.content import FollowingDock
from ..place.entries import HISTORY
from ..qt.collapsible import Collapsible
from ..qt.combo_box import ElidedComboBox
from ..qt.elided import ElidedLabel
from ..qt.flow_layout import flow_row
from ..qt.layout import button, form_layout, hbox, scroll_area, vbox_widget, wrapping_label
from ..qt.theme import FollowFont
from ..tasks.run_bar import RunBar
from .origins import takes
from .step_form import StepForm
from .step_list import StepList

STEP, END, NOTHING = "step", "end", ""
SEEN = {STEP: "Show the step", END: "Show the end", NOTHING: "Show nothing"}
MINIMUM_WIDTH = 280


class HistoryLayout(FollowingDock):
    """Creates and arranges the widgets of the History dock."""

    def __init__(self, viewer: Any) -> None:
        super().__init__(viewer, HISTORY)
        self.title = ElidedLabel(SEAMS)
        self.pin = QCheckBox("Keep")
        self.pin.setToolTip("Keep these steps here while other layers are chosen, for example to replay them there")
        self.sentence = wrapping_label()
        self.sentence.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.source = LayerPicker(viewer, takes, lambda layer: False, none="Choose a layer")
        self.source.setToolTip("The layer that the first step is applied to")
        self.steps = StepList()
        self.see = ElidedComboBox()
        for data, text in SEEN.items():
            self.see.addItem(text, data)
        self.see.setToolTip("What is computed and shown over the image, without a layer being added")
        self.state = ElidedLabel()
        self.form = StepForm()
        self.bar = RunBar()
        self.bar.run.setToolTip("Run all steps, and add or update the layer of the edited chain (Ctrl+Return)")
        self.run_button, self.cancel_button = self.bar.run, self.bar.cancel
        self.message, self.task = self.bar.message, self.bar.task
        self._make_buttons()
        self._pages = QStackedWidget()
        for page in (self._chain(), self.sentence):
            self._pages.addWidget(page)
        exports = flow_row(
            self.replay_button, self.save_button, self.load_button, self.python_button, self.command_button,
            self.methods_button,
        )  # fmt: skip
        column = QVBoxLayout(self)
        column.setSpacing(4)
        column.addWidget(self.chooser)
        line = hbox(self.title, self.pin)
        line.setStretch(0, 1)
        column.addLayout(line)
        column.addWidget(self._pages, 1)
        column.addWidget(scroll_area(self.form, exports, self.session), 1)
        column.addWidget(self.bar)
        self.setMinimumWidth(MINIMUM_WIDTH)

    def _make_buttons(self) -> None:
        self.remove_button = button("Remove", "Remove the chosen step (Delete)")
        self.reset_button = button("Reset", "Go back to the steps as they were recorded or loaded")
        self.replay_button = button("Replay", "Apply the steps that are on to the other layers that are selected")
        self.save_button = button("Save recipe", "Write the steps to a file, from which they can be repeated")
        self.load_button = button("Load recipe", "Read the steps from a file, to apply them to this layer")
        self.python_button = button("Copy as Python", "Copy a script that gives the same pixels")
        self.command_button = button("Copy as command", "Copy the command that applies the steps to a file")
        self.methods_button = button("Copy methods text", "Copy a paragraph for a paper, with what to cite")
        self.save_text_button = button("Save as text", "Write what was done in this window to a text file")
        self.done_today = QListWidget()
        self.done_today.setWordWrap(True)
        self.done_today.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.done_today.setSelectionMode(QListWidget.SelectionMode.NoSelection)
        self.done_today.setAccessibleName("What I did today")
        self.done_today.setMinimumHeight(90)
        self.session = Collapsible("What I did today", vbox_widget(self.done_today, self.save_text_button))
        FollowFont(self.run_button, self.steps, self.done_today)

    def _chain(self) -> QWidget:
        """Return the page of a chain."""
        edit, seen = flow_row(self.remove_button, self.reset_button), hbox(self.see, self.state)
        seen.setStretch(0, 3)
        seen.setStretch(1, 2)
        column = vbox_widget(form_layout({"Source": self.source}), self.steps, edit, seen)
        layout = column.layout()
        assert isinstance(layout, QVBoxLayout)
        layout.setStretch(1, 1)
        return column

    def show_chain(self) -> None:
        """Show the steps."""
        self._pages.setCurrentIndex(0)

    def show_sentence(self, text: str) -> None:
        """Show a sentence in place of the steps."""
        self.sentence.setText(text)
        self._pages.setCurrentIndex(1)

    @property
    def shown_sentence(self) -> str:
        """The sentence shown in place of the steps; empty if there are steps."""
        return str(self.sentence.text()) if self._pages.currentIndex() == 1 else ""
