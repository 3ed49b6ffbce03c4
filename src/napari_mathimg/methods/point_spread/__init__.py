"""Point-spread functions: declared kinds, arrays, beads, optics."""
