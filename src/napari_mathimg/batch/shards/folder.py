"""The folder of a run: what is made, of what, and by whom; and the end, when it becomes the result."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...io.image import Image
from ...io.problems import ImageFileError
from ...recipe.recipe import Recipe
from ..contents import contents
from .choices import ShardChoices, Source, folder_of_run
from .files.lock import Lock
from .files.places import read_json, write_json
from .identity import changes, digest_of_plan, identity, surroundings, text_of
from .stage import wait_for_writers

FORMAT = 1
HOME = ".mathimg"
AGAIN = "begin anew (restart, --restart), or choose another output"


@dataclass(frozen=True)
class Spec:
    """What a run makes, as its folder says it.

    Attributes
    ----------
    recipe
        The recipe.
    source, inputs
        The image and the further images.
    choices
        How the result is stored.
    digest
        What it all follows from.
    """

    recipe: Recipe
    source: Source
    inputs: Mapping[str, Source]
    choices: ShardChoices
    digest: str

    @classmethod
    def read(cls, home: Path) -> "Spec":
        """Read what a run makes from its folder, strictly.

        Raises
        ------
        ImageFileError
            If the file is not one that a run has written.
        """
        place = home / "run.json"
        plain = read_json(place)
        try:
            if not isinstance(plain, dict) or plain.get("format") != FORMAT:
                raise ValueError(f"format must be {FORMAT}")
            folder = plain["folder"]
            recipe = Recipe.loads(str(plain["recipe"]), None if folder is None else str(folder))
            inputs = {str(name): Source.of(of) for name, of in plain["inputs"].items()}
            choices = ShardChoices.of(plain["choices"])
            return cls(recipe, Source.of(plain["source"]), inputs, choices, str(plain["digest"]))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ImageFileError(f"{place}: must be what a run has written ({error}); {AGAIN}") from None


class RunPlace:
    """The folder of a run, as all that work for it see it.

    Parameters
    ----------
    path
        The folder.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.home = path, path / HOME

    def decided(self) -> dict[str, bool]:
        """Return before which steps the chain is cut, as far as it was decided."""
        place = self.home / "cuts.json"
        found = read_json(place) if place.exists() else {}
        is_plain = isinstance(found, dict) and all(k.isdecimal() and isinstance(v, bool) for k, v in found.items())
        if not is_plain:
            raise ImageFileError(f"{place}: must say where a chain is cut; {AGAIN}")
        return dict(found)

    def decide(self, step: int, cuts: bool) -> None:
        """Keep whether the chain is cut before a step."""
        write_json(self.home / "cuts.json", {**self.decided(), str(step): cuts})


class RunFolder(RunPlace):
    """The folder of a run that this process has locked.

    Parameters
    ----------
    output
        Where the result will be.
    spec
        What is made.
    identities
        What the image and the further images are.
    restart
        Whether what an earlier run has left is removed.

    Raises
    ------
    ImageFileError
        If another run holds the lock, the folder is that of another run, or an image has changed meanwhile.
    """

    def __init__(self, output: Path, spec: Spec, identities: dict[str, Any], restart: bool) -> None:
        super().__init__(folder_of_run(output))
        self.output = output
        wait_for_writers(self.path)
        for place in (self.path, self.home, self.home / "lock"):
            if place.is_symlink():
                raise ImageFileError(f"{place}: must be no link")
        self.home.mkdir(parents=True, exist_ok=True)
        self.lock = Lock(self.home / "lock", output)
        self.notes = [self.lock.note] if self.lock.note else []
        try:
            if restart:
                self._empty()
            self._begin(spec, identities)
        except BaseException:
            self.lock.release()
            raise

    def _empty(self) -> None:
        for place in [*self.path.iterdir(), *self.home.iterdir()]:
            if place in (self.home, self.home / "lock"):
                continue
            shutil.rmtree(place) if place.is_dir() and not place.is_symlink() else place.unlink()

    def _begin(self, spec: Spec, identities: dict[str, Any]) -> None:
        place, folder = self.home / "run.json", spec.recipe.folder
        now = {
            "format": FORMAT, "digest": spec.digest, "recipe": text_of(spec.recipe),
            "folder": None if folder is None else os.path.abspath(folder),
            "source": spec.source.plain, "inputs": {name: of.plain for name, of in spec.inputs.items()},
            "choices": spec.choices.plain, "identities": identities, "surroundings": surroundings(),
        }  # fmt: skip
        if not place.exists():
            write_json(place, now)
            return
        before = read_json(place)
        Spec.read(self.home)
        if before.get("digest") != spec.digest:
            if before.get("identities") != identities and before.get("recipe") == text_of(spec.recipe):
                raise ImageFileError(
                    f"{spec.source.address}: must be as it was when {self.path} was begun; it has changed meanwhile:"
                    f" {AGAIN}"
                )
            raise ImageFileError(f"{self.path}: must be the folder of the same recipe, image and choices; {AGAIN}")
        self.notes += changes(before.get("surroundings"), surroundings())
        write_json(place, {**now, "surroundings": before.get("surroundings")})  # from which workers open the run


def plan_of(
    recipe: Recipe, source: Source, inputs: Mapping[str, Source], choices: ShardChoices, output: Path,
    image: Image, further: Mapping[str, Image],
) -> tuple[Spec, dict[str, Any]]:  # fmt: skip
    """Return what a run makes, and what its images are."""
    identities = {"image": identity(source, image)}
    identities |= {f"input {name}": identity(inputs[name], of) for name, of in further.items()}
    digest = digest_of_plan(recipe, identities, choices, output.name)
    return Spec(recipe, source, dict(inputs), choices, digest), identities


def is_done(output: Path, digest: str) -> bool:
    """Return whether an output is the finished result of a run with a digest, and has not changed since."""
    place = output / HOME / "done.json"
    if not place.is_file():
        return False
    found = read_json(place)
    return isinstance(found, dict) and found.get("digest") == digest and found.get("levels") == _levels(output)


def write_done(folder: Path, digest: str) -> None:
    """Note that a folder holds the finished result of a run with a digest."""
    write_json(folder / HOME / "done.json", {"digest": digest, "levels": _levels(folder)})


def _levels(folder: Path) -> dict[str, Any]:
    return {place.name: contents(place) for place in folder.iterdir() if place.is_dir() and place.name != HOME}
