"""Geometry of the marked corners: parameters of `rectify` for the image and other layers, and texts about them."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from napari.layers import Layer

from ...contract.quantities import quantity, sizes
from ...contract.reach import Gather
from ...methods.homography_fit import mapped
from ...methods.maps import Projective
from ...methods.quadrilateral import Corners, Fault, order, pixel_size, proportions
from ...methods.rectification import lengths, rectangle_map
from ...ops.perspective import rectify
from ..layers.levels import factors
from ..layers.plane import frame, into_units_of, plane_to_world

Known = Mapping[str, Any]

CORNERS = 4
CANVAS = ("rows", "columns")
UNIT_SQUARE = ((0.0, 0.0), (0.0, 1.0), (1.0, 1.0), (1.0, 0.0))
WHERE = ("↖", "↗", "↘", "↙")


def map_of(known: Known) -> Any:
    """Return the map from the rectangle to the image that resolved parameters define."""
    names = ("corners", "targets", "match_longer", "width", "height", "size", "frame", "turn")
    return rectangle_map(**{name: known[name] for name in names})


def outline(known: Known) -> Corners:
    """Return the rectangle's corners in the image, clockwise from the upper left."""
    ends = [(down * known["height"], right * known["width"]) for down, right in UNIT_SQUARE]
    return tuple((float(r), float(c)) for r, c in mapped(map_of(known), ends))


def outline_in(known: Known, gather: Gather) -> Corners:
    """Return the rectangle's corners in the result, as (row, column)."""
    assert isinstance(gather.source, Projective)
    inverse = np.linalg.inv(np.array(gather.source.matrix))
    return tuple((float(r), float(c)) for r, c in mapped(inverse, outline(known)))


def lengths_of(known: Known) -> tuple[float, float]:
    """Return the rectangle's height and width in world units."""
    return lengths(known["width"], known["height"], known["size"], known["frame"])


def with_targets(parameters: Known, aims: Mapping[int, tuple[float, float]], shape: tuple[int, ...]) -> dict[str, Any]:
    """Return parameters with a target for each corner: its aim, as a fraction of the rectangle, or its mapped position.

    The first four corners define the size of the rectangle, and the map that gives corners without an aim a target.
    """
    first = rectify.resolve({**parameters, "corners": parameters["corners"][:CORNERS]}, shape, {})
    high, wide = first["height"], first["width"]
    free = mapped(np.linalg.inv(map_of(first)), parameters["corners"])
    ends = {k: (aim[0] * high, aim[1] * wide) for k, aim in aims.items()}
    targets = tuple(ends.get(k, (float(down), float(right))) for k, (down, right) in enumerate(free))
    return {**parameters, "targets": targets, "turn": 0, "width": wide, "height": high}


def carried(known: Known, source: tuple[Layer, int], other: tuple[Layer, int]) -> dict[str, Any]:
    """Convert parameters to another layer's level, so that they describe the same rectangle in the world."""
    layer, unit = other[0], into_units_of(other[0], source[0])[1, 1]
    matrix = np.linalg.inv(plane_to_world(*other)) @ into_units_of(layer, source[0]) @ plane_to_world(*source)
    step, new = pixel_size(known["frame"]), pixel_size(frame(*other))
    step = step[0] * unit, step[1] * unit
    rows, columns = (
        max(round(n * a / b), 1) for n, a, b in zip((known["height"], known["width"]), step, new, strict=True)
    )
    grown = rows / known["height"], columns / known["width"]
    out = {
        **known, "corners": tuple(map(tuple, mapped(matrix, known["corners"]).tolist())), "frame": frame(*other),
        "size": tuple(side * unit for side in lengths_of(known)), "height": rows, "width": columns,
    }  # fmt: skip
    if not isinstance(known["targets"], str):
        out["targets"] = tuple((down * grown[0], right * grown[1]) for down, right in known["targets"])
    if not isinstance(known["canvas"], str):
        high, wide = (round(n * g) for n, g in zip(known["canvas"], grown, strict=True))
        out["canvas"] = (max(high, rows), max(wide, columns))
    return out


def resized(layer: Layer, sizes: Mapping[str, float], before: int, after: int) -> dict[str, float]:
    """Convert sizes from pixels of one level of a layer to those of another; a canvas is rounded up."""
    down, across = (factors(layer, before) / factors(layer, after)).tolist()[-2:]
    grown = {"rows": down, "height": down, "columns": across, "width": across}
    exact = {name: size * grown[name] for name, size in sizes.items()}
    return {name: max(math.ceil(v) if name in CANVAS else round(v), 1) for name, v in exact.items()}


def places(known: Known, corners: Corners, turn: int) -> tuple[int, ...]:
    """Return the indices of the upper left, upper right, lower right and lower left of the first four corners."""
    high, wide = lengths_of(known) if known["match_longer"] else (1.0, 1.0)
    return order(corners[:CORNERS], wide, high, turn, known["frame"])


def labels(at: Sequence[int], count: int) -> list[str]:
    """Label corners by their position in the rectangle, clockwise from the upper left, and further ones by number."""
    named = {corner: f"{k + 1} {WHERE[k]}" for k, corner in enumerate(at)}
    return [named.get(k, str(k + 1)) for k in range(count)]


def tells_proportions(known: Known, shape: tuple[int, ...]) -> bool:
    """Whether the perspective of the marked corners determines the aspect ratio of the rectangle."""
    ring = tuple(known["corners"][k] for k in order(known["corners"], 1, 1, known["turn"], known["frame"]))
    return proportions(ring, known["frame"], shape) is not None


def fault_words(wrong: Fault, names: Sequence[str]) -> str:
    """Describe a fault of the corners and which corner to move, by their labels."""
    corner, *others = (names[k].split()[0] for k in (wrong.corner, *wrong.others))
    if len(others) == 1:
        return f"Corners {others[0]} and {corner} are less than two pixels apart: move corner {corner}."
    return f"The corners are not convex: move corner {corner} away from the line between {others[0]} and {others[1]}."


def error_words(errors: Sequence[float]) -> str:
    """Report the residuals of the fitted map at the corners."""
    both = float(np.sqrt(np.mean(np.square(errors)))), float(max(errors))
    mean, most = (quantity(round(error, 2), "px") for error in both)
    return f"Least-squares fit: residual {mean} (root mean square), {most} at most."


def size_words(shape: Sequence[int], known: Known, unit: str) -> str:
    """Describe the size of the result, and its pixel size if there is a unit."""
    high, wide = lengths_of(known)
    text = f"Result: {sizes((shape[1], shape[0]), 'px')} (width x height)"
    pixel = sizes((wide / known["width"], high / known["height"]), unit)
    return f"{text}, each {pixel}" if unit else text


def sentence(error: Exception) -> str:
    """Return an error's text as a sentence."""
    text = str(error)
    return f"{text[0].upper()}{text[1:]}."
