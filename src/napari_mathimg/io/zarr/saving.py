"""Writing an image to OME-Zarr, a few shards at a time."""

from collections.abc import Generator, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...contract.progress import Progress
from ...contract.reach import Box
from ...engine.chunks import as_numpy, with_cached_chunks
from ...engine.memory import memory_at_hand
from ...engine.threads import cores, run_tasks
from ..folders import published_folder
from ..image import Image
from .describing import limits_of, type_range
from .layout import Layout
from .writing import create_levels, describe, write_shard

Array = NDArray[Any]
COPIES = 6  # of a shard that its task holds at most, with sums in float64 and what is compressed


def save_zarr(
    path: Path, image: Image, layout: Layout, overwrite: bool = False, threads: int | None = None
) -> Generator[Progress, None, None]:  # fmt: skip
    """Write an image in a generator that yields progress; closed before its end, it leaves everything as it was.

    Parameters
    ----------
    path
        Folder, which appears when it is whole.
    image
        Image, of which the pixels of a few shards are read at a time.
    layout
        How it is stored.
    overwrite
        Whether a folder that exists may be replaced.
    threads
        Number of shards that are written at a time; by default the number of cores, fewer if memory is short.
    """
    array = with_cached_chunks(image.array)
    limits = _Limits(layout, image)
    shard = int(np.prod([min(*pair) for pair in zip(layout.shards, layout.shape, strict=True)], dtype=object))
    room = memory_at_hand() // (COPIES * shard * layout.dtype.itemsize)
    with published_folder(path, overwrite) as beside:
        levels = create_levels(beside, layout)

        def write(box: Box) -> None:
            given = as_numpy(array, tuple(slice(*span) for span in layout.image_box(box)))
            pixels = layout.stored(given)
            limits.add(box, pixels)
            write_shard(levels, layout, box, pixels)

        at_once = min(threads or cores(), max(int(room), 1))
        yield from run_tasks("Writing", layout.shard_boxes(), write, threads or cores(), at_once)
        describe(beside, layout, image, limits.found())


class _Limits:
    """The lowest and highest value of each channel, found while shards are written, where the image does not say them.

    Those of colors are the ends of their type.
    """

    def __init__(self, layout: Layout, image: Image) -> None:
        ends = type_range(layout.dtype) if image.channel_axis is not None else None
        self._given: Sequence[tuple[float, float]] | None = image.limits or (None if ends is None else [ends])
        self._axis = layout.channel_axis
        self._lock, self._found = Lock(), dict[int, tuple[float, float]]()

    def add(self, box: Box, pixels: Array) -> None:
        """Take the pixels of a box into account."""
        if self._given is not None:
            return
        first, stop = (0, 1) if self._axis is None else box[self._axis]
        for channel in range(first, stop):
            part = pixels if self._axis is None else pixels.take(channel - first, self._axis)
            values = part if part.dtype.kind != "f" else part[np.isfinite(part)]
            if not values.size:
                continue
            low, high = values.min().item(), values.max().item()
            with self._lock:
                before = self._found.get(channel, (low, high))
                self._found[channel] = min(low, before[0]), max(high, before[1])

    def found(self) -> list[tuple[float, float]]:
        """Return the limits of all channels."""
        if self._given is not None:
            return list(self._given)
        count = 1 if self._axis is None else max(self._found, default=0) + 1
        return [limits_of(np.array(self._found.get(channel, ()))) for channel in range(count)]
