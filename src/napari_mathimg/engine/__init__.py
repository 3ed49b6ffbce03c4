"""The one region engine: items, values, tiles; prepare, region, run."""

from .apply import apply
from .flat_estimate import estimate_flat
from .noise_estimate import estimate_sigma, estimate_sigma_steps
from .plan import Options, Plan
from .prepare import prepare
from .region import region
from .report import report
from .run import run
from .threads import Cancelled
from .value_range import extent

__all__ = [
    "Cancelled", "Options", "Plan", "apply", "estimate_flat", "estimate_sigma", "estimate_sigma_steps",
    "extent", "prepare", "region", "report", "run",
]  # fmt: skip
