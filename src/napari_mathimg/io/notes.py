"""What files keep of an image besides its pixels, as text: the record of steps and the position."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .image import Image

RECORD = "napari_mathimg"  # key of the record in metadata, as in those of layers
ORIGIN = "napari_mathimg_origin"  # key of what tells that a result was made by the same run
ORIGINS = ("plan", "source", "pixels")  # digests in it
NAMESPACE = "napari-mathimg.org/image"
FORMAT_VERSION = 1
LONGEST = 2**24  # characters that are read
FARTHEST = 1e30  # position in any unit
DEEPEST = 30
DISPENSABLE = ("by_item", "report")  # entries of a recorded step that repeating it does not need
PLAIN = (Mapping, list, tuple, np.ndarray, np.generic, bool, int, float, str, type(None))


def note_of(image: Image, with_shown: bool = False) -> str:
    """Return the record of an image and the position of its first pixel as JSON in ASCII; "" if it has neither.

    The limits of what is shown of each channel, and that pixels are labels, go with them if a file has no other place.

    What a step was resolved to for each item is left out of a record that would be too long to be read.

    Raises
    ------
    ValueError
        If it is too long without this.
    """
    steps = image.metadata.get(RECORD, [])
    shown: dict[str, Any] = {"limits": [list(pair) for pair in image.limits]} if image.limits else {}
    shown = (shown | ({"labels": True} if image.is_labels else {})) if with_shown else {}
    if not steps and not any(image.translate) and not shown:
        return ""
    moved = {axis: where for axis, where in zip(image.axes, image.translate, strict=True) if where}
    content = {"format_version": FORMAT_VERSION, "translate": moved, "record": _plain(steps)}
    content |= shown
    content |= {"origin": dict(image.metadata[ORIGIN])} if ORIGIN in image.metadata else {}
    text = json.dumps(content)
    if len(text) > LONGEST:
        short = [{name: value for name, value in step.items() if name not in DISPENSABLE} for step in content["record"]]
        text = json.dumps({**content, "record": short})
    if len(text) > LONGEST:
        raise ValueError(f"metadata: must have a record of at most {LONGEST} characters")
    return text


def read_note(text: str, axes: Sequence[str]) -> tuple[list[dict[str, Any]], tuple[float, ...], str]:
    """Return the record, the position along some axes, and a sentence on why they are left out, or "".

    The text comes from a file: nothing but plain values is made of it.
    """
    try:
        if len(text) > LONGEST:
            raise ValueError(f"it has more than {LONGEST} characters")
        content = json.loads(text)
        if not isinstance(content, dict) or content.get("format_version") != FORMAT_VERSION:
            raise ValueError(f"its format_version must be {FORMAT_VERSION}")
        steps, moved = content.get("record", []), content.get("translate", {})
        if not isinstance(steps, list) or not all(map(_is_step, steps)):
            raise ValueError("its record must be a list of steps")
        if not isinstance(moved, dict) or not all(map(_is_position, moved.values())):
            raise ValueError(f"its translate must be a finite number of at most {FARTHEST:g} in size for each axis")
        return [_tuples(step) for step in steps], tuple(float(moved.get(axis, 0.0)) for axis in axes), ""
    except (ValueError, RecursionError) as error:
        return [], (), f"The record of steps in the file is left out: {error}."


def read_origin(text: str) -> dict[str, dict[str, str]]:
    """Return digests of the run that has made an image, as its metadata has them; {} if there are none."""
    try:
        found = json.loads(text if len(text) <= LONGEST else "").get("origin")
    except (ValueError, AttributeError, RecursionError):
        return {}
    is_plain = isinstance(found, dict) and {*found} == {*ORIGINS} and all(isinstance(v, str) for v in found.values())
    return {ORIGIN: found} if is_plain else {}


def read_shown(text: str) -> tuple[tuple[tuple[float, float], ...], bool]:
    """Return the lowest and highest value that is shown of each channel, and whether pixels are labels."""
    try:
        content = json.loads(text if len(text) <= LONGEST else "")
        is_labels = content.get("labels") is True
        pairs = [tuple(float(end) if _is_position(end) else math.nan for end in p) for p in content.get("limits", [])]
    except (ValueError, TypeError, AttributeError, RecursionError):
        return (), False
    return tuple((pair[0], pair[1]) for pair in pairs) if all(len(pair) == 2 for pair in pairs) else (), is_labels


def _is_position(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) <= FARTHEST  # which NaN is not


def _is_step(step: Any) -> bool:
    return isinstance(step, dict) and isinstance(step.get("operation"), str)


def _plain(value: Any) -> Any:
    """Return nested plain values for JSON; entries of mappings that are none, such as pixels, are left out."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items() if isinstance(v, PLAIN)}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return _plain(value.tolist()) if isinstance(value, np.ndarray | np.generic) else value


def _tuples(value: Any, depth: int = 0) -> Any:
    """Return lists of numbers and words as tuples, as records hold them; lists of mappings remain lists."""
    if depth > DEEPEST:
        raise ValueError(f"it is nested more than {DEEPEST} times")
    if isinstance(value, dict):
        return {k: _tuples(v, depth + 1) for k, v in value.items()}
    if isinstance(value, list):
        entries = [_tuples(v, depth + 1) for v in value]
        return entries if any(isinstance(v, dict) for v in entries) else tuple(entries)
    return value
