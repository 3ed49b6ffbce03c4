"""What a run will take, told before it: memory from declared working sets, time from the speed of earlier runs."""

from .needs import Needs, needs
from .speeds import Guess, Speeds, duration, size_in_words

__all__ = ["Guess", "Needs", "Speeds", "duration", "needs", "size_in_words"]
