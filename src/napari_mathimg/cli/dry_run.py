"""Telling what a job would do."""

from ..batch.jobs.dry_run import forecast_job
from ..batch.jobs.plan import Job
from ..engine.forecast import duration, size_in_words
from .printable import printable


def tell_plan(job: Job) -> None:
    """Tell what a job would read, write and need, item by item and in all."""
    found = forecast_job(job)
    for warning in job.warnings:
        print(printable(warning))
    for each in found.items:
        what = each.how
        if each.needed is not None:
            shape = " x ".join(map(str, each.needed.shape))
            memory = size_in_words(each.needed.memory)
            what = (
                f"{shape} {each.needed.dtype}, reads {size_in_words(each.needed.read)}, writes"
                f" {size_in_words(each.needed.written)}, needs {memory} of memory; {each.how}"
            )
        print(printable(f"{each.item.source} -> {each.item.output}: {what}"))
    count = sum(each.needed is not None for each in found.items)
    words = [f"{count} of {len(found.items)} files would be computed"]
    if found.sharing is not None:
        words += [
            f"reads {size_in_words(found.read)}", f"writes {size_in_words(found.written)} before compression",
            f"needs {size_in_words(found.memory)} of memory",
            f"{found.sharing.workers} at a time with {found.sharing.threads} threads each ({found.sharing.reason})",
            "time not known" if found.seconds is None else f"about {duration(found.seconds)}, judged by a part of one",
        ]  # fmt: skip
    print(printable("; ".join(words)))
