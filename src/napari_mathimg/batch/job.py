"""A recipe on many files: planned before any work, run with pauses, resumed, and reported."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..contract.progress import Progress
from ..recipe.recipe import Recipe
from .jobs.choices import JobChoices
from .jobs.control import JobControl
from .jobs.item import Item, ItemEvent, Outcome
from .jobs.job_report import JobReport

__all__ = ["Item", "ItemEvent", "Job", "JobChoices", "JobControl", "JobReport", "Outcome", "plan_job", "run_job"]


@dataclass(frozen=True)
class Job:
    """A recipe, the files that it is applied to, and where their results go.

    Attributes
    ----------
    recipe
        The recipe.
    items
        The files, each with what earlier runs say about it.
    choices
        How the job reads, writes and runs.
    inputs, output
        Files, folders and patterns, and the folder, file or name pattern, as they were given.
    images
        Files of the further images by the names that the recipe gives them.
    recipe_file
        File of the recipe, or "" for one that was given in memory.
    folder
        Folder whose ``.mathimg`` keeps the journal; None for a single file, which needs none.
    plan
        Digest of all that decides about the results, besides their sources.
    warnings
        Sentences to show before the run.
    """

    recipe: Recipe
    items: tuple[Item, ...]
    choices: JobChoices
    inputs: tuple[str, ...]
    output: str
    images: Mapping[str, str] = field(default_factory=dict)
    recipe_file: str = ""
    folder: Path | None = None
    plan: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def waiting(self) -> tuple[Item, ...]:
        """The items that a run computes."""
        return tuple(item for item in self.items if item.before.state == "waiting")

    def command(self, recipe: str = "recipe.toml") -> str:
        """Return the same run as a command line; `recipe` is the file of a recipe that was given in memory."""
        raise NotImplementedError


def plan_job(
    recipe: Recipe | str | Path, inputs: Sequence[str | Path], output: str | Path, *,
    images: Mapping[str, str | Path] | None = None, choices: JobChoices | None = None,
) -> Job:  # fmt: skip
    """Plan a job. Everything that can be refused is refused here; nothing is written.

    Parameters
    ----------
    recipe
        Recipe, or the file of one.
    inputs
        Files, folders, and patterns such as ``raw/*.tif``.
    output
        A folder, a file for a single input, or a name pattern such as ``out/{stem}_{recipe}.ome.tif``.
    images
        Files of the further images that the recipe names as inputs.
    choices
        How the job reads, writes and runs.

    Raises
    ------
    ValueError
        ``PATH: must ...`` or ``name=value: must ...``
    """
    raise NotImplementedError


def run_job(job: Job, control: JobControl | None = None) -> Generator[Progress | ItemEvent, None, JobReport]:
    """Run a job in a generator that yields progress of all files and events of each, and return its report.

    Closing the generator, or `control.cancel()`, stops it within 0.3 s. What is done stays, and the same job planned
    again goes on.

    Raises
    ------
    ValueError
        If another run works in the same place, or has done so since this one was planned.
    """
    raise NotImplementedError
