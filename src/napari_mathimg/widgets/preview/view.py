"""What is on screen of a result: a box of its pixels, every how manyth of them, and where they lie in the world."""

import math
from dataclasses import dataclass
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...engine import Plan
from ...recipe.placement import Placement, kept_axis, place_result
from ..layers.units import unit_factor

Matrix = NDArray[np.float64]
Box = tuple[tuple[int, int], ...]
TILTED = 1e-6  # share of a displayed axis in another one from which on planes count as tilted
ROUNDING = 1e-6  # of a pixel
VOXELS = 2**20  # that are shown of a volume, about


class Unseen(ValueError):
    """Nothing of a result can be shown, for the reason that the message says."""


@dataclass(frozen=True)
class Seen:
    """What the viewer shows, copied in the window's thread.

    Attributes
    ----------
    point
        Position of the sliders, on all axes of the viewer's world.
    displayed
        Axes of the world that are displayed: rows and columns, or three.
    units
        Unit of each axis of the world; () if they have none.
    center, half
        The middle of the canvas and half of its lengths, on the displayed axes, if they are two.
    zoom
        Pixels of the screen for one unit of the world, if two axes are displayed.
    """

    point: tuple[float, ...]
    displayed: tuple[int, ...]
    units: tuple[Any, ...]
    center: tuple[float, float]
    half: tuple[float, float]
    zoom: float


def seen_in(viewer: Any, dots: float = 1.0) -> Seen:
    """Return what a viewer shows; `dots` is the number of the screen's pixels along one of the window's.

    The position on displayed axes is left out: it does not change what is seen, but layers that are added move it.
    """
    dims, camera = viewer.dims, viewer.scene.camera
    point = tuple(0.0 if axis in dims.displayed else float(p) for axis, p in enumerate(dims.point))
    displayed = tuple(int(axis) for axis in dims.displayed)
    units = tuple(dims.units) if dims.units is not None else ()
    if len(displayed) == 3:  # all of it is seen, from wherever
        return Seen(point, displayed, units, (0.0, 0.0), (0.0, 0.0), 0.0)
    half = np.array(viewer.canvas.viewbox_size(viewer.layers)) / camera.zoom / 2
    down, right = (float(c) for c in tuple(camera.center)[-2:])
    return Seen(point, displayed, units, (down, right), (float(half[0]), float(half[1])), float(camera.zoom) * dots)


class Axes(NamedTuple):
    """The axes of the layer that shows a result, in its order.

    Attributes
    ----------
    numbers
        For each axis, its number among stack axes and axes of an item; -1 for one that the operation drops and the
        layer keeps.
    lengths
        Length of each axis.
    placement
        Where the layer lies.
    """

    numbers: tuple[int, ...]
    lengths: tuple[int, ...]
    placement: Placement


def axes_of(plan: Plan, source: Placement) -> Axes:
    """Return the axes of the layer that shows the result of a plan, without an axis of frames."""
    before = int(plan.frames is not None)
    numbers = [n - before for k, n in enumerate(plan.order) if k != plan.channel_axis and n >= before]
    shape = (*plan.leading[before:], *plan.item)
    lengths = [shape[n] for n in numbers]
    placement = place_result(source, plan)
    if (kept := kept_axis(source, plan)) is not None:
        numbers.insert(kept, -1)
        lengths.insert(kept, 1)
    if before:
        placement = placement.on(range(1, len(placement.scale)))
    return Axes(tuple(numbers), tuple(lengths), placement)


@dataclass(frozen=True)
class View:
    """A box of the layer that shows a result, of which every step-th pixel is taken along the displayed axes.

    Attributes
    ----------
    axes
        The axes of the layer.
    displayed
        Those that are displayed, in the order of display: rows and columns, or three.
    box
        (start, stop) on each axis; starts on displayed axes are multiples of the step.
    step
        Pixels from one to the next that is taken, on each axis; 1 on axes that are not displayed.
    matrix
        From indices of what is taken to the world, in units of the layer, of shape (n + 1, n + 1).
    """

    axes: Axes
    displayed: tuple[int, ...]
    box: Box
    step: tuple[int, ...]
    matrix: Matrix

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of pixels taken along each axis."""
        return tuple(-(-(b - a) // s) for (a, b), s in zip(self.box, self.step, strict=True))

    @property
    def is_reduced(self) -> bool:
        """Whether there are pixels of the result that are not shown."""
        return max(self.step) > 1

    def is_like(self, other: "View | None") -> bool:
        """Whether pixels of another view, with the same values, are pixels of this one where both show them."""
        if other is None:
            return False
        same = (self.axes.numbers, self.axes.lengths, self.displayed, self.step)
        if same != (other.axes.numbers, other.axes.lengths, other.displayed, other.step):
            return False
        fixed = [k for k in range(len(self.box)) if k not in self.displayed]
        return all(self.box[k] == other.box[k] for k in fixed)


def view_of(plan: Plan, source: Placement, seen: Seen) -> View:
    """Return what is seen of the result of a plan on an image with a placement.

    Raises
    ------
    Unseen
        If nothing of it is on screen, or its planes are not parallel to the screen.
    """
    axes = axes_of(plan, source)
    n, before = len(axes.lengths), len(seen.point) - len(axes.lengths)
    displayed = [axis - before for axis in seen.displayed if axis >= before]
    if len(displayed) != len(seen.displayed):
        raise Unseen("Preview shows the axes that are displayed, and the image lacks one: show it in 2D")
    world = axes.placement.affine @ axes.placement.matrix
    others = [k for k in range(n) if k not in displayed]
    mixed = max(
        np.abs(world[np.ix_(displayed, others)]).max(initial=0.0),
        np.abs(world[np.ix_(others, displayed)]).max(initial=0.0),
    )
    plane = world[np.ix_(displayed, displayed)]
    if mixed > TILTED * np.abs(plane).max():
        raise Unseen("Preview shows planes that are parallel to the screen, and this layer is tilted")
    factors = factors_of(seen, axes.placement.units)
    point = np.array(seen.point[before:]) * factors
    if len(displayed) == 3:
        lengths = [axes.lengths[k] for k in displayed]
        many = max(1, math.ceil((math.prod(lengths) / VOXELS) ** (1 / 3)))
        spans = {k: ((0, axes.lengths[k]), min(many, max(axes.lengths[k] // 2, 1))) for k in displayed}
    else:
        spans = _on_screen(axes, displayed, world, plane, seen, factors)
    box, step = [(0, 1)] * n, [1] * n
    for k, (span, every) in spans.items():
        box[k], step[k] = span, every
    for k, at in zip(others, _positions(world, others, point), strict=True):
        box[k] = at, at + 1
    if any(not 0 <= a < b <= length for (a, b), length in zip(box, axes.lengths, strict=True)):
        raise Unseen("Nothing of the result is on screen")
    matrix = _taken(world, box, step, displayed, point, axes.placement.scale)
    return View(axes, tuple(displayed), tuple(box), tuple(step), matrix)


def _on_screen(
    axes: Axes, displayed: list[int], world: Matrix, plane: Matrix, seen: Seen, factors: Matrix
) -> dict[int, tuple[tuple[int, int], int]]:
    """Return the span of each displayed axis that is on screen, and the pixels of it for one of the screen."""
    n = len(axes.lengths)
    center, half = np.array(seen.center) * factors[displayed], np.array(seen.half) * factors[displayed]
    corners = [_inverse(plane, world[displayed, n], center + half * sides) for sides in product((-1, 1), repeat=2)]
    dots = seen.zoom / factors[displayed]  # pixels of the screen for a unit of the layer
    spans = {}
    for j, k in enumerate(displayed):
        step = max(1, int(1 / np.linalg.norm(plane[:, j] * dots) + ROUNDING))
        low, high = min(c[j] for c in corners), max(c[j] for c in corners)
        first = int(np.floor(low + 0.5 + ROUNDING)) // step * step
        last = -(-int(np.ceil(high + 0.5 - ROUNDING)) // step) * step
        spans[k] = (max(first, 0), min(last, axes.lengths[k])), step
    return spans


def factors_of(seen: Seen, units: tuple[Any, ...]) -> NDArray[np.float64]:
    """Return the factor from the viewer's unit to a layer's, on each axis of the layer."""
    before = len(seen.point) - len(units)
    if len(seen.units) != len(seen.point):
        return np.ones(len(units))
    pairs = zip(seen.units[before:], units, strict=True)
    return np.array([unit_factor(unit, other) for unit, other in pairs])


def positions_in(source: Placement, seen: Seen) -> dict[int, int]:
    """Return the index at the position of the sliders on each axis of a layer that is not displayed."""
    n = len(source.scale)
    before = len(seen.point) - n
    others = [axis for axis in range(n) if axis + before not in seen.displayed]
    point = np.array(seen.point[before:]) * factors_of(seen, source.units)
    return dict(zip(others, _positions(source.affine @ source.matrix, others, point), strict=True))


def _inverse(plane: Matrix, offset: Matrix, place: Matrix) -> Matrix:
    return np.asarray(np.linalg.solve(plane, place - offset), np.float64)


def _positions(world: Matrix, others: list[int], point: Matrix) -> list[int]:
    """Return the indices, on axes that are not displayed, of the plane at the position of the sliders."""
    n = len(world) - 1
    inside = np.linalg.solve(world[np.ix_(others, others)], point[others] - world[others, n])
    return [round(float(i)) for i in inside]  # as napari rounds, half to even


def _taken(
    world: Matrix, box: list[tuple[int, int]], step: list[int], displayed: list[int], point: Matrix, scale: Matrix
) -> Matrix:
    """Return the matrix from indices of the pixels that are taken to the world.

    A pixel covers those that are left out after it. On axes that are not displayed, a layer of one pixel lies at the
    sliders, with the pixel size of the source, so that their steps stay.
    """
    n = len(world) - 1
    start = np.array([a + (s - 1) / 2 for (a, _), s in zip(box, step, strict=True)] + [1.0])
    matrix = np.eye(n + 1)
    for k in range(n):
        if k in displayed:
            matrix[k, displayed] = world[k, displayed] * np.array(step)[displayed]
            matrix[k, n] = world[k] @ start
        else:
            matrix[k, k], matrix[k, n] = abs(float(scale[k])) or 1.0, point[k]
    return matrix


def items_seen(view: View, stack: int) -> list[tuple[int, ...]]:
    """Return the indices of the items of a stack, with a number of stack axes, of which a view shows something."""
    taken = {number: k for k, number in enumerate(view.axes.numbers)}
    spans = [range(*view.box[taken[j]], view.step[taken[j]]) for j in range(stack)]
    return list(product(*spans))


def box_in_item(view: View, stack: int, item: tuple[int, ...]) -> tuple[Box, tuple[int, ...]]:
    """Return the box of an item of the result that a view shows, and the step on each of its axes."""
    taken = {number: k for k, number in enumerate(view.axes.numbers)}
    axes = [taken[stack + j] for j in range(len(item))]
    return tuple(view.box[k] for k in axes), tuple(view.step[k] for k in axes)
