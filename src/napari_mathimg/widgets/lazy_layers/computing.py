"""The steps that turn a lazy layer into pixels."""

import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from napari.layers import Labels, Layer

from ...contract.operation import Report
from ...contract.progress import Progress
from ...engine import Losses, Plan, report
from ...engine.pyramid import Pyramid, build_pyramid, pyramid_like
from ...engine.run import blocks_at_once
from ...recipe.record import computed_step, last_step
from ..lazy.pixels import LazyPixels
from ..settings.preferences import memory, threads


@dataclass(frozen=True)
class Computed:
    """The pixels of a lazy layer.

    Parameters
    ----------
    data
        The array, or the levels of a multiscale layer.
    plan
        Its plan.
    losses, saturated, report
        What its values lost, how many were clipped to the value range, and the report of the operation.
    step
        The last step of its record.
    seconds
        How long it took.
    """

    data: Any
    plan: Plan
    losses: Losses
    saturated: int
    report: Report | None
    step: Mapping[str, Any]
    seconds: float

    @property
    def finest(self) -> Any:
        """The array."""
        return self.data[0] if isinstance(self.data, list) else self.data


def compute_steps(
    layer_record: Mapping[str, Any], pixels: LazyPixels, ndim: int, mean: bool
) -> Generator[Progress, None, Computed]:
    """Compute the pixels of a lazy layer, and what is told about them.

    Parameters
    ----------
    layer_record
        Metadata of the layer.
    pixels
        What it shows.
    ndim
        Number of axes without channels.
    mean
        Whether a pixel of a level is the mean of those that it covers.

    Raises
    ------
    ValueError
        If the memory at hand does not hold them.
    """
    begun = time.perf_counter()
    plan, count = pixels.step.array.plan, threads()
    if (allowed := memory()) is not None:
        blocks_at_once(plan, 1, in_memory=True, allowed=allowed)
    array, losses, saturated = yield from pixels.step.array.compute(count)
    told = yield from report(plan, array, count)
    data: Any = np.asarray(pixels.step.adapt(array))
    if len(pixels.levels) > 1:
        pyramid = pyramid_like([level.shape[:ndim] for level in pixels.levels], mean)
        pyramid = pyramid or Pyramid((-2, -1), max(data.shape[:ndim]) // 2, mean)
        data = yield from build_pyramid(data, ndim, pyramid, count)
    step = computed_step(last_step(layer_record) or {}, losses, saturated, told)
    seconds = time.perf_counter() - begun
    return Computed(data, plan, losses, saturated, told, {**step, "seconds": seconds}, seconds)


def steps_of(layer: Layer, pixels: LazyPixels) -> Generator[Progress, None, Computed]:
    """Return the steps that compute the pixels of a lazy layer, which may change meanwhile."""
    return compute_steps(dict(layer.metadata), pixels, layer.ndim, not isinstance(layer, Labels))
