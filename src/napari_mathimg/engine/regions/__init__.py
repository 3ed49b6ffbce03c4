"""Regions for previews: the box that is on screen, in pieces, the one nearest to its middle first."""

from .coarse import coarse, is_close_at
from .exact import is_exact_at, regions

__all__ = ["coarse", "is_close_at", "is_exact_at", "regions"]
