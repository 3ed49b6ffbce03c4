#!/usr/bin/env bash
# zarr 3.1.6, numcodecs 0.16.6, NumPy 2.4.6: writing whole chunks into an array
#
# Expected: a block that is one whole chunk, without compression, is written with little memory beside the block, whatever
# its type; and a type of floating point, whose NaN must be looked for, takes more than one of integers.
# Seen: 32 MiB of uint16 take a peak of 112 MiB more (3.5 times the block), 32 MiB of int16 16 MiB, 64 MiB of float32
# 16 MiB. With write_empty_chunks=True in the array's config: nothing, for all three.
#
# By default, zarr looks whether a chunk has the fill value everywhere and need not be stored. It asks NumPy's
# array_equal(..., equal_nan=True), which knows that bool and signed integers have no NaN, but not that unsigned ones have
# none: it makes masks and copies of the whole chunk.
#
# Why an imaging program cares: cameras write uint16, chunks of volumes have tens of megabytes, and several are written at
# a time: a run that is to stay within a bound of memory loses it here. Look for a pixel that differs from the fill value
# yourself, plane by plane, and write with the config that leaves the search out where there is one.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" --quiet --disable-pip-version-check install zarr==3.1.6 numcodecs==0.16.6 numpy==2.4.6
"$folder/env/bin/python" - "$folder" <<'PYTHON'
import sys
import tracemalloc

import numpy as np
import zarr


def peak(dtype, leaves_out):
    block = np.random.default_rng(0).integers(1, 4000, (64, 512, 512)).astype(dtype)
    path = f"{sys.argv[1]}/{dtype}-{leaves_out}.zarr"
    config = {"write_empty_chunks": leaves_out}
    array = zarr.create_array(path, shape=block.shape, chunks=block.shape, dtype=dtype, compressors=None, config=config)
    tracemalloc.start()
    array[...] = block
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most / block.nbytes


for dtype, low, high in (("uint16", 3.0, 4.0), ("int16", 0.3, 0.7), ("float32", 0.1, 0.4)):
    searched, not_searched = peak(dtype, False), peak(dtype, True)
    print(f"{dtype}: {searched:.2f} times the block; without the search {not_searched:.2f}")
    assert low < searched < high, "the search for empty chunks takes another share of memory now"
    assert not_searched < 0.1, not_searched
PYTHON
