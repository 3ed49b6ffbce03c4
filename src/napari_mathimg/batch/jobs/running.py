"""Running a job: its items in threads or on a cluster, with its journal, to its report."""

import time
from collections.abc import Generator
from contextlib import suppress
from dataclasses import replace
from typing import Any

from ...contract.progress import Progress
from ...engine.threads import cores
from ..control import JobControl
from ..files.identity import identity, state_of, versions
from ..files.journal import FOLDER, Entry, Journal, key_of
from ..item import Item, ItemEvent, Outcome
from ..job_report import JobReport
from .crew import in_threads
from .on_cluster import on_cluster
from .one_item import clear_remains, compute_item, further_images, opened
from .plan import Job
from .sharing import Sharing, share

FILES = "Files"
NOTE = "Note: "  # before a sentence to tell
SAMPLED = 3  # files that are opened to learn what an item needs at the most


def run_job(job: Job, control: JobControl | None = None) -> Generator[Progress | ItemEvent, None, JobReport]:
    """Run a job in a generator that yields progress of all files and events of each, and return its report.

    Closing the generator, or `control.cancel()`, stops it within 0.3 s. What is done stays, and the same job planned
    again goes on.

    Raises
    ------
    ValueError
        If another run works in the same place, or has done so since this one was planned.
    OSError
        If the journal cannot be written.
    """
    control, began = control or JobControl(), time.perf_counter()
    outcomes = {item.number: item.before for item in job.items}
    done, waiting = len(job.items) - len(job.waiting), job.waiting
    yield Progress(FILES, done, len(job.items))
    if waiting:
        journal = None if job.folder is None else Journal(job.folder, job.journal)
        try:
            if journal is not None and journal.note:
                yield Progress(f"{NOTE}{journal.note}", 0, 1)
            for event in _run(job, waiting, journal, control):
                if isinstance(event, Progress):
                    yield event
                elif event is not None:
                    if event.outcome is not None:
                        event = _explained(event, job.items[event.number])
                        outcomes[event.number] = event.outcome or outcomes[event.number]
                        done += event.state != "waiting"
                    yield event
                yield Progress(FILES, done, len(job.items))
        finally:
            if journal is not None:
                journal.close()
    found = tuple(outcomes[item.number] for item in job.items)
    return JobReport(job.items, found, control.is_canceled, time.perf_counter() - began)


def sharing_of(job: Job) -> Sharing:
    """Return how a job shares threads and memory among its items, judged by the largest files that can be read."""
    return share(job.choices, len(job.waiting), _needed(job))


def _run(
    job: Job, waiting: tuple[Item, ...], journal: Journal | None, control: JobControl
) -> Generator[ItemEvent | Progress | None, None, None]:
    if journal is not None:
        waiting = tuple(map(_cleared, waiting))
    entries = {item.number: _entry(job, item) for item in waiting}
    if journal is not None:
        journal.begin(entries.values())
    by_number = {item.number: item for item in waiting}

    def finished(number: int, outcome: Outcome) -> None:
        if journal is not None:
            done = state_of(by_number[number].output) if outcome.state == "done" else None
            journal.finish(entries[number], outcome, done)

    how = job.choices
    if how.scheduler is not None and job.folder is not None:
        tasks = [(item.number, job.task(item, 1, how.memory)) for item in waiting]
        threads, place = how.threads or cores(), job.folder / FOLDER
        yield from on_cluster(tasks, finished, how.scheduler, threads, place, control, how.keep_going)
        return
    sharing = sharing_of(job)
    tasks = [(item.number, job.task(item, sharing.threads, sharing.memory)) for item in waiting]
    yield from in_threads(tasks, compute_item, finished, sharing.workers, control, how.keep_going)


def _cleared(item: Item) -> Item:
    """Return an item whose folder is there, and holds nothing unfinished of an earlier run."""
    existed = item.output.exists()
    item.output.parent.mkdir(parents=True, exist_ok=True)
    clear_remains(item.output)
    return item if existed or not item.output.exists() else replace(item, overwrite=True)


def _entry(job: Job, item: Item) -> Entry:
    """Return the entry of a result that a run is about to make."""
    assert job.folder is None or item.output is not None
    known: dict[str, Any] = {"output": "" if job.folder is None else key_of(item.output, job.folder)}
    return known | {
        "state": "begun", "plan": job.plan, "source": identity(item.source), "there": state_of(item.output),
        "versions": versions(),
    }  # fmt: skip


def _explained(event: ItemEvent, item: Item) -> ItemEvent:
    """Return the end of an item with the reason why it was computed again, if there is one."""
    if event.outcome is None or event.state != "done":
        return event
    return replace(event, outcome=replace(event.outcome, reason=item.before.reason))


def _needed(job: Job) -> int | None:
    """Return how many bytes of memory an item needs, by the largest files; None if none of them tells it."""
    found = []
    if len(job.waiting) < 2:
        return None
    for item in sorted(job.waiting, key=lambda item: (identity(item.source) or {}).get("size", 0))[-SAMPLED:]:
        with suppress(ValueError, OSError):
            found.append(opened(job.task(item, 1), further_images(job.images)).needed().memory)
    return max(found, default=None)
