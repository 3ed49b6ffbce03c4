#!/usr/bin/env bash
# napari 0.9.2: napari.utils.transforms.Affine of a matrix that mirrors an axis
#
# Expected: `scale`, `rotate` and `shear` of an Affine made from a matrix compose to that matrix again, as the
# parameters of the same names do when an Affine is made from them.
# Seen: diag(-2, 3) gives scale (-2, 3) and rotate diag(-1, 1): the flip is in both, and their product is diag(2, 3), not
# mirrored. `shear` has two elements, with which no Affine of two axes can be made (ValueError: strange number of
# shear elements). So does diag(-2, -3). A matrix that is not diagonal gives parts that compose again.
#
# Why an imaging program cares: readers of microscope files flip axes this way. A result that is placed by the parts of
# its source's composed transform lies un-flipped beside it. Keep the parts that the layer was given; decompose other
# matrices with signs of one's own choice.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" --quiet --disable-pip-version-check install napari==0.9.2 numpy==2.4.6
HOME=$folder "$folder/env/bin/python" -W ignore - <<'PYTHON'
import numpy as np
from napari.utils.transforms import Affine

for sides in ((-2.0, 3.0), (-2.0, -3.0)):
    matrix = np.diag(sides)
    parts = Affine(linear_matrix=matrix)
    product = parts.rotate @ np.diag(parts.scale)
    print(f"{sides}: scale {parts.scale}, rotate {np.diag(parts.rotate)}, product {np.diag(product)}, shear {parts.shear}")
    assert np.allclose(parts.scale, sides) and np.allclose(product, np.abs(matrix)), "the flip is no longer there twice"
    try:
        Affine(scale=parts.scale, rotate=parts.rotate, shear=parts.shear)
    except ValueError as error:
        print("from its parts:", error)
    else:
        raise AssertionError("an Affine can be made from the parts")
oblique = np.array([[-2.0, 0.5], [0.0, 3.0]])
parts = Affine(linear_matrix=oblique)
again = Affine(scale=parts.scale, rotate=parts.rotate, shear=parts.shear)
assert np.allclose(again.linear_matrix, oblique)
PYTHON
