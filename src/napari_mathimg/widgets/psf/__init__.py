"""A point-spread function in a dock: its kind, its parameters, a picture of it, and where it can come from."""
