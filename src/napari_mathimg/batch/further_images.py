"""The further images of a step, as the record of its result describes them: under names that tell them apart."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ..contract.per_index import PerIndex
from ..engine import Plan
from ..io.image import Image
from ..recipe.images import DeclaredPsf, Further, ImageFile, digest, load_image
from ..recipe.record import image_record
from ..recipe.step import Step


def images_of(
    place: str, step: Step, plan: Plan, inputs: Mapping[str, Image], arrays: Mapping[str, Any], folder: Path | None,
    before: Iterable[Mapping[str, Any]],
) -> list[Any]:  # fmt: skip
    """Return the descriptions of the further images of a step, in the order of its operation.

    Parameters
    ----------
    place, step, plan
        The step, its place in the recipe, and its plan.
    inputs, arrays
        The images that the run was given by their names, and their pixels.
    folder
        Folder of the recipe.
    before
        The recorded steps before this one. Images with other pixels than one of theirs get other names, so that a run
        of the record can be given all of them.
    """
    taken = dict(_names_in(image for recorded in before for image in recorded.get("images", ())))

    def described(name: str, image: Further | None) -> Any:
        if image is None:
            return None
        if isinstance(image, PerIndex):
            return {"per": image.axis, "values": [described(name, each) for each in image.values]}
        if isinstance(image, DeclaredPsf):
            return _declared(image, plan.images.get(name))
        if isinstance(image, ImageFile):
            return recorded(Path(image.path).name, load_image(image, folder, f"{place}.images.{name}"))
        files = inputs[image.name].files
        return recorded(files[0].name if files else image.name, arrays[image.name])

    def recorded(name: str, array: Any) -> Any:
        return image_record(name_apart(name, digest(array), taken), array)

    names = [name for name, _ in step.declared.images[1:]]
    out = [described(name, step.images.get(name)) for name in names]
    while out and out[-1] is None:
        out.pop()
    return out


def name_apart(name: str, pixels: str, taken: dict[str, str]) -> str:
    """Return a name that can be typed as NAME=FILE, and that no image with other pixels has; it is then taken.

    Parameters
    ----------
    name
        Name of a file.
    pixels
        Digest of the pixels.
    taken
        Digests of pixels by the names that are taken.

    Examples
    --------
    >>> taken = {"psf.ome.tif": "12"}
    >>> [name_apart("psf.ome.tif", pixels, taken) for pixels in ("12", "34", "12")], name_apart("-a=b.tif", "", taken)
    (['psf.ome.tif', 'psf-2.ome.tif', 'psf.ome.tif'], 'a-b.tif')
    """
    typed = "".join("-" if c == "=" or not c.isprintable() else c for c in name).strip().lstrip("-") or "image"
    stem, dot, suffix = typed.partition(".")
    found, number = typed, 1
    while taken.get(found, pixels) != pixels:
        number += 1
        found = f"{stem}-{number}{dot}{suffix}"
    taken[found] = pixels
    return found


def _declared(image: DeclaredPsf, array: Any) -> dict[str, Any]:
    """Return the description of a declared PSF: its kind, and its parameters as they were given."""
    entry: dict[str, Any] = {"name": image.kind, "kind": image.kind, "parameters": dict(image.parameters)}
    return entry if array is None else entry | {"shape": tuple(array.shape), "dtype": str(array.dtype)}


def _names_in(images: Iterable[Any]) -> Iterator[tuple[str, str]]:
    """Yield the names of recorded images that are no declared PSFs, with their digests."""
    for image in images:
        if not isinstance(image, Mapping):
            continue
        if "per" in image:
            yield from _names_in(image.get("values", ()))
        elif "kind" not in image and isinstance(image.get("name"), str):
            yield image["name"], str(image.get("blake2b", ""))
