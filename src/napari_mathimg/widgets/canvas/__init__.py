"""Tools on the canvas: a draggable cross, a rectangle to draw, and overlays of the domain."""
