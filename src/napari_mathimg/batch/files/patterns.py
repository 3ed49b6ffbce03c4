"""Where the results of a job go: into a folder, a file, or to names made by a pattern."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Formatter

from ...io.problems import ImageFileError
from ...io.writing import kind_of
from ..choices import KINDS, JobChoices
from .inputs import Found

FIELDS = {
    "name": "the name of the file, with its ending",
    "stem": "the name without its ending",
    "ending": "the ending of the result, with the dot",
    "folder": "the folder of the file, as it was given",
    "below": "the folder of the file below the folder that was given",
    "number": "the number of the file, from 1; {number:04} for four digits",
    "recipe": "the name of the recipe",
}
WIDTH = re.compile(r"0?[1-9]?\d?")
PATTERN = "{stem}_{recipe}.ome.tif"


@dataclass(frozen=True)
class Places:
    """Paths of the results, and the folder whose ``.mathimg`` keeps the journal; None for a single file."""

    outputs: tuple[Path, ...]
    folder: Path | None


def place_results(found: Sequence[Found], output: str | Path, recipe: str, choices: JobChoices) -> Places:
    """Return where the results of a job go.

    Parameters
    ----------
    found
        The images.
    output
        A folder, a file for one image, or a name pattern with the fields `FIELDS`.
    recipe
        Name of the recipe.
    choices
        How the job writes.

    Raises
    ------
    ImageFileError
        If the pattern has other fields, several images would go to one file, or the kind of a file is not known.
    """
    text = str(output)
    if "{" in text or "}" in text:
        fields = _fields_of(text)
        outputs = [_filled(text, fields, each, number, recipe, choices) for number, each in enumerate(found, 1)]
        before = text.partition("{")[0]
        folder = Path(before[: max(before.rfind("/"), before.rfind(os.sep)) + 1])
        if not before:
            folder = Path(os.path.commonpath([os.path.abspath(path.parent) for path in outputs]))
        return Places(tuple(outputs), folder)
    path = Path(text)
    if _is_folder(text, path, found):
        return Places(tuple(path / each.below / f"{each.stem}{_ending(each, choices)}" for each in found), path)
    if len(found) > 1:
        raise ImageFileError(f"{text}: must be a folder, or a name pattern such as {PATTERN}, for {len(found)} files")
    _check_kind(path, choices)
    return Places((path,), None)


def _is_folder(text: str, path: Path, found: Sequence[Found]) -> bool:
    """Return whether results go into a folder, which may have to be made."""
    if path.suffix.lower() == ".zarr":
        return False
    if path.is_dir() or text.endswith(("/", os.sep)):
        return True
    return found[0].within is not None or (len(found) > 1 and not path.suffix)


def _fields_of(text: str) -> list[tuple[str, str, str]]:
    """Return a pattern as pieces of (text, field, format of a number).

    Raises
    ------
    ImageFileError
        For any other field or format than those declared.
    """
    try:
        pieces = [(plain, name, form or "", changed) for plain, name, form, changed in Formatter().parse(text)]
    except ValueError as error:
        raise ImageFileError(f"{text}: must be a name pattern ({error})") from None
    for _, name, form, changed in pieces:
        if name is None:
            continue
        if name not in FIELDS or changed:
            known = ", ".join(f"{{{field}}}" for field in FIELDS)
            raise ImageFileError(f"{text}: must have no other fields than {known}")
        if form and (name != "number" or not WIDTH.fullmatch(form)):
            raise ImageFileError(f"{text}: must have no format but one of digits, such as {{number:04}}")
    return [(plain, name or "", form) for plain, name, form, _ in pieces]


def _filled(
    text: str, fields: list[tuple[str, str, str]], found: Found, number: int, recipe: str, choices: JobChoices
) -> Path:
    """Return the path that a pattern makes for an image."""
    ending = _ending(found, choices)
    values = {
        "name": found.name, "stem": found.stem, "ending": ending, "recipe": recipe, "below": found.below.as_posix(),
    }  # fmt: skip
    made = ""
    for plain, name, form in fields:
        made += plain
        if name == "number":
            made += format(number, form)
        elif name == "folder":
            made += _inside(found.folder) if made else str(found.folder)
        elif name:
            made += values[name]
    path = Path(made)
    if choices.kind is not None and not path.name.lower().endswith(KINDS[choices.kind]):
        if _is_written(path):
            raise ImageFileError(f"{text}: must end in {KINDS[choices.kind]} for files of the kind {choices.kind}")
        path = path.with_name(path.name + ending)
    _check_kind(path, choices)
    return path


def _inside(folder: Path) -> str:
    """Return a folder without what would lead out of the one before it."""
    parts = [part for part in folder.parts if part not in ("..", folder.anchor)]
    return "/".join(parts) or "."


def _ending(found: Found, choices: JobChoices) -> str:
    """Return the ending of a result: by choice, or that of its source where it keeps all, else that of OME-TIFF."""
    if choices.kind is not None:
        return KINDS[choices.kind]
    last = found.ending.lower()
    return ".npy" if last == ".npy" else ".ome.zarr" if last.endswith(".zarr") else ".ome.tif"


def _is_written(path: Path) -> bool:
    try:
        kind_of(path)
    except ImageFileError:
        return False
    return True


def _check_kind(path: Path, choices: JobChoices) -> None:
    """Refuse the path of a result whose kind is not known, or another than was chosen."""
    kind_of(path, choices.imagej)
    if choices.kind is not None and not path.name.lower().endswith(KINDS[choices.kind]):
        raise ImageFileError(f"{path}: must end in {KINDS[choices.kind]} for files of the kind {choices.kind}")
