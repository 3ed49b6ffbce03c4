"""The jobs of docks as origins of lazy results."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...contract.progress import Progress
from ...engine.lazy.levels import Level
from ...recipe.record import RECORD
from ..layers.layer_arguments import result_arguments
from ..layers.pixel_digest import digests
from ..lazy.origin import Remade, Renew
from ..tasks.operation_job import Done, Job, lazy_steps


@dataclass(frozen=True)
class JobOrigin:
    """A job that gave a lazy result, and digests of the pixels that it reads."""

    job: Job
    digests: Sequence[int | None]

    @property
    def reads(self) -> Sequence[Any]:
        """The arrays of the source and of the further images."""
        return [self.job.source.array, *(image for image in self.job.images if image is not None)]

    def is_outdated(self) -> Generator[Progress, None, bool]:
        """Find whether pixels in memory were edited since."""
        return (yield from digests((self.job.source.array, *self.job.images), "Pixels")) != list(self.digests)

    def remake(self, renew: Renew) -> Generator[Progress, None, Remade]:
        """Prepare the job anew."""
        job = self.job
        source = yield from renew(job.source.array)
        further = []
        for image in job.further_images:
            array = None if image is None else (yield from renew(image.array)).array
            further.append(image and image._replace(array=array))
        if source.pixels is not None and job.lazy is not None:
            levels = tuple(Level(level.array, level.mark) for level in source.pixels.levels)
            metadata = {**job.source.metadata, RECORD: source.record}
            job = replace(
                job, source=replace(job.source, array=source.array, metadata=metadata),
                lazy=replace(job.lazy, image=replace(job.lazy.image, arrays=levels)),
            )  # fmt: skip
        job = replace(job, further_images=tuple(further), domain=False)
        done = yield from lazy_steps(job)
        assert done.lazy is not None
        return Remade(done.lazy, arguments_of(job, done)["metadata"][RECORD], JobOrigin(job, done.digests))


def arguments_of(job: Job, done: Done) -> dict[str, Any]:
    """Return the arguments of the layer that shows the result of a job."""
    arguments = result_arguments(
        job.source, done.plan, done.limits, job.scope, done.further_images, done.report, done.lost, done.is_torn,
        job.lengths, done.lazy.marks if done.lazy else (),
    )  # fmt: skip
    step = arguments["metadata"][RECORD][-1]
    if done.lazy is None:
        step["seconds"] = done.seconds
    if done.divisor != 1:
        step["divisor"] = done.divisor
    return arguments
