"""Libraries that only some files need, imported when they are, and named with the line that installs them."""

import importlib
from typing import Any

from ..problems import ImageFileError


def extra(module: str, group: str, purpose: str) -> Any:
    """Import a module of an optional group of dependencies.

    Parameters
    ----------
    module
        Full name of the module.
    group
        Name of the group.
    purpose
        What it is needed for, such as "OME-Zarr".

    Raises
    ------
    ImageFileError
        If it is not installed; it names the line that installs it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        missing = error.name or module
        raise ImageFileError(
            f"{purpose}: must have {missing}, which is not installed: pip install 'napari-mathimg[{group}]'"
        ) from error


def numcodecs(name: str) -> Any:
    """Import a module of numcodecs."""
    return extra(f"numcodecs.{name}", "files", "OME-Zarr")


def crc32c(data: bytes) -> int:
    """Return a checksum."""
    return int(extra("google_crc32c", "files", "OME-Zarr").value(data))
