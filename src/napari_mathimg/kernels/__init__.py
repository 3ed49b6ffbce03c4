"""Inner loops compiled by Numba: they take and fill arrays, run on one thread and release the interpreter's lock.

They do without fast-math, because a pixel must have the same bits whichever box it is computed in.
"""
