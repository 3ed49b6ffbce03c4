"""Where the results of a batch go, and how they are written."""

from pathlib import Path

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QFileDialog, QGroupBox, QLineEdit, QVBoxLayout, QWidget

from ...batch.choices import KINDS
from ...batch.job import JobChoices
from ..qt.combo_box import ElidedComboBox
from ..qt.elided import ElidedLabel
from ..qt.layout import button, form_layout, hbox
from ..qt.number_boxes import WholeSpinBox
from ..settings.preferences import memory, threads
from ..settings.saved_fields import SavedFields

ARROW = "→"  # before the name of a result
PATTERN, ENDING, FOLDER = "{stem}_{recipe}", "{ending}", "results"
AS_SOURCE = ""
FORMATS = {
    AS_SOURCE: "As the source", "ome.tif": "OME-TIFF", "ome.zarr": "OME-Zarr", "tif": "TIFF (ImageJ)", "npy": "NumPy",
    "png": "PNG", "jpg": "JPEG",
}  # fmt: skip
ON_EXISTS = {"fail": "Refuse to run", "skip": "Leave it out", "overwrite": "Overwrite it"}
MOST_WORKERS = 64
NO_FOLDER = "Choose a folder for the results."


class TargetBox(QGroupBox):
    """Lets a folder, names, a format and the way of running be chosen."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__("Results")
        self.folder, self.pattern = QLineEdit(), QLineEdit(PATTERN)
        self.folder.setToolTip("Folder of the results; it is made if there is none")
        self.folder.setAccessibleName("Folder")
        self.pattern.setToolTip(
            "Name of a result: {stem} is the name of the source without its ending, {recipe} that of the recipe,"
            " {number} counts the files, and {below}/ keeps the folders within a folder. The ending is that of the"
            " format."
        )
        self.pattern.setAccessibleName("Name")
        self.browse = button("…", "Choose a folder")
        self.browse.setAccessibleName("Choose a folder")
        self.browse.clicked.connect(self._ask)
        self.example = ElidedLabel()
        self.format, self.on_exists = ElidedComboBox(), ElidedComboBox()
        for box, choices in ((self.format, FORMATS), (self.on_exists, ON_EXISTS)):
            for data, text in choices.items():
                box.addItem(text, data)
        self.format.setToolTip("Format of the results")
        self.on_exists.setToolTip(
            "What to do where another file has the name of a result; what an earlier run of the recipe has finished is"
            " never computed again."
        )
        self.workers = WholeSpinBox()
        self.workers.setRange(0, MOST_WORKERS)
        self.workers.setSpecialValueText("auto")
        self.workers.setToolTip("Number of files that are computed at a time; auto for what is faster")
        self.keep_going = QCheckBox("Go on after a failure")
        self.keep_going.setChecked(True)
        self.keep_going.setToolTip("Compute the other files, too, after one has failed")
        place = QWidget()
        line = hbox(self.folder, self.browse)
        line.setContentsMargins(0, 0, 0, 0)
        place.setLayout(line)
        column = QVBoxLayout(self)
        form = form_layout({"Folder": place, "Name": self.pattern})
        column.addLayout(form)
        column.addWidget(self.example)
        fields = {"Format": self.format, "If it exists": self.on_exists, "At a time": self.workers}
        column.addLayout(form_layout(fields))
        column.addWidget(self.keep_going)
        self.saved_fields = SavedFields(
            self, pattern=self.pattern, format=self.format, on_exists=self.on_exists,
            workers=self.workers, keep_going=self.keep_going,
        )  # fmt: skip
        self.saved_fields.changed.connect(self.changed)
        self._suggested = ""
        self.folder.textChanged.connect(self.changed)

    def _ask(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Folder of the results", self.folder.text())
        if chosen:
            self.folder.setText(chosen)

    def suggest(self, given: str) -> None:
        """Suggest a folder beside a file or a folder, unless one was chosen."""
        if self.folder.text().strip() in ("", self._suggested):
            path = Path(given)
            is_folder = path.is_dir() and path.suffix.lower() != ".zarr"
            self._suggested = str(path.parent / (f"{path.name}-{FOLDER}" if is_folder else FOLDER))
            self.folder.setText(self._suggested)

    @property
    def missing(self) -> str:
        """What is still to be chosen, as a sentence; "" if nothing is."""
        return "" if self.folder.text().strip() else NO_FOLDER

    @property
    def output(self) -> str:
        """Folder and pattern of the names, with the ending of the format."""
        name = self.pattern.text().strip() or PATTERN
        is_whole = name.lower().endswith((ENDING, *KINDS.values()))
        return str(Path(self.folder.text().strip()) / (name if is_whole else f"{name}{ENDING}"))

    def choices(self, recursive: bool) -> JobChoices:
        """Return how the batch reads, writes and runs."""
        return JobChoices(
            recursive=recursive, kind=self.format.currentData() or None, imagej=self.format.currentData() == "tif",
            on_exists=self.on_exists.currentData(), keep_going=self.keep_going.isChecked(),
            workers=self.workers.value() or None, threads=threads(), memory=memory(),
        )  # fmt: skip
