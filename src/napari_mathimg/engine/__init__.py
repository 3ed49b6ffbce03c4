"""The one region engine: items, values, tiles; prepare, region, run."""

from .apply import apply, finished
from .plan import Options, Plan
from .prepare import prepare
from .region import region
from .run import run
from .threads import Cancelled, Progress

__all__ = ["Cancelled", "Options", "Plan", "Progress", "apply", "finished", "prepare", "region", "run"]
