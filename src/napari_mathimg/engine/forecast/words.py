"""How the time and the memory of runs are said, when they are worth saying."""

from collections.abc import Sequence
from typing import NamedTuple

from .needs import Needs
from .speeds import Guess, Speeds

MOMENT = 1.0  # seconds up to which a run needs no warning
SHARE = 0.1  # of the memory at hand up to which a run needs none


class Forecast(NamedTuple):
    """What runs one after the other will take, if all of their results are kept.

    Attributes
    ----------
    time
        Seconds; None if no earlier run tells it.
    memory, at_hand
        Bytes that they need, and that are free.
    """

    time: Guess | None
    memory: int
    at_hand: int

    @property
    def text(self) -> str:
        """A few words; "" if it takes a moment and little of the memory."""
        parts = []
        if self.time is not None and self.time.seconds > MOMENT:
            took = duration(self.time.seconds)
            parts.append(f"about {took}" if self.time.is_alike else f"{took} (from other settings)")
        if self.memory > self.at_hand:
            parts.append(f"{size_in_words(self.memory)} of {size_in_words(self.at_hand)} free")
        elif self.memory > SHARE * self.at_hand:
            parts.append(size_in_words(self.memory))
        return ", ".join(parts)

    @property
    def explanation(self) -> str:
        """Sentences that say where the numbers come from."""
        memory = (
            f"The result and its computation take {size_in_words(self.memory)} of memory;"
            f" {size_in_words(self.at_hand)} are free."
        )
        if self.time is None:
            return f"{memory} How long it takes is known after a first run, unless that is very short."
        alike = "the fastest earlier run on such an image with the same parameters"
        other = "the last run on such an image, which had other parameters"
        which = alike if self.time.is_alike else other
        return f"{memory} The time is judged by {which}, in proportion to pixels and iterations."


def forecast(runs: Sequence[Needs], speeds: Speeds, at_hand: int) -> Forecast:
    """Return what runs one after the other will take, with so many bytes at hand."""
    guesses = [speeds.guess(one) for one in runs]
    known = [guess for guess in guesses if guess is not None]
    time = None
    if known and len(known) == len(guesses):
        time = Guess(sum(guess.seconds for guess in known), all(guess.is_alike for guess in known))
    memory = sum(one.result for one in runs) + max((one.beside for one in runs), default=0)
    return Forecast(time, memory, at_hand)


def duration(seconds: float) -> str:
    """Say how long something takes, with about two digits.

    Examples
    --------
    >>> [duration(s) for s in (0.04, 1.23, 42.3, 59.7, 100, 3500, 7800, 200_000)]
    ['0.04 s', '1.2 s', '42 s', '1 min', '2 min', '58 min', '2 h 10 min', '56 h']
    """
    if float(f"{seconds:.2g}") < 60:
        return f"{float(f'{seconds:.2g}'):g} s"
    minutes = max(round(seconds / 60), 1)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 600:
        hours, minutes = divmod(10 * round(minutes / 10), 60)
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{round(seconds / 3600)} h"


def size_in_words(count: float) -> str:
    """Say a number of bytes, with about two digits.

    Examples
    --------
    >>> [size_in_words(n) for n in (4_000_000, 3 * 2**28, 5 * 2**28, 40 * 2**30)]
    ['3.8 MiB', '770 MiB', '1.2 GiB', '40 GiB']
    """
    unit, name = (2**30, "GiB") if count >= 1000 * 2**20 else (2**20, "MiB")
    return f"{float(f'{count / unit:.2g}'):g} {name}"
