"""Total variation denoising of a block by Chambolle's projection and by the split Bregman method."""

import math

import numpy as np

from ..contract import types as t
from ..contract.progress import checkpoint, stop_word
from ..contract.quantities import count
from ..contract.reach import Neighborhood
from ..kernels import total_variation as kernels

PIPELINE_BYTES = 2**21  # of the slabs that consecutive iterations work on at the same time
MAX_PIPELINED = 16  # iterations
MAX_PIXELS = 2**26  # of a tile with its margins
USUAL_PIXELS = 2**24  # the same where smaller tiles are possible
SWEEP_CUTOFF = 9.6  # standard deviations beyond which an influence of sweeps is negligible; see benchmarks/reaches.py
MAX_SINGLE = 50  # sweeps whose rounding errors in float32 are small beside the tolerance of tiles
ONE_SWEEP = 2  # pixels that a single sweep reaches


def chambolle_reach(num_iter: int, shape: tuple[int, ...]) -> Neighborhood:
    """Return the reach of some iterations: each after the first reaches one pixel farther.

    Nearer cuts would be seen. Where the result is flat, the direction of its gradient depends on the last digits: noise
    of 1e-14 in the image of a brick wall becomes 1e-4 after 1000 iterations.
    """
    radius = max(num_iter - 1, 1)
    fitting = (halos for halos in range(8, 1, -1) if _pixels(shape, radius, halos) <= USUAL_PIXELS)
    return Neighborhood(radius, halos=next(fitting, 1))


def bregman_reach(num_iter: int, shape: tuple[int, ...]) -> Neighborhood:
    """Return the reach of some sweeps, which is longer than Chambolle's: a sweep uses values that it just updated."""
    cutoff = math.ceil(SWEEP_CUTOFF * math.sqrt(2 * num_iter / len(shape)))
    return Neighborhood(ONE_SWEEP + cutoff, exact=False, halos=3 if len(shape) == 3 else 8)


def check_chambolle(num_iter: int, shape: tuple[int, ...]) -> None:
    """Raise ValueError for iterations whose reach needs too much memory."""
    _check_memory(num_iter, shape, chambolle_reach(num_iter, shape))


def check_bregman(num_iter: int, shape: tuple[int, ...]) -> None:
    """Raise ValueError for sweeps whose reach needs too much memory."""
    _check_memory(num_iter, shape, bregman_reach(num_iter, shape))


def _check_memory(num_iter: int, shape: tuple[int, ...], reach: Neighborhood) -> None:
    pixels = _pixels(shape, reach.halo(len(shape))[0], reach.halos)
    if pixels > MAX_PIXELS:
        raise ValueError(
            f"num_iter={num_iter}: must be lower for images of shape {shape}; {count(pixels)} pixels would be computed"
            f" together, more than {count(MAX_PIXELS)}"
        )


def _pixels(shape: tuple[int, ...], radius: int, halos: int) -> int:
    """Return the number of pixels of a tile with its margins."""
    return math.prod(min(n, (halos + 2) * radius) for n in shape)


def to_slabs(image: t.Array, ndim: int) -> t.Array:
    """Return a plane or a volume, channels last if any, as (channels, slabs, rows, columns) with padded rows."""
    planar = np.moveaxis(image.reshape(*image.shape[:ndim], -1), -1, 0)
    planar = planar[:, :, None] if ndim == 2 else planar
    out = np.zeros((*planar.shape[:-1], -(-planar.shape[-1] // kernels.PAD) * kernels.PAD), image.dtype)
    out[..., : planar.shape[-1]] = planar
    return out


def from_slabs(slabs: t.Array, image: t.Array, ndim: int) -> t.Array:
    """Undo `to_slabs`: return an array of the image's shape."""
    return np.moveaxis(slabs[..., : image.shape[ndim - 1]], 0, -1).reshape(image.shape)


def chambolle(image: t.Array, weight: float, num_iter: int, ndim: int) -> t.Array:
    """Return a block after some iterations of Chambolle's projection, the first of which changes nothing."""
    block, end = to_slabs(image, ndim), image.shape[ndim - 1]
    number, (channels, slabs, rows, columns) = block.dtype.type, block.shape
    p = np.zeros_like(block)
    q = np.zeros_like(block) if rows > 1 else np.zeros((1,) * 4, block.dtype)
    r = np.zeros((channels, slabs, rows, columns + 1), block.dtype)
    factor = np.empty(columns, block.dtype)
    tau = 1 / (2 * ndim)
    pipelined = min(max(1, PIPELINE_BYTES // block[:, 0].nbytes), MAX_PIPELINED)
    for first in range(1, num_iter, pipelined):
        results = np.empty((min(pipelined, num_iter - first), 2, channels, rows, columns + 1), block.dtype)
        kernels.chambolle(block, p, q, r, end, number(tau), number(tau / weight), results, factor, stop_word())
        checkpoint()
    out = np.empty((channels, slabs, rows, columns + 1), block.dtype)
    for s in range(slabs):
        kernels.divergence(block, p, q, r, s, end, out[:, s])
    return from_slabs(out, image, ndim)


def bregman(image: t.Array, weight: float, num_iter: int, isotropic: bool, ndim: int) -> t.Array:
    """Return a block after some sweeps of the split Bregman method; many are computed in float64."""
    if num_iter > MAX_SINGLE and image.dtype != np.float64:
        return bregman(image.astype(np.float64), weight, num_iter, isotropic, ndim).astype(image.dtype)
    block, end = to_slabs(image, ndim), image.shape[ndim - 1]
    number, (channels, slabs, rows, columns) = block.dtype.type, block.shape
    volume = ndim == 3
    u = _pad_border(block, end, volume)
    shapes = (
        (slabs + 1, rows, columns),
        (slabs, rows + 1, columns) if volume else (1, 1, 1),
        (slabs, rows, columns + 1),
    )
    b, e = (tuple(np.zeros((channels, *shape), block.dtype) for shape in shapes) for _ in range(2))
    squares, factor = np.zeros((2, 3, columns), block.dtype)
    row, other = np.zeros((2, columns + kernels.REACH), block.dtype)
    own = 1 / (1 + 4 * ndim)
    for _ in range(num_iter):
        kernels.bregman(
            block, u, b, e, end, volume, isotropic, number(own), number(2 * own), number(weight / 2), squares, factor,
            row, other, stop_word(),
        )  # fmt: skip
        checkpoint()
    inner = u[:, 1:-1, 1:-1, 1:] if volume else u[:, 1:-1, :, 1:]
    return from_slabs(inner, image, ndim)


def _pad_border(block: t.Array, end: int, volume: bool) -> t.Array:
    """Return a block padded by one pixel as in scikit-image: the second pixel before it, the last one after it."""
    axes = (1, 2, 3) if volume else (1, 3)
    out = np.pad(block, [(0, 0), (1, 1), (int(volume),) * 2, (1, 1)])
    for axis in axes:
        n = end if axis == 3 else block.shape[axis]
        before, after = ((slice(None),) * axis + (k,) for k in (0, n + 1))
        out[before] = out[(slice(None),) * axis + (min(2, n),)]
        out[after] = out[(slice(None),) * axis + (n,)]
    return out
