"""The layout of the Batch dock."""

from typing import Any

from qtpy.QtWidgets import QCheckBox, QVBoxLayout

from ..place.content import FollowingDock
from ..place.entries import BATCH
from ..qt.elided import ElidedLabel
from ..qt.flow_layout import flow_row
from ..qt.layout import button, scroll_area, wrapping_label
from ..qt.theme import FollowFont
from ..tasks.run_bar import RunBar
from .file_list import FileList
from .file_model import FileModel
from .recipe_box import RecipeBox
from .target_box import TargetBox

MINIMUM_WIDTH = 280
RUN, RESUME, PAUSE = "Run", "Resume", "Pause"


class BatchLayout(FollowingDock):
    """Creates and arranges the widgets of the Batch dock."""

    def __init__(self, viewer: Any) -> None:
        super().__init__(viewer, BATCH)
        self.rows = FileModel(self)
        self.list = FileList(self.rows)
        self.count, self.states = wrapping_label(), ElidedLabel()
        self.subfolders = QCheckBox("With subfolders")
        self.subfolders.setToolTip("Look for images in the folders within a folder, too")
        self.failures_only = QCheckBox("Failures only")
        self.failures_only.setToolTip("Show only the files that have failed, with the reasons")
        self.recipe, self.target = RecipeBox(), TargetBox()
        self.preview = QCheckBox("Preview")
        self.preview.setToolTip("Open the chosen file as a layer, and show over it what the recipe gives")
        self.bar = RunBar()
        self.bar.run.setToolTip("Apply the recipe to all files and write the results (Ctrl+Return)")
        self.bar.cancel.setToolTip("Stop the run; files that are done stay, and the next run goes on (Escape)")
        self.run_button, self.cancel_button, self.message = self.bar.run, self.bar.cancel, self.bar.message
        self.pause_button = button(PAUSE, "Let the run rest, or go on")
        self.bar.put_before_cancel(self.pause_button)
        self.preview_state = self.bar.needs
        self._make_buttons()
        below = scroll_area(self.recipe, self.target, flow_row(self.command_button, self.report_button))
        column = QVBoxLayout(self)
        column.setSpacing(4)
        column.addWidget(self.chooser)
        column.addWidget(flow_row(self.add_files, self.add_folder, self.remove_button, self.result_button))
        column.addWidget(flow_row(self.subfolders, self.failures_only, self.preview))
        column.addWidget(self.list, 1)
        column.addWidget(self.count)
        column.addWidget(self.states)
        column.addWidget(below, 1)
        column.addWidget(self.bar)
        self.setMinimumWidth(MINIMUM_WIDTH)

    def _make_buttons(self) -> None:
        self.add_files = button("Add files…", "Choose images; they can also be dropped on the list")
        self.add_folder = button("Add folder…", "Choose a folder of images; it can also be dropped on the list")
        self.remove_button = button("Remove", "Leave the selected files out; they stay on the disk (Delete)")
        self.result_button = button("Open result", "Open the result of the selected file as a layer (double click)")
        self.command_button = button("Copy command line", "Copy the command that does the same in a terminal")
        self.report_button = button("Save report…", "Write what became of each file to a table (CSV or JSON)")
        FollowFont(self.run_button, self.list, self.target.folder, self.target.pattern)
