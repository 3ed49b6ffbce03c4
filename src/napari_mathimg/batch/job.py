"""A recipe on many files: planned before any work, run with pauses, resumed, and reported.

A job is planned by `plan_job`, which refuses whatever cannot be, and run by `run_job`, a generator that yields progress
and events. The journal beside the results lets the same job go on after a stop.
"""

from .choices import JobChoices
from .control import JobControl
from .item import Item, ItemEvent, Outcome
from .job_report import JobReport
from .jobs.dry_run import JobForecast, forecast_job
from .jobs.plan import Job, plan_job
from .jobs.running import run_job

__all__ = [
    "Item", "ItemEvent", "Job", "JobChoices", "JobControl", "JobForecast", "JobReport", "Outcome", "forecast_job",
    "plan_job", "run_job",
]  # fmt: skip
