#!/usr/bin/env bash
# napari 0.9.2 with pint 0.25.3: a layer in units "px" beside a calibrated one
#
# Expected: "px" means pixel: an image without a calibration, which has no unit in common with a layer in micrometers.
# Seen: pint reads "px" as the pixel of style sheets, 1/96 inch, which is a length. Beside a layer in micrometers, a
# layer of 512 pixels in "px" is 135,202 micrometers wide; a calibrated one of 256 micrometers takes 0.2 % of that view.
# "pixel" is another unit, without a length.
#
# Why an imaging program cares: readers pass the unit of a file on. A program that converts a layer's units to lengths
# calibrates an uncalibrated image without a word: a blur of 1 micrometer becomes one of 0.004 pixels. Treat css_pixel
# as pixel before any conversion.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" --quiet --disable-pip-version-check install napari==0.9.2 pint==0.25.3
HOME=$folder "$folder/env/bin/python" - <<'PYTHON'
import numpy as np
from napari.components import ViewerModel
from napari.layers import Image

image = np.zeros((512, 512))
viewer = ViewerModel()
viewer.add_layer(Image(image, scale=(0.5, 0.5), units=("um", "um")))
viewer.add_layer(Image(image, units=("px", "px")))
wide = viewer.layers.extent.world[1, 1] - viewer.layers.extent.world[0, 1]
length = Image(image, units=("px", "px")).units[0].dimensionality
print(f"the view is {wide:.0f} {viewer.layers.extent.units[1]} wide; px is a {dict(length)}")
assert 135_000 < wide < 136_000, "px is no longer 264.58 micrometers"
assert "[length]" in length
assert "[length]" not in Image(image, units=("pixel", "pixel")).units[0].dimensionality
PYTHON
