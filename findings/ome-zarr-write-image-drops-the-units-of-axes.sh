#!/usr/bin/env bash
# ome-zarr 0.18.0, zarr 3.1.6: write_image of an image whose axes have units
#
# Expected: axes given as dictionaries, which write_image documents, are written as they are, with their units.
# Seen: names and types are written, and the units are not, without a warning: a pixel of 0.3 micrometers becomes one of
# 0.3. The same units given by axes_units are written.
#
# Why an imaging program cares: recipes with lengths in micrometers, scale bars and measurements need the unit, and files
# that were made so have none. Say that the unit is missing instead of guessing micrometers.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" --quiet --disable-pip-version-check install ome-zarr==0.18.0 zarr==3.1.6
"$folder/env/bin/python" -W ignore - "$folder" <<'PYTHON'
import json
import sys
from pathlib import Path

import numpy as np
import zarr
from ome_zarr.writer import write_image

AXES = [{"name": name, "type": "space", "unit": "micrometer"} for name in "zyx"]
SIZE = {"z": 0.3, "y": 0.1, "x": 0.1}


def units(name, **given):
    path = f"{sys.argv[1]}/{name}.zarr"
    write_image(np.zeros((4, 16, 16), np.uint16), zarr.open_group(path, mode="w"), scale=SIZE, **given)
    (image,) = json.loads((Path(path) / "zarr.json").read_text())["attributes"]["ome"]["multiscales"]
    return [axis.get("unit") for axis in image["axes"]]


seen = units("dictionaries", axes=AXES)
other = units("by-name", axes=list("zyx"), axes_units=dict.fromkeys("zyx", "micrometer"))
print(f"units of axes given as dictionaries: {seen}; by axes_units: {other}")
assert seen == [None] * 3, "write_image now keeps the units of axes"
assert other == ["micrometer"] * 3
PYTHON
