"""What a run will take, told before it: memory from declared working sets, time from the speed of earlier runs."""

from .needs import Needs, needs, needs_of, passes_of, sketch
from .speeds import Guess, Speeds
from .words import Forecast, duration, forecast, size_in_words

__all__ = [
    "Forecast",
    "Guess",
    "Needs",
    "Speeds",
    "duration",
    "forecast",
    "needs",
    "needs_of",
    "passes_of",
    "size_in_words",
    "sketch",
]
