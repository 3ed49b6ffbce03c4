"""Further images of a step: bound at the run, in a file beside the recipe, declared as a PSF, or held in memory."""

import os
import re
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypeAlias
from uuid import uuid4

import numpy as np

from ..contract.per_index import PerIndex
from ..methods.point_spread.kinds import KINDS
from .lengths import read_value
from .plain import Table, choice, inside, mapping, refusal, text, whole

DIGEST = 16  # bytes
KEPT = 2**26  # bytes of pixels that a record keeps; of larger arrays, it only knows where they are
PIECE = 2**24  # bytes that are digested at a time
FILES = (".npy",)  # types of files of images
RESERVED = {"con", "prn", "aux", "nul", *(f"{name}{k}" for name in ("com", "lpt") for k in range(10))}


@dataclass(frozen=True)
class Input:
    """An image that the run is given by a name; with a digest, it must have these pixels."""

    name: str
    blake2b: str = ""

    def plain(self) -> dict[str, Any]:
        """Return the table that says the same."""
        return {"input": self.name} | ({"blake2b": self.blake2b} if self.blake2b else {})


@dataclass(frozen=True)
class ImageFile:
    """An image in a file below the folder of the recipe; with a digest, it must have these pixels."""

    path: str
    blake2b: str = ""

    def plain(self) -> dict[str, Any]:
        """Return the table that says the same."""
        return {"path": self.path} | ({"blake2b": self.blake2b} if self.blake2b else {})


@dataclass(frozen=True)
class DeclaredPsf:
    """A point-spread function by its kind and its parameters as given."""

    kind: str
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """Return the table that says the same."""
        return {"psf": {"kind": self.kind, "parameters": dict(self.parameters)}}


class Pixels:
    """The pixels that a step was given, as a record keeps them: copied with it, but never duplicated.

    Parameters
    ----------
    array
        The array. If it is large, it is kept only as long as someone else keeps it, too.
    """

    def __init__(self, array: Any) -> None:
        small = int(np.prod(array.shape)) * np.dtype(array.dtype).itemsize <= KEPT
        self._array = array if small else None
        try:
            self._reference: Callable[[], Any] = (lambda: array) if small else weakref.ref(array)
        except TypeError:  # an array that cannot be referred to
            self._reference = lambda: array

    @property
    def array(self) -> Any:
        """The array; None if nobody keeps it any more."""
        return self._array if self._array is not None else self._reference()

    def __deepcopy__(self, memo: Any) -> "Pixels":
        return self

    def __repr__(self) -> str:
        return "<Pixels>"


@dataclass(frozen=True)
class HeldImage:
    """An image of a recorded step, whose pixels are at hand or not; a recipe that is saved writes them beside it."""

    name: str
    blake2b: str = ""
    pixels: Pixels | None = field(default=None, compare=False, repr=False)

    def plain(self) -> dict[str, Any]:
        """Return the table that names it."""
        return {"input": self.name} | ({"blake2b": self.blake2b} if self.blake2b else {})


Further: TypeAlias = Input | ImageFile | DeclaredPsf | HeldImage | PerIndex
HELD = (HeldImage,)


def digest(array: Any, check: Callable[[], object] | None = None) -> str:
    """Return the digest of the type, the shape and the pixels of an array, as 32 hexadecimal digits.

    It depends neither on the byte order nor on the memory layout. The function `check` is called now and then, and may
    raise an error to end it.
    """
    pixels = np.asarray(array)
    ordered = pixels.dtype.newbyteorder("<")
    found = blake2b(f"{ordered.str} {pixels.shape}".encode(), digest_size=DIGEST)
    rows = pixels.reshape(1) if pixels.ndim == 0 else pixels
    step = max(PIECE * len(rows) // max(rows.nbytes, 1), 1)
    for first in range(0, len(rows), step):
        if check is not None:
            check()
        part = np.ascontiguousarray(rows[first : first + step], ordered)
        if part.size:
            found.update(part.reshape(-1).view(np.uint8).data)
    return found.hexdigest()


def read_further(value: Any, place: str) -> Further:
    """Read a further image: exactly one of `input`, `path` and `psf`, or one for each index along an axis.

    Raises
    ------
    ValueError
        If it is none of them.
    """
    if isinstance(value, HELD):
        return value
    table = Table(value, place)
    if table.has("per"):
        axis = table.take("per", read_axis)
        values = table.take("values", _each)
        table.end()
        for k, each in enumerate(values):
            if isinstance(each, PerIndex) or (isinstance(each, Mapping) and "per" in each):
                raise refusal(f"{place}.values[{k}]", each, "one image")
        return PerIndex(axis, tuple(read_further(v, f"{place}.values[{k}]") for k, v in enumerate(values)))
    ways = [name for name in ("input", "path", "psf") if table.has(name)]
    if len(ways) != 1:
        raise refusal(place, dict(value), "an image given by one of the keys input, path and psf")
    if ways == ["psf"]:
        found: Further = table.take("psf", _read_psf)
    elif ways == ["path"]:
        found = ImageFile(table.take("path", safe_path), table.take("blake2b", _hexadecimal, ""))
    else:
        found = Input(table.take("input", text), table.take("blake2b", _hexadecimal, ""))
    table.end()
    return found


def read_axis(value: Any, place: str) -> str | int:
    """Read the name or the index of an axis."""
    return axis_name(value, place) if isinstance(value, str) else whole(-64, 63)(value, place)


def axis_name(value: Any, place: str) -> str:
    """Read the name of an axis, which texts show in one line."""
    name = text(value, place)
    if not name.isprintable():
        raise refusal(place, name, "a name in one line of characters that can be printed")
    return name


def _each(value: Any, place: str) -> tuple[Any, ...]:
    if not isinstance(value, tuple) or not value:
        raise refusal(place, value, "a list with one image for each index")
    return value


def _hexadecimal(value: Any, place: str) -> str:
    if not isinstance(value, str) or not re.fullmatch(rf"[0-9a-f]{{{2 * DIGEST}}}", value):
        raise refusal(place, value, f"{2 * DIGEST} hexadecimal digits in lower case")
    return value


def _read_psf(value: Any, place: str) -> DeclaredPsf:
    table = Table(value, place)
    kind = table.take("kind", choice(KINDS))
    parameters = table.take("parameters", mapping, {})
    table.end()
    declared, inner = KINDS[kind], inside(place, "parameters")
    for name in parameters:
        if name not in declared.parameters:
            raise ValueError(f"{inside(inner, str(name))}: is no parameter of a PSF of kind {kind!r}, whose parameters "
                             f"are {', '.join(declared.parameters)}")  # fmt: skip
    return DeclaredPsf(kind, {n: read_value(declared, n, v, inside(inner, n)) for n, v in parameters.items()})


def safe_path(value: Any, place: str) -> str:
    """Read a path below the folder of the recipe, with forward slashes on every system.

    Raises
    ------
    ValueError
        If it is absolute, has a drive, a share, a scheme, a backslash, ``.`` or ``..``, a control character, or a name
        that Windows reserves.
    """
    path = text(value, place)
    parts = path.split("/")
    is_bad = (
        "\\" in path
        or ":" in path
        or any(part in ("", ".", "..") or part != part.strip() or part.endswith(".") for part in parts)
        or any(part.split(".")[0].lower() in RESERVED for part in parts)
        or path.startswith("~")
        or not path.isprintable()
        or not path.lower().endswith(FILES)
    )
    if is_bad:
        raise refusal(
            place, path, "a path below the folder of the recipe, such as 'images/dark.npy', without a drive, a scheme,"
            f" backslashes, '.' or '..', of the type {' or '.join(FILES)}",
        )  # fmt: skip
    return path


def load_image(image: ImageFile, folder: Path | None, place: str) -> Any:
    """Return the pixels of an image file of a recipe, checked by its digest.

    Raises
    ------
    ValueError
        If the recipe has no folder, the file lies outside of it or cannot be read, or the pixels are others.
    """
    if folder is None:
        raise refusal(place, image.path, "below the folder of the recipe, which was not read from a file")
    root = folder.resolve()
    path = (root / image.path).resolve()
    if not path.is_relative_to(root):
        raise refusal(place, image.path, "below the folder of the recipe, which a link in it leaves")
    if path.exists() and not path.is_file():
        raise refusal(place, image.path, "a file")  # a pipe would never end
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
        array = np.array(array)
    except (OSError, ValueError, EOFError, MemoryError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"{place}={image.path!r}: must be a readable image ({reason})") from None
    return agreeing(array, image.blake2b, place, image.path)


def agreeing(array: Any, known: str, place: str, name: str) -> Any:
    """Return an array whose digest is the known one, if one is known.

    Raises
    ------
    ValueError
        If it has another type or shape, or other pixels.
    """
    if known and digest(array) != known:
        raise ValueError(f"{place}={name!r}: must have the type, shape and pixels that the recipe was made with")
    return array


def save_image(image: HeldImage, folder: Path, below: str, place: str) -> ImageFile:
    """Write the pixels of a recorded image below a folder, and return the file.

    Raises
    ------
    ValueError
        If the pixels are no longer at hand, or were changed.
    """
    array = None if image.pixels is None else image.pixels.array
    if array is None:
        raise ValueError(
            f"{place}={image.name!r}: must be at hand to be saved with the recipe; give it by its name, in `images`"
        )
    pixels = agreeing(np.asarray(array), image.blake2b, place, image.name)
    known = image.blake2b or digest(pixels)
    path = f"{below}/{file_stem(image.name)}-{known[:8]}.npy"
    (folder / below).mkdir(parents=True, exist_ok=True)
    written(folder / path, lambda file: np.save(file, pixels, allow_pickle=False))
    return ImageFile(path, known)


def file_stem(name: str) -> str:
    """Return a name as the beginning of that of a file, on every system."""
    stem = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")[:40] or "image"
    return f"{stem}-" if stem.lower() in RESERVED else stem


def written(path: Path, write: Callable[[Any], Any]) -> None:
    """Write a file that is there as a whole or not at all."""
    partial = path.with_name(f".{uuid4().hex}.partial")
    try:
        with open(partial, "xb") as file:
            write(file)
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
