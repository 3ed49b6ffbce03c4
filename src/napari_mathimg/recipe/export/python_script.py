"""A recipe as a Python script that gives the same pixels with the public calls alone."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...contract.per_index import PerIndex
from ...contract.signature import call
from ...engine import Options
from ...engine.source import is_channels
from ...methods.point_spread.kinds import KINDS
from ..images import DeclaredPsf, Further, HeldImage, ImageFile
from ..lengths import Spacing, in_pixels, is_length
from ..placement import axis_names as usual_names
from ..step import Step

LINE = 100  # characters
COLORS = "rgb"  # name of the axis of colors, where the others have names
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
        self._spacing, self._names = spacing, axis_names
        self._is_moved = False
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

    def _dims(self, step: Step) -> tuple[str, ...]:
        """Return the names of all axes of the image, that of colors among them."""
        names, axis = list(self._names), step.options.channel_axis
        if axis is not None:
            names.insert(axis if axis >= 0 else len(names) + 1 + axis, COLORS)
        return tuple(names)

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
            path = self._inputs.get(image.name, f"{image.name}.npy")
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
        if not self._names:
            return None
        count = len(self._names)
        if step.options.axes is None:
            return tuple(range(count - step.options.ndim, count))
        whole = self._dims(step)
        chosen = [axis if isinstance(axis, str) else whole[axis] for axis in step.options.axes]
        return tuple(self._names.index(axis) for axis in chosen)

    def _of_item(self, step: Step) -> Spacing:
        """Return the pixel size along each axis of an item; None where it is not known."""
        ndim, axes = step.options.ndim, self._axes(step)
        if self._is_moved or step.level or (axes is None and step.options.axes is not None):
            return (None,) * ndim
        known = (None,) * (16 - len(self._spacing)) + self._spacing
        if axes is None:
            return known[-ndim:]
        return tuple(known[axis - len(self._names)] for axis in axes)

    def _keywords(self, place: str, step: Step) -> list[str]:
        try:
            parameters = in_pixels(step.declared, _by_index(step.parameters), self._of_item(step), place)
        except ValueError as error:
            text = str(error).replace("because the image has no", "because the script knows no")
            raise ValueError(f"{text}: give python() the `spacing`") from None
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
                if not is_channels(axis) or index not in self._channels:
                    raise ValueError(
                        f"{place}.where.{axis}={index!r}: must be a known channel: give python() the `channel_names`"
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
        op = step.declared
        self._is_moved = self._is_moved or op.is_warp or step.level > 0
        if op.drops is not None and not step.keep_axis:
            self._is_moved = True
            if (axes := self._axes(step)) is not None:
                self._names = self._names[: axes[0]] + self._names[axes[0] + 1 :]
        if op.frames is not None and self._names:
            frames = call(op.frames, op.validate(step.parameters))
            self._names = self._names if frames is None else (frames.name, *usual_names(self._names))
            self._is_moved = self._is_moved or frames is not None


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
