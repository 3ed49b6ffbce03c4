"""How an image is laid out in OME-Zarr: its axes in order, levels, shards and chunks."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ...contract.reach import Box
from ..image import Image
from ..units import factor

CHUNK, SHARD = 2**20, 2**25  # bytes from which on chunks and shards do not grow
SMALLEST = 512  # pixels; no further level is made below this length of the longest halved axis
FEWEST = 16  # pixels along a halved axis of the smallest part of a level that a task writes
ALIKE = 1.5  # by which pixel sizes may differ along axes that are halved together
MOST_AXES = 5
SPACE = "zyx"
FLAT, THICK = 16, 4  # how much shorter a chunk is along z than along y and x, if z is halved with them and if not
Version = Literal["0.4", "0.5"]
Codec = Literal["zstd", "lz4", "none"]


@dataclass(frozen=True)
class Layout:
    """How an image is stored, level by level. All lengths are along the stored axes, in pixels of the finest level.

    Parameters
    ----------
    shape
        Shape of the finest level.
    dtype
        Type of the pixels.
    axes
        Names of the axes as they are stored: time, channels or another one, then z, y, x.
    shards
        Lengths of the box that a task writes, of each level its part: one file in version 0.5, several in 0.4.
    chunks
        Lengths of the boxes that are compressed and read alone; those of coarse levels may be smaller.
    levels
        Number of levels, at least 1.
    halved
        Numbers of the axes that are half as long in each further level.
    version
        Version of OME-Zarr.
    codec
        Compression.
    labels
        Whether pixels are labels, whose coarse levels hold single ones instead of means.
    order
        Axis of the image for each stored one; () if nothing is moved.

    Raises
    ------
    ValueError
        ``name=value: must be ...`` for lengths that do not fit each other.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    axes: tuple[str, ...]
    shards: tuple[int, ...]
    chunks: tuple[int, ...]
    levels: int
    halved: tuple[int, ...]
    version: Version = "0.5"
    codec: Codec = "zstd"
    labels: bool = False
    order: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.version not in ("0.4", "0.5"):
            raise ValueError(f"version={self.version!r}: must be '0.4' or '0.5'")
        if self.codec not in ("zstd", "lz4", "none"):
            raise ValueError(f"codec={self.codec!r}: must be 'zstd', 'lz4' or 'none'")
        if isinstance(self.levels, bool) or not isinstance(self.levels, int) or not 1 <= self.levels <= 32:
            raise ValueError(f"levels={self.levels!r}: must be a whole number from 1 to 32")
        for name in ("chunks", "shards"):
            lengths = getattr(self, name)
            if len(lengths) != len(self.shape) or not all(type(n) is int and n > 0 for n in lengths):
                raise ValueError(f"{name}={lengths}: must be one length for each of the axes {', '.join(self.axes)}")
        if any(s % c for s, c in zip(self.shards, self.chunks, strict=True)):
            raise ValueError(f"shards={self.shards}: must be multiples of the chunks {self.chunks}")
        step = 2 ** (self.levels - 1)
        if any(self.shards[axis] % step for axis in self.halved):
            names = ", ".join(self.axes[axis] for axis in self.halved)
            raise ValueError(
                f"shards={self.shards}: must be multiples of {step} along {names} for {self.levels} levels"
            )

    @property
    def level_shapes(self) -> list[tuple[int, ...]]:
        """Shapes of all levels, the finest first."""
        return [self._at(level, self.shape) for level in range(self.levels)]

    def _at(self, level: int, lengths: Sequence[int]) -> tuple[int, ...]:
        return tuple(-(-n // 2**level) if k in self.halved else int(n) for k, n in enumerate(lengths))

    def shard_of(self, level: int) -> tuple[int, ...]:
        """Return the lengths of the part of a level that a task writes, in its pixels."""
        return self._at(level, self.shards)

    def chunk_of(self, level: int) -> tuple[int, ...]:
        """Return the lengths of the chunks of a level, in its pixels."""
        return tuple(math.gcd(c, s) for c, s in zip(self.chunks, self.shard_of(level), strict=True))

    def box_at(self, level: int, box: Box) -> Box:
        """Return the box of a level that a box of whole shards of the finest one covers."""
        step = 2**level
        return tuple((a // step, -(-b // step)) if k in self.halved else (a, b) for k, (a, b) in enumerate(box))

    def shard_boxes(self) -> list[Box]:
        """Return the boxes of all tasks, which cover the finest level once, so that neighbors follow each other.

        Each axis is walked to and fro, so that a box has a side in common with the one before it.
        """
        spans = [[(a, min(a + s, n)) for a in range(0, n, s)] for n, s in zip(self.shape, self.shards, strict=True)]
        return list(_to_and_fro(spans))

    @property
    def channel_axis(self) -> int | None:
        """The stored axis of channels, or of what is neither time nor space; None if there is none."""
        return next((k for k, name in enumerate(self.axes) if name not in ("t", *SPACE)), None)

    def image_box(self, box: Box) -> Box:
        """Return a box on the stored axes as one on those of the image."""
        order = self.order or tuple(range(len(box)))
        return tuple(box[order.index(axis)] for axis in range(len(order)))

    def stored(self, pixels: NDArray[Any]) -> NDArray[Any]:
        """Return pixels of the image with their axes in the order in which they are stored."""
        return pixels.transpose(self.order) if self.order else pixels


def _to_and_fro(spans: Sequence[list[tuple[int, int]]]) -> Any:
    if not spans:
        yield ()
        return
    forth = [*_to_and_fro(spans[1:])]
    for number, span in enumerate(spans[0]):
        yield from ((span, *rest) for rest in (forth if number % 2 == 0 else reversed(forth)))


def stored_axes(axes: Sequence[str], color: int | None = None) -> tuple[int, ...]:
    """Return the numbers of axes in the order in which OME-Zarr stores them: time, channels or another one, z, y, x.

    Parameters
    ----------
    axes
        Names of the axes of an image.
    color
        Its axis of colors, or None.

    Raises
    ------
    ValueError
        If OME-Zarr cannot hold an image with these axes.
    """
    others = [k for k, name in enumerate(axes) if name not in ("t", *SPACE)]
    if not {"y", "x"} <= {*axes} or len(others) > 1 or len(axes) > MOST_AXES:
        raise ValueError(
            f"axes={tuple(axes)!r}: must be y and x, and may be t, z and one more, such as c:"
            " name them (axes, --axis-names), or write a .npy file"
        )
    if color is not None and color not in others:
        raise ValueError(f"channel_axis={color}: must not be the axis {axes[color]!r}")
    places = {name: k for k, name in enumerate(axes)}
    return (*([places["t"]] if "t" in places else []), *others, *(places[name] for name in SPACE if name in places))


def layout_of(
    image: Image, *, levels: int | None = None, shards: Sequence[int] | None = None,
    chunks: Sequence[int] | None = None, version: Version = "0.5", codec: Codec = "zstd", labels: bool = False,
    whole_tiles: Sequence[int] | None = None,
) -> Layout:  # fmt: skip
    """Choose how an image is stored; no pixel is read.

    Parameters
    ----------
    image
        Image; of its pixels only shape and type matter.
    levels
        Number of levels; None for as many as make the last one small.
    shards, chunks
        Lengths along the stored axes; None for chunks of about 1 MB and shards of 32 to 64 MiB.
    version, codec, labels
        As in `Layout`.
    whole_tiles
        Lengths along the stored axes of tiles that no shard may cut; None for none.

    Raises
    ------
    ValueError
        ``name=value: must be ...`` if the image cannot be stored, or the lengths do not fit each other.
    """
    order = stored_axes(image.axes, image.channel_axis)
    axes, shape = tuple(image.axes[k] for k in order), tuple(image.shape[k] for k in order)
    dtype: np.dtype[Any] = np.dtype(image.dtype).newbyteorder("=")
    if dtype.kind not in "biuf" or dtype.itemsize > 8:
        raise ValueError(f"dtype={dtype}: must be real numbers of at most 64 bits")
    for name, lengths in (("shards", shards), ("chunks", chunks), ("whole_tiles", whole_tiles)):
        if lengths is not None and (len(lengths) != len(axes) or min(lengths) < 1):
            raise ValueError(f"{name}={tuple(lengths)}: must be one length for each of the axes {', '.join(axes)}")
    halved = _halved_axes(image, order)
    weights = [_weight(name, k in halved) for k, name in enumerate(axes)]
    tiles = shape if whole_tiles is None else tuple(map(int, whole_tiles))
    if chunks is not None:
        small = [*map(int, chunks)]
    else:
        small = _grown([1] * len(shape), shape, weights, CHUNK // dtype.itemsize)
        small = [c if t >= n else _divisor(t, c) for c, t, n in zip(small, tiles, shape, strict=True)]
        if shards is not None:
            small = [math.gcd(c, int(s)) for c, s in zip(small, shards, strict=True)]
    large = _grown(small, shape, weights, SHARD // dtype.itemsize) if shards is None else [*map(int, shards)]
    if levels is None:
        levels = _number_of_levels(shape, large, halved, tiles)
    if shards is None:
        step = 2 ** (levels - 1) if isinstance(levels, int) and 1 <= levels <= 32 else 1
        steps = [step if k in halved else 1 for k in range(len(shape))]
        if chunks is None:
            small = [min(c, -(-n // s) * s) for c, n, s in zip(small, shape, steps, strict=True)]
        cut = [t if t < n else 1 for t, n in zip(tiles, shape, strict=True)]
        if whole_tiles is not None:
            large = [b if t < n else max(b, n) for b, t, n in zip(large, tiles, shape, strict=True)]
        multiples = map(math.lcm, small, steps, cut)
        large = [-(-min(b, n) // m) * m for b, n, m in zip(large, shape, multiples, strict=True)]
    elif any(s % t and s < n for s, t, n in zip(large, tiles, shape, strict=True)) and whole_tiles is not None:
        raise ValueError(f"shards={tuple(large)}: must be multiples of {tiles}, the tiles in which a step is computed")
    is_moved = order != tuple(range(len(order)))
    return Layout(
        shape, dtype, axes, tuple(large), tuple(small), levels, halved, version, codec, labels or image.is_labels,
        order if is_moved else (),
    )  # fmt: skip


def _weight(name: str, is_halved: bool) -> float:
    """Return how much shorter a chunk is along an axis than along y and x; infinite for those it grows along last."""
    if name in "yx":
        return 1
    return math.inf if name != "z" else THICK if is_halved else FLAT


def _grown(lengths: Sequence[int], shape: Sequence[int], weights: Sequence[float], pixels: int) -> list[int]:
    """Double the lengths of a box that are shortest by their weights until it holds so many pixels, or everything."""
    grown = [*lengths]
    while 2 * math.prod(grown) <= pixels:
        axes = [k for k, (n, whole) in enumerate(zip(grown, shape, strict=True)) if n < whole]
        if not axes:
            break
        axis = min(axes, key=lambda k: (grown[k] * weights[k], -k))
        grown[axis] *= 2
    return grown


def _divisor(tile: int, chunk: int) -> int:
    """Return a length of chunks of which a tile consists: about the given one, or that of the tile."""
    return max((d for d in range(max(chunk // 4, 1), min(2 * chunk, tile) + 1) if tile % d == 0), default=tile)


def _halved_axes(image: Image, order: Sequence[int]) -> tuple[int, ...]:
    """Return the stored axes that levels halve: y and x, and z where its pixel size is known and like theirs."""
    names = [image.axes[k] for k in order]
    size = {image.axes[k]: (image.scale[k], image.units[k]) for k in order}
    halved = {"y", "x"}
    if "z" in size and None not in (size["z"][1], size["x"][1]):
        ratio = factor(str(size["z"][1]), str(size["x"][1]))
        if ratio is not None and size["z"][0] * ratio <= ALIKE * size["x"][0]:
            halved.add("z")
    return tuple(k for k, name in enumerate(names) if name in halved)


def _number_of_levels(
    shape: Sequence[int], shards: Sequence[int], halved: Sequence[int], tiles: Sequence[int]
) -> int:  # fmt: skip
    """Return how many levels there are until one is small, a task would write little of it, or shards would be huge."""
    for levels in itertools.count(1):
        small = max(-(-shape[k] // 2 ** (levels - 1)) for k in halved) <= SMALLEST
        part = min(min(shards[k], shape[k]) // 2**levels for k in halved if small or shape[k] > SMALLEST)
        is_huge = any(math.lcm(tiles[k], 2**levels) > 2 * shards[k] for k in halved if tiles[k] < shape[k])
        if small or part < FEWEST or is_huge:
            return levels
    raise AssertionError
