"""What a batch does outside of the window's thread: it looks files up, plans, and runs."""

from collections import deque
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...batch.job import ItemEvent, Job, JobChoices, JobControl, JobReport, plan_job, run_job
from ...contract.progress import Progress, mapped
from ...recipe.recipe import Recipe

News = deque[Job | ItemEvent]  # what the window has not seen yet, the oldest first


@dataclass(frozen=True)
class Request:
    """All that a batch is asked for."""

    recipe: Recipe | Path
    inputs: Sequence[str]
    output: str
    images: Mapping[str, str]
    choices: JobChoices

    def plan(self) -> Job:
        """Plan it; raise ValueError if it is refused."""
        return plan_job(self.recipe, self.inputs, self.output, images=self.images, choices=self.choices)


def planning(request: Request) -> Generator[Progress, None, Job]:
    """Plan a batch in a generator for a thread."""
    yield Progress("Plan", 0, 1)
    return request.plan()


def running(request: Request, control: JobControl, news: News) -> Generator[Progress, None, JobReport]:
    """Plan and run a batch in a generator for a thread; the job and its events are put into `news`."""
    progress = Progress("Plan", 0, 1)
    yield progress
    job = request.plan()
    news.append(job)

    def told(event: Progress | ItemEvent) -> Progress:
        nonlocal progress
        if isinstance(event, ItemEvent):
            news.append(event)
        else:
            progress = event
        return progress

    return (yield from mapped(run_job(job, control), told))
