"""A step of a recipe: an operation with everything that was given to it, read from and turned into plain values."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from ..catalog import find, operations
from ..contract.operation import Operation
from ..contract.per_index import PerIndex
from ..contract.wrapper import WRAPPERS, Around
from ..engine import Options
from .images import Further, HeldImage, axis_name, read_axis, read_further
from .lengths import is_length, read_value
from .plain import (
    Table,
    choice,
    inside,
    mapping,
    number,
    placed,
    refusal,
    sequence,
    shown,
    text,
    truth,
    whole,
)

DEEPEST_LEVEL = 64
MOST_AXES = 64

# From the plain values of a step of an operation at a version to those at the next version.
MIGRATIONS: dict[tuple[str, int], Callable[[dict[str, Any]], dict[str, Any]]] = {}


@dataclass(frozen=True)
class Step:
    """An operation with everything that was given to it.

    Attributes
    ----------
    operation, version
        Id and version of the operation.
    parameters
        Parameters as given: numbers, "auto", lengths in a unit, and values for each index.
    options
        How the operation is applied.
    level
        Level of a multiscale image that it is applied to; 0 is the finest.
    where
        Where it acts: on an axis by name, one index or channel by its name. The rest of the image stays.
    images
        The further images by name.
    off
        Whether the step is skipped.
    keep_axis
        Whether an axis that the operation drops remains, with a length of 1.
    divisor
        Number that the result is divided by; 1 for none.
    torn
        Whether pixels of the input were changed during the run that was recorded.
    axis_names
        Names of the axes of the image without that of colors, where the step before leaves them in another order; ()
        for the order in which they are.
    """

    operation: str
    version: int
    parameters: Mapping[str, Any] = field(default_factory=dict)
    options: Options = field(default_factory=Options)
    level: int = 0
    where: Mapping[str, int | str] = field(default_factory=dict)
    images: Mapping[str, Further] = field(default_factory=dict)
    off: bool = False
    keep_axis: bool = False
    divisor: float = 1.0
    torn: bool = False
    axis_names: tuple[str, ...] = ()

    @property
    def declared(self) -> Operation:
        """The operation."""
        return find(self.operation)

    def plain(self) -> dict[str, Any]:
        """Return the table that says the same; what has its default is left out."""
        out: dict[str, Any] = {"operation": self.operation, "version": self.version}
        for name in ("level", "off", "keep_axis", "divisor", "torn", "axis_names"):
            if (value := getattr(self, name)) != Step.__dataclass_fields__[name].default:
                out[name] = value
        if self.where:
            out["where"] = dict(self.where)
        if self.parameters:
            out["parameters"] = dict(self.parameters)
        if plain := plain_options(self.options):
            out["options"] = plain
        if self.images:
            out["images"] = {name: plain_image(image) for name, image in self.images.items()}
        return out


def plain_image(image: Further) -> dict[str, Any]:
    """Return the table that says the same as a further image."""
    if isinstance(image, PerIndex):
        return {"per": image.axis, "values": tuple(plain_image(value) for value in image.values)}
    return image.plain()


def plain_options(options: Options) -> dict[str, Any]:
    """Return the table that says the same as options; what has its default is left out."""
    out = {f.name: getattr(options, f.name) for f in fields(options) if getattr(options, f.name) != f.default}
    if options.axes is not None:
        out.pop("ndim", None)
    if options.scope is not None:
        out["scope"] = dict(options.scope)
    if (around := options.around) is not None:
        wrapper = {"wrapper": around.wrapper.id, "version": around.wrapper.version}
        out["around"] = wrapper | {"parameters": around.parameters}
    return out


def with_files(step: Step, files: Mapping[int, Any]) -> Step:
    """Return a step with files in the place of images whose pixels were written."""

    def saved(image: Further) -> Further:
        if isinstance(image, PerIndex):
            return PerIndex(image.axis, tuple(saved(each) for each in image.values))
        found: Further = files.get(id(image), image)
        return found

    return replace(step, images={name: saved(image) for name, image in step.images.items()})


def with_images(steps: Sequence[Step], plain: list[dict[str, Any]], changed: int) -> tuple[Any, ...]:
    """Return plain steps with the images whose pixels are held as they are, since plain values cannot hold them."""
    for n, (step, table) in enumerate(zip(steps, plain, strict=True)):
        images = table.get("images", {}) if n == changed else step.images
        kept = {name: _held_or_plain(image) for name, image in images.items()}
        if kept:
            table["images"] = kept
        else:
            table.pop("images", None)
    return tuple(plain)


def _held_or_plain(image: Any) -> Any:
    if isinstance(image, PerIndex):
        return {"per": image.axis, "values": tuple(_held_or_plain(each) for each in image.values)}
    return image if isinstance(image, HeldImage | Mapping) else image.plain()


def read_step(value: Any, place: str) -> Step:
    """Read a step.

    Raises
    ------
    ValueError
        ``place=value: must be ...`` for the first thing in it that cannot be.
    """
    value = _migrated(value, place)
    table = Table(value, place)
    id = table.take("operation", _known_operation)
    op = find(id)
    version = table.take("version", _version(op), op.version)
    parameters = table.take("parameters", lambda v, at: _read_parameters(op, v, at), {})
    options = table.take("options", _read_options, Options())
    level = table.take("level", whole(0, DEEPEST_LEVEL), 0)
    where = table.take("where", _read_where, {})
    images = table.take("images", lambda v, at: _read_images(op, v, at), {})
    off = table.take("off", truth, False)
    keep_axis = table.take("keep_axis", truth, False)
    divisor = table.take("divisor", number, 1.0)
    torn = table.take("torn", truth, False)
    names = table.take("axis_names", read_names, ())
    table.end()
    if not divisor > 0:
        raise refusal(f"{place}.divisor", divisor, "a number greater than 0")
    if keep_axis and op.drops is None:
        raise refusal(f"{place}.keep_axis", keep_axis, f"left out, because {id} drops no axis")
    if where and options.scope is not None:
        raise refusal(f"{place}.where", where, "left out where options have a scope, or the scope be left out")
    missing = [name for name, _ in op.images[1:] if name not in images and name not in op.optional]
    if missing:
        raise ValueError(f"{place}.images.{missing[0]}: must be given, because {id} needs it")
    return Step(id, version, parameters, options, level, where, images, off, keep_axis, divisor, torn, names)


def _migrated(value: Any, place: str) -> Any:
    """Return the plain values of a step of an older version of its operation as those of the present one."""
    while isinstance(value, Mapping):
        key = value.get("operation"), value.get("version")
        if not (isinstance(key[0], str) and isinstance(key[1], int)) or key not in MIGRATIONS:
            break
        value = MIGRATIONS[key](dict(value))
    return value


def _known_operation(value: Any, place: str) -> str:
    id = text(value, place)
    if id not in operations():
        try:
            find(id)
        except ValueError as error:
            reason = str(error).partition(": must be ")[2]
        raise refusal(place, id, reason)
    return id


def _version(op: Operation) -> Callable[[Any, str], int]:
    def read(value: Any, place: str) -> int:
        version = whole(1, 10_000)(value, place)
        if version > op.version:
            raise ValueError(
                f"{place}={version}: must be at most {op.version}, the version of {op.id} in this program: use a newer"
                " one"
            )
        if version < op.version:
            raise ValueError(
                f"{place}={version}: must be {op.version}, because {op.id} gives other pixels since then; with this"
                " version, the recipe runs and gives them"
            )
        return version

    return read


def _read_parameters(op: Operation, value: Any, place: str) -> dict[str, Any]:
    for name, entry in mapping(value, place).items():
        if name not in op.parameters:
            its = f"its parameters are {', '.join(op.parameters)}" if op.parameters else "it has no parameters"
            raise ValueError(f"{inside(place, str(name))}={shown(entry)}: {op.id} has no such parameter; {its}")
    return {name: _read_parameter(op, name, entry, inside(place, name)) for name, entry in value.items()}


def _read_parameter(op: Operation, name: str, value: Any, place: str) -> Any:
    """Read the value of a parameter, or one for each index along an axis."""
    if isinstance(value, Mapping) and not is_length(value):
        table = Table(value, place)
        axis, values = table.take("per", read_axis), table.take("values", sequence)
        table.end()
        if not values:
            raise refusal(inside(place, "values"), values, "a list with one value for each index")
        for k, entry in enumerate(values):
            if isinstance(entry, Mapping) and not is_length(entry):
                raise refusal(f"{place}.values[{k}]", entry, "one value")
        return {
            "per": axis,
            "values": tuple(read_value(op, name, v, f"{place}.values[{k}]") for k, v in enumerate(values)),
        }
    return read_value(op, name, value, place)


def read_names(value: Any, place: str) -> tuple[str, ...]:
    """Read the names of axes."""
    names = tuple(axis_name(name, f"{place}[{k}]") for k, name in enumerate(sequence(value, place)))
    if len(names) > MOST_AXES:
        raise refusal(place, value, f"at most {MOST_AXES} names")
    return names


def _read_where(value: Any, place: str) -> dict[str, int | str]:
    def channel(entry: Any, here: str) -> int | str:
        return text(entry, here) if isinstance(entry, str) else whole(0, 2**31)(entry, here)

    given = mapping(value, place)
    if not given:
        raise refusal(place, given, "left out, or name an axis")
    return {axis_name(axis, place): channel(entry, inside(place, str(axis))) for axis, entry in given.items()}


def _read_images(op: Operation, value: Any, place: str) -> dict[str, Further]:
    given, names = mapping(value, place), [name for name, _ in op.images[1:]]
    for name in given:
        if name not in names:
            its = f"its further images are {', '.join(names)}" if names else "it has no further images"
            raise ValueError(f"{inside(place, str(name))}: {op.id} has no such image; {its}")
    return {name: read_further(given[name], inside(place, name)) for name in names if name in given}


def _read_options(value: Any, place: str) -> Options:
    table = Table(value, place)
    given: dict[str, Any] = {}
    for name, read in OPTIONS.items():
        if table.has(name):
            given[name] = table.take(name, read)
        else:
            table.take(name, read, None)
    table.end()
    try:
        return Options(**given)
    except ValueError as error:
        raise placed(error, place) from None


def _read_axes(value: Any, place: str) -> tuple[int | str, ...]:
    if not isinstance(value, tuple) or not 0 < len(value) <= MOST_AXES:
        raise refusal(place, value, "a list of names or indices of axes, at least one")
    axes = tuple(read_axis(axis, f"{place}[{k}]") for k, axis in enumerate(value))
    if len({*axes}) < len(axes):
        raise refusal(place, value, "a list in which each axis is once")
    return axes


def _read_scope(value: Any, place: str) -> dict[int | str, int | tuple[int, int]]:
    index = whole(-(2**31), 2**31)
    out: dict[int | str, int | tuple[int, int]] = {}
    for key, part in mapping(value, place).items():
        here = inside(place, str(key))
        axis = _numbered(key, place)
        if axis in out:
            raise refusal(here, part, f"left out, because axis {axis} is given twice")
        if isinstance(part, tuple):
            if len(part) != 2:
                raise refusal(here, part, "an index or [start, stop]")
            out[axis] = index(part[0], f"{here}[0]"), index(part[1], f"{here}[1]")
        else:
            out[axis] = index(part, here)
    return out


def _numbered(key: str | int, place: str) -> int | str:
    """Return an axis from the key of a table: its index, if the key is a number."""
    return int(key) if isinstance(key, int) or re.fullmatch(r"-?[0-9]{1,3}", key) else axis_name(key, place)


def _read_range(value: Any, place: str) -> Any:
    if isinstance(value, str):
        return choice(("data", "dtype"))(value, place)
    ends = value[1:] if isinstance(value, tuple) and value and value[0] == "percentiles" else value
    if not isinstance(ends, tuple) or len(ends) != 2:
        raise refusal(place, value, "'data', 'dtype', ['percentiles', low, high] or [low, high]")
    read = tuple(number(end, place) for end in ends)
    return ("percentiles", *read) if ends is not value else read


def _read_around(value: Any, place: str) -> Around:
    table = Table(value, place)
    id = table.take("wrapper", text)
    if id not in WRAPPERS:
        known: Iterable[str] = sorted(WRAPPERS)
        raise refusal(f"{place}.wrapper", id, f"a wrapper that this program has: {', '.join(known) or 'none'}")
    wrapper = WRAPPERS[id]
    version = table.take("version", whole(1, 10_000), wrapper.version)
    parameters = table.take("parameters", mapping, {})
    table.end()
    if version != wrapper.version:
        raise refusal(f"{place}.version", version, f"{wrapper.version}, the version of {id} in this program")
    try:
        return wrapper(**parameters)
    except (TypeError, ValueError) as error:
        raise placed(error, f"{place}.parameters") from None


OPTIONS: dict[str, Callable[[Any, str], Any]] = {
    "axes": _read_axes,
    "ndim": whole(1, MOST_AXES),
    "scope": _read_scope,
    "value_range": _read_range,
    "dtype": choice(("auto", "same", "float32")),
    "channel_axis": whole(-MOST_AXES, MOST_AXES),
    "statistics": choice(("layer", "item", "channel")),
    "around": _read_around,
}
