"""Marks and tools on the canvas: crosses, rectangles, the domain over a result."""
