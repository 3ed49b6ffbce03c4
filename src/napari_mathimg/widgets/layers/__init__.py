"""Layers of the viewer: their arrays, resolution levels, units and transforms, and the layers that show results."""
