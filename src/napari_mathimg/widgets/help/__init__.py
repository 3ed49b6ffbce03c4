"""Help for operations: text from the docstring, units and bounds from the signature, and a picture."""
