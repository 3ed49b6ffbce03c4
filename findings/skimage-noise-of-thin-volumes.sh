#!/usr/bin/env bash
# scikit-image 0.26.0, PyWavelets 1.9.0, NumPy 2.4.6: skimage.restoration.estimate_sigma
#
# Expected: for white Gaussian noise of standard deviation 5, an estimate near 5, whatever the number of planes (the
# estimate is a median over all finest wavelet coefficients: 256 x 256 x 3 voxels are plenty).
# Seen: 3.5 of 3 planes, 3.9 of 5, 4.3 of 11, 4.5 of 17, 4.7 of 33; 4.3, 4.5, 4.7 and 4.8 of 2, 4, 8 and 16; one plane
# given as a volume has no noise at all (0.0). A plane given as a plane: 5.0.
#
# The detail along a short axis is taken from the mirrored border, where neighbors are equal and differences too small; a
# single plane has none. Odd numbers of planes have one more such coefficient than even ones.
#
# Why an imaging program cares: z-stacks have few planes, and this number sets the strength of a denoiser
# (denoise_wavelet, denoise_nl_means): a stack of 3 planes is smoothed by 30 % less than it should be. Estimate in each
# plane and take the median, as here is shown to give 5.0.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" --quiet --disable-pip-version-check install scikit-image==0.26.0 PyWavelets==1.9.0 numpy==2.4.6
"$folder/env/bin/python" - <<'PYTHON'
import numpy as np
from skimage.restoration import estimate_sigma

rng = np.random.default_rng(0)
low = {1: 0.1, 2: 4.5, 3: 3.7, 4: 4.6, 5: 4.0, 8: 4.8, 11: 4.5, 16: 4.9, 17: 4.6, 33: 4.8}
for planes, most in low.items():
    volume = rng.normal(0, 5, (planes, 256, 256))
    whole = estimate_sigma(volume)
    by_planes = np.median([estimate_sigma(plane) for plane in volume])
    print(f"{planes:2} planes: as a volume {whole:.2f}, by planes {by_planes:.2f}")
    assert whole < most, "a volume's noise is no longer estimated too low"
    assert abs(by_planes - 5) < 0.15, by_planes
PYTHON
