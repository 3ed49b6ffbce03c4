"""Estimate an image's noise outside the window's thread."""

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QObject

from ...engine import Options
from ...engine.estimates import estimate_sigma_steps
from ..settings.preferences import threads
from .background_task import BackgroundTask


class NoiseEstimator(BackgroundTask):
    """Finds the standard deviation of the noise as a share of the value range, one image at a time."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._take: Callable[[float], None] = lambda sigma: None
        self._fail: Callable[[Exception], None] = lambda error: None
        self.returned.connect(lambda sigma: self._take(sigma))
        self.failed.connect(lambda error: self._fail(error))

    def estimate(
        self, array: Any, options: Options, take: Callable[[float], None], fail: Callable[[Exception], None]
    ) -> None:
        """Begin; one of the two functions is called at the end, unless it is canceled."""
        self._take, self._fail = take, fail
        self.start(estimate_sigma_steps(array, options, threads()))
