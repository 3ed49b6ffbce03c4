"""What the XML of OME tells: pixel sizes with their units, the interval of time points, names, and our note."""

import math
import re
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any
from xml.etree import ElementTree as ET

from ..notes import NAMESPACE
from ..problems import ImageFileError
from ..told import Told
from ..units import find_unit

MOST_PLANES = 2**22
LONGEST = 2**28  # characters


def check_ome(path: Path, text: str) -> None:
    """Refuse XML that would make its reader allocate much, or open files outside the folder.

    Raises
    ------
    ImageFileError
        ``PATH: must ...``
    """
    if len(text) > LONGEST or "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise ImageFileError(f"{path}: must hold OME metadata without entities, of at most {LONGEST} characters")
    try:
        root = ET.fromstring(text)
    except ET.ParseError as error:
        raise ImageFileError(f"{path}: must hold OME metadata in XML that can be read ({error})") from None
    planes = 0
    for element in root.iter():
        kind = _kind(element)
        if kind == "Pixels":
            planes += math.prod(_whole(path, element, f"Size{axis}") for axis in "CTZ")
            if planes > MOST_PLANES:
                raise ImageFileError(f"{path}: must hold at most {MOST_PLANES} planes, not {planes} or more")
        elif kind == "TiffData":
            for name in ("IFD", "PlaneCount", "NumPlanes", "FirstC", "FirstT", "FirstZ"):
                if name in element.attrib and _whole(path, element, name) > MOST_PLANES:
                    raise ImageFileError(f"{path}: must hold at most {MOST_PLANES} planes, not {element.attrib[name]}")
        elif kind == "UUID" and "FileName" in element.attrib:
            _check_file(path, element.attrib["FileName"])


def _whole(path: Path, element: Any, name: str) -> int:
    text = element.attrib.get(name, "1")
    if not re.fullmatch(r"\d{1,10}", text):
        raise ImageFileError(f"{path}: must hold OME metadata whose {name} is a whole number, not {text[:50]!r}")
    return int(text)


def _check_file(path: Path, name: str) -> None:
    """Refuse the name of a further file that is not beside this one."""
    plain = len(PurePosixPath(name).parts) == len(PureWindowsPath(name).parts) == 1 and name not in (".", "..")
    place = path.parent / name
    if not plain or ":" in name or place.resolve().parent != path.parent.resolve():
        is_link_to_self = plain and place == path
        if not is_link_to_self:
            raise ImageFileError(f"{path}: must refer to files in its own folder, not {name!r}")
    if not place.is_file():
        raise ImageFileError(f"{path}: must have beside it the file {name!r}, which holds some of its planes")


def _kind(element: Any) -> str:
    return str(element.tag).rpartition("}")[2]


def _child(element: Any, kind: str) -> Any:
    return next((child for child in element if _kind(child) == kind), None)


def read_ome(text: str, number: int, count: int, name: str, axes: tuple[str, ...]) -> Told:
    """Return what the XML tells of an image, given by its number among those with pixels, their count, and its name."""
    told = Told()
    root = ET.fromstring(text)
    images = [element for element in root if _kind(element) == "Image"]
    if len(images) != count:
        images, number = [image for image in images if image.attrib.get("Name") == name], 0
    if len(images) <= number or (len(images) > 1 and number == 0 and len(images) != count):
        told.notes.append("The OME metadata do not say which of their images this is.")
        return told
    image = images[number]
    pixels = _child(image, "Pixels")
    if pixels is None:
        return told
    told.name = image.attrib.get("Name", "")
    for axis in "xyz":
        name = f"PhysicalSize{axis.upper()}"
        if name in pixels.attrib and axis in axes:
            told.add(axis, pixels.attrib[name], pixels.attrib.get(f"{name}Unit", "µm"))  # the default of the schema
    if "TimeIncrement" in pixels.attrib and "t" in axes:
        told.add("t", pixels.attrib["TimeIncrement"], pixels.attrib.get("TimeIncrementUnit", "s"), "time")
    names = [child.attrib.get("Name", "") for child in pixels if _kind(child) == "Channel"]
    told.channel_names = tuple(names) if names and all(names) else ()
    colors = [_color(child.attrib.get("Color", "")) for child in pixels if _kind(child) == "Channel"]
    told.channel_colors = tuple(color for color in colors if color) if all(colors) else ()
    notes = [element for element in root.iter() if _kind(element) == "CommentAnnotation"]
    ours = [note for note in notes if note.attrib.get("Namespace") == NAMESPACE]
    told.note = next((child.text or "" for note in ours for child in note if _kind(child) == "Value"), "")
    if where := _stage(pixels):
        told.notes.append(f"The position of the stage is left out: {where}.")
    return told


def ome_color(color: str) -> int:
    """Return a color of six hexadecimal digits as OME holds it: red, green, blue and opacity in a signed integer.

    Examples
    --------
    >>> ome_color("FFFFFF"), ome_color("0000FF")
    (-1, 65535)
    """
    value = int(f"{color}FF", 16)
    return value - 2**32 if value >= 2**31 else value


def _color(text: str) -> str:
    """Return a color of OME as six hexadecimal digits; "" for none."""
    return f"{(int(text) >> 8) % 2**24:06X}" if re.fullmatch(r"-?\d{1,10}", text) else ""


def _stage(pixels: Any) -> str:
    """Return where the stage was at the first plane, in words; "" where this is not known, or 0.

    It is none of the image, because it does not say which way the stage moves.
    """
    plane = _child(pixels, "Plane")
    found = []
    for axis in "XYZ" if plane is not None else "":
        text, unit = plane.attrib.get(f"Position{axis}", ""), plane.attrib.get(f"Position{axis}Unit", "")
        try:
            where = float(text)
        except ValueError:
            continue
        known = find_unit(unit)
        found += [f"{axis.lower()} = {where:g}{f' {known.symbol}' if known else ''}"] if where else []
    return ", ".join(found)
