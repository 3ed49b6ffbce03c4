#!/usr/bin/env bash
# napari 0.9.2: two layers of the same field, one in micrometers and one in nanometers
#
# Expected: drawn over each other, as they are (both are 100 micrometers wide, the view is in nanometers), and the same
# position of the cursor gives the same pixel of both: in the status bar, and by `get_value(..., world=True)`.
# Seen: at (50000, 20000) nanometers the layer in nanometers has pixel (50, 20), and the layer in micrometers none at all:
# `world_to_data` takes the position for micrometers. The status bar shows no value for it, and where it lies
# 1000 times nearer to the origin, the value of another pixel.
#
# Why an imaging program cares: what a user clicks on (seeds, corners, a value to measure) is another place of the image
# than the one under the cursor, or none. Convert the position from the units of the view to those of the layer first.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" --quiet --disable-pip-version-check install napari==0.9.2 pint==0.25.3
HOME=$folder "$folder/env/bin/python" - <<'PYTHON'
import numpy as np
from napari.components import ViewerModel
from napari.layers import Image

pixels = np.arange(10_000.0).reshape(100, 100)
viewer = ViewerModel()
micrometers = Image(pixels, units=("um", "um"), name="micrometers")
nanometers = Image(pixels, scale=(1000, 1000), units=("nm", "nm"), name="nanometers")
viewer.add_layer(micrometers)
viewer.add_layer(nanometers)
extent = viewer.layers.extent
print("the view:", extent.world[1], extent.units[0])
assert np.allclose(extent.world[1], 99_000) and str(extent.units[0]) == "nanometer"

viewer.cursor.position = here = (50_000.0, 20_000.0)
for layer in (micrometers, nanometers):
    status = layer.get_status(viewer.cursor.position, world=True)["value"]
    print(f"{layer.name}: value {layer.get_value(here, world=True)}, status bar {status!r}")
assert nanometers.get_value(here, world=True) == pixels[50, 20]
assert micrometers.get_value(here, world=True) is None
assert micrometers.get_value((50.0, 20.0), world=True) == pixels[50, 20]  # this is 50 and 20 nanometers in the view
PYTHON
