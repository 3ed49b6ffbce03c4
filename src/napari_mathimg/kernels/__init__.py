"""Inner loops: arrays in, arrays out, single-threaded, without the interpreter's lock.

No fast-math: a pixel must come out the same to the bit whichever box it is computed in.
"""
