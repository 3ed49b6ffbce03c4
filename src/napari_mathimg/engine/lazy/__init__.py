"""Lazy results: a plan as an array that is computed tile by tile where it is read."""

from .array import Computed, LazyArray
from .cache import TileCache
from .call import lazy
from .levels import Level, levels
from .store import LevelStore

__all__ = ["Computed", "LazyArray", "Level", "LevelStore", "TileCache", "lazy", "levels"]
