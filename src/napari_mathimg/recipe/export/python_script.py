"""A recipe as a Python script that gives the same pixels with the public calls alone."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ...contract.per_index import PerIndex
from ...contract.reach import Gather
from ...engine import Options
from ...engine.plan import resolve_reach
from ...engine.source import is_channels
from ...methods.point_spread.kinds import KINDS
from ..axes import after_step, item_axes, turning, with_colors
from ..images import DeclaredPsf, Further, HeldImage, ImageFile, file_stem
from ..lengths import Spacing, in_pixels, is_length
from ..plain import all_texts
from ..step import Step

LINE = 100  # characters
MOST_AXES = 16  # whose pixel sizes are followed
LONG = (1_000_003, 1_000_033)  # pixels; lengths of axes without a common divisor
NAMED = '''

class Named(np.ndarray):
    """An array whose axes have names."""


def named(array, *names):
    array = np.asarray(array).view(Named)
    array.dims = names
    return array

'''


def python_script(
    steps: Sequence[Step], folder: Path | None, source: str, target: str, inputs: Mapping[str, str], spacing: Spacing,
    axis_names: tuple[str, ...], channel_names: tuple[str, ...],
) -> str:  # fmt: skip
    """Return the script; arguments as in `Recipe.python`."""
    writer = _Writer(folder, inputs, spacing, axis_names, channel_names)
    body: list[str] = []
    for number, step in enumerate(steps):
        body += writer.lines_of(number, step)
    imports = ["import numpy as np", "", f"from napari_mathimg import {', '.join(sorted(writer.calls))}"]
    imports += [f"from {module} import {name}" for module, name in sorted(writer.wrappers)]
    names = NAMED.splitlines() if axis_names else []
    head = ['"""Made by napari-mathimg: repeats a recipe."""', "", *imports, *names, "", f"image = {_load(source)}"]
    return "\n".join([*head, *body, "", f"np.save({target!r}, image, allow_pickle=False)", ""])


class _Writer:
    """Writes one step after the other, and keeps what is known of the image between them."""

    def __init__(
        self, folder: Path | None, inputs: Mapping[str, str], spacing: Spacing, axis_names: tuple[str, ...],
        channel_names: tuple[str, ...],
    ) -> None:  # fmt: skip
        self._folder, self._inputs, self._channels = folder, inputs, channel_names
        self._spacing, self._names = (None,) * (MOST_AXES - len(spacing)) + spacing, axis_names
        self._colors: int | None = None  # axis of colors that the step before has left
        self.calls, self.wrappers = {"apply"}, set[tuple[str, str]]()

    def lines_of(self, number: int, step: Step) -> list[str]:
        """Return the lines of a step."""
        place, op = f"steps[{number}]", step.declared
        lines = ["", f"# {number + 1}. {op.title}{' (switched off)' if step.off else ''}"]
        if step.off:
            return lines
        if step.level and number:
            raise ValueError(f"{place}.level={step.level}: must be 0 in a script, which has no levels of results")
        if step.level:
            lines[-1] += f": of level {step.level} of the image, which must be in this file"
        lines += self._turn(place, step)
        self._check_names(place, step)
        if self._names:
            lines.append(f"image = named(image, {', '.join(map(repr, self._dims(step)))})")
        arguments = ["image", repr(step.operation)]
        for image in self._images(number, step):
            loaded, text = image
            lines += loaded
            arguments.append(text)
        arguments += self._keywords(place, step)
        lines += _call("part" if step.where else "image", "apply", arguments)
        lines += self._after(place, step)
        self._follow(step)
        return lines

    def _turn(self, place: str, step: Step) -> list[str]:
        """Return the line that brings the axes into the order that a step expects."""
        if not step.axis_names:
            return []
        if not self._names:
            raise ValueError(f"{place}.axis_names: must be those of known axes: give python() the `axis_names`")
        channel = step.options.channel_axis
        has_colors = self._colors is not None or channel is not None
        order = turning(step, self._names, len(self._names) + has_colors, self._colors)
        if order == tuple(sorted(order)):
            return []
        count = len(self._names)
        own = [self._spacing[self._names.index(name) - count] for name in step.axis_names]
        self._names, self._spacing = step.axis_names, (*self._spacing[:-count], *own)
        return [f"image = image.transpose({order!r})"]

    def _check_names(self, place: str, step: Step) -> None:
        """Refuse names of axes that are not known."""
        used = [*(step.options.axes or ()), *(step.options.scope or ())]
        used += [value["per"] for value in step.parameters.values() if isinstance(value, Mapping) and "per" in value]
        used += [image.axis for image in step.images.values() if isinstance(image, PerIndex)]
        for axis in all_texts(used):
            if axis not in self._names:
                known = f"one of {', '.join(self._names)}" if self._names else "known: give python() the `axis_names`"
                raise ValueError(f"{place} ({step.operation}): axis {axis!r}: must be {known}")

    def _dims(self, step: Step) -> tuple[str, ...]:
        """Return the names of all axes of the image, that of colors among them."""
        return with_colors(self._names, step.options.channel_axis)

    def _images(self, number: int, step: Step) -> list[tuple[list[str], str]]:
        names = [name for name, _ in step.declared.images[1:]]
        while names and names[-1] not in step.images:
            names.pop()
        return [
            self._image(f"{name}_{number + 1}", step, step.images.get(name), f"steps[{number}].images.{name}")
            for name in names
        ]

    def _image(self, variable: str, step: Step, image: Further | None, place: str) -> tuple[list[str], str]:
        """Return the lines that load a further image, and what stands for it in the call."""
        if image is None:
            return [], "None"
        if isinstance(image, PerIndex):
            each = [self._image(f"{variable}_{k}", step, v, f"{place}.values[{k}]") for k, v in enumerate(image.values)]
            texts = ", ".join(text for _, text in each)
            return [line for lines, _ in each for line in lines], f"{{'per': {image.axis!r}, 'values': [{texts}]}}"
        if isinstance(image, DeclaredPsf):
            return self._psf(variable, step, image, place), variable
        if isinstance(image, HeldImage):
            raise ValueError(f"{place}={image.name!r}: must be in a file for a script: save the recipe first")
        if isinstance(image, ImageFile):
            path = image.path if self._folder is None else str(self._folder / image.path)
        else:
            path = self._inputs.get(image.name, f"{file_stem(image.name.removesuffix('.npy'))}.npy")
        return [f"{variable} = {_load(path)}"], variable

    def _psf(self, variable: str, step: Step, image: DeclaredPsf, place: str) -> list[str]:
        self.calls.add("psf")
        kind, spacing = KINDS[image.kind], self._of_item(step)
        needs = any(map(is_length, image.parameters.values())) or image.parameters.get("pixel_size", "auto") == "auto"
        has_size = "pixel_size" in kind.parameters
        parameters = in_pixels(kind, image.parameters, spacing, place, "psf.parameters")
        arguments = [repr(image.kind), f"shape={self._item_shape(step)}"]
        if has_size and needs and None not in spacing:
            arguments.append(f"spacing={spacing!r}")
        return _call(variable, "psf", arguments + [f"{name}={value!r}" for name, value in parameters.items()])

    def _item_shape(self, step: Step) -> str:
        options, axis = step.options, step.options.channel_axis
        if options.axes is not None:
            axes = self._axes(step)
            if axes is None:
                axes = tuple(int(axis) for axis in options.axes)
            elif axis is not None:
                whole = self._dims(step)
                axes = tuple(whole.index(self._names[axis]) for axis in axes)
            return f"tuple(image.shape[k] for k in {axes!r})"
        if axis is None:
            return f"image.shape[-{options.ndim}:]"
        return f"tuple(n for k, n in enumerate(image.shape) if k != {axis} % image.ndim)[-{options.ndim}:]"

    def _axes(self, step: Step) -> tuple[int, ...] | None:
        """Return the numbers of the axes of an item among those with names; None if they are not known."""
        return item_axes(step.options, self._names) if self._names else None

    def _from_last(self, step: Step) -> tuple[int, ...] | None:
        """Return the axes of an item without that of colors, counted from the last; None if they are not known."""
        options = step.options
        if (axes := self._axes(step)) is not None:
            return tuple(axis - len(self._names) for axis in axes)
        if options.axes is None:
            return tuple(range(-options.ndim, 0))
        numbers = tuple(axis for axis in options.axes if isinstance(axis, int) and -MOST_AXES <= axis < 0)
        return numbers if len(numbers) == len(options.axes) and options.channel_axis is None else None

    def _of_item(self, step: Step) -> Spacing:
        """Return the pixel size along each axis of an item; None where it is not known."""
        axes = self._from_last(step)
        if step.level or axes is None:
            return (None,) * step.options.ndim
        return tuple(self._spacing[axis] for axis in axes)

    def _keywords(self, place: str, step: Step) -> list[str]:
        try:
            parameters = in_pixels(step.declared, _by_index(step.parameters), self._of_item(step), place)
        except ValueError as error:
            text = str(error).replace("because the image has no", "because the script knows no")
            missing = "axis_names" if self._from_last(step) is None else "spacing"
            raise ValueError(f"{text}: give python() the `{missing}`") from None
        options = step.options if not step.where else replace(step.options, scope=self._where(place, step))
        out = []
        if options != Options():
            self.calls.add("Options")
            out.append(f"options={options!r}")
        if options.around is not None:
            self.wrappers.add((options.around.wrapper.module, options.around.wrapper.id))
        return out + [f"{name}={value!r}" for name, value in parameters.items()]

    def _where(self, place: str, step: Step) -> dict[int | str, int | tuple[int, int]]:
        scope: dict[int | str, int | tuple[int, int]] = {}
        for axis, index in step.where.items():
            if axis not in self._names:
                raise ValueError(f"{place}.where.{axis}: must be on a named axis: give python() the `axis_names`")
            if isinstance(index, str):
                if not is_channels(axis) or self._channels.count(index) != 1:
                    known = f"; of those that are known, {', '.join(self._channels)}" if self._channels else ""
                    raise ValueError(
                        f"{place}.where.{axis}={index!r}: must be a known channel: give python() the `channel_names`,"
                        f" in which each is once{known}"
                    )
                index = self._channels.index(index)
            scope[axis] = (index, index + 1)
        return scope

    def _after(self, place: str, step: Step) -> list[str]:
        """Return the lines after the call."""
        lines = []
        if step.where:
            whole, where = self._dims(step), self._where(place, step)
            key = [f"{where[axis][0]}:{where[axis][1]}" if axis in where else ":" for axis in whole]  # type: ignore[index]
            lines += ["image = np.array(image, part.dtype)", f"image[{', '.join(key)}] = part"]
        if step.divisor != 1:
            lines.append(f"image = image / image.dtype.type({step.divisor!r})")
        if step.keep_axis:
            first = self._axes(step)
            axis = first[0] if first is not None else -step.options.ndim
            lines.append(f"image = np.expand_dims(image, {axis})")
        return lines

    def _follow(self, step: Step) -> None:
        """Note what is known of the image after a step."""
        op, places = step.declared, self._from_last(step)
        if step.level or (places is None and (op.is_warp or op.drops is not None)):
            self._spacing = (None,) * MOST_AXES
        elif places is not None and op.is_warp:
            sizes, factors = list(self._spacing), _factors(step, len(places))
            for axis, factor in zip(places, factors, strict=True):
                known = sizes[axis]
                sizes[axis] = None if known is None or factor is None else known * factor
            self._spacing = tuple(sizes)
        if places is not None and op.drops is not None and not step.keep_axis:
            dropped = places[0] % MOST_AXES
            self._spacing = (None, *self._spacing[:dropped], *self._spacing[dropped + 1 :])
        elif places is not None and op.drops is not None:
            self._spacing = tuple(None if k == places[0] % MOST_AXES else s for k, s in enumerate(self._spacing))
        if not self._names:
            return
        whole = self._dims(step)
        for key, part in (step.options.scope or {}).items():
            name = key if isinstance(key, str) else whole[key]
            if is_channels(name) and self._channels:
                n = len(self._channels)
                start, stop = (part % n, part % n + 1) if isinstance(part, int) else part
                self._channels = self._channels[start:stop]
        self._names, self._colors = after_step(step, self._names)


def _factors(step: Step, ndim: int) -> tuple[float | None, ...]:
    """Return how many times larger the pixels of the result of a warp are; None where that depends on the image."""
    op, found = step.declared, list[Any]()
    for length in LONG:
        shape = tuple(length + k for k in range(ndim))
        try:
            resolved = op.resolve(step.parameters, shape, {})
            reach = resolve_reach(op.reach, {**resolved, "shape": shape})
        except (KeyError, TypeError, ValueError):  # lengths, values by index, what only an image tells
            return (None,) * ndim
        if not isinstance(reach, Gather):
            return (None,) * ndim
        found.append(np.asarray(reach.placement)[:-1, :-1])
    if not np.array_equal(found[0], found[1]) or np.count_nonzero(found[0] - np.diag(np.diag(found[0]))):
        return (None,) * ndim
    return tuple(float(abs(factor)) for factor in np.diag(found[0]))


def _by_index(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: PerIndex(value["per"], tuple(value["values"]))
        if isinstance(value, Mapping) and not is_length(value)
        else value
        for name, value in parameters.items()
    }


def _load(path: str) -> str:
    return f"np.load({path!r}, allow_pickle=False)"


def _call(target: str, function: str, arguments: Sequence[str]) -> list[str]:
    """Return a call in one line, or in one for each argument."""
    line = f"{target} = {function}({', '.join(arguments)})"
    if len(line) <= LINE:
        return [line]
    return [f"{target} = {function}(", *(f"    {argument}," for argument in arguments), ")"]
