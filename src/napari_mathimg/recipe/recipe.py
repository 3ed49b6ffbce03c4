"""Recipes: chains of operations that are read, written, repeated and exported, without a viewer."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..contract.per_index import PerIndex
from ..contract.progress import run_to_end
from .axes import in_order
from .export.command_line import command_line
from .export.methods_text import methods_text
from .export.one_line import step_in_line
from .export.python_script import python_script
from .file_format import FORMAT, as_toml, check_keys, header, read_recipe
from .image_state import Image, checked_spacing
from .images import Further, HeldImage, Input, save_image, written
from .plain import MOST_BYTES, in_bounds
from .record_entry import plain_steps
from .replay import Prepared, apply_steps, lazy_steps
from .step import Step, with_files, with_images


@dataclass(frozen=True, repr=False)
class Recipe:
    """A chain of operations, each with its parameters as they were given.

    It is read from a file by `load`, from text by `loads`, or from the record of a result by `from_record`; all of
    them refuse what is not a recipe, and run nothing that a file holds. Equal recipes give equal pixels.

    Parameters
    ----------
    steps
        The steps, the first one first.
    axis_names
        Names of the axes of the image, for arrays that have none themselves; () if the recipe needs none.
    folder
        Folder below which the further images lie that the recipe names by their path; None if it was not read from a
        file.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_mathimg import Recipe
    >>> recipe = Recipe.loads('''
    ... format = "mathimg-recipe"
    ... format_version = 1
    ... [[steps]]
    ... operation = "rotate"
    ... parameters = {angle = 90}
    ... ''')
    >>> recipe.apply(np.array([[1, 2], [3, 4]]))
    array([[2, 4],
           [1, 3]])
    """

    steps: tuple[Step, ...]
    axis_names: tuple[str, ...] = ()
    folder: Path | None = field(default=None, compare=False)

    def __repr__(self) -> str:
        lines = [f"  {n}: {step_in_line(step)}" for n, step in enumerate(self.steps)]
        return "\n".join([f"<Recipe of {len(self.steps)} {'step' if len(self.steps) == 1 else 'steps'}", *lines]) + ">"

    @classmethod
    def load(cls, path: str | Path) -> "Recipe":
        """Read a recipe from a TOML file.

        Raises
        ------
        ValueError
            ``place=value: must be ...`` for the first thing in the file that cannot be; nothing is read then.
        OSError
            If the file cannot be read.
        """
        path = Path(path)
        with open(path, "rb") as file:
            data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise ValueError(f"recipe: must have at most {MOST_BYTES} bytes")
        try:
            return cls.loads(data.decode("utf-8"), path.parent)
        except UnicodeDecodeError as error:
            raise ValueError(f"recipe: must be text in UTF-8 ({error})") from None

    @classmethod
    def loads(cls, text: str, folder: str | Path | None = None) -> "Recipe":
        """Read a recipe from TOML; `folder` holds the files that it names.

        Raises
        ------
        ValueError
            ``place=value: must be ...`` for the first thing in the text that cannot be; nothing is read then.
        """
        if len(text) > MOST_BYTES:
            raise ValueError(f"recipe: must have at most {MOST_BYTES} bytes")
        check_keys(text)
        try:
            plain = tomllib.loads(text)
        except RecursionError:
            raise ValueError("recipe: must not be nested so deeply") from None
        except ValueError as error:
            raise ValueError(f"recipe: must be TOML ({error})") from None
        return cls.from_plain(plain, folder)

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any], folder: str | Path | None = None) -> "Recipe":
        """Read a recipe from plain values, as TOML and JSON hold them.

        Raises
        ------
        ValueError
            ``place=value: must be ...`` for the first thing that cannot be.
        """
        plain = in_bounds(plain, kept=(HeldImage,))
        steps, names = read_recipe(plain)
        return cls(steps, names, None if folder is None else Path(folder))

    @classmethod
    def from_record(cls, record: Sequence[Any], images: Mapping[str, Any] | None = None) -> "Recipe":
        """Return the recipe that repeats a recorded chain, such as ``layer.metadata["napari_mathimg"]``.

        Parameters
        ----------
        record
            The recorded steps. They are read as strictly as a file.
        images
            Arrays by the names of the further images, for those whose pixels the record does not hold itself. Of images
            of one name with other pixels, the second is called "name-2": `inputs` lists the names.

        Raises
        ------
        ValueError
            ``place=value: must be ...`` for the first thing in the record that cannot be, and for images with other
            pixels than those that were used.
        """
        steps, names = plain_steps(record, images or {})
        recipe = cls.from_plain({**header(names), "steps": steps})
        return replace(recipe, steps=in_order(recipe.steps, recipe.axis_names))

    def plain(self) -> dict[str, Any]:
        """Return the recipe as plain values, from which `from_plain` makes it again."""
        return {**header(self.axis_names), "steps": tuple(step.plain() for step in self.steps)}

    def dumps(self) -> str:
        """Return the recipe as TOML.

        Raises
        ------
        ValueError
            If it holds pixels of further images, which only `save` can write.
        """
        for place, image in self._images():
            if isinstance(image, HeldImage):
                raise ValueError(f"{place}={image.name!r}: must be written beside the recipe, as save() does")
        return as_toml(self.plain())

    def save(self, path: str | Path) -> "Recipe":
        """Write the recipe to a TOML file, and further images whose pixels it holds beside it.

        Returns
        -------
        Recipe
            The recipe as `load` reads it from this file.

        Raises
        ------
        ValueError
            If the pixels of a further image are no longer at hand, or were changed; nothing is written then but images.
            If there is a file that is no recipe; nothing is written then.
        """
        path = Path(path)
        if path.exists() and not _is_recipe(path):
            raise ValueError(f"path={str(path)!r}: must be a new file or that of a recipe")
        below = f"{_safe_stem(path)}-images"
        files = {
            id(image): save_image(image, path.parent, below, place)
            for place, image in self._images()
            if isinstance(image, HeldImage)
        }
        saved = replace(self, folder=path.parent, steps=tuple(with_files(step, files) for step in self.steps))
        data = saved.dumps().encode("utf-8")
        written(path, lambda file: file.write(data))
        return saved

    def apply(
        self, array: Any, inputs: Mapping[str, Any] | None = None, spacing: Any = None, *,
        axis_names: Sequence[str] = (), channel_names: Sequence[str] = (), labels: bool = False,
        threads: int | None = None,
    ) -> Any:  # fmt: skip
        """Apply all steps to an array.

        Parameters
        ----------
        array
            Array (NumPy, Dask, Zarr), or the list of the levels of a multiscale image, finest first. It is not changed.
        inputs
            Arrays by the names of the further images that the recipe names as inputs.
        spacing
            Size of a pixel in µm along each axis without that of colors, or along the last ones; None where it is not
            known. Lengths in units need it.
        axis_names
            Names of the axes; by default those that the array itself has, or those of the recipe.
        channel_names
            Names of the channels, in the order of the axis of channels, which `where` may use.
        labels
            Whether the values are labels, whose levels are not averaged.
        threads
            Number of threads; by default the number of cores.

        Returns
        -------
        numpy.ndarray
            The result of the last step; if all are off, a copy.

        Raises
        ------
        ValueError
            ``steps[n]...: must ...`` if a step cannot be applied.
        """
        image = self.image(array, spacing, axis_names, channel_names, labels)
        done: Image = run_to_end(apply_steps(self.steps, image, inputs or {}, self.folder, threads))
        return np.array(done.array) if done is image else done.array

    def lazy(
        self, array: Any, inputs: Mapping[str, Any] | None = None, spacing: Any = None, *,
        axis_names: Sequence[str] = (), channel_names: Sequence[str] = (), labels: bool = False,
        threads: int | None = None,
    ) -> Any:  # fmt: skip
        """Return the result of all steps as an array that is computed where it is read; parameters as in `apply`.

        What steps must know before (value ranges, histograms) is counted here.
        """
        image = self.image(array, spacing, axis_names, channel_names, labels)
        for prepared in lazy_steps(self.steps, image, inputs or {}, self.folder, threads):
            image = prepared.image
        return image.array

    def prepared(
        self, array: Any, inputs: Mapping[str, Any] | None = None, spacing: Any = None, *,
        axis_names: Sequence[str] = (), channel_names: Sequence[str] = (), labels: bool = False,
        threads: int | None = None, after: Prepared | None = None,
    ) -> Iterator[Prepared]:  # fmt: skip
        """Yield the steps one after the other, each with its plan and its lazy result; parameters as in `apply`.

        A step is prepared when it is asked for. Steps that are off are left out, and so are those up to `after`, a step
        that was prepared before, on the same array and behind the same steps.
        """
        image = self.image(array, spacing, axis_names, channel_names, labels) if after is None else after.image
        first = 0 if after is None else after.number + 1
        return lazy_steps(self.steps, image, inputs or {}, self.folder, threads, first)

    def image(
        self, array: Any, spacing: Any = None, axis_names: Sequence[str] = (), channel_names: Sequence[str] = (),
        labels: bool = False,
    ) -> Image:  # fmt: skip
        """Return an array as the image that the first step is applied to; parameters as in `apply`."""
        return Image.of(array, spacing, tuple(axis_names), tuple(channel_names), labels, self.axis_names)

    def python(
        self, source: str = "image.npy", target: str = "result.npy", inputs: Mapping[str, str] | None = None,
        spacing: Any = None, *, axis_names: Sequence[str] = (), channel_names: Sequence[str] = (),
    ) -> str:  # fmt: skip
        """Return a Python script that gives the same pixels.

        Parameters
        ----------
        source, target
            Files of the image and of the result, of the type .npy.
        inputs
            Files of the further images that the recipe names as inputs; by default the name with ``.npy``.
        spacing, axis_names, channel_names
            What is known of the image, as in `apply`. The script holds numbers of pixels for lengths in units.

        Raises
        ------
        ValueError
            If a script cannot say what a step does, or more must be known of the image.
        """
        names = tuple(axis_names) or self.axis_names
        sizes = checked_spacing(spacing, 16)
        files = inputs or {}
        return python_script(self.steps, self.folder, source, target, files, sizes, names, tuple(channel_names))

    def command(
        self, recipe: str = "recipe.toml", source: str = "image.tif", target: str = "result.tif",
        inputs: Mapping[str, str] | None = None,
    ) -> str:  # fmt: skip
        """Return the command line that applies the recipe to a file.

        Parameters
        ----------
        recipe
            File of the recipe, which the command needs unless it has one step whose parameters alone were given.
        source, target
            Files of the image and of the result.
        inputs
            Files of the further images that the recipe names as inputs; by default the name with ``.npy``.
        """
        return command_line(self.steps, self.inputs, recipe, source, target, inputs or {})

    def methods_text(self) -> str:
        """Return a paragraph for a paper: all steps with their parameters, versions, and what to cite."""
        return methods_text(self.steps)

    def with_step(self, n: int, **changes: Any) -> "Recipe":
        """Return the recipe with another step in the place of step n.

        Parameters
        ----------
        n
            Number of the step, from 0.
        **changes
            Attributes of the step by name, as the file would hold them: ``parameters={"sigma": 2.0}``.

        Raises
        ------
        ValueError
            If there is no such step, or it cannot be so.
        """
        plain = self.plain()
        steps = list(plain["steps"])
        steps[self._number(n)] |= {"images": dict(self.steps[n].images)} | changes
        return Recipe.from_plain({**plain, "steps": with_images(self.steps, steps, n)}, self.folder)

    def without_step(self, n: int) -> "Recipe":
        """Return the recipe without step n, counted from 0; ValueError if no step would remain."""
        number = self._number(n)
        if len(self.steps) == 1:
            raise ValueError(f"n={n}: must leave a step")
        return replace(self, steps=self.steps[:number] + self.steps[number + 1 :])

    def switched(self, n: int, off: bool) -> "Recipe":
        """Return the recipe with step n, counted from 0, switched off or on."""
        number = self._number(n)
        return replace(
            self, steps=tuple(replace(s, off=off) if k == number else s for k, s in enumerate(self.steps))
        )  # fmt: skip

    def _number(self, n: int) -> int:
        if isinstance(n, bool) or not isinstance(n, int) or not 0 <= n < len(self.steps):
            raise ValueError(f"n={n!r}: must be from 0 to {len(self.steps) - 1}")
        return n

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the further images that a run must be given."""
        names = [
            image.name
            for _, image in self._images()
            if isinstance(image, Input)
            or (isinstance(image, HeldImage) and (image.pixels is None or image.pixels.array is None))
        ]
        return tuple(dict.fromkeys(names))

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences about steps that do not give the recorded pixels when they are repeated."""
        return tuple(
            f"steps[{n}] ({step.operation}): pixels of its input were changed during the recorded run, so that"
            " repeating it may give another result."
            for n, step in enumerate(self.steps)
            if step.torn
        )

    def _images(self) -> Iterator[tuple[str, Further]]:
        """Yield all further images, each of an index alone, with their places."""
        for n, step in enumerate(self.steps):
            for name, image in step.images.items():
                place = f"steps[{n}].images.{name}"
                if isinstance(image, PerIndex):
                    yield from ((f"{place}.values[{k}]", each) for k, each in enumerate(image.values))
                else:
                    yield place, image


def _is_recipe(path: Path) -> bool:
    """Return whether a file is one of a recipe, of any version and perhaps damaged, or empty."""
    if not path.is_file():
        return False
    with open(path, "rb") as file:
        found = file.read(MOST_BYTES)
    return not found or FORMAT.encode() in found


def _safe_stem(path: Path) -> str:
    """Return the beginning of the name of the folder of images beside a recipe."""
    return "".join(c if c.isalnum() and c.isascii() else "-" for c in path.stem).strip("-")[:60] or "recipe"
