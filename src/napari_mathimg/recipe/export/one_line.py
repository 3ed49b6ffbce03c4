"""A step of a recipe in one line."""

from ...contract.per_index import PerIndex
from ..images import Further
from ..plain import as_lists, shown
from ..step import Step


def step_in_line(step: Step) -> str:
    """Return a step in one line: its operation and what was given to it."""
    images = [f"{name}={_image_in_line(image)}" for name, image in step.images.items()]
    given = [f"{name}={shown(as_lists(value))}" for name, value in step.parameters.items()]
    options = repr(step.options)
    extra = [options] if options != "Options()" else []
    extra += [f"where={dict(step.where)!r}"] if step.where else []
    extra += [f"level={step.level}"] if step.level else []
    return f"{step.operation}({', '.join([*images, *given, *extra])}){' (off)' if step.off else ''}"


def _image_in_line(image: Further) -> str:
    if isinstance(image, PerIndex):
        return f"{len(image.values)} images along {image.axis!r}"
    plain = image.plain()
    return repr(next(iter(plain.values())) if "psf" not in plain else f"psf {plain['psf']['kind']}")
