"""Passes block by block: each block of the image is computed once for all its tiles, and what is known is kept."""

import math
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ...contract.progress import Progress, checkpoint
from ...contract.reach import Box, size
from ...engine.boxes import reads_of
from ...engine.boxes.held import holding, united
from ...engine.chunks import CachedChunks, read_tasks
from ...engine.passes import Tally
from ...io.problems import ImageFileError
from .files.facts import FactsFiles

BLOCK = 2**24  # pixels, roughly, of what is computed at a time for a pass
EVERY = 1.0  # seconds after which what was counted is saved
PATIENCE = 0.2  # seconds that a stop waits for threads
Reads = Callable[[Any], Iterable[tuple[Any, Box]]]


class PassWanted(Exception):
    """Raised by a `Probe` when a step would read all pixels."""


class Probe:
    """A runner of passes that runs none."""

    def run(
        self, phase: str, tasks: Sequence[Any], reads: Reads, tally: Tally, threads: int
    ) -> Generator[Progress, None, None]:
        """Raise `PassWanted`."""
        yield Progress(phase, 0, 1)
        raise PassWanted


@dataclass
class Block:
    """Tasks of a pass that lie together, and the boxes that they read."""

    tasks: list[Any]
    boxes: list[tuple[Any, Box]]


def measured(block: Block, tally: Tally) -> Tally:
    """Return the tally of a block alone."""
    part = tally.fresh()
    with holding(block.boxes):
        for number, task in enumerate(block.tasks):
            checkpoint(number / len(block.tasks))
            part.measure(task)
    return part


class SavedPasses:
    """A runner of passes that looks up and saves what they find, also before their end.

    Parameters
    ----------
    facts
        Files of what is known.
    bound
        Bytes that chunks may fill.
    """

    saves = True

    def __init__(self, facts: FactsFiles, bound: int) -> None:
        self._facts, self._bound = facts, bound
        self._step = self._number = 0
        self.counted = 0  # blocks that were counted now

    def begin(self, step: int) -> None:
        """Note that the passes that follow are those of a step."""
        self._step, self._number = step, 0

    def next_key(self) -> str:
        """Return what the next pass is called."""
        self._number += 1
        return f"{self._step}-{self._number - 1}"

    def run(
        self, phase: str, tasks: Sequence[Any], reads: Reads, tally: Tally, threads: int
    ) -> Generator[Progress, None, None]:
        """Count all tasks in a generator that yields progress, or look up what is known of them."""
        key = self.next_key()
        known = self._facts.load(key)
        if known is not None:
            _take(tally, known, key)
            yield Progress(phase, 1, 1)
            return
        blocks = blocks_of(tasks, reads)
        done = set[int]()
        part = self._facts.load_part(key)
        if part is not None and {*part[0]} <= {*range(len(blocks))}:
            _take(tally, part[1], key)
            done = {*part[0]}
        saved = time.monotonic()
        for progress, finished in self.parts(phase, key, blocks, done, tally, threads):
            for number, of_block in finished:
                tally.join(of_block)
                done.add(number)
                self.counted += 1
            if self._is_due(saved) and finished and (arrays := tally.arrays()) is not None:
                self._facts.save_part(key, sorted(done), arrays)
                saved = time.monotonic()
            yield progress
        if self.saves and (arrays := tally.arrays()) is not None:
            self._facts.save(key, arrays)
        yield Progress(phase, len(blocks), len(blocks))

    def _is_due(self, saved: float) -> bool:
        return self.saves and time.monotonic() - saved > EVERY

    def parts(
        self, phase: str, key: str, blocks: list[Block], done: set[int], tally: Tally, threads: int
    ) -> Generator[tuple[Progress, list[tuple[int, Tally]]], None, None]:
        """Yield progress, and the tallies of the blocks that are newly counted, by their numbers."""
        ready = deque[tuple[int, Tally]]()
        left = [number for number in range(len(blocks)) if number not in done]
        before = len(done)

        def work(number: int) -> None:
            ready.append((number, measured(blocks[number], tally)))

        def reads(number: int) -> list[tuple[Any, Box]]:
            return sources_of(blocks[number].boxes)

        steps = read_tasks(
            phase, left, reads, work, threads, groups=[(k,) for k in left], patience=PATIENCE, bound=self._bound
        )
        try:
            for progress in steps:
                yield Progress(phase, before + progress.done, len(blocks)), _taken(ready)
        finally:
            steps.close()
        yield Progress(phase, len(blocks), len(blocks)), _taken(ready)


def _taken(ready: "deque[tuple[int, Tally]]") -> list[tuple[int, Tally]]:
    return [ready.popleft() for _ in range(len(ready))]


def _take(tally: Tally, arrays: Any, key: str) -> None:
    try:
        tally.add_arrays(arrays)
    except (KeyError, ValueError, TypeError, IndexError, AttributeError) as error:
        raise ImageFileError(
            f"facts {key}: must be those of this pass ({error}); begin anew (restart, --restart)"
        ) from None


def sources_of(boxes: Iterable[tuple[Any, Box]]) -> list[tuple[Any, Box]]:
    """Return the boxes of arrays in chunks that are read for some boxes."""
    found = [read for array, box in boxes for read in reads_of(array, box)]
    return united([[read] for read in found if isinstance(read[0], CachedChunks)])


def blocks_of(tasks: Sequence[Any], reads: Reads) -> list[Block]:
    """Return tasks in blocks of about `BLOCK` pixels of the first array that they read, whose sides are alike."""
    boxes = [[*reads(task)] for task in tasks]
    with_boxes = [of for of in boxes if of]
    if not with_boxes:
        return [Block([*tasks], [])] if tasks else []
    array, first = with_boxes[0][0]
    lengths = _lengths(array, first)
    groups: dict[tuple[int, ...], list[int]] = {}
    for number, of in enumerate(boxes):
        place = tuple((a + b) // 2 // n for (a, b), n in zip(of[0][1], lengths, strict=True)) if of else ()
        groups.setdefault(place, []).append(number)
    ordered = sorted(groups.items(), key=lambda item: item[0])
    return [Block([tasks[k] for k in group], united(boxes[k] for k in group)) for _, group in ordered]


def _lengths(array: Any, tile: Box) -> list[int]:
    """Return the lengths of a block of an array, of which a tile is a part."""
    lengths = [*size(tile)]
    shape = array.shape
    while 2 * math.prod(lengths) <= BLOCK:
        axes = [k for k, (n, whole) in enumerate(zip(lengths, shape, strict=True)) if n < whole]
        if not axes:
            break
        axis = min(axes, key=lambda k: lengths[k])
        lengths[axis] *= 2
    return lengths
