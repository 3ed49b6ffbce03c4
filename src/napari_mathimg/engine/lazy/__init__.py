"""Lazy results: a plan as an array that is computed tile by tile where it is read."""

from .array import Computed, LazyArray
from .cache import TileCache
from .call import lazy

__all__ = ["Computed", "LazyArray", "TileCache", "lazy"]
