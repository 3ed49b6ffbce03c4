"""What stands for another session."""

from napari_mathimg.widgets.settings import saved_docks


def new_session() -> None:
    """Forget what this process has read from files, and what it has noted without them."""
    saved_docks._read.cache_clear()
    saved_docks._noted.clear()
