"""Regions: any box of any item of a result, computed from the pixels that it needs."""

from collections.abc import Generator
from dataclasses import replace
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contract.operation import BlockInfo, Drop, Operation, ValueRange
from ..contract.progress import Progress, checkpoint
from ..contract.reach import POINTWISE, Box, Gather, Neighborhood, Reach, Spacing, size, within
from ..contract.signature import arguments, call
from ..methods.holes import fill_holes
from ..methods.sampling import warped
from .plan import Measured, Plan
from .source import Index, Source
from .tiles import is_fixed, tiles
from .values import (
    Losses,
    brightness,
    from_working,
    gray_levels,
    look_up,
    missing,
    recolor,
    to_working,
    type_ends,
)  # fmt: skip

Array = NDArray[Any]
SLAB = 8  # planes of an axis that is dropped, for each call of a function whose parts can be merged


def region(plan: Plan, index: Index, box: Box) -> Array:
    """Compute a box of one item of the result, equal to the bit to the same box of a run.

    Parameters
    ----------
    plan
        From `prepare`.
    index
        Index of the item on the stack axes of the result.
    box
        (start, stop) on each axis of an item of the result.

    Returns
    -------
    ndarray
        The box in the type of the result: frames, the axes of the box, channels.

    Raises
    ------
    ValueError
        If the item or the box lies outside the result, or the plan was not prepared for the item.
    """
    check_place(plan, index, box)
    plan = plan.at(index)
    reach = plan.reach
    if not is_fixed(reach):
        return compute_block(plan, index, box)
    all_frames = every_frame(plan)
    out: Array | None = None
    for tile in tiles(plan.grid, reach):
        overlap = tuple((max(a, c), min(b, d)) for (a, b), (c, d) in zip(tile, box, strict=True))
        if all(a < b for a, b in overlap):
            part = compute_block(plan, index, tile)
            if out is None:
                frames, channels = part.shape[: len(all_frames)], part.shape[len(all_frames) + len(box) :]
                out = np.empty((*frames, *size(box), *channels), part.dtype)
            out[all_frames + within(overlap, box)] = part[all_frames + within(overlap, tile)]
    assert out is not None
    return out


def check_place(plan: Plan, index: Index, box: Box) -> None:
    """Raise ValueError for an item or a box outside of the result."""
    if len(index) != len(plan.source.leading) or not all(
        0 <= i < n for i, n in zip(index, plan.source.leading, strict=True)
    ):
        raise ValueError(f"index={index}: must be the index of an item in a stack of shape {plan.source.leading}")
    if len(box) != len(plan.item) or not all(0 <= a < b <= n for (a, b), n in zip(box, plan.item, strict=True)):
        raise ValueError(f"box={box}: must be (start, stop) on each axis, within a result of shape {plan.item}")
    if plan.items is not None and index not in plan.items:
        raise ValueError(f"index={index}: must be among the items={plan.items} that the plan was prepared for")


def every_frame(plan: Plan) -> tuple[slice, ...]:
    """Return the slice of all frames, which precedes the slices of a box; () without frames."""
    return (slice(None),) if plan.frames else ()


def as_seen(plan: Plan, block: Array, value_range: ValueRange) -> Array:
    """Return a block as the operation sees it, transformed first if a wrapper is around the operation."""
    if plan.color_ranges:
        alone, colors = replace(plan, color_ranges=()), range(block.shape[-1])
        each = [as_seen(alone, block[..., c], plan.value_range_of((), c)) for c in colors]
        return np.stack(each, axis=-1)
    if plan.options.around is None:
        return to_working(block, plan.values, value_range)
    transformed = plan.options.around.forward(to_working(block, "float", value_range))
    return to_working(transformed, plan.values, value_range)


def as_result(plan: Plan, block: Array, value_range: ValueRange, losses: list[Losses] | None = None) -> Array:
    """Return a block that the operation returned in the type of the result, transformed back before it is rounded.

    What the values lost is appended to `losses`.
    """
    if plan.color_ranges:
        alone, colors = replace(plan, color_ranges=()), range(block.shape[-1])
        lost: list[Losses] = []
        each = [as_result(alone, block[..., c], plan.value_range_of((), c), lost) for c in colors]
        if losses is not None:
            losses.append(reduce(Losses.joined, lost))
        return np.stack(each, axis=-1)
    if plan.options.around is None:
        return from_working(block, plan.values, value_range, plan.dtype, losses)
    block = from_working(block, plan.values, value_range, block.dtype)
    return from_working(plan.options.around.inverse(block), "float", value_range, plan.dtype, losses)


def read_block(
    plan: Plan, source: Source, index: Index, read: Box, reach: Reach, value_range: ValueRange, spacing: Spacing = ()
) -> tuple[Array, Array | None]:
    """Return a box as the operation sees it, without opacity, its holes filled; and the mask of the holes or None.

    A hole is filled from pixels as far away as a pixel may affect the result, so that its fill does not depend on the
    box. Farther inside a hole no pixel affects any result but those of holes.
    """
    warps, wide = isinstance(plan.reach, Gather), box_with_fills(plan, read, reach)
    raw, inner = source.read(index, wide, () if warps else spacing), within(read, wide)
    raw = raw if warps else source.without_opacity(raw)
    x = as_seen(plan, raw[inner], value_range)
    hole = None if warps else missing(x)
    if hole is None:
        return x, None
    margins = reach.halo(source.ndim) if isinstance(reach, Neighborhood) else source.item
    if not any(margins):
        return np.where(hole, x.dtype.type(0), x), hole
    y = x if wide == read else as_seen(plan, raw, value_range)
    return np.ascontiguousarray(fill_holes(y, ~np.isfinite(y), margins)[inner]), hole


def box_with_fills(plan: Plan, read: Box, reach: Reach) -> Box:
    """Return the box that a box is read from together with all pixels that fill its holes, if it may have some."""
    if plan.source.dtype.kind != "f" or not isinstance(reach, Neighborhood) or plan.operation.drops:
        return read
    margins = reach.halo(len(read))
    return tuple(
        (max(a - max(margins), 0), min(b + max(margins), n)) if margin else (a, b)
        for (a, b), margin, n in zip(read, margins, plan.source.item, strict=True)
    )


def tabulate(plan: Plan) -> Generator[Progress, None, None]:
    """Replace a pointwise operation on few gray levels by a table, unless it depends on the position."""
    op, source = plan.operation, plan.source
    levels = gray_levels(source.dtype)
    depends_on_position = (
        plan.reach != POINTWISE
        or isinstance(plan.reach, Gather)
        or op.drops is not None
        or "info" in arguments(op.function)
        or any(role == "aligned" for _, role in op.images)
    )
    are_alike = op.channels == "separate" and not op.statistics and not plan.color_ranges
    channels_share_table = not source.channels or are_alike
    if levels is None or depends_on_position or not channels_share_table:
        return
    keys = {*plan.value_ranges, *(index for index, _ in plan.measured)}
    keys = keys - {()} or keys
    if plan.items is not None:
        keys = {key for key in keys if not key or key in plan.items}
    for done, index in enumerate(sorted(keys)):
        yield Progress("Tables", done, len(keys))
        value_range = plan.value_range_of(index)
        known = {**known_names(plan, source, index, 0, value_range), "image": as_seen(plan, levels, value_range)}
        out = np.asarray(call(op.function, known))
        check_block_shape(op, out, levels.shape)
        losses: list[Losses] = []
        plan.tables[index, 0] = as_result(plan, out, value_range, losses)
        if losses[0].below or losses[0].above:
            exact = np.rint(as_result(replace(plan, dtype=np.dtype(np.float64)), out, value_range))
            low, high = type_ends(plan.dtype)
            plan.cut_levels[index, 0] = exact < low, exact > high


def known_names(plan: Plan, source: Source, index: Index, channel: int, value_range: ValueRange) -> dict[str, Any]:
    """Return all names that functions of an operation may ask for, except the pixels and their place."""
    return {
        **plan.parameters_of(index),
        **{n: image.of(channel) if isinstance(image, Measured) else image for n, image in plan.images.items()},
        "shape": source.item,
        "spacing": (1,) * source.ndim,
        "dtype": plan.dtype,
        "values": plan.value_range_of(index, channel) if plan.color_ranges else value_range,
        "level": value_range.seen_level(plan.values),
        "measured": plan.measured_of(index, channel),
        "valid": None,
    }


def valid_pixels(op: Operation, hole: Array, channel: int, channels: int) -> Array:
    """Return the mask of the pixels that are no holes, of the shape of the image that an operation sees."""
    if channels and op.channels == "separate":
        return np.ascontiguousarray(~hole[..., channel])
    return ~(np.asarray(hole.any(-1)) if channels and op.channels == "brightness" else hole)


def block_info(source: Source, index: Index, channel: int, read: Box, core: Box, reach: Reach) -> BlockInfo:
    """Return the place of a block in its image."""
    return BlockInfo(source.index_in_stack(index), source.item, read, core, reach, source.position(index, channel))


def compute_block(
    plan: Plan, index: Index, core: Box, losses: list[Losses] | None = None, spacing: Spacing = ()
) -> Array:
    """Compute a box of one item in one piece, and append what it lost to `losses`; else as `region`.

    With a spacing, only every n-th pixel is computed; only for operations that can leave pixels out.
    """
    plan = plan.at(index)
    if plan.operation.drops is not None:
        assert not spacing
        return _projected(plan, plan.operation.drops, index, core, losses)
    op, source, value_range = plan.operation, plan.source, plan.value_range_of(index)
    read = plan.reach.reads(core, source.item)
    table = plan.table_of(index)
    if table is not None:
        raw = source.read(index, read, spacing)
        if losses is not None:
            losses.append(_cut(plan, index, source.without_opacity(raw)))
        return _with_opacity(look_up(table, source.without_opacity(raw)), raw, source)
    x, hole = read_block(plan, source, index, read, plan.reach, value_range, spacing)

    def compute(image: Array, channel: int = 0) -> Array:
        info = block_info(source, index, channel, read, core, plan.reach)
        aligned = aligned_images(plan, index, channel, read, spacing)
        known = {**known_names(plan, source, index, channel, value_range), **aligned, "info": info, "image": image}
        if spacing:
            known["spacing"] = spacing
        if hole is not None:
            known["valid"] = valid_pixels(op, hole, channel, source.channels)
        out = np.asarray(call(warped if op.is_warp else op.function, known))
        warps = isinstance(plan.reach, Gather)
        channels = () if op.channels == "reduce" else image.shape[len(core) :]
        frames = (plan.frames.count,) if plan.frames else ()
        check_block_shape(op, out, (*frames, *size(core if warps else read, spacing), *channels))
        return out if warps else out[every_frame(plan) + info.inner]

    inner = () if isinstance(plan.reach, Gather) else within(core, read)
    if not source.channels or op.channels in ("joint", "reduce"):
        y = compute(x)
    elif op.channels == "brightness":
        old = brightness(x)
        black = 0.0 if plan.values == "normalized" else value_range.low
        y = recolor(x[inner], old[inner], compute(old), black)
    else:
        y = np.stack([compute(np.ascontiguousarray(x[..., c]), c) for c in range(source.colors)], axis=-1)
    out = as_result(plan, y, value_range, losses)
    if hole is None and (op.channels == "reduce" or source.channels < 4 or isinstance(plan.reach, Gather)):
        return out
    raw = source.read(index, core, spacing)
    if hole is not None:
        kept = source.without_opacity(raw)
        if op.channels == "reduce":
            with np.errstate(invalid="ignore"):
                kept, hole = kept.sum(-1), np.asarray(hole.any(-1))
        out = np.where(hole[inner], kept.astype(plan.dtype), out)
    return out if op.channels == "reduce" else _with_opacity(out, raw, source)


def _cut(plan: Plan, index: Index, raw: Array) -> Losses:
    """Count the values of a block whose entries in the table are cut."""
    masks = plan.cut_levels_of(index)
    if masks is None:
        return Losses()
    below, above = (int(np.count_nonzero(look_up(mask, raw))) for mask in masks)
    return Losses(below, above)


def _projected(plan: Plan, drops: Drop, index: Index, core: Box, losses: list[Losses] | None) -> Array:
    """Compute a box of a result that lacks the first axis of an item, slab by slab if its parts can be merged.

    Slabs do not depend on the box, so that a part of a result equals the whole to the bit. Missing pixels stay in the
    block, because only the function can say what a pixel becomes of which a part is missing.
    """
    op, source, value_range = plan.operation, plan.source, plan.value_range_of(index)
    depth, grid = source.item[0], plan.grid
    read, step = plan.reach.reads(core, grid), SLAB if drops.merge else depth
    separate = bool(source.channels) and op.channels == "separate"
    merged: list[Any] = []
    for first in range(0, depth, step):
        slab = (first, min(first + step, depth))
        block = as_seen(plan, source.read(index, (slab, *read)), value_range)
        for channel in range(source.channels if separate else 1):
            checkpoint()
            known = {
                **known_names(plan, source, index, channel, value_range),
                **aligned_images(plan, index, channel, (slab, *read)),
                "info": block_info(source, index, channel, (slab, *read), (slab, *core), plan.reach),
                "image": np.ascontiguousarray(block[..., channel]) if separate else block,
            }
            part = call(op.function, known)
            if first == 0:
                merged.append(part)
            else:
                assert drops.merge is not None
                merged[channel] = drops.merge(merged[channel], part)
    if drops.finish is not None:
        known = {**plan.parameters_of(index), "shape": source.item}
        merged = [call(drops.finish, {**known, "merged": part}) for part in merged]
    blocks = [np.asarray(part) for part in merged]
    for block in blocks:
        check_block_shape(op, block, (*size(read), *(() if separate or not source.channels else (source.channels,))))
    block = (np.stack(blocks, axis=-1) if separate else blocks[0])[within(core, read)]
    return as_result(plan, block, value_range, losses)


def check_block_shape(op: Operation, block: Array, expected: tuple[int, ...]) -> None:
    """Raise ValueError if a function returned a block of another shape than its declaration promises."""
    if block.shape != expected:
        raise ValueError(f"{op.id}: must return a block of shape {expected}, not {block.shape}")


def _with_opacity(out: Array, raw: Array, source: Source) -> Array:
    """Append the opacity of an RGBA image, unchanged."""
    if source.channels < 4 or out.shape[-1] == 4:
        return out
    opacity = np.broadcast_to(raw[..., 3:].astype(out.dtype), (*out.shape[:-1], 1))
    return np.concatenate([out, opacity], axis=-1)


def arrays_read(plan: Plan, index: Index, read: Box, reach: Reach) -> list[tuple[Any, Box]]:
    """Return the arrays of the image and of its aligned images, and the boxes of them that a box of an item needs."""
    found = [(plan.source.array, plan.source.box_in_array(index, box_with_fills(plan, read, reach)))]
    for name, role in plan.operation.images[1:]:
        image = plan.images[name]
        if role == "aligned" and image is not None:
            found.append((image.array, image.box_in_array(index[len(index) - len(image.leading) :], read)))
    return found


def aligned_images(plan: Plan, index: Index, channel: int, read: Box, spacing: Spacing = ()) -> dict[str, Array]:
    """Return the same region of each aligned image as floating point, by name."""
    regions = {}
    for name, role in plan.operation.images[1:]:
        image = plan.images[name]
        if role == "aligned" and image is not None:
            raw = image.read(index[len(index) - len(image.leading) :], read, spacing)
            alone = channel if image.channels and plan.operation.channels == "separate" else None
            raw = image.without_opacity(raw, alone)
            regions[name] = to_working(raw, "float", ValueRange(0.0, 1.0))
    return regions
