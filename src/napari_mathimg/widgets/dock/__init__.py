"""The dock of a family: its panels, its run, and where it lies in the window."""
