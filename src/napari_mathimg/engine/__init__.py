"""The engine: prepare a plan, compute any region of the result, or run all of it."""

from .apply import apply
from .estimates import estimate_flat, estimate_sigma, estimate_sigma_steps
from .facts import Facts
from .lazy import LazyArray, TileCache, lazy
from .plan import Options, Plan
from .prepare import prepare
from .region import region
from .report import report
from .run import run
from .threads import Canceled
from .value_range import data_range
from .values import Losses

__all__ = [
    "Canceled",
    "Facts",
    "LazyArray",
    "Losses",
    "Options",
    "Plan",
    "TileCache",
    "apply",
    "data_range",
    "estimate_flat",
    "estimate_sigma",
    "estimate_sigma_steps",
    "lazy",
    "prepare",
    "region",
    "report",
    "run",
]  # fmt: skip
