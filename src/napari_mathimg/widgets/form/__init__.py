"""Forms made from the signatures of operations."""
