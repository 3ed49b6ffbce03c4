"""Recipes from files, and the files that they are read from."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from ...contract.per_index import PerIndex
from ...io.notes import RECORD
from ...io.reading import open_image
from ...recipe.images import Further, ImageFile
from ...recipe.recipe import Recipe
from .inputs import READ, ending_of


def open_recipe(path: str | Path) -> tuple[Recipe, tuple[Path, ...]]:
    """Return the recipe in a TOML file, or the one of the steps that made an image, and all files that it is read from.

    Raises
    ------
    ValueError
        ``PATH: ...`` with the place in the file, if there is none.
    """
    try:
        if Path(path).suffix.lower() not in READ:
            recipe = Recipe.load(path)
            return recipe, (Path(path), *image_files(recipe))
    except OSError as error:
        raise ValueError(f"{path}: must be a recipe that can be read ({error.strerror})") from None
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    image = open_image(path)
    record = image.metadata.get(RECORD)
    if not record:
        raise ValueError(f"{path}: must hold the record of its steps")
    try:
        recorded = Recipe.from_record(record)
        return Recipe.from_plain(recorded.plain()), image.files  # whose images are inputs, as a file has no pixels
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def recipe_name(path: str) -> str:
    """Return the name of a recipe from that of its file."""
    name = Path(path).name
    return name[: len(name) - len(ending_of(name))] or name


def image_files(recipe: Recipe) -> Iterator[Path]:
    """Yield the files of the further images that a recipe names by their path."""

    def paths(images: Iterable[Further]) -> Iterator[str]:
        for image in images:
            if isinstance(image, PerIndex):
                yield from paths(image.values)
            elif isinstance(image, ImageFile):
                yield image.path

    for step in recipe.steps if recipe.folder is not None else ():
        yield from (Path(recipe.folder or "") / path for path in paths(step.images.values()))
