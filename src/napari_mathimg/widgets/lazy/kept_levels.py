"""Where coarse levels of images are kept on disk, within the bound of the Preferences page."""

from pathlib import Path

import platformdirs

from ...engine.lazy import LevelStore
from ..settings.preferences import bytes_of_levels


def folder() -> Path:
    """Return the folder of levels, among the files that the system may delete."""
    return Path(platformdirs.user_cache_dir("napari-mathimg", False)) / "levels"


def level_store() -> LevelStore:
    """Return the store of levels."""
    return LevelStore(folder(), bytes_of_levels())


def trim() -> None:
    """Delete all levels if none are to be kept; others go when the next ones are kept."""
    if not bytes_of_levels():
        level_store().clear()
