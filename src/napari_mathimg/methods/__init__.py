"""The algorithms behind the operations, one module a method."""
