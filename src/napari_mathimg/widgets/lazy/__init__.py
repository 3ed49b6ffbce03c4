"""What lazy layers show: arrays for napari, their levels, and what these were made of."""
