"""The recipe of a batch: from a file or from the record of a layer, its steps in words, and the images it needs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from napari.layers import Layer
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QFormLayout, QGroupBox, QVBoxLayout, QWidget

from ...batch.files.inputs import READ
from ...recipe.names import SEAMS, cut_middle
from ...recipe.recipe import Recipe
from ...recipe.record import RECORD
from ..history.exporting import RECIPES, ask_to_load
from ..qt.elided import ElidedLabel, WrappingLabel
from ..qt.layout import button, hbox, wrap_rows
from ..qt.wrapping_rows import wrapping_row
from ..tasks.background_task import EXPECTED, reason
from .wording import steps_in_words

NO_RECIPE = "Open a recipe, or take the steps of a result that is a layer."
NO_FILE = "no file"
IMAGES = f"Images ({' '.join(f'*{ending}' for ending in READ)});;All files (*)"


class RecipeBox(QGroupBox):
    """Lets a recipe be chosen, and a file for each further image that it needs."""

    changed = Signal()
    told = Signal(str)  # why a recipe cannot be read

    def __init__(self) -> None:
        super().__init__("Recipe")
        self.recipe: Recipe | None = None
        self.file: Path | None = None  # that the recipe was read from
        self.images: dict[str, str] = {}  # files by the names of images
        self._layer: Layer | None = None
        self.open_button = button("Open recipe…", "Read the steps from a file, such as the History dock saves")
        self.history_button = button("From history", "Take the steps that made the active layer")
        self.title, self.steps = ElidedLabel(SEAMS), WrappingLabel()
        self.open_button.clicked.connect(lambda: ask_to_load(self, "Open recipe", RECIPES, self.load))
        self._rows = QFormLayout()
        wrap_rows(self._rows)
        self.image_buttons: dict[str, Any] = {}
        column = QVBoxLayout(self)
        column.addWidget(wrapping_row(self.open_button, self.history_button))
        column.addWidget(self.title)
        column.addWidget(self.steps)
        column.addLayout(self._rows)
        self._show("")

    def load(self, path: str | Path) -> bool:
        """Take the recipe of a file; return whether it can be read."""
        try:
            recipe = Recipe.load(path)
        except EXPECTED as error:
            self.told.emit(f"{Path(path).name}: {reason(error)}. The recipe stays as it was.")
            return False
        self._take(recipe, Path(path), Path(path).name)
        return True

    def take_layer(self, layer: Layer) -> None:
        """Take the steps that made a layer."""
        try:
            recipe = Recipe.from_record(layer.metadata[RECORD])
        except (ValueError, TypeError, AttributeError) as error:
            self.told.emit(f"The steps of {cut_middle(layer.name)!r} cannot be read: {error}.")
            return
        self._take(recipe, None, f"History of {layer.name}")

    def _take(self, recipe: Recipe, file: Path | None, title: str) -> None:
        self.recipe, self.file = recipe, file
        self.images = {name: self.images[name] for name in recipe.inputs if name in self.images}
        self._show(title)
        self.changed.emit()

    def _show(self, title: str) -> None:
        self.title.setVisible(bool(title))
        self.title.setText(title)
        self.steps.setText(NO_RECIPE if self.recipe is None else steps_in_words(self.recipe))
        while self._rows.rowCount():
            self._rows.removeRow(0)
        self.image_buttons = {}
        for name in () if self.recipe is None else self.recipe.inputs:
            self._rows.addRow(name, self._image_row(name))

    def _image_row(self, name: str) -> QWidget:
        shown, choose = ElidedLabel(), button("Choose…", f"Choose the file of the image that the recipe calls {name!r}")
        choose.setAccessibleName(f"Choose the image {name}")
        shown.setText(Path(self.images[name]).name if name in self.images else NO_FILE)
        choose.clicked.connect(lambda: self._ask_image(name))
        self.image_buttons[name] = choose
        row = QWidget()
        line = hbox(shown, choose)
        line.setContentsMargins(0, 0, 0, 0)
        line.setStretch(0, 1)
        row.setLayout(line)
        return row

    def _ask_image(self, name: str) -> None:
        chosen, _ = QFileDialog.getOpenFileName(self, f"The image {name}", self.images.get(name, ""), IMAGES)
        if chosen:
            self.give_image(name, chosen)

    def give_image(self, name: str, file: str) -> None:
        """Take a file for a further image."""
        self.images[name] = file
        self._show(self.title.whole())
        self.changed.emit()

    @property
    def missing(self) -> str:
        """What is still to be chosen, as a sentence; "" if nothing is."""
        if self.recipe is None:
            return NO_RECIPE
        lacking = [name for name in self.recipe.inputs if name not in self.images]
        return f"Choose a file for the image {lacking[0]!r} of the recipe." if lacking else ""

    def save_state(self) -> dict[str, Any]:
        """Return the files that were chosen."""
        return {} if self.file is None else {"file": str(self.file), "images": dict(self.images)}

    def restore_state(self, saved: Mapping[str, Any]) -> None:
        """Take a recipe again if its file can still be read."""
        file, images = saved.get("file"), saved.get("images")
        if not isinstance(file, str) or not Path(file).is_file() or not self.load(file):
            return
        if isinstance(images, dict) and self.recipe is not None:
            kept = {n: f for n, f in images.items() if isinstance(f, str) and Path(f).exists()}
            self.images = {name: kept[name] for name in self.recipe.inputs if name in kept}
            self._show(self.title.whole())
