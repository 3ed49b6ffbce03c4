"""Any box of any item of a result, from the pixels it needs."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contract.operation import BlockInfo, ValueRange
from ..contract.reach import Box, Gather, Neighborhood, Reach, size, within
from ..contract.signature import call
from ..methods.sampling import warped
from .plan import Measured, Plan
from .source import Index, Source
from .tiles import tiles
from .values import brightness, from_working, look_up, missing, recolor, to_working

Array = NDArray[Any]


def region(plan: Plan, index: Index, box: Box) -> Array:
    """Compute a box of one item of the result, equal to the bit to what a run gives there; frames first, channels last.

    Parameters
    ----------
    plan
        From `prepare`.
    index
        Index of the item on the stack axes of the result.
    box
        (start, stop) on each axis of the result's item.

    Raises
    ------
    ValueError
        If the item or the box lies outside the result.
    """
    if len(index) != len(plan.source.leading) or not all(
        0 <= i < n for i, n in zip(index, plan.source.leading, strict=True)
    ):
        raise ValueError(f"index={index}: an item of a stack of shape {plan.source.leading}")
    if len(box) != len(plan.item) or not all(0 <= a < b <= n for (a, b), n in zip(box, plan.item, strict=True)):
        raise ValueError(f"box={box}: (start, stop) within a result of shape {plan.item}")
    reach = plan.reach
    if isinstance(reach, Gather) or (isinstance(reach, Neighborhood) and reach.exact and reach.align == 1):
        return compute_block(plan, index, box)
    every = _every_frame(plan)
    out: Array | None = None
    for tile in tiles(plan.source.item, reach):
        both = tuple((max(a, c), min(b, d)) for (a, b), (c, d) in zip(tile, box, strict=True))
        if all(a < b for a, b in both):
            part = compute_block(plan, index, tile)
            if out is None:
                frames, tail = part.shape[: len(every)], part.shape[len(every) + len(box) :]
                out = np.empty((*frames, *size(box), *tail), part.dtype)
            out[every + within(both, box)] = part[every + within(both, tile)]
    assert out is not None
    return out


def _every_frame(plan: Plan) -> tuple[slice, ...]:
    """The index of all frames, before that of a box."""
    return (slice(None),) if plan.frames else ()


def read_block(
    plan: Plan, source: Source, index: Index, read: Box, value_range: ValueRange
) -> tuple[Array, Array | None]:
    """Read a box as the operation sees it, opacity left out; missing numbers filled, and their mask."""
    raw = source.read(index, read)
    warps = isinstance(plan.reach, Gather)
    x = to_working(raw if warps or not source.channels else raw[..., : source.colors], plan.values, value_range)
    bad = None if warps else missing(x)
    if bad is not None:
        x = np.where(bad, x.dtype.type(0.0 if plan.values == "normalized" else value_range.low), x)
    return x, bad


def known_names(plan: Plan, source: Source, index: Index, channel: int, value_range: ValueRange) -> dict[str, Any]:
    """Return all that functions of an operation may ask for, but the pixels and their place."""
    return {
        **plan.parameters,
        **{n: image.of(channel) if isinstance(image, Measured) else image for n, image in plan.images.items()},
        "shape": source.item,
        "dtype": plan.dtype,
        "values": value_range,
        "measured": plan.measured_of(index, channel),
    }


def block_info(source: Source, index: Index, channel: int, read: Box, core: Box, reach: Reach) -> BlockInfo:
    """Say where a block lies."""
    return BlockInfo(source.index_in_stack(index), source.item, read, core, reach, source.position(index, channel))


def compute_block(plan: Plan, index: Index, core: Box) -> Array:
    """Compute a box of one item in one piece."""
    op, source, value_range = plan.operation, plan.source, plan.value_range_of(index)
    read = plan.reach.reads(core, source.item)
    table = plan.table_of(index)
    if table is not None:
        raw = source.read(index, read)
        return _with_opacity(look_up(table, raw[..., :3] if source.channels == 4 else raw), raw, source)
    x, bad = read_block(plan, source, index, read, value_range)

    def compute(image: Array, channel: int = 0) -> Array:
        info = block_info(source, index, channel, read, core, plan.reach)
        aligned = aligned_images(plan, index, channel, read)
        known = {**known_names(plan, source, index, channel, value_range), **aligned, "info": info, "image": image}
        out = np.asarray(call(warped if op.is_warp else op.function, known))
        warps = isinstance(plan.reach, Gather)
        tail = () if op.channels == "reduce" else image.shape[len(core) :]
        frames = (plan.frames.count,) if plan.frames else ()
        expected = (*frames, *(size(core) if warps else size(read)), *tail)
        if out.shape != expected:
            raise ValueError(f"{op.id}: returned a block of shape {out.shape}, not {expected}")
        return out if warps else out[_every_frame(plan) + info.inner]

    inner = () if isinstance(plan.reach, Gather) else within(core, read)
    if not source.channels or op.channels in ("joint", "reduce"):
        y = compute(x)
    elif op.channels == "brightness":
        old = brightness(x)
        y = recolor(x[inner], old[inner], compute(old))
    else:
        y = np.stack([compute(np.ascontiguousarray(x[..., c]), c) for c in range(source.colors)], axis=-1)
    out = from_working(y, plan.values, value_range, plan.dtype)
    if bad is None and (op.channels == "reduce" or source.channels < 4 or isinstance(plan.reach, Gather)):
        return out
    raw = source.read(index, core)
    if bad is not None:
        kept = raw[..., : source.colors] if source.channels else raw
        if op.channels == "reduce":
            with np.errstate(invalid="ignore"):
                kept, bad = kept.sum(-1), np.asarray(bad.any(-1))
        out = np.where(bad[inner], kept.astype(plan.dtype), out)
    return out if op.channels == "reduce" else _with_opacity(out, raw, source)


def _with_opacity(out: Array, raw: Array, source: Source) -> Array:
    """Pass the fourth channel through."""
    if source.channels < 4 or out.shape[-1] == 4:
        return out
    opacity = np.broadcast_to(raw[..., 3:].astype(out.dtype), (*out.shape[:-1], 1))
    return np.concatenate([out, opacity], axis=-1)


def aligned_images(plan: Plan, index: Index, channel: int, read: Box) -> dict[str, Array]:
    """Return the same region of the further images, their values as they are."""
    found = {}
    for name, role in plan.operation.images[1:]:
        image = plan.images[name]
        if role == "aligned" and image is not None:
            raw = image.read(index[len(index) - len(image.leading) :], read)
            if image.channels:
                raw = raw[..., channel] if plan.operation.channels == "separate" else raw[..., : image.colors]
            found[name] = to_working(raw, "float", ValueRange(0.0, 1.0))
    return found
