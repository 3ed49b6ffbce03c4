"""Background estimation of an image's noise."""

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QObject

from ...engine import Options
from ...engine.estimates import estimate_sigma_steps
from ..settings.preferences import threads
from .background_task import BackgroundTask


class NoiseEstimator(BackgroundTask):
    """Estimates the standard deviation of the noise as a fraction of the value range, one image at a time."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._take: Callable[[float], None] = lambda sigma: None
        self._fail: Callable[[Exception], None] = lambda error: None
        self.returned.connect(lambda sigma: self._take(sigma))
        self.failed.connect(lambda error: self._fail(error))

    def estimate(
        self, array: Any, options: Options, take: Callable[[float], None], fail: Callable[[Exception], None]
    ) -> None:
        """Start an estimate; at its end, `take` or `fail` is called unless it was canceled."""
        self._take, self._fail = take, fail
        self.start(estimate_sigma_steps(array, options, threads()))
