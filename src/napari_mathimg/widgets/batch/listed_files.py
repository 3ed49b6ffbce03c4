"""The files that a batch is given: dropped or chosen, alone or in folders, of which single ones can be left out."""

from collections import Counter
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from ...batch.files.inputs import ending_of, find_inputs
from ...contract.progress import Progress
from ...io.problems import ImageFileError
from ...io.reading import READABLE

ALIKE = {".tiff": ".tif", ".ome.tiff": ".ome.tif", ".jpeg": ".jpg"}
NAMES = {
    ".ome.tif": "OME-TIFF", ".tif": "TIFF", ".btf": "BigTIFF", ".ome.zarr": "OME-Zarr", ".zarr": "OME-Zarr",
    ".png": "PNG", ".jpg": "JPEG", ".npy": "NumPy",
}  # fmt: skip


@dataclass(frozen=True)
class Given:
    """A file, or a folder with the files in it.

    Attributes
    ----------
    path
        Its path.
    files
        The files.
    is_whole
        Whether the files are all that are found there, so that the path can stand for them.
    """

    path: str
    files: tuple[str, ...]
    is_whole: bool = True


class LookedUp(NamedTuple):
    """What was found, and sentences on what cannot be read."""

    given: list[Given]
    refused: list[str]


def look_up(paths: Sequence[str], recursive: bool) -> Generator[Progress, None, LookedUp]:
    """Find the files that paths stand for, in a generator for a thread."""
    found, refused = [], []
    for number, path in enumerate(paths):
        yield Progress("Looking for files", number, len(paths))
        try:
            files = tuple(each.source for each in find_inputs([path], recursive))
        except (ImageFileError, OSError) as error:
            refused.append(str(error))
        else:
            found.append(Given(path, files))
    return LookedUp(found, refused)


def kind_of(file: str) -> str:
    """Return the kind of a file by its ending.

    Examples
    --------
    >>> kind_of("cells.OME.tiff"), kind_of("a/cells.tif"), kind_of("cells.czi")
    ('OME-TIFF', 'TIFF', 'CZI')
    """
    ending = ending_of(Path(file).name).lower()
    ending = ALIKE.get(ending, ending)
    return NAMES.get(ending, ending.lstrip(".").upper())


class ListedFiles:
    """All files of a batch, in the order in which they were given; none is in it twice."""

    def __init__(self) -> None:
        self.given: list[Given] = []

    @property
    def files(self) -> list[str]:
        """The files."""
        return list(dict.fromkeys(file for given in self.given for file in given.files))

    @property
    def inputs(self) -> list[str]:
        """Paths that stand for all files: folders as such where none of their files was left out."""
        paths = (((each.path,) if each.is_whole else each.files) for each in self.given)
        return list(dict.fromkeys(path for some in paths for path in some))

    def add(self, found: Iterable[Given]) -> None:
        """Add files; a folder that is given again is looked up anew."""
        for each in found:
            at = next((k for k, other in enumerate(self.given) if other.path == each.path), len(self.given))
            self.given[at : at + 1] = [each]

    def remove(self, files: Iterable[str]) -> None:
        """Leave files out."""
        gone = set(files)
        kept = []
        for each in self.given:
            left = tuple(file for file in each.files if file not in gone)
            if left:
                kept.append(each if left == each.files else replace(each, files=left, is_whole=False))
        self.given = kept

    def in_words(self) -> str:
        """Say how many files there are, and of which kinds; where there are none, what is read."""
        files = self.files
        if not files:
            return f"Reads {READABLE}."
        kinds = Counter(map(kind_of, files)).most_common()
        words = ", ".join(f"{n} {kind}" for kind, n in kinds) if len(kinds) > 1 else kinds[0][0]
        return f"{len(files)} file{'s' if len(files) != 1 else ''}: {words}"
