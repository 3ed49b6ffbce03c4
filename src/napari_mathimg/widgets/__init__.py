"""The docks: napari and Qt are known here only."""
