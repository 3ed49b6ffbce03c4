"""Names of results, which leave the operation whole, and the chain of operations that a result came from."""

from collections.abc import Mapping
from typing import Any

from ..catalog import find
from .record import RECORD

MOST = 27  # characters that a list of layers shows of a name at its usual width, beside a number such as [1]
LEAST = 7  # characters that are left of the source's name
CUT = "…"
STEP = " – "  # between a source and the operation that was applied to it
MORE = f" {CUT} "  # in its place where earlier operations are left out
SEAMS = (STEP, MORE)
TORN = " (pixels were changed during the run)"


def cut_middle(name: str, most: int = MOST) -> str:
    """Return a name of at most this many characters: the middle of a longer one is left out.

    Examples
    --------
    >>> cut_middle("CellDivision_T=10_Z=5_CH=2_DCV_ch00", 12)
    'CellDi…_ch00'
    """
    if len(name) <= most:
        return name
    tail = (most - len(CUT)) // 2
    return f"{name[: most - len(CUT) - tail].rstrip()}{CUT}{name[-tail:].lstrip()}"


def named_after(name: str, what: str) -> str:
    """Return the name of what belongs to a layer, such as its corners, with the middle of a long name left out."""
    return f"{cut_middle(name, MOST - len(what) - 1)} {what}"


def result_name(source: str, metadata: Mapping[str, Any], title: str) -> str:
    """Return the name of a result: that of its source, cut in the middle if it is long, and the whole operation.

    Parameters
    ----------
    source
        Name of the source.
    metadata
        Its metadata. If it is a result itself, operations before the last one are left out of a name that gets long.
    title
        Title of the operation.

    Examples
    --------
    >>> result_name("CellDivision_T=10_Z=5_CH=2_DCV_ch00", {}, "Gaussian filter")
    'Cell…ch00 – Gaussian filter'
    """
    whole = f"{source}{STEP}{title}"
    if len(whole) <= MOST:
        return whole
    first = source
    if metadata.get(RECORD):
        first = source.split(STEP)[0].split(MORE)[0]
    room = max(MOST - len(STEP) - len(title), LEAST)
    return f"{cut_middle(first, room)}{STEP if first == source else MORE}{title}"


def chain(metadata: Mapping[str, Any]) -> str:
    """Return the image that a result was made from, and all operations since; "" for an image without steps.

    Examples
    --------
    >>> chain({RECORD: [{"source": "cells", "operation": "gaussian"}, {"source": "", "operation": "invert"}]})
    'cells → Gaussian filter → Invert'
    """
    steps = metadata.get(RECORD, [])
    return " → ".join([str(steps[0].get("source", "")), *map(_title, steps)]) if steps else ""


def _title(step: Mapping[str, Any]) -> str:
    """Return the title of the operation of a step (or its id if there is none here), and whether its input changed."""
    note = TORN if step.get("torn") else ""
    id = str(step.get("operation", ""))
    try:
        return find(id).title + note
    except (KeyError, ValueError):
        return id + note
