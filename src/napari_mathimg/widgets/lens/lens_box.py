"""Widgets for choosing a camera and a lens of the database."""

from typing import Any

from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QComboBox,
    QHeaderView,
    QLineEdit,
    QToolButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from ...contract.quantities import number, quantity
from ...methods.lens import lensfun_database
from ..qt.layout import button, form_layout, wrapping_label
from ..qt.search_box import SearchBox
from ..qt.theme import FollowFont
from .wrapped_names import WrappedNames

CAMERA = "Part of its name"
ROWS = 9
MARKS = "D", "T", "V"
MEANING = "D: distortion, T: lateral chromatic aberration, V: vignetting"
NO_DATABASE = "There is no database of lenses on this computer: lensfunpy is not installed."
CHOOSE = "Choose the lens."
BEGIN = "Choose the camera, or a generic camera with its crop factor; then the lens."
NONE_FITS = "No lens in the database fits this camera and this search."
NONE_FITS_AT_ALL = "No lens in the database has such a name."
NOT_COVERED = "This lens was calibrated on a smaller sensor: the correction is extrapolated towards the edges."


class _Entry(QTreeWidgetItem):
    """A lens in the list; its corrections are looked up only when it is drawn, as there are over a thousand lenses."""

    def __init__(self, name: str, camera: str) -> None:
        super().__init__()
        self._name, self._camera = name, camera

    def data(self, column: int, role: int) -> Any:
        """Return the name of the lens, or the mark of a known correction."""
        if role == Qt.ItemDataRole.DisplayRole and column:
            known = lensfun_database.known_corrections(self._name, self._camera)
            return MARKS[column - 1] if known[column - 1] else ""
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole) and not column:
            return self._name
        if role == Qt.ItemDataRole.TextAlignmentRole and column:
            return Qt.AlignmentFlag.AlignCenter
        return super().data(column, role)


class LensBox(QWidget):
    """Lets the user choose a camera and search for a lens; the list shows which corrections are known."""

    chosen = Signal(str, str)  # emits camera and lens, "" for none
    asked = Signal()  # the user wants to read the file again

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._camera = self._lens = ""
        names = known_cameras()
        search = SearchBox(choices=("", *names), value="", tooltip="Camera; type a part of its name")
        self._search, self.cameras = search, search.native  # the search box must outlive its native widget
        self.cameras.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.cameras.setMinimumContentsLength(len(CAMERA))
        self.cameras.lineEdit().setPlaceholderText(CAMERA)
        self.search = QLineEdit()
        self.search.setPlaceholderText("Such as 14-42")
        self.search.setToolTip("Show only lenses whose names contain all of these words")
        self.search.setClearButtonEnabled(True)
        for clear in self.search.findChildren(QToolButton):
            clear.setAccessibleName("Clear")
        self.others = QCheckBox("Other mounts, sensors")
        self.others.setToolTip("Also list lenses that do not fit the camera or were calibrated on a smaller sensor")
        self.lenses = self._list()
        self.sentence = wrapping_label()
        self.sentence.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.sentence.setMinimumHeight(3 * self.sentence.fontMetrics().lineSpacing())
        self.file_button = button(
            "Read from file", "Read camera, lens, focal length and aperture from the layer's file"
        )
        FollowFont(self.others, self.search, self.lenses)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.file_button)
        column.addLayout(form_layout({"Camera": self.cameras, "Lens": self.search}))
        for widget in (self.lenses, self.others, self.sentence):
            column.addWidget(widget)
        self.cameras.currentIndexChanged.connect(self._choose_camera)
        self.search.textChanged.connect(self._fill)
        self.others.toggled.connect(self._fill)
        self.lenses.currentItemChanged.connect(self._choose_lens)
        self.file_button.clicked.connect(self.asked)
        self._fill()

    def _list(self) -> QTreeWidget:
        tree = QTreeWidget()
        tree.setHeaderLabels(["Lens", *MARKS])
        tree.setRootIsDecorated(False)
        WrappedNames(tree)
        tree.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        tree.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        header = tree.header()
        header.setStretchLastSection(False)
        header.setMinimumSectionSize(16)
        header.setSectionsClickable(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column in range(1, 1 + len(MARKS)):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
            header.resizeSection(column, 22)
            tree.headerItem().setTextAlignment(column, Qt.AlignmentFlag.AlignCenter)
            tree.headerItem().setToolTip(column, MEANING)
        tree.setToolTip(f"Known corrections of each lens: {MEANING}")
        return tree

    def showEvent(self, event: Any) -> None:
        """Set the height of the list from the height of its rows, which depends on the window's style."""
        super().showEvent(event)
        row = max(self.lenses.sizeHintForRow(0), self.lenses.fontMetrics().lineSpacing())
        frame = 2 * self.lenses.frameWidth()
        self.lenses.setFixedHeight(self.lenses.header().sizeHint().height() + ROWS * row + frame)

    @property
    def camera(self) -> str:
        """The name of the chosen camera; "" for none."""
        return self._camera

    @property
    def lens(self) -> str:
        """The name of the chosen lens; "" for none."""
        return self._lens

    def show_chosen(self, camera: str, lens: str) -> None:
        """Show a camera and a lens without emitting `chosen`."""
        if (camera, lens) == (self._camera, self._lens):
            return
        self._camera, self._lens = camera, lens
        with QSignalBlocker(self.cameras), QSignalBlocker(self.others):
            self.cameras.setCurrentIndex(max(self.cameras.findText(camera), 0))
            self.cameras.lineEdit().setCursorPosition(0)
            if lens and camera and lens not in lensfun_database.fitting_lenses(camera):
                self.others.setChecked(True)
        self._fill()

    def _choose_camera(self) -> None:
        self._camera = self.cameras.currentText()
        if self._lens and not self._listed(self._lens):
            self._lens = ""
        self._fill()
        self.chosen.emit(self._camera, self._lens)

    def _choose_lens(self, item: QTreeWidgetItem | None) -> None:
        self._lens = item.text(0) if item is not None else ""
        self._show_sentence()
        self.chosen.emit(self._camera, self._lens)

    def _listed(self, name: str) -> bool:
        return self.others.isChecked() or not self._camera or name in lensfun_database.fitting_lenses(self._camera)

    def _fill(self) -> None:
        """List the lenses that fit the camera and the search; the chosen lens stays chosen even if it is not listed."""
        words = self.search.text().casefold().split()
        names = _known_lenses() if self.others.isChecked() or not self._camera else self._fitting()
        matches = [name for name in names if all(word in name.casefold() for word in words)]
        with QSignalBlocker(self.lenses):
            self.lenses.clear()
            self.lenses.addTopLevelItems([_Entry(name, self._camera) for name in matches])
            if self._lens in matches:
                item = self.lenses.topLevelItem(matches.index(self._lens))
                self.lenses.setCurrentItem(item)
                self.lenses.scrollToItem(item)
        self._show_sentence()

    def _fitting(self) -> tuple[str, ...]:
        return lensfun_database.fitting_lenses(self._camera)

    def _show_sentence(self) -> None:
        """Show what to do next, or describe the chosen lens."""
        if not known_cameras():
            self.sentence.setText(NO_DATABASE)
        elif self._camera and self._lens:
            known = described(self._camera, self._lens)
            covered = lensfun_database.covers(self._lens, self._camera)
            self.sentence.setText(known if covered else f"{known} {NOT_COVERED}")
        elif not self.lenses.topLevelItemCount():
            self.sentence.setText(NONE_FITS if self._camera and not self.others.isChecked() else NONE_FITS_AT_ALL)
        else:
            self.sentence.setText(CHOOSE if self._camera else BEGIN)


def described(camera: str, lens: str) -> str:
    """Describe the calibrated focal lengths, apertures and distances of a lens."""
    focal, (widest, narrowest), distance = lensfun_database.bounds(lensfun_database.entry(lens, camera))
    words = [quantity(focal[0], "mm") if focal[0] == focal[1] else f"{number(focal[0])} to {quantity(focal[1], 'mm')}"]
    if widest is not None:
        words.append(f"from f/{number(widest)}" + (f" to f/{number(narrowest)}" if narrowest is not None else ""))
    if distance is None:
        words.append("vignetting unknown")
    elif distance[0] < distance[1]:
        words.append(f"vignetting from {quantity(distance[0], 'm')} on")
    return f"{lens}: {', '.join(words)}."


def known_cameras() -> tuple[str, ...]:
    """Return the names of all cameras; none if there is no database."""
    try:
        return lensfun_database.camera_names()
    except ValueError:
        return ()


def _known_lenses() -> tuple[str, ...]:
    return lensfun_database.lens_names() if known_cameras() else ()
