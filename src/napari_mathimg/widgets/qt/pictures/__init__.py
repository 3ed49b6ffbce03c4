"""Small pictures of arrays."""
