"""What a job would read, write and need, told without doing it."""

import math
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from ...contract.progress import run_to_end
from ...io.image import Image
from ...io.writing import write_image
from ..computed import computed
from ..forecast import Forecast
from ..item import Item
from ..shards.forecast import bare, forecast_shards
from .one_item import further_images, needs_shards, opened, shards_of
from .plan import Job
from .sharing import Sharing, share

IN_MEMORY = "in memory"
PART = 2**20  # pixels of the part of an image that is timed


@dataclass(frozen=True)
class ItemForecast:
    """What an item would need.

    Attributes
    ----------
    item
        The item.
    needed
        What it needs; None where it is not computed, or cannot be.
    how
        "in memory" or "shard by shard"; or why it is not computed.
    """

    item: Item
    needed: Forecast | None
    how: str


@dataclass(frozen=True)
class JobForecast:
    """What a job would need.

    Attributes
    ----------
    items
        The forecast of each item.
    sharing
        How many items run at a time, and why; None if none can be computed.
    seconds
        Time of the run, judged by a part of one image; None if that cannot be computed by itself.
    """

    items: tuple[ItemForecast, ...]
    sharing: Sharing | None
    seconds: float | None

    @property
    def read(self) -> int:
        """Bytes of pixels that are read."""
        return sum(each.needed.read for each in self.items if each.needed is not None)

    @property
    def written(self) -> int:
        """Bytes of pixels of the results, without compression."""
        return sum(each.needed.written for each in self.items if each.needed is not None)

    @property
    def memory(self) -> int:
        """Bytes of memory at the most: those of the items that run at a time."""
        if self.sharing is None:
            return 0
        sizes = sorted((e.needed.memory for e in self.items if e.needed is not None), reverse=True)
        return sum(sizes[: self.sharing.workers])


def forecast_job(job: Job) -> JobForecast:
    """Return what a job would read, write and need. Only the first lines of its files are read, and a part of one.

    Nothing is written but a part of a result, in the folder of the system for what may be deleted.
    """
    further = further_images(job.images)
    threads = job.choices.threads
    found: list[tuple[Item, Forecast | None, str]] = []
    for item in job.items:
        if item.before.state != "waiting":
            found.append((item, None, item.before.reason))
            continue
        try:
            found.append((item, opened(job.task(item, threads), further).needed(), ""))
        except (ValueError, OSError) as error:
            found.append((item, None, f"cannot be computed: {error}"))
    known = [needed for _, needed, _ in found if needed is not None]
    if not known:
        return JobForecast(tuple(ItemForecast(*each) for each in found), None, None)
    sharing = share(job.choices, len(job.waiting), max(needed.memory for needed in known))
    rows, seconds = list[ItemForecast](), list[float | None]()
    for item, needed, why in found:
        if needed is not None and needs_shards(needed, item.output, sharing.memory):
            row, time_of_shards = _by_shards(job, item, needed, sharing)
            rows.append(row)
            seconds.append(time_of_shards)
        else:
            rows.append(ItemForecast(item, needed, why or IN_MEMORY))
    if any(row.how == IN_MEMORY for row in rows):
        seconds.append(_seconds(job, [row for row in rows if row.how == IN_MEMORY], sharing, further))
    known_seconds = [each for each in seconds if each is not None]
    return JobForecast(tuple(rows), sharing, sum(known_seconds) if len(known_seconds) == len(seconds) else None)


def _by_shards(job: Job, item: Item, needed: Forecast, sharing: Sharing) -> tuple[ItemForecast, float | None]:
    """Return what an item needs that is computed shard by shard, and how long it takes."""
    task = job.task(item, sharing.threads, sharing.memory)
    recipe, source, output, options = shards_of(task, opened(task, further_images(job.images)).recipe)
    options.pop("insecure_scheduler")
    found = forecast_shards(recipe, source, output, **options)
    there = replace(needed, read=found.read, written=found.written, memory=found.memory)
    how = f"shard by shard, {found.tasks} shards, {found.passes} {'pass' if found.passes == 1 else 'passes'} before"
    return ItemForecast(item, there, how), found.seconds


def _seconds(job: Job, rows: list[ItemForecast], sharing: Sharing, further: Mapping[str, Image]) -> float | None:
    """Return how long a job takes, in proportion to the time of a part of its first image."""
    first = next(row for row in rows if row.needed is not None)
    with suppress(ValueError, OSError), TemporaryDirectory() as folder:
        ready = opened(job.task(first.item, sharing.threads), further)
        part = part_of(ready.image)
        times = []
        for name in "ab":  # kernels are compiled in the first round
            began = time.perf_counter()
            result = run_to_end(computed(ready.recipe, part, further, sharing.threads))
            write_image(Path(folder) / f"{name}{_ending(first.item.output)}", result)
            times.append(time.perf_counter() - began)
        of_part, of_all = (
            math.prod(part.shape) * ready.image.dtype.itemsize,
            sum(r.needed.read for r in rows if r.needed),
        )
        return float(of_all / of_part * times[-1] / sharing.workers)
    return None


def part_of(image: Image) -> Image:
    """Return a part in the middle of an image, of about `PART` pixels at most, in memory."""
    lengths = list(image.shape)
    while math.prod(lengths) > PART:
        longest = max(image.places, key=lambda axis: lengths[axis])
        if lengths[longest] == 1:
            break
        lengths[longest] = -(-lengths[longest] // 2)
    box = tuple(slice((n - m) // 2, (n - m) // 2 + m) for n, m in zip(image.shape, lengths, strict=True))
    names = image.channel_names
    if names and "c" in image.axes:
        names = names[box[image.axes.index("c")]]
    return replace(bare(image, np.asarray(image.array[box])), channel_names=names)


def _ending(path: Path) -> str:
    return path.name[path.name.find(".") :]
