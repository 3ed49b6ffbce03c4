"""Errors that name the file, in one sentence."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CODECS = "pip install imagecodecs"


class ImageFileError(ValueError):
    """A file that cannot be read or written: ``PATH: must be ...``."""


@contextmanager
def naming(path: Path | str, what: str) -> Iterator[None]:
    """Turn any error that a reader raises on a damaged file into one that names the file.

    Parameters
    ----------
    path
        The file.
    what
        What it must be, such as "a TIFF file that can be read".
    """
    try:
        yield
    except ImageFileError:
        raise
    except FileNotFoundError:
        raise ImageFileError(f"{path}: must be a file; there is none") from None
    except MemoryError:
        raise ImageFileError(f"{path}: must fit into the memory at hand") from None
    except Exception as error:  # readers raise errors of many kinds on damaged files
        why = " ".join(str(error).split())
        hint = f"; install its codecs: {CODECS}" if "imagecodecs" in why else ""
        raise ImageFileError(f"{path}: must be {what} ({type(error).__name__}: {why[:200]}){hint}") from error
