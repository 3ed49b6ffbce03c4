"""The operations: pure functions on arrays, one module a family."""
