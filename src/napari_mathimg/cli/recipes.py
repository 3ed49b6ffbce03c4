"""Recipes: read from a file or from the record in a result, checked and exported."""

from pathlib import Path
from typing import Any

from ..batch.files.recipes import open_recipe
from ..io.reading import open_image
from ..recipe.export.one_line import step_in_line
from ..recipe.recipe import Recipe
from .printable import printable


def load(path: str) -> Recipe:
    """Return the recipe in a TOML file, or the one of the steps that made an image.

    Raises
    ------
    ValueError
        ``PATH: ...`` with the place in the file, if there is none.
    """
    return open_recipe(path)[0]


def validate(given: Any) -> None:
    """Check a recipe, and list its steps."""
    recipe = load(given.recipe)
    count = len(recipe.steps)
    lines = [f"{given.recipe}: {count} {'step' if count == 1 else 'steps'}"]
    lines += [f"  {number}: {step_in_line(step)}" for number, step in enumerate(recipe.steps)]
    lines += [f"  inputs: {', '.join(recipe.inputs)}"] if recipe.inputs else []
    print(*map(printable, [*lines, *(f"  {warning}" for warning in recipe.warnings)]), sep="\n")


def export(given: Any) -> None:
    """Write a recipe in another form."""
    recipe = load(given.recipe)
    if given.form == "methods":
        text = recipe.methods_text()
    elif given.form == "toml":
        text = recipe.dumps()
    elif given.form == "command":
        named = {"source": given.file} if given.file else {}
        text = recipe.command(given.recipe, **named)
    else:
        text = recipe.python(**_known_of(given.file))
        if given.file and Path(given.file).suffix.lower() != ".npy":
            pixels = f"napari_mathimg.io.open_image({given.file!r}).array"
            text = f"# The file image.npy holds the pixels: np.save('image.npy', {pixels})\n{text}"
    print(text.rstrip("\n"))


def _known_of(file: str | None) -> dict[str, Any]:
    """Return what a script must know of an image: pixel sizes, axes, names of channels."""
    if file is None:
        return {}
    image = open_image(file)
    known = {"axis_names": [image.axes[k] for k in image.places], "channel_names": image.channel_names}
    spacing = image.spacing("µm")
    source = {"source": file} if Path(file).suffix.lower() == ".npy" else {}
    return {**source, **known, "spacing": tuple(spacing[k] for k in image.places)}
