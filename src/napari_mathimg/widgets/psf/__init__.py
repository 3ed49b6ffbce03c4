"""Widgets for a point-spread function: its kind and parameters, a preview, and a measurement on beads."""
