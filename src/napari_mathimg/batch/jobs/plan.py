"""A job: its files, planned before any work, and refused where anything could be harmed."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ...io.folders import refuse_folder
from ...io.places import check_places
from ...io.problems import ImageFileError
from ...io.publish import refuse_existing
from ...io.reading import local_path, open_image
from ...recipe.images import HeldImage
from ...recipe.recipe import Recipe
from ..choices import JobChoices
from ..files.before import CHANGED, with_before
from ..files.identity import plan_digest, versions
from ..files.inputs import Found, find_inputs, is_remote
from ..files.journal import Entry, read_journal
from ..files.patterns import place_results
from ..files.recipes import image_files, open_recipe, recipe_name
from ..item import Item
from ..shards.clients import check_scheduler
from ..shards.folder import HOME
from .command import command_line
from .earlier import finished_before
from .one_item import ItemTask


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
    is_applied
        Whether the recipe is a single operation that takes from each image what it was not given.
    folder
        Folder whose ``.mathimg`` keeps the journal; None for a single file, which needs none.
    plan
        Digest of all that decides about the results, besides their sources.
    journal
        The journal that the job was planned with.
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
    is_applied: bool = False
    folder: Path | None = None
    plan: str = ""
    journal: Mapping[str, Entry] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def waiting(self) -> tuple[Item, ...]:
        """The items that a run computes."""
        return tuple(item for item in self.items if item.before.state == "waiting")

    def task(self, item: Item, threads: int | None = None, memory: int | None = None) -> ItemTask:
        """Return all that the computation of an item needs."""
        how = self.choices
        return ItemTask(
            item.source, item.output, self.recipe, self.images, self.is_applied, how.series, how.axis_names,
            how.imagej, how.stored, item.overwrite, threads, memory, how.restart,
            how.scheduler if self.folder is None else None, how.insecure_scheduler,
            self.plan if self.folder is None else "",
        )  # fmt: skip

    def command(self, recipe: str = "recipe.toml") -> str:
        """Return the same run as a command line; `recipe` is the file of a recipe that was given in memory."""
        return command_line(self.recipe_file or recipe, self.inputs, self.output, self.images, self.choices)


def plan_job(
    recipe: Recipe | str | Path, inputs: Sequence[str | Path], output: str | Path, *,
    images: Mapping[str, str | Path] | None = None, choices: JobChoices | None = None, name: str = "",
    is_applied: bool = False,
) -> Job:  # fmt: skip
    """Plan a job. Everything that can be refused is refused here; nothing is written.

    Parameters
    ----------
    recipe
        Recipe, the file of one, or a result that holds the record of its steps.
    inputs
        Files, folders, and patterns such as ``raw/*.tif``.
    output
        A folder, a file for a single input, or a name pattern such as ``out/{stem}_{recipe}.ome.tif``.
    images
        Files of the further images that the recipe names as inputs.
    choices
        How the job reads, writes and runs.
    name
        Name of the recipe in name patterns; by default that of its file, or else "recipe".
    is_applied
        Whether the recipe is a single operation that takes from each image what it was not given: the axis of colors,
        and the proportions of its pixels.

    Raises
    ------
    ValueError
        ``PATH: must ...`` or ``name=value: must ...``
    """
    choices = choices or JobChoices()
    if choices.scheduler is not None:
        check_scheduler(choices.scheduler, choices.insecure_scheduler)
    file = "" if isinstance(recipe, Recipe) else str(recipe)
    opened, files = (recipe, tuple(image_files(recipe))) if isinstance(recipe, Recipe) else open_recipe(recipe)
    further = {key: str(path) for key, path in (images or {}).items()}
    _check_images(opened, further)
    if choices.scheduler is not None and any(
        isinstance(image, HeldImage) for step in opened.steps for image in step.images.values()
    ):
        raise ValueError("recipe: must be saved to a file, with its images beside it, to be run by a scheduler")
    found = find_inputs(inputs, choices.recursive)
    name = name or (recipe_name(file) if file else "recipe")
    places = place_results(found, output, name, choices)
    read: list[str | Path] = [*(each.source for each in found), *_folders(found), *files, *further.values()]
    check_places(read, places.outputs)
    items = [Item(k, each.source, out) for k, (each, out) in enumerate(zip(found, places.outputs, strict=True))]
    job = Job(
        opened, tuple(items), choices, tuple(map(str, inputs)), str(output), further, file, is_applied, places.folder,
        plan_digest(opened, choices, further, is_applied), warnings=opened.warnings,
    )  # fmt: skip
    job = _with_single(job) if places.folder is None else _with_journal(job, places.folder)
    _check_parts(job)
    return job


def _with_single(job: Job) -> Job:
    """Return the job of a single file, which has no journal."""
    (item,) = job.items
    if not job.choices.restart and (kept := finished_before(job.task(item))) is not None:
        return replace(job, items=(replace(item, before=kept),))
    exists = item.output.exists() or item.output.is_symlink()
    if job.choices.on_exists == "skip" and exists:
        return replace(job, items=with_before(job.items, item.output.parent, {}, job.plan, job.choices))
    may_replace = job.choices.on_exists == "overwrite"
    if item.output.suffix.lower() != ".zarr":
        refuse_existing(item.output, may_replace)
    elif not is_finished(item.output):  # the run itself knows whether that is its result
        refuse_folder(item.output, may_replace)
    return replace(job, items=(replace(item, overwrite=may_replace),))


def is_finished(store: Path) -> bool:
    """Return whether a folder is the result of a run in shards."""
    return (store / HOME / "done.json").is_file()


def _with_journal(job: Job, folder: Path) -> Job:
    """Return a job with what its journal says."""
    if folder.exists() and not folder.is_dir():
        raise ImageFileError(f"{folder}: must be a folder")
    journal = read_journal(folder)
    items = with_before(job.items, folder, journal, job.plan, job.choices)
    warnings = list(job.warnings)
    if changed := sum(item.before.reason == CHANGED for item in items):
        files = "1 file has" if changed == 1 else f"{changed} files have"
        warnings.append(f"{files} changed since the earlier run, and will be computed again.")
    kept = [journal[key] for key in journal if journal[key].get("plan") == job.plan]
    waits = any(item.before.state == "waiting" for item in items)
    if waits and any(item.before.state == "kept" for item in items) and _differ(kept):
        warnings.append(
            "The earlier run had other versions or another processor: the last bits of its results may differ."
        )
    return replace(job, items=items, journal=journal, warnings=tuple(warnings))


def _differ(entries: Iterable[Mapping[str, Any]]) -> bool:
    here = versions()
    return any(entry.get("versions", here) != here for entry in entries if entry.get("state") == "done")


def _check_images(recipe: Recipe, further: Mapping[str, str]) -> None:
    """Refuse images that a recipe needs and that were not given, and the reverse."""
    for name in recipe.inputs:
        if name not in further:
            raise ValueError(f"--input {name}=FILE: must be given, because the recipe names this input")
    for name in further:
        if name not in recipe.inputs:
            its = f"its inputs are {', '.join(recipe.inputs)}" if recipe.inputs else "it has no inputs"
            raise ValueError(f"--input {name}: must be an input of the recipe; {its}")
    for path in further.values():
        if not is_remote(path) and not local_path(path).exists():
            raise ImageFileError(f"{path}: must be a file; there is none")


def _folders(found: Iterable[Found]) -> list[Path]:
    return list(dict.fromkeys(each.within for each in found if each.within is not None))


def _check_parts(job: Job) -> None:
    """Refuse results in the place of files that a source consists of besides its own, such as those of OME-TIFF."""
    replaced = [item.output for item in job.waiting if item.overwrite]
    if not replaced or len(job.items) == 1:  # a single one is checked when it is opened
        return
    parts: list[Path] = []
    for item in job.items:
        with suppress(ValueError, OSError):  # one that cannot be read fails when it is its turn
            parts += open_image(item.source, series=job.choices.series).files
    check_places(parts, replaced)
