#!/usr/bin/env bash
# ome-zarr 0.18.0, zarr 3.1.6: write_image with axes that have units
#
# Expected: axes given as in the specification, {"name": "y", "type": "space", "unit": "micrometer"}, are written as they
# are given, and so are pixel sizes given as coordinate_transformations, which is deprecated and warned of.
# Seen: the axes are written without their units, without a warning; and the pixel sizes as 1. The units are kept where
# they are given as axes_units={"y": "micrometer", ...}, and the sizes as scale={"y": 0.25, ...}.
#
# Why an imaging program cares: files that were written so look calibrated to who wrote them, and have pixels of size 1
# without a unit. A reader must tell that the pixel size is not known, and must not take 1 for micrometers.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" --quiet --disable-pip-version-check install ome-zarr==0.18.0 zarr==3.1.6
"$folder/env/bin/python" -W ignore - "$folder" <<'PYTHON'
import json
import sys

import numpy as np
import zarr
from ome_zarr.writer import write_image

axes = [{"name": name, "type": "space", "unit": "micrometer"} for name in "yx"]
sizes = [[{"type": "scale", "scale": [0.25 * step, 0.25 * step]}] for step in (1, 2)]


def written(name, **options):
    path = f"{sys.argv[1]}/{name}.zarr"
    group = zarr.open_group(path, mode="w")
    write_image(np.zeros((64, 64), np.uint8), group, axes=axes, scale_factors=[2], **options)
    image = json.load(open(f"{path}/zarr.json"))["attributes"]["ome"]["multiscales"][0]
    first = image["datasets"][0]["coordinateTransformations"][0]["scale"]
    return [axis.get("unit") for axis in image["axes"]], first


lost = written("lost", coordinate_transformations=sizes)
kept = written("kept", scale=dict.fromkeys("yx", 0.25), axes_units=dict.fromkeys("yx", "micrometer"))
print(f"units and pixel sizes: {lost}; by scale and axes_units: {kept}")
assert lost == ([None, None], [1.0, 1.0]), "units of axes, or sizes by coordinate_transformations, are kept now"
assert kept == (["micrometer", "micrometer"], [0.25, 0.25]), kept
PYTHON
