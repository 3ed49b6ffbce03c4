"""napari's reader and writers: image files as layers, and layers as image files."""
