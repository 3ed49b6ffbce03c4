"""Passes over the pixels of an image: what they count, and who runs them."""

from .tally import Arrays, PassRunner, Tally, pass_runner, run_pass
from .values import as_arrays, from_arrays

__all__ = ["Arrays", "PassRunner", "Tally", "as_arrays", "from_arrays", "pass_runner", "run_pass"]
