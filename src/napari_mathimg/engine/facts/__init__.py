"""Facts: what was counted of arrays, remembered from plan to plan."""

from .recall import Keep, Recall, Trust
from .rules import key_of_counts, key_of_finished
from .store import Facts

__all__ = ["Facts", "Keep", "Recall", "Trust", "key_of_counts", "key_of_finished"]
