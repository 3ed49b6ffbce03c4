"""What is written shard by shard: the result of a run, or one between two steps that is read again."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ...contract.progress import checkpoint
from ...contract.reach import Box, size
from ...engine.boxes import Account, counted_in
from ...engine.chunks import as_numpy, with_cached_chunks
from ...engine.source import arranged
from ...io.zarr.layout import Layout
from ...io.zarr.writing import create_levels, level_arrays, write_shard
from .files.journal import Entry
from .owned import Member, owned
from .passes import sources_of

_writers = Counter[Path]()
_changed = threading.Condition()


@dataclass
class Stage:
    """An array, and the folder in which it is written shard by shard. A task is a number; any may be repeated.

    Attributes
    ----------
    name
        Name of its journal.
    folder
        Where its levels are.
    layout
        How they are stored.
    array
        What is written, with the axes of the image.
    members
        The steps that are computed for it.
    """

    name: str
    folder: Path
    layout: Layout
    array: Any
    members: Sequence[Member]
    _arrays: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.boxes: list[Box] = self.layout.shard_boxes()

    @property
    def phase(self) -> str:
        """What is said of it in the progress."""
        return "Shards" if self.name == "result" else f"Intermediate before {self.name}"

    def create(self) -> None:
        """Make the arrays, which hold no shards yet."""
        self.folder.mkdir(parents=True, exist_ok=True)
        create_levels(self.folder, self.layout)
        self.clean()

    def clean(self) -> None:
        """Remove files that killed writers have left unfinished."""
        for level in range(self.layout.levels):
            for place in (self.folder / str(level)).rglob(".*.partial"):
                place.unlink(missing_ok=True)

    def order(self) -> list[int]:
        """Return the numbers of the tasks so that what neighbors share is kept for few of them."""
        names, shape = self.layout.axes, self.layout.shape
        outer = [k for k, name in enumerate(names) if name not in ("z", "y", "x")]
        axes = [*outer, *sorted((k for k in range(len(names)) if k not in outer), key=lambda k: -shape[k])]
        numbers = {tuple(a for a, _ in box): n for n, box in enumerate(self.boxes)}
        starts = [[*range(0, shape[k], self.layout.shards[k])] for k in axes]
        ordered = []
        for place in _to_and_fro(starts):
            of_axes = dict(zip(axes, place, strict=True))
            ordered.append(numbers[tuple(of_axes[k] for k in range(len(axes)))])
        return ordered

    def reads(self, number: int) -> list[tuple[Any, Box]]:
        """Return the arrays in chunks that a task reads, and the box of each."""
        return sources_of([(self.array, self.layout.image_box(self.boxes[number]))])

    def pixels(self, number: int) -> tuple[Any, dict[int, tuple[int, int, int]]]:
        """Compute the pixels of a task, with axes as they are stored, and what values lost by step."""
        box = self.layout.image_box(self.boxes[number])
        account = Account(owned(self.members, box))
        with counted_in(account):
            pixels = as_numpy(self.array, tuple(slice(*span) for span in box))
        lost = {
            link.number: (found.below, found.above, found.outside)
            for link, array in self.members
            if (found := account.lost.get(array)) is not None
        }
        return self.layout.stored(pixels), lost

    def do(self, number: int, check: Callable[[], None] = checkpoint) -> Entry:
        """Compute and write the shard of every level; `check` is called before it is written, and may raise."""
        began = time.perf_counter()
        pixels, lost = self.pixels(number)
        check()
        if not self._arrays:
            self._arrays = level_arrays(self.folder)
        with _writing(self.folder):
            write_shard(self._arrays, self.layout, self.boxes[number], pixels)
        return Entry(number, lost, time.perf_counter() - began)

    def written(self) -> Any:
        """Return what was written, with the axes of the image, as an array whose chunks are kept."""
        stored = level_arrays(self.folder)[0]
        order = self.layout.order
        back = tuple(order.index(axis) for axis in range(len(order))) if order else tuple(range(len(stored.shape)))
        return with_cached_chunks(arranged(stored, back))

    @property
    def nbytes(self) -> int:
        """Bytes of the pixels of the finest level."""
        return int(np.prod(self.layout.shape, dtype=np.int64)) * self.layout.dtype.itemsize

    def pixels_of(self, number: int) -> int:
        """Return the number of pixels of a task."""
        return int(np.prod(size(self.boxes[number]), dtype=np.int64))


def _to_and_fro(starts: Sequence[Sequence[int]]) -> Iterator[tuple[int, ...]]:
    """Yield all places, the last axis first, each axis forth and back."""
    if not starts:
        yield ()
        return
    inner = [*_to_and_fro(starts[1:])]
    for k, start in enumerate(starts[0]):
        yield from ((start, *rest) for rest in (inner if k % 2 == 0 else reversed(inner)))


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    with _changed:
        _writers[folder] += 1
    try:
        yield
    finally:
        with _changed:
            _writers[folder] -= 1
            _changed.notify_all()


def wait_for_writers(folder: Path) -> None:
    """Wait until threads of a run that was stopped have written what they were writing below a folder."""
    with _changed:
        _changed.wait_for(lambda: not any(n and folder in (p, *p.parents) for p, n in _writers.items()), timeout=60)
