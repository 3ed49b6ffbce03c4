"""Arrays in chunks: each chunk is read once a pass, kept while tasks need it, and written by one writer."""

from .grid import Grid, boxes_along_chunks
from .kept import CAPACITY, ChunkGroup, kept
from .passes import read_tasks
from .reader import CachedChunks, as_numpy, is_computed, with_cached_chunks
from .writer import ChunkWriter

__all__ = [
    "CAPACITY", "CachedChunks", "ChunkGroup", "ChunkWriter", "Grid", "as_numpy", "boxes_along_chunks",
    "is_computed", "kept", "read_tasks", "with_cached_chunks",
]  # fmt: skip
