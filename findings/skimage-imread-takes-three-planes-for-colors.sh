#!/usr/bin/env bash
# scikit-image 0.26.0: a stack of 3 or 4 planes is read with its planes last
#
# Expected: skimage.io.imread of a TIFF file gives the axes in their order, as tifffile does.
# Seen: of an array whose third axis from the end has 3 or 4 entries, this axis is exchanged with the last one: a stack
# of shape (4, 37, 53), z, y, x, comes as (37, 53, 4); one of 5 planes comes as it is.
#
# Why an imaging program cares: a filter in 3-D, a projection or a pixel size along z meets another axis, and only for
# stacks of this length. tifffile.imread gives the axes as they are.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" --quiet --disable-pip-version-check install scikit-image==0.26.0 tifffile==2026.3.3
"$folder/env/bin/python" - "$folder" <<'PYTHON'
import sys

import numpy as np
import skimage.io
import tifffile

shapes = []
for planes in (3, 4, 5):
    path = f"{sys.argv[1]}/{planes}.ome.tif"
    tifffile.imwrite(path, np.zeros((planes, 37, 53), np.uint16), photometric="minisblack", metadata={"axes": "ZYX"})
    shapes.append(skimage.io.imread(path).shape)
    print("tifffile", tifffile.imread(path).shape, "skimage", shapes[-1])
assert shapes == [(37, 53, 3), (37, 53, 4), (5, 37, 53)], "scikit-image has changed"
PYTHON
