"""A recipe on an image larger than memory, shard by shard: begun, stopped and resumed by the same call."""

import errno
import os
import shutil
import time
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from ...contract.progress import Progress
from ...engine import Losses
from ...engine.chunks import CAPACITY, read_tasks
from ...engine.memory import memory_at_hand
from ...engine.run import NotEnoughMemory, gib
from ...engine.threads import cores
from ...io.folders import refuse_folder, repair
from ...io.image import Image
from ...io.places import check_places
from ...io.problems import ImageFileError
from ...io.publish import refuse_existing
from ...io.writing import check_image, write_image
from ...io.zarr.writing import describe
from ...recipe.recipe import Recipe
from ..chain import Link
from ..recorded import Recorded
from .choices import ShardChoices, Source
from .clients import Started, check_scheduler, started_client, threads_of
from .cluster import Cluster, ClusterPasses
from .files.facts import FactsFiles
from .files.journal import Journal
from .files.publishing import publish
from .folder import HOME, RunFolder, is_done, plan_of, write_done
from .opened import Opened, Opening, check_chain, open_chain
from .owned import counted
from .passes import PATIENCE, Probe, SavedPasses
from .stage import Stage

CACHE = 2**29  # bytes of chunks that are kept at most, unless `memory` says otherwise
SHARE = 8  # part of the memory at hand that they may fill
ZARR = ".zarr"


@dataclass(frozen=True)
class ShardOutcome:
    """What a run in shards has done.

    Attributes
    ----------
    path
        The result.
    tasks, done
        Number of its shards, and of those that were written now.
    notes
        Sentences on what happened.
    saturated
        Number of values that could not be held, and were clipped, as far as they were counted.
    seconds
        How long it took.
    was_there
        Whether the result of the same plan and source was there already.
    """

    path: Path
    tasks: int = 0
    done: int = 0
    notes: tuple[str, ...] = ()
    saturated: int = 0
    seconds: float = 0.0
    was_there: bool = False


def run_in_shards(
    recipe: Recipe, source: Source, output: Path, *, inputs: Mapping[str, Source] | None = None,
    choices: ShardChoices | None = None, threads: int | None = None, memory: int | None = None,
    scheduler: str | None = None, restart: bool = False, overwrite: bool = False, insecure_scheduler: bool = False,
) -> Generator[Progress, None, ShardOutcome]:  # fmt: skip
    """Run a recipe on an image shard by shard, in a generator that yields progress; closing it stops within 0.3 s.

    The same call goes on where the last one was stopped, killed, or ran out of space. The result appears when it is
    whole, and has the bits of a run in memory.

    Parameters
    ----------
    recipe
        The recipe.
    source
        The image.
    output
        Where the result will be. What does not end in .zarr is written from shards at the end.
    inputs
        The further images that the recipe names.
    choices
        How the result is stored.
    threads
        Number of threads; by default the number of cores.
    memory
        Bytes that chunks of images may fill, at least 64 MiB; by default at most 512 MiB.
    scheduler
        Address of a scheduler of dask, or "local" for as many workers on this machine as threads, or "local:4"; None
        for threads. Its workers reach the run's folder and the images by the same paths as this process.
    restart
        Whether what an earlier run has left is thrown away.
    overwrite
        Whether another result at this place is replaced, when the new one is whole.
    insecure_scheduler
        Whether the scheduler may be on another machine, without TLS. Anybody who reaches it can run programs there.

    Raises
    ------
    ImageFileError
        ``OUTPUT: must ...`` if the output is there, its folder is that of another run, or the image has changed since
        it was begun, and if the disk is full.
    ValueError
        If a step cannot be applied.
    """
    began, choices, output = time.perf_counter(), choices or ShardChoices(), Path(os.path.abspath(output))
    threads, source, bound = threads or cores(), source.absolute(), bound_of(memory)
    inputs = {name: of.absolute() for name, of in (inputs or {}).items()}
    if scheduler is not None:
        check_scheduler(scheduler, insecure_scheduler)
    yield Progress("Opening", 0, 1)
    image, further = source.open(), {name: of.open() for name, of in inputs.items()}
    check_places(files_of([image, *further.values()], [source, *inputs.values()]), [output])
    spec, identities = plan_of(recipe, source, inputs, choices, output, image, further)
    repair(output)
    if not restart and is_done(output, spec.digest):
        return ShardOutcome(output, was_there=True, seconds=time.perf_counter() - began)
    if output.suffix.lower() == ZARR:
        refuse_folder(output, overwrite)
    else:
        refuse_existing(output, overwrite)
    check_chain(Opening(recipe, image, further, choices, Probe(), threads), output)
    run = RunFolder(output, spec, identities, restart)
    try:
        with room_on_disk(output):
            started = None
            if scheduler is not None:
                started = yield from started_client(scheduler, threads)
            with _executor(run, started, threads, bound) as writer:
                if writer.notes:
                    yield Progress(f"Workers: {writer.notes[0]}", 0, 1)
                opening = Opening(recipe, image, further, choices, writer.passes, threads)
                opened = yield from open_chain(opening, run, partial(writer.write, opening))
                yield from writer.write(opening, opened.stages[-1])
            yield Progress("Publishing", 0, 1)
            now = plan_of(recipe, source, inputs, choices, output, source.open(), further)[1]
            if now != identities:
                raise ImageFileError(f"{source.address}: must not change during a run; restart it")
            recorded = _recorded(opened, recipe, further, writer.journals)
            notes = (*run.notes, *writer.notes, *recorded.notes)
            _finish(run, opened, recorded, overwrite, spec.digest)
            tasks = len(opened.stages[-1].boxes)
            lost = [
                sum(of) for each in writer.journals.values() for e in each.entries.values() for of in e.lost.values()
            ]
            return ShardOutcome(output, tasks, writer.done, notes, sum(lost), time.perf_counter() - began)
    finally:
        run.lock.release()


def bound_of(memory: int | None) -> int:
    """Return how many bytes chunks may fill that later tasks need.

    Raises
    ------
    ValueError
        If they are fewer than 64 MiB.
    """
    if memory is not None and memory < CAPACITY:
        raise ValueError(f"memory={memory}: must be at least {CAPACITY}, which are 64 MiB")
    return max(CAPACITY, min(CACHE, memory_at_hand() // SHARE) if memory is None else memory)


class _Writer:
    """Who writes the stages of a run: the threads of this process, or the workers of a cluster."""

    def __init__(self, run: RunFolder, threads: int, bound: int, cluster: Cluster | None = None) -> None:
        self._run, self._threads, self._bound, self._cluster = run, threads, bound, cluster
        facts = FactsFiles(run.home / "facts")
        self.passes = SavedPasses(facts, bound) if cluster is None else ClusterPasses(facts, bound, cluster)
        self.journals: dict[str, Journal] = {}
        self.notes: list[str] = []
        self.done = 0

    def write(self, opening: Opening, stage: Stage) -> Generator[Progress, None, None]:
        """Write what is not written yet, in a generator that yields progress."""
        journal = Journal(self._run.home / f"{stage.name.replace(' ', '-')}.jsonl", len(stage.boxes))
        self.journals[stage.name] = journal
        stage.create()
        left = [number for number in stage.order() if number not in journal.entries]
        before, needed, at_hand = len(journal.entries), opening.needed, memory_at_hand()
        if left and needed > at_hand:
            raise NotEnoughMemory(
                f"{stage.name}: a block of a step needs {gib(needed)}, but {gib(at_hand)} of memory are free"
            )

        def work(number: int) -> None:
            journal.add(stage.do(number))

        if self._cluster is not None:
            steps = self._cluster.write(stage, journal, left)
        else:
            steps = read_tasks(
                stage.phase, left, stage.reads, work, self._threads, groups=[(k,) for k in range(len(left))],
                at_once=max(min(self._threads, at_hand // max(needed, 1)), 1), patience=PATIENCE, bound=self._bound,
            )  # fmt: skip
        with closing(steps):
            for progress in steps:
                yield Progress(stage.phase, before + progress.done, len(stage.boxes))
        self.done += len(left)


@contextmanager
def _executor(run: RunFolder, started: Started | None, threads: int, bound: int) -> Generator[_Writer]:
    """Give who writes the stages of a run."""
    if started is None:
        yield _Writer(run, threads, bound)
        return
    with started:
        client, link = started.given
        cluster = Cluster(client, run, bound)
        try:
            writer = _Writer(run, threads, bound, cluster)
            writer.notes.append(f"{len(threads_of(client))} workers, shown at {link}")
            yield writer
        finally:
            cluster.close()


def _recorded(
    opened: Opened, recipe: Recipe, further: Mapping[str, Image], journals: Mapping[str, Journal]
) -> Recorded:
    """Return the record of all steps, with what was counted while shards were written."""
    chain = opened.chain
    recorded = Recorded(chain.image, recipe, further, chain.arrays)
    lost: dict[int, Losses] = {}
    for stage in opened.stages:
        known = counted(stage.members)
        lost |= dict.fromkeys(known, Losses())
        for entry in journals[stage.name].entries.values():
            for step, (below, above, outside) in entry.lost.items():
                if step in known:
                    lost[step] = lost[step].joined(Losses(below, above, outside=outside))
    for link in chain.links:
        recorded.add(link, None, lost.get(link.number))
    recorded.notes += _left_out(chain.links, lost)
    return recorded


def _left_out(links: Sequence[Link], lost: Mapping[int, Losses]) -> Generator[str]:
    """Yield sentences on what the record of a result in memory would tell, and this one does not."""
    steps = [link.plan.operation for link in links if link.number not in lost and _may_clip(link)]
    if steps:
        titles = ", ".join(dict.fromkeys(op.title for op in steps))
        yield f"{titles}: how many values were clipped is not known, because a later step moves pixels or drops some."
    for link in links:
        if link.plan.operation.report is not None:
            yield f"{link.plan.operation.title}: its report is left out, because it needs all pixels at once."


def _may_clip(link: Link) -> bool:
    return link.plan.operation.saturates or np.dtype(link.plan.dtype).kind in "biu"


def _finish(run: RunFolder, opened: Opened, recorded: Recorded, overwrite: bool, digest: str) -> None:
    """Make the result of what is written: metadata last, then one rename."""
    stage, output = opened.stages[-1], run.output
    array = stage.written()
    image = opened.chain.result(array, recorded.name, recorded.metadata, tuple(recorded.notes))
    if output.suffix.lower() != ZARR:
        check_image(output, image)
        write_image(output, image, overwrite=overwrite)
        run.lock.release()
        shutil.rmtree(run.path)
        return
    stage.clean()
    describe(run.path, stage.layout, image)
    for place in [*run.home.iterdir()]:
        if place.name not in ("lock", "done.json", "run.json"):
            shutil.rmtree(place) if place.is_dir() else place.unlink()
    write_done(run.path, digest)
    publish(run.path, output, overwrite)
    for name in ("run.json", "lock"):
        (output / HOME / name).unlink(missing_ok=True)


def files_of(images: Iterable[Image], sources: Iterable[Source]) -> list[Path | str]:
    """Return the files and addresses of some images."""
    files: list[Path | str] = [path for image in images for path in image.files]
    return [*files, *(source.address for source in sources)]


@contextmanager
def room_on_disk(output: Path) -> Generator[None]:
    """Say what to do if there is no room on the disk."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        raise ImageFileError(
            f"{output}: must have room on its disk, which is full; nothing is lost: make room, and run the same again"
        ) from error
