"""In which box of each step a task counts what values lose, so that all tasks together count each pixel once."""

from collections.abc import Sequence

from ...contract.reach import Box, Gather
from ...engine.boxes import BoxArray
from ...engine.lazy.blocks import lengths_of_tiles
from ...engine.tiles import is_fixed
from ...recipe.image_state import part_of
from ..chain import Link

Member = tuple[Link, BoxArray]


def owned(members: Sequence[Member], box: Box) -> dict[BoxArray, Box]:
    """Return, for a box of the result of some steps, the boxes of the steps in which its task counts.

    Steps before one that moves or drops pixels are left out: not all of their pixels are computed, and some twice.
    """
    found: dict[BoxArray, Box] = {}
    for link, array in reversed(members):
        own = box
        if link.plan.dropped is not None and link.step.keep_axis:
            axis = sorted(link.plan.source.given_places).index(link.plan.dropped)
            own = (*box[:axis], *box[axis + 1 :])
        elif link.step.where:
            part = part_of(link.plan, link.before.array)
            own = tuple((max(a, c) - c, max(min(b, d) - c, 0)) for (a, b), (c, d) in zip(box, part, strict=True))
        if all(a < b for a, b in own):
            found[array] = own
        if _moves(link):
            break
        places = dict(zip(link.order, box, strict=True))
        box = tuple(places[axis] for axis in range(len(box)))
    return found


def _moves(link: Link) -> bool:
    """Return whether pixels of the result lie elsewhere than those of the image, or are not all of them."""
    plan, step = link.plan, link.step
    scope = plan.source.scope
    is_part = scope is not None and scope != tuple((0, n) for n in plan.source.full_leading)
    return (
        isinstance(plan.reach, Gather) or plan.dropped is not None or plan.frames is not None or step.level > 0
        or plan.operation.channels == "reduce" or (is_part and not step.where)
    )  # fmt: skip


def counted(members: Sequence[Member]) -> set[int]:
    """Return the numbers of the steps of which every pixel is counted once."""
    if not members:
        return set()
    link, array = members[-1]
    shape = link.before.array.shape if link.step.where else array.shape
    if link.plan.dropped is not None and link.step.keep_axis:
        axis = sorted(link.plan.source.given_places).index(link.plan.dropped)
        shape = (*shape[:axis], 1, *shape[axis:])
    found = owned(members, tuple((0, int(n)) for n in shape))
    return {link.number for link, array in members if array in found}


def tiles_of(members: Sequence[Member], shape: Sequence[int]) -> tuple[int, ...] | None:
    """Return the lengths, along the axes of a result, of the tiles that no task should cut; None if there are none.

    They are those of the last step whose tiles must not be cut and whose pixels lie where those of the result do.
    """
    boxes = owned(members, tuple((0, int(n)) for n in shape))
    for link, array in reversed(members):
        if array not in boxes:
            break
        plan = link.plan
        if is_fixed(plan.reach) and not link.step.where and len(array.shape) == len(shape):
            inner = lengths_of_tiles(plan)
            frames = (plan.frames.count,) if plan.frames else ()
            lengths = (*frames, *(1 for _ in plan.source.leading), *inner, plan.source.channels)
            return tuple(lengths[k] for k in plan.order)
        if link.order != tuple(range(len(shape))):
            break
    return None
