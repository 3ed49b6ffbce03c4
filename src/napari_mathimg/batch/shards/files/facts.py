"""What passes over an image have found, in files of plain arrays: of finished passes, and of those that go on."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....io.problems import ImageFileError
from .places import write_whole

MOST_BYTES = 2**32  # of the arrays of a file
Arrays = dict[str, NDArray[Any]]
DONE = "done"  # numbers of the blocks that are counted


class FactsFiles:
    """Files of facts in a folder, by the number of a step and of a pass of it.

    Parameters
    ----------
    folder
        The folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self, key: str) -> Arrays | None:
        """Return what a finished pass has found; None if there is none."""
        return read_arrays(self._folder / f"{key}.npz")

    def load_part(self, key: str) -> tuple[list[int], Arrays] | None:
        """Return the blocks of a pass that are counted, and what was found in them; None if there is none."""
        found = read_arrays(self._folder / f"{key}.part.npz")
        if found is None:
            return None
        done = found.pop(DONE, np.empty(0))
        if done.dtype.kind not in "iu" or done.ndim != 1:
            raise _damaged(self._folder / f"{key}.part.npz", "it does not say what is counted")
        return done.tolist(), found

    def save_part(self, key: str, done: list[int], arrays: Arrays) -> None:
        """Keep what was found in some blocks."""
        self._folder.mkdir(parents=True, exist_ok=True)
        write_arrays(self._folder / f"{key}.part.npz", {**arrays, DONE: np.array(sorted(done), np.int64)})

    def save(self, key: str, arrays: Arrays) -> None:
        """Keep what a finished pass has found."""
        self._folder.mkdir(parents=True, exist_ok=True)
        write_arrays(self._folder / f"{key}.npz", arrays)
        (self._folder / f"{key}.part.npz").unlink(missing_ok=True)


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays by their names."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, array in arrays.items():
            data = io.BytesIO()
            np.lib.format.write_array(data, np.asarray(array), allow_pickle=False)
            file.writestr(f"{name}.npy", data.getvalue())
    write_whole(path, buffer.getvalue())


def read_arrays(path: Path) -> Arrays | None:
    """Return the arrays of numbers in a file; None if there is no file.

    Raises
    ------
    ImageFileError
        If the file holds anything else, or too much.
    """
    if not path.exists():
        return None
    out: Arrays = {}
    try:
        with zipfile.ZipFile(path) as file:
            entries = file.infolist()
            if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
                raise ValueError("its arrays must not be compressed")
            if sum(entry.file_size for entry in entries) > MOST_BYTES:
                raise ValueError(f"it has more than {MOST_BYTES} bytes")
            for entry in entries:
                with file.open(entry) as member:
                    array: NDArray[Any] = np.lib.format.read_array(
                        io.BytesIO(member.read()), allow_pickle=False, max_header_size=2**12
                    )
                if array.dtype.kind not in "biuf":
                    raise ValueError("it must hold numbers only")
                out[entry.filename.removesuffix(".npy")] = array
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, SyntaxError, MemoryError, NotImplementedError) as error:
        raise _damaged(path, " ".join(str(error).split())[:200]) from None
    return out


def _damaged(path: Path, why: str) -> ImageFileError:
    return ImageFileError(f"{path}: must hold what a pass has counted ({why}); begin anew (restart, --restart)")
