"""Progress of a run on a terminal: a line for one file, bars for many."""

import signal
import sys
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO, TypeVar

from ..batch.control import JobControl
from ..batch.item import ItemEvent
from ..batch.job_report import JobReport
from ..batch.jobs.on_cluster import DASHBOARD
from ..batch.jobs.plan import Job
from ..batch.jobs.running import NOTE, run_job
from ..contract.progress import Progress, mapped, run_to_end
from ..recipe.names import cut_middle
from .printable import printable

Result = TypeVar("Result")
OFTEN = 0.1  # seconds between two lines
WIDTH = 24
NAME = 40  # characters of a name beside a bar


def watched(steps: Generator[Any, None, Result], quiet: bool, out: TextIO | None = None) -> Result:
    """Run a generator to its end, show its progress where a person sees it, and return its value.

    An interruption closes the generator, which stops its threads.
    """
    out = sys.stderr if out is None else out
    if quiet or not out.isatty():
        return run_to_end(steps)
    last = 0.0

    def show(progress: Progress) -> None:
        nonlocal last
        if time.monotonic() - last >= OFTEN:
            last = time.monotonic()
            out.write(f"\r\x1b[K{_line(progress)}")
            out.flush()

    try:
        return run_to_end(steps, show)
    finally:
        out.write("\r\x1b[K")
        out.flush()


def watched_job(job: Job, quiet: bool, out: TextIO | None = None) -> JobReport:
    """Run a job to its end, show its progress where a person sees it, and return its report.

    An interruption (Ctrl+C, SIGTERM) cancels the job, whose report then says what was done; a second one ends all.
    """
    out, control = sys.stderr if out is None else out, JobControl()
    followed = _followed(run_job(job, control), quiet, out)
    with _canceling(control):
        if len(job.items) == 1:
            return watched(mapped(followed, _of_one), quiet, out)
        if quiet or not out.isatty():
            return run_to_end(followed)
        return _with_bars(followed, job, out)


@contextmanager
def _canceling(control: JobControl) -> Iterator[None]:
    """Let the first interruption cancel a job, in the main thread."""
    before: dict[int, Any] = {}

    def cancel(*_: Any) -> None:
        control.cancel()
        restore()

    def restore() -> None:
        while before:
            signal.signal(*before.popitem())

    with suppress(ValueError):  # in another thread
        for number in (signal.SIGINT, signal.SIGTERM):
            before[number] = signal.signal(number, cancel)
    try:
        yield
    finally:
        restore()


def _followed(
    steps: Generator[Progress | ItemEvent, None, JobReport], quiet: bool, out: TextIO
) -> Generator[Progress | ItemEvent, None, JobReport]:
    """Run a job, and tell where the workers of a cluster are seen."""

    def told(event: Progress | ItemEvent) -> Progress | ItemEvent:
        if isinstance(event, Progress) and event.phase.startswith((DASHBOARD, NOTE)) and not quiet:
            print(f"mathimg: {event.phase}", file=out)
        return event

    return mapped(steps, told)


def _of_one(event: Progress | ItemEvent) -> Progress | None:
    """Return the progress of the only file of a job."""
    return event.progress if isinstance(event, ItemEvent) else None


def _with_bars(events: Generator[Progress | ItemEvent, None, JobReport], job: Job, out: TextIO) -> JobReport:
    """Show a bar for all files, and one for each that is running."""
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = TextColumn("{task.description}"), BarColumn(WIDTH), MofNCompleteColumn(), TimeRemainingColumn()
    with Bars(*columns, console=Console(file=out), transient=True) as bars:
        whole = bars.add_task("files", total=len(job.items))
        running: dict[int, Any] = {}

        def show(event: Progress | ItemEvent) -> None:
            if isinstance(event, Progress):
                bars.update(whole, completed=event.done)
            elif event.outcome is not None:
                if event.number in running:
                    bars.remove_task(running.pop(event.number))
            elif event.progress is not None:
                if event.number not in running:
                    running[event.number] = bars.add_task("", total=1)
                name = cut_middle(printable(job.items[event.number].source), NAME)
                share = min(event.progress.done / event.progress.total, 1.0) if event.progress.total else 1.0
                words = escape(f"{name}: {event.progress.phase}")
                bars.update(running[event.number], description=words, completed=round(share, 2))

        return run_to_end(events, show)


def _line(progress: Any) -> str:
    share = min(progress.done / progress.total, 1.0) if progress.total else 1.0
    bar = "#" * round(share * WIDTH)
    return f"{progress.phase}: [{bar:<{WIDTH}}] {share:4.0%}"
