"""The verbs that compute: an operation or a recipe on files, to files."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from ..batch.choices import JobChoices
from ..batch.job_report import JobReport, checked_report
from ..batch.jobs.applied import without_place
from ..batch.jobs.plan import Job, plan_job
from ..batch.shards.choices import folder_of_run
from ..batch.shards.clients import wait_until_closed
from ..catalog import find
from ..io.places import check_places
from ..recipe.file_format import header
from ..recipe.recipe import Recipe
from .printable import printable
from .progress import watched_job
from .values import bytes_of, names_of, options_of, pairs, parameters_of, whole_numbers

SHOWN = 20  # failures that are told one by one
DONE, FAILED, REFUSED = 0, 1, 2


class Interrupted(KeyboardInterrupt):
    """An interruption of a job, with what stays."""


def apply_operation(given: Any) -> int:
    """Apply an operation to files."""
    op = find(given.operation)
    parameters = parameters_of(op, given.values)
    further = pairs(given.images, "--image")
    names = [name for name, _ in op.images[1:]]
    if unknown := [name for name in further if name not in names]:
        its = f"its further images are {', '.join(names)}" if names else "it has no further images"
        raise ValueError(f"--image {unknown[0]}: must be an image of {op.id}; {its}")
    step: dict[str, Any] = {"operation": op.id, "parameters": parameters}
    if options := options_of(given):
        step["options"] = options
    if given.level:
        step["level"] = given.level
    if further:
        step["images"] = {name: {"input": name} for name in further}
    with _in_words():
        recipe = Recipe.from_plain({**header(()), "steps": (step,)})
    job = plan_job(
        recipe, given.files, given.output, images=further, choices=choices_of(given), name=op.id, is_applied=True
    )
    return _finish(given, job)


def run_recipe(given: Any) -> int:
    """Run a recipe on files."""
    further = pairs(given.images, "--input")
    return _finish(given, plan_job(given.recipe, given.files, given.output, images=further, choices=choices_of(given)))


def choices_of(given: Any) -> JobChoices:
    """Return how the job reads, writes and runs."""
    for name in ("threads", "levels", "workers"):
        if getattr(given, name) is not None and getattr(given, name) < 1:
            raise ValueError(f"--{name} {getattr(given, name)}: must be at least 1")
    if given.resume and given.restart:
        raise ValueError("--restart: must be left out to resume")
    if given.overwrite and given.on_exists not in (None, "overwrite"):
        raise ValueError(f"--overwrite: must be left out with --on-exists {given.on_exists}")
    on_exists: Literal["fail", "skip", "overwrite"] = given.on_exists or ("overwrite" if given.overwrite else "fail")
    return JobChoices(
        recursive=given.recursive, series=given.series, axis_names=names_of(given.axis_names) or (), kind=given.format,
        imagej=given.imagej, levels=given.levels, zarr_version=given.zarr_version,
        shard_shape=whole_numbers(given.shard_shape, "--shard-shape") if given.shard_shape else (),
        cuts=given.cuts if given.cuts in ("auto", "none") else whole_numbers(given.cuts, "--cuts"), on_exists=on_exists,
        resume=given.resume, restart=given.restart, keep_going=given.keep_going, workers=given.workers,
        threads=given.threads, memory=None if given.memory is None else bytes_of(given.memory),
        scheduler=given.scheduler, insecure_scheduler=given.insecure_scheduler,
    )  # fmt: skip


def _finish(given: Any, job: Job) -> int:
    """Run a job, or tell what it would do; write its report, and return the exit code."""
    if given.report is not None:
        report_file = checked_report(given.report)
        read = [*(item.source for item in job.items), *job.images.values(), *filter(None, [job.recipe_file])]
        check_places(read, [*(item.output for item in job.items), report_file])
    if given.dry_run:
        from .dry_run import tell_plan

        tell_plan(job)
        return DONE
    if not given.quiet:
        for warning in job.warnings:
            _tell(warning)
    try:
        report = watched_job(job, given.quiet)
        return _ended(given, report)
    finally:
        wait_until_closed()


def _ended(given: Any, report: JobReport) -> int:
    """Write the report of a job that has ended, tell what became of it, and return the exit code."""
    if given.report is not None:
        report.save(given.report)
    if len(report.items) == 1:
        return _told_of_one(report, given.quiet)
    return _told(report, given.quiet)


def _told_of_one(report: JobReport, quiet: bool) -> int:
    """Tell what became of a single file, and return the exit code."""
    (outcome,) = report.outcomes
    _stop_if_canceled(report)
    if outcome.state == "failed":
        _tell(outcome.reason)
        return REFUSED if outcome.is_refusal else FAILED
    if not quiet:
        for note in (*outcome.notes, *([outcome.reason] if outcome.state in ("kept", "skipped") else [])):
            _tell(note)
    return DONE


def _told(report: JobReport, quiet: bool) -> int:
    """Tell what became of many files, and return the exit code."""
    for item, outcome in report.failures[:SHOWN]:
        _tell(outcome.reason if outcome.reason.startswith(item.source) else f"{item.source}: {outcome.reason}")
    if len(report.failures) > SHOWN:
        _tell(f"{len(report.failures) - SHOWN} more failed; --report FILE lists all")
    _stop_if_canceled(report)
    if not quiet:
        _tell(report.summary)
    return FAILED if report.failures else DONE


def _stop_if_canceled(report: JobReport) -> None:
    if report.is_canceled:
        done = report.counts.get("done", 0)
        if len(report.items) == 1 and not done:
            kept = folder_of_run(report.items[0].output).is_dir()
            raise Interrupted("what is done stays, and the same command goes on") if kept else KeyboardInterrupt
        raise Interrupted(f"{report.summary}; the same command goes on")


def _tell(text: str) -> None:
    print(printable(f"mathimg: {text}"), file=sys.stderr)


@contextmanager
def _in_words() -> Iterator[None]:
    """Tell errors of the only step without its place, because on the command line there is no other."""
    try:
        yield
    except ValueError as error:
        raise ValueError(without_place(str(error))) from error
