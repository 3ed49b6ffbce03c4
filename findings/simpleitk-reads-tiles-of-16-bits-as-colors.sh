#!/usr/bin/env bash
# SimpleITK 2.5.7: a TIFF file of 16 bits in tiles is read as colors of 8 bits
#
# Expected: a gray image of uint16, as from the same pixels in strips, or an error.
# Seen: tiles make ITK fall back to a reader of RGBA with 8 bits: shape (64, 64, 4), uint8, with a warning on stderr and
# no error. Tiles of float32 are refused. OME-TIFF files with pyramids are tiled.
#
# Why an imaging program cares: 8 of 16 bits are lost, and measured gray values are wrong, in whatever builds on ITK. A
# program that wants its files read there writes strips.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" --quiet --disable-pip-version-check install simpleitk==2.5.7 tifffile==2026.3.3 numpy
"$folder/env/bin/python" - "$folder" <<'PYTHON'
import sys

import numpy as np
import SimpleITK as sitk
import tifffile

pixels = np.arange(64 * 64, dtype=np.uint16).reshape(64, 64)
found = {}
for name, options in (("strips", {"rowsperstrip": 16}), ("tiles", {"tile": (32, 32)})):
    path = f"{sys.argv[1]}/{name}.tif"
    tifffile.imwrite(path, pixels, photometric="minisblack", **options)
    found[name] = sitk.GetArrayFromImage(sitk.ReadImage(path))
    print(name, found[name].dtype, found[name].shape)
assert np.array_equal(found["strips"], pixels)
assert found["tiles"].dtype == np.uint8 and found["tiles"].shape == (64, 64, 4), "SimpleITK has changed"
PYTHON
