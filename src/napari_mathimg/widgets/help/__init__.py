"""An operation explained inside napari: text from its docstring, units and bounds from its signature, a picture."""
