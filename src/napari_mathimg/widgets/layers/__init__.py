"""Layers of the viewer: their arrays, levels, units and places, and the layers that results become."""
