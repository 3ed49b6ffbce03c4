"""Facts: what was counted of arrays, remembered from plan to plan."""

from .recall import Keep, Recall, Trust, what_of_ends
from .rules import key_of_counts, key_of_finished
from .store import Facts, Key

__all__ = ["Facts", "Keep", "Key", "Recall", "Trust", "key_of_counts", "key_of_finished", "what_of_ends"]
