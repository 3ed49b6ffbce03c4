"""The steps of a recipe from the record in the metadata of a layer."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..catalog import operations
from ..contract.operation import Operation
from ..engine import Options
from .images import HeldImage, Pixels, agreeing
from .plain import MOST_VALUES, Table, in_bounds, inside, mapping, refusal, shown

# What a record says of a step besides the step itself: what it was resolved to, and what came of it.
RESOLVED = (
    "package", "source", "parameters", "dtype", "scope", "saturated", "proportional", "clipped", "by_item",
    "report", "matrix", "value_range", "seconds", "source_shape",
)  # fmt: skip
STEP = ("operation", "version", "given", "options", "level", "where", "images", "keep_axis", "divisor", "torn",
        "axis_names")  # fmt: skip
OF_IMAGE = ("name", "shape", "dtype", "level", "kind", "given", "parameters", "resampled", "blake2b", "pixels")
KEPT = (Pixels, type(None))


def plain_steps(record: Any, images: Mapping[str, Any]) -> tuple[tuple[dict[str, Any], ...], tuple[str, ...]]:
    """Return the plain steps of a record, and the names of the axes of the image that its first step was applied to.

    Raises
    ------
    ValueError
        For what no record holds.
    """
    if isinstance(record, str | bytes) or not isinstance(record, Sequence):
        raise refusal("steps", record, "a list of recorded steps")
    entries = [_of_step(entry, inside("steps", n)) for n, entry in enumerate(record)]
    steps = in_bounds(entries, "steps", KEPT)
    names = steps[0].get("axis_names", ()) if steps else ()
    own_names = _Names()
    plain = tuple(_plain_step(step, inside("steps", n), images, own_names) for n, step in enumerate(steps))
    return plain, names


class _Names:
    """Names of further images, by which a run is given them: images with other pixels never share one."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}  # digest by name

    def of(self, name: str, known: str) -> str:
        """Return the name of an image with a digest."""
        stem, dot, ending = name.rpartition(".")
        for k in range(2, MOST_VALUES):
            if self._known.setdefault(name, known) == known:
                return name
            name = f"{stem}-{k}.{ending}" if dot else f"{ending}-{k}"
        raise ValueError(f"images: must have fewer images of the name {name!r}")


def _of_step(entry: Any, place: str) -> dict[str, Any]:
    """Return what a recorded step says of the step itself."""
    if not isinstance(entry, Mapping):
        raise refusal(place, entry, "a table")
    for name, value in entry.items():
        if name not in RESOLVED + STEP:
            raise ValueError(f"{inside(place, str(name))}={shown(value)}: is unknown in a record")
    return {name: entry[name] for name in STEP if name in entry}


def _plain_step(entry: dict[str, Any], place: str, images: Mapping[str, Any], own_names: _Names) -> dict[str, Any]:
    out = dict(entry)
    has_given = "given" in out
    out["parameters"] = out.pop("given", {})
    if isinstance(options := out.get("options"), Mapping):
        out["options"] = _changed(options)
    if "images" in out:
        op = out.get("operation")
        if not isinstance(op, str) or op not in operations():
            out.pop("images")  # the operation is refused anyway
        else:
            at = inside(place, "images")
            out["images"] = _plain_images(operations()[op], out["images"], at, images, own_names)
    if not has_given and out.get("operation") in operations():
        raise ValueError(f"{inside(place, 'given')}: must be in a record, which holds all parameters")
    return out


def _changed(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return recorded options without those that have their default."""
    default = Options()
    out = {n: v for n, v in options.items() if not (hasattr(default, str(n)) and v == getattr(default, str(n)))}
    if options.get("axes") is not None:
        out.pop("ndim", None)
    return out


def _plain_images(
    op: Operation, entries: Any, place: str, images: Mapping[str, Any], own_names: _Names
) -> dict[str, Any]:
    names = [name for name, _ in op.images[1:]]
    if not isinstance(entries, tuple) or len(entries) > len(names):
        raise refusal(place, entries, f"a list of at most {len(names)} images, those of {op.id}")
    return {
        name: _plain_image(entry, inside(place, name), images, own_names)
        for name, entry in zip(names, entries, strict=False)
        if entry is not None
    }


def _plain_image(entry: Any, place: str, images: Mapping[str, Any], own_names: _Names) -> Any:
    entry = mapping(entry, place)
    if "per" in entry:
        values = entry.get("values")
        if not isinstance(values, tuple):
            raise refusal(place, entry, "a list with one image for each index")
        each = tuple(_plain_image(v, f"{place}.values[{k}]", images, own_names) for k, v in enumerate(values))
        return {**entry, "values": each}
    for name, value in entry.items():
        if name not in OF_IMAGE:
            raise ValueError(f"{inside(place, str(name))}={shown(value)}: is unknown in a record")
    if "kind" in entry:
        return {"psf": {"kind": entry["kind"], "parameters": entry.get("given", entry.get("parameters", {}))}}
    table = Table({n: v for n, v in entry.items() if n in ("name", "blake2b", "pixels")}, place)
    name = table.take("name", _name)
    known = table.take("blake2b", lambda v, at: _name(v, at), "")
    pixels = table.take("pixels", _pixels, None)
    own = own_names.of(name, known)
    if (pixels is None or pixels.array is None) and own in images:
        pixels = Pixels(agreeing(images[own], known, place, own))
    return HeldImage(own, known, pixels)


def _name(value: Any, place: str) -> str:
    if not isinstance(value, str):
        raise refusal(place, value, "a text")
    return value


def _pixels(value: Any, place: str) -> Pixels:
    if not isinstance(value, Pixels):
        raise refusal(place, value, "left out of a record in a file")
    return value
