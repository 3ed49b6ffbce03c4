"""The command that applies a recipe from a file to the selected layers, without a dock."""

from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from napari.utils import cancelable_progress
from napari.utils.notifications import show_info, show_warning
from qtpy.QtWidgets import QFileDialog

from ...contract.progress import Progress
from ...recipe.recipe import Recipe
from ..layers.napari_proxies import unwrapped
from ..tasks.background_task import EXPECTED, BackgroundTask, reason
from .replayed import add_results, run_all, selected_layers, task_of

if TYPE_CHECKING:
    import napari

FILES = "Recipes (*.toml)"
STEPS = 1000  # of the progress bar
_RUNNING: "WeakSet[RecipeRun]" = WeakSet()


def apply_recipe(viewer: "napari.Viewer") -> None:
    """Ask for a recipe, and apply it to the selected layers."""
    window = unwrapped(viewer).window._qt_window
    path, _ = QFileDialog.getOpenFileName(window, "Apply recipe", "", FILES)
    if path:
        apply_file(viewer, path)


def apply_file(viewer: Any, path: str | Path) -> "RecipeRun | None":
    """Apply the recipe in a file to the selected layers, in the background; say why where it cannot be."""
    viewer = unwrapped(viewer)
    try:
        recipe = Recipe.load(path)
        layers = selected_layers(viewer)
        if not layers:
            raise ValueError("Select the images that the recipe is to be applied to")
        run = RecipeRun(viewer, Path(path).name, [task_of(recipe, layer, [*viewer.layers]) for layer in layers])
    except EXPECTED as error:
        show_warning(f"{Path(path).name}: {reason(error)}.")
        return None
    _RUNNING.add(run)
    return run


class _Bar(cancelable_progress):
    """A progress bar whose Cancel button cancels at once: napari's own does so where it counts a loop only."""

    def cancel(self) -> None:
        """Cancel."""
        super().cancel()
        if self.cancel_callback is not None:
            self.cancel_callback()


class RecipeRun(BackgroundTask):
    """A run of a recipe on layers, with its progress in napari's list of activities.

    Parameters
    ----------
    viewer
        The viewer.
    name
        Name of the recipe.
    tasks
        The recipe on each layer.
    """

    def __init__(self, viewer: Any, name: str, tasks: list[Any]) -> None:
        super().__init__(viewer.window._qt_window)
        self._viewer, self._title = viewer, name
        self._bar = _Bar(total=STEPS, desc=name, cancel_callback=self.cancel)
        self.progressed.connect(self._show)
        self.returned.connect(lambda outcomes: show_info(f"{self._title}: {add_results(self._viewer, outcomes)}"))
        self.failed.connect(lambda error: show_warning(f"{self._title}: {reason(error)}."))
        self.finished.connect(self._close_bar)
        self.start(run_all(tasks))

    def _show(self, progress: Progress) -> None:
        share = int(STEPS * progress.done / max(progress.total, 1))  # napari takes whole numbers only
        self._bar.set_description(f"{self._title}: {progress.phase}")
        self._bar.update(share - self._bar.n)

    def _close_bar(self) -> None:
        self._bar.close()
        self.deleteLater()
