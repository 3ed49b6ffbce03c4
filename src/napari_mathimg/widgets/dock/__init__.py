"""The dock of a family of operations: its panels, its runs and its results."""
