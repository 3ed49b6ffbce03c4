"""The buttons of the History dock that save, load and copy."""

from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

from napari.layers import Layer
from qtpy.QtWidgets import QApplication, QFileDialog, QWidget

from ...contract.progress import Progress
from ...recipe.recipe import Recipe
from ..settings.session_log import log_of
from ..tasks.background_task import EXPECTED, BackgroundTask, reason
from .chain_state import start_of
from .edited_chain import EditedChain, EditedChains
from .layout import HistoryLayout
from .wording import run_in_line, save_session

RECIPES = "Recipes (*.toml)"
TEXTS = "Texts (*.txt)"


class Exporting(HistoryLayout):
    """Saves, loads and copies the chain that is shown, and what was done in the window."""

    chains: EditedChains

    def __init__(self, viewer: Any) -> None:
        super().__init__(viewer)
        self.log = log_of(viewer)
        self.files = BackgroundTask(self, name="recipe")
        self.files.returned.connect(lambda path: self.message.setText(f"Saved {path.name}."))
        self.files.failed.connect(lambda error: self.message.setText(f"Not saved: {reason(error)}."))
        self.save_button.clicked.connect(self._ask_to_save)
        self.load_button.clicked.connect(lambda: ask_to_load(self, "Load recipe", RECIPES, self.load_recipe))
        self.python_button.clicked.connect(lambda: self._copy("The script", lambda c: python_of(c.recipe, c.source)))
        self.command_button.clicked.connect(lambda: self._copy("The command", lambda c: c.recipe.command()))
        self.methods_button.clicked.connect(lambda: self._copy("The text", lambda c: c.recipe.methods_text()))
        self.save_text_button.clicked.connect(
            lambda: ask_to_save(self, "What I did today", "session.txt", TEXTS, self.save_session)
        )

    @property
    def layer(self) -> Layer | None:
        """The layer whose chain is shown."""
        raise NotImplementedError

    @property
    def chain(self) -> EditedChain | None:
        """The chain that is shown."""
        raise NotImplementedError

    def show_chain_of(self, layer: Layer | None) -> None:
        """Show the chain of a layer."""
        raise NotImplementedError

    def _ask_to_save(self) -> None:
        name = "recipe" if self.layer is None else self.layer.name
        ask_to_save(self, "Save recipe", f"{name}.toml", RECIPES, self.save_recipe)

    def save_recipe(self, path: str | Path) -> None:
        """Write the steps, and the images that they hold beside them, in the background."""
        chain = self.chain
        if chain is not None and not self.files.is_running:
            self.files.start(saving(chain.recipe, Path(path)))

    def load_recipe(self, path: str | Path) -> None:
        """Show the steps of a file instead of those of the layer, to be applied to its source or to itself."""
        layer = self.layer
        if layer is None:
            return
        try:
            recipe = Recipe.load(path)
        except EXPECTED as error:
            self.message.setText(f"Not loaded: {reason(error)}.")
            return
        before = self.chain
        source = layer if before is None or before.source is None else before.source
        self.chains.put(layer, EditedChain(layer, recipe, (None,) * len(recipe.steps), source, is_recorded=False))
        self.show_chain_of(layer)
        self.message.setText(f"Loaded {Path(path).name}: Run applies it to the source, Replay to selected layers.")

    def _copy(self, what: str, text: Callable[[EditedChain], str]) -> None:
        chain = self.chain
        if chain is None:
            return
        try:
            copy(text(chain))
        except ValueError as error:
            self.message.setText(f"Not copied: {error}.")
        else:
            self.message.setText(f"{what} is on the clipboard.")

    def show_session(self) -> None:
        """List what was run in this window."""
        runs = self.log.runs
        self.session.say([(f"{len(runs)} run{'s' if len(runs) != 1 else ''}", False)])
        self.save_text_button.setEnabled(bool(runs))
        self.done_today.clear()
        self.done_today.addItems([run_in_line(run) for run in runs])

    def save_session(self, path: str | Path) -> None:
        """Write what was run in this window to a text file."""
        try:
            save_session(Path(path), self.log.runs)
        except OSError as error:
            self.message.setText(f"Not saved: {error}.")
        else:
            self.message.setText(f"Saved {Path(path).name}.")


def python_of(recipe: Recipe, source: Layer | None) -> str:
    """Return the script that gives the pixels of a recipe; a source says pixel sizes and names of axes."""
    if source is None:
        return recipe.python()
    image = start_of(source, recipe).state.image
    spacing = image.spacing if any(size is not None for size in image.spacing) else None
    return recipe.python(spacing=spacing, axis_names=image.axis_names, channel_names=image.channel_names)


def copy(text: str) -> None:
    """Put a text on the clipboard."""
    QApplication.clipboard().setText(text)


def saving(recipe: Recipe, path: Path) -> Generator[Progress, None, Path]:
    """Write a recipe, and the images that it holds beside it, in a generator for a thread."""
    yield Progress("Recipe", 0, 1)
    recipe.save(path)
    return path


def ask_to_save(parent: QWidget, title: str, name: str, kinds: str, write: Callable[[Path], Any]) -> None:
    """Ask for a file to write, and write it."""
    chosen, _ = QFileDialog.getSaveFileName(parent, title, name, kinds)
    if chosen:
        path = Path(chosen)
        write(path if path.suffix else path.with_suffix(kinds.partition("*")[2].partition(")")[0]))


def ask_to_load(parent: QWidget, title: str, kinds: str, read: Callable[[Path], Any]) -> None:
    """Ask for a file to read, and read it."""
    chosen, _ = QFileDialog.getOpenFileName(parent, title, "", kinds)
    if chosen:
        read(Path(chosen))
