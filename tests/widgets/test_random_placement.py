"""Results and drawn layers lie in the world where their source lies, on 500 layers placed at random."""

from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any

import numpy as np
import pytest
from napari.components import Dims
from napari.layers import Image, Labels, Layer, Points, Shapes

from cases import CASES, Case
from napari_mathimg import Options
from napari_mathimg.contract.progress import run_to_end
from napari_mathimg.engine import Plan
from napari_mathimg.engine.prepare import resolve
from napari_mathimg.widgets.layers.layer_arguments import result_arguments
from napari_mathimg.widgets.layers.plane import data_of, frame, points_in, spatial_state_like
from napari_mathimg.widgets.layers.snapshot import DOMAIN, snapshot_at
from napari_mathimg.widgets.layers.view_geometry import box_around
from napari_mathimg.widgets.psf.pixel_sizes import placed_in_middle
from nightly import nightly

LAYERS = 500
KINDS = ("plain", "mirrored", "turned", "sheared", "affine", "everything")
PLANE = (61, 47)  # what the parameters of the cases are for


@dataclass
class Place:
    """A random placement, and the arguments for napari that say it."""

    arguments: dict[str, Any]
    linear: np.ndarray
    shift: np.ndarray

    def world(self, index: Any) -> np.ndarray:
        return np.atleast_2d(index) @ self.linear.T + self.shift


def orthogonal(rng: np.random.Generator, n: int, flat: bool, mirrored: bool = False) -> np.ndarray:
    """A random rotation, with `flat` of the last two axes only; `mirrored` along the first of them too."""
    turned = min(n, 2) if flat else n
    q, r = np.linalg.qr(rng.standard_normal((turned, turned)))
    q = q * np.sign(np.diag(r))
    q[:, 0] *= np.linalg.det(q) * (-1 if mirrored else 1)
    out = np.eye(n)
    out[n - turned :, n - turned :] = q
    return out


def sheared(rng: np.random.Generator, n: int, flat: bool) -> np.ndarray:
    """A random upper or lower triangular matrix with ones on its diagonal."""
    out = np.triu(rng.uniform(-0.7, 0.7, (n, n)), 1)
    if flat:
        out[:-2] = 0
    return np.eye(n) + (out if rng.random() < 0.7 else out.T)


def place(rng: np.random.Generator, kind: str, n: int, flat: bool = False) -> Place:
    """A random placement of n axes; with `flat`, planes of the last two are parallel to those of the world."""
    everything = kind == "everything"
    scale = rng.uniform(0.05, 4, n)
    if kind != "plain":
        scale *= rng.choice((-1, 1), n)
    rotate = orthogonal(rng, n, flat) if kind == "turned" or everything else np.eye(n)
    if kind == "turned" and rng.random() < 0.3:  # by 180 degrees, as readers of microscope files do
        rotate = np.diag([*np.ones(n - 2), -1.0, -1.0])
    shear = sheared(rng, n, flat) if kind == "sheared" or everything else np.eye(n)
    affine = np.eye(n + 1)
    if kind == "affine" or everything:
        stretch = np.diag(rng.uniform(0.3, 3, n) * rng.choice((-1, 1), n))
        affine[:-1, :-1] = orthogonal(rng, n, flat, mirrored=rng.random() < 0.5) @ sheared(rng, n, flat) @ stretch
        affine[:-1, -1] = rng.uniform(-50, 50, n)
    translate = rng.uniform(-100, 100, n)
    units = tuple(rng.choice(["um", "nm", "pixel"], n)) if rng.random() < 0.5 else ("um",) * n
    labels = tuple("tczyx"[-n:])
    return Place(
        {"scale": scale, "translate": translate, "rotate": rotate, "shear": shear, "affine": affine,
         "units": units, "axis_labels": labels},
        affine[:-1, :-1] @ rotate @ shear @ np.diag(scale),
        affine[:-1, :-1] @ translate + affine[:-1, -1],
    )  # fmt: skip


def marks(plan: Plan, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices in a result, and in its source, of the same points of the world.

    `points` are random indices in an item of the result. Their places in the source are those of the pixels that the
    operation reads; of those that change the content, one point stays.
    """
    p, n = plan.parameters, np.array(plan.source.item)
    match plan.operation.id:
        case "crop":
            return points, points + p["start"]
        case "rescale" | "resize":
            return points, (points + 0.5) * n / plan.item - 0.5
        case "rotate":
            center = np.linalg.solve(np.array(plan.reach.source.matrix), (*p["center"], 1.0))
            return center[None, :2] / center[2], np.array([p["center"]])
        case "correct_distortion" | "correct_lens":  # whose scale is about the center
            center = np.array([(n - 1) / 2 if p.get("center", "auto") == "auto" else p["center"]])
            return center, center
        case "rectify":
            return np.array([np.divide(plan.item, 2) - 0.5]), np.mean(p["corners"], axis=0, keepdims=True)
        case _:
            assert plan.item == plan.source.item
            return points, points


def layer_of(
    rng: np.random.Generator, case: Case, where: Place, lead: tuple[int, ...], item: tuple[int, ...], order: list[int]
) -> Layer:
    """A layer without content: labels for half of the operations that take them, multiscale now and then.

    `order` has the layer's axes of the stack, then those of an item.
    """
    back = np.argsort(order)
    shape = (*np.array([*lead, *item])[back].tolist(), *(3,) * case.color)
    dtype = np.uint16 if not case.color else np.uint8
    levels = [np.broadcast_to(dtype(1), shape)]
    if rng.random() < 0.3:
        coarse = [*lead, *(-(-n // 2) for n in item)]
        levels.append(np.broadcast_to(dtype(1), (*np.array(coarse)[back].tolist(), *(3,) * case.color)))
    several = len(levels) > 1
    data = levels if several else levels[0]
    if case.declared.family in DOMAIN and not case.color and rng.random() < 0.5:
        return Labels(data, multiscale=several, visible=False, **where.arguments)
    limits = {} if case.color else {"contrast_limits": (0, 2)}
    return Image(data, multiscale=several, rgb=case.color, visible=False, **limits, **where.arguments)


@pytest.mark.filterwarnings("ignore:Non-orthogonal slicing")  # napari's own, of layers tilted against the screen
@pytest.mark.parametrize("first", [0, *nightly(*range(100, LAYERS, 100))])
def test_results_lie_where_their_source_lies(first: int) -> None:
    each = list(islice(cycle([(c, ndim) for c in CASES for ndim in c.ndims if ndim > 1]), first, first + 100))
    for number, (case, ndim) in enumerate(each, first):
        rng = np.random.default_rng(number)
        ndim = 2 if case.declared.dimensions == (2,) else ndim
        lead = tuple(rng.integers(2, 5, rng.integers(0, 6 - ndim)))
        item = (*(15,) * (ndim - 2), *PLANE)
        where = place(rng, KINDS[number % len(KINDS)], len(lead) + ndim)
        last, n = list(range(len(lead), len(lead) + ndim)), len(lead) + ndim
        axes = last if rng.random() < 0.5 else sorted(rng.choice(n, ndim, replace=False).tolist())
        order = [*(k for k in range(n) if k not in axes), *axes]
        layer = layer_of(rng, case, where, lead, item, order)
        level = int(rng.integers(len(layer.data))) if layer.multiscale and not case.parameters.get("corners") else 0
        source = snapshot_at(layer, level)
        shape = tuple(source.array.shape[axis] for axis in axes)
        factor = np.divide(item, shape)
        starts = [int(a) for a in rng.integers(0, lead)] if lead and rng.random() < 0.5 else [0] * len(lead)
        scope = {k: (a, a + 1) for k, a in zip(order, starts, strict=False)} if any(starts) else None
        options = Options(axes=axes, channel_axis=layer.ndim if case.color else None, scope=scope)
        parameters = case.parameters if level == 0 else case.needed
        further = case.further(shape)
        further = tuple(np.ones_like(image) for image in further)
        plan = run_to_end(resolve(case.declared, source.array, further, options, parameters, 1))

        limits = None if isinstance(layer, Labels) or plan.channel_axis is not None else (0.0, 1.0)
        made = Labels if isinstance(layer, Labels) else Image
        data = np.broadcast_to(np.zeros((), plan.dtype), plan.shape)
        result = made(data, visible=False, **result_arguments(source, plan, limits, ""))

        at, there = marks(plan, rng.uniform(0, np.array(plan.item) - 1, (4, len(plan.item))))
        there = (there + 0.5) * factor - 0.5
        begin = np.zeros((len(at), len(lead)))
        back = np.argsort(order)
        expected = where.world(np.column_stack([begin + starts, there])[:, back])
        frames = plan.frames is not None
        index = np.column_stack([np.zeros((len(at), int(frames))), np.column_stack([begin, at])[:, back]])
        found = np.array([result.data_to_world(i) for i in index])[:, frames:]
        size = np.abs(where.linear).max()
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9 * max(size, np.abs(expected).max()))
        assert result.units[frames:] == layer.units, case.operation
        assert result.axis_labels[frames:] == layer.axis_labels, case.operation
        if plan.item == plan.source.item and level == 0 and case.operation not in ("rectify", "correct_distortion"):
            for name in ("scale", "rotate", "shear"):  # of the source's grid, each is kept to the bit
                mine, its = np.asarray(getattr(result, name)), np.asarray(getattr(layer, name))
                if name == "shear" and frames:
                    continue
                kept = mine[frames:, frames:] if mine.ndim == 2 else mine[frames:]
                np.testing.assert_array_equal(kept, its, case.operation)


def test_drawn_layers_lie_over_their_image() -> None:
    """Points and shapes in pixels of an image, the corners read from them, and a PSF in its middle."""
    for number in range(60):  # a layer of shapes takes long to make
        rng = np.random.default_rng(number)
        n = int(rng.integers(2, 6))
        where = place(rng, KINDS[number % len(KINDS)], n, flat=True)
        where.arguments["units"] = ("um",) * n
        image = Image(np.broadcast_to(np.uint8(0), (*(4,) * (n - 2), 60, 80)), visible=False, **where.arguments)
        places = rng.uniform(5, 20, (4, 2)) + np.array([[0, 0], [30, 30], [0, 30], [30, 0]])
        points = Points(places, ndim=2, **spatial_state_like(image))
        whole = np.column_stack([np.zeros((4, n - 2)), places])
        seen = np.array([points.data_to_world(p) for p in places])
        np.testing.assert_allclose(seen, where.world(whole)[:, -2:], atol=1e-9)
        np.testing.assert_allclose(points_in(points, image), places, atol=1e-9)
        np.testing.assert_allclose(data_of(points, places, image, ()), places, atol=1e-9)
        np.testing.assert_allclose(np.array(frame(image)).T, where.linear[-2:, -2:], atol=1e-12)

        (top, left), (bottom, right) = places[:2]
        outline = np.zeros((4, n))
        outline[:, -2:] = [(top, left), (top, right), (bottom, right), (bottom, left)]
        box = Shapes([outline], shape_type="rectangle", ndim=n, **spatial_state_like(image, n))
        dims = Dims(ndim=n)
        dims.units = image.units
        low, high = np.ceil(places[:2].min(0)), np.floor(places[:2].max(0))
        found = box_around(dims, image, box)
        assert [found[n - 2], found[n - 1]] == [(a, b + 1) for a, b in zip(low, high, strict=True)]

        small = np.zeros((7, 9))
        psf = Image(small, **placed_in_middle(small, image, (n - 2, n - 1)))
        middle = where.world((*(0,) * (n - 2), 59 / 2, 79 / 2))[0, -2:]
        np.testing.assert_allclose(psf.data_to_world((3, 4)), middle, atol=1e-9)
