"""What leaves the History dock: recipes in files, and texts on the clipboard."""

from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

from napari.layers import Layer
from qtpy.QtWidgets import QApplication, QFileDialog, QWidget

from ...contract.progress import Progress
from ...recipe.recipe import Recipe
from .chain_state import start_of

RECIPES = "Recipes (*.toml)"
TEXTS = "Texts (*.txt)"


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
