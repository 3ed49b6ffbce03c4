"""A job as a command line."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import fields

from ..choices import JobChoices

OPTIONS = {"kind": "format", "axis_names": "axis-names"}  # whose names differ from those of the choices


def command_line(
    recipe: str, inputs: Sequence[str], output: str, images: Mapping[str, str], choices: JobChoices
) -> str:
    """Return the command that runs the same job; choices that are left as they are do not appear.

    Examples
    --------
    >>> command_line("r.toml", ["raw/*.tif"], "out", {"psf": "p.tif"}, JobChoices(on_exists="skip", keep_going=True))
    "mathimg run r.toml 'raw/*.tif' -o out --input psf=p.tif --on-exists skip --keep-going"
    """
    words = ["mathimg", "run", _path(recipe), *map(_path, inputs), "-o", _path(output)]
    for name, file in images.items():
        words += ["--input", f"{name}={file}"]
    for each in fields(choices):
        value = getattr(choices, each.name)
        if value == each.default:
            continue
        words.append(f"--{OPTIONS.get(each.name, each.name).replace('_', '-')}")
        if value is not True:
            words.append(",".join(map(str, value)) if isinstance(value, tuple) else str(value))
    return shlex.join(words)


def _path(path: str) -> str:
    """Return a path, which is no option even if it begins like one."""
    return f"./{path}" if path.startswith("-") else path
