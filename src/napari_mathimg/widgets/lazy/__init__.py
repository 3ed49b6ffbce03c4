"""Lazy results in the viewer: layers whose pixels are computed where napari reads them."""
