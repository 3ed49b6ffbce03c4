"""What a preview layer shows of a picture: gray values with gaps, colors with opacity, or labels."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...contract.reach import Gather
from ...engine import Plan
from ...engine.values import dtype_range
from ..layers.layer_arguments import keeps_limits
from ..layers.snapshot import Snapshot
from ..tasks.operation_job import apart, outgrown
from .picture import UNKNOWN, Picture

Array = NDArray[Any]
Limits = tuple[float, float]
LARGE = 99.8  # percentile of the sizes of differences at which their colors end
SINGLE = (np.uint8, np.uint16, np.int8, np.int16, np.float16, np.float32, np.bool_)  # which single precision holds


class Shown(NamedTuple):
    """The array of a preview layer, and how it is shown.

    Attributes
    ----------
    kind
        "gray", "colors", "labels" or "difference".
    data
        The array; NaN, no opacity or 0 where nothing is known.
    limits
        Contrast limits; None for labels.
    """

    kind: str
    data: Array
    limits: Limits | None


def shown_of(
    picture: Picture, plan: Plan, source: Snapshot, found: Limits | None, before: Callable[[], Limits | None]
) -> Shown:
    """Return what is shown of a picture of a result.

    `found` are its lowest and its highest value, if known; `before` returns those of the source, if it is asked to.
    """
    gap = picture.known == UNKNOWN
    if source.kind == "labels":
        return Shown("labels", np.where(gap, 0, picture.values), None)
    if plan.channel_axis is not None:
        divisor = divisor_of(plan)
        limits = (0.0, 255.0) if plan.dtype == np.uint8 or found is None else apart(*(end / divisor for end in found))
        return Shown("colors", _colors(picture.values, gap, divisor), limits)
    single = plan.dtype.type in SINGLE
    data = picture.values.astype(np.float32 if single else np.float64)
    data[gap] = np.nan
    return Shown("gray", data, limits_of(plan, source, found, before))


def difference_of(picture: Picture, source: Picture, plan: Plan) -> Shown:
    """Return the result minus the source: signed gray values, or the size of the difference of each color."""
    gap = picture.known == UNKNOWN
    if picture.values.ndim > gap.ndim:
        channels = min(picture.values.shape[-1], source.values.shape[-1], 3)
        scale = float(dtype_range(plan.dtype)[1]) if plan.dtype.kind in "iu" else divisor_of(plan)
        change = picture.values[..., :channels].astype(np.float32) - source.values[..., :channels]
        return Shown("colors", _colors(np.abs(change) / np.float32(scale), gap, 1.0), (0.0, 1.0))
    data = picture.values.astype(np.float64) - source.values
    data[gap] = np.nan
    size = np.abs(data[np.isfinite(data)])
    most = float(np.percentile(size[:: max(size.size // 2**16, 1)], LARGE)) if size.size else 0.0
    return Shown("difference", data.astype(np.float32), (-most, most) if most > 0 else (-1.0, 1.0))


def divisor_of(plan: Plan) -> float:
    """Return what colors of floating point are divided by in the layer of the result; 1 for others."""
    whole = plan.source.dtype.kind in "iu"
    return (
        float(dtype_range(plan.source.dtype)[1])
        if plan.channel_axis is not None and plan.dtype.kind == "f" and whole
        else 1.0
    )


def _colors(values: Array, gap: Array, divisor: float) -> Array:
    """Return colors with opacity in the type of the result; those of floating point from 0 to 1, as napari has them."""
    if values.dtype.kind in "iu":
        scaled, full = values, np.iinfo(values.dtype).max
    else:
        scaled, full = values / values.dtype.type(divisor), 1
    out = np.empty((*gap.shape, 4), scaled.dtype)
    for channel in range(3):  # one by one, which is several times faster than pixel by pixel
        out[..., channel] = scaled[..., channel]
    opacity = out[..., 3]
    opacity[...] = scaled[..., 3] if values.shape[-1] == 4 else full
    if gap.any():
        opacity[gap] = 0
    return out


def limits_of(plan: Plan, source: Snapshot, found: Limits | None, before: Callable[[], Limits | None]) -> Limits | None:
    """Return the contrast limits of the layer of a result of gray values, from the range of those that are known."""
    kept = source.contrast_limits
    if keeps_limits(source, plan) and kept is not None:
        if plan.values == "exact" or plan.operation.is_warp or found is None or not outgrown(found, kept):
            return kept
        range_before = before()
        if range_before is None or not outgrown(found, range_before, kept):
            return kept
    return apart(*found) if found is not None else kept


def changes_domain(plan: Plan) -> bool:
    """Whether the result may lie elsewhere than its source."""
    return isinstance(plan.reach, Gather)


def shares_grid(plan: Plan) -> bool:
    """Whether each pixel of the result lies on the pixel of the source, or of its processed part, with its index."""
    if plan.item != plan.source.item or plan.dropped is not None:
        return False
    items = list(plan.source.given_places[-plan.source.ndim :])
    moved = plan.placement[items, -1]
    return bool(np.allclose(plan.placement[:-1, :-1], np.eye(len(plan.placement) - 1)) and np.allclose(moved, 0))
