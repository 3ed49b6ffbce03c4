"""Telling: the operations, and what a file holds."""

import json
import math
import sys
from typing import Any

from .printable import printable
from .values import names_of


def operations(given: Any) -> None:
    """List the operations, or explain one."""
    from ..catalog import find
    from ..catalog import operations as all_operations

    if given.name is None:
        table = all_operations()
        rows = [{"id": op.id, "title": op.title, "family": op.family} for op in table.values()]
        print(json.dumps(rows, indent=2) if given.json else table)
        return
    op = find(given.name)
    if not given.json:
        print(f"{op.title} ({op.family})\n\n{op.__doc__}")
        return
    schema = op.model.model_json_schema()
    images = [{"name": name, "role": role, "optional": name in op.optional} for name, role in op.images[1:]]
    about = {"id": op.id, "title": op.title, "family": op.family, "version": op.version, "description": op.__doc__}
    print(json.dumps(about | {"images": images, "parameters": schema}, indent=2))


def file_info(given: Any) -> None:
    """Tell what a file holds."""
    from ..io.notes import RECORD
    from ..io.reading import open_image

    image = open_image(given.file, series=given.series, axes=names_of(given.axis_names))
    record = image.metadata.get(RECORD, [])
    levels = [list(map(int, level.shape)) for level in image.levels] or [list(image.shape)]
    known: dict[str, Any] = {
        "file": str(given.file), "name": image.name, "axes": list(image.axes), "shape": list(image.shape),
        "dtype": str(image.dtype), "bytes": math.prod(image.shape) * image.dtype.itemsize,
        "scale": [s if u or s != 1 else None for s, u in zip(image.scale, image.units, strict=True)],
        "units": list(image.units), "channel_axis": image.channel_axis, "channel_names": list(image.channel_names),
        "levels": levels, "steps": [step["operation"] for step in record], "notes": list(image.notes),
    }  # fmt: skip
    if given.json:
        print(json.dumps(known, indent=2))
        return
    sizes = [f"{s:g} {u}" if u else "not known" for s, u in zip(image.scale, image.units, strict=True)]
    width = max(map(len, image.axes))
    lines = [f"{known['file']}: {image.dtype}"]
    for k, (axis, n, size) in enumerate(zip(image.axes, image.shape, sizes, strict=True)):
        what = ", ".join(image.channel_names) if axis == "c" else f"pixel size {size}"
        what = "colors" if k == image.channel_axis else what
        lines.append(f"  {axis:<{width}}  {n:>7}  {what}".rstrip())
    if len(levels) > 1:
        lines.append("  levels: " + ", ".join(" x ".join(map(str, shape)) for shape in levels))
    if record:
        lines.append("  steps: " + " > ".join(known["steps"]))
    lines += [f"  {note}" for note in image.notes]
    sys.stdout.write("\n".join(map(printable, lines)) + "\n")
