"""The work and the memory of a run, counted from shapes and types: no pixel of the image is read."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np

from ...contract.operation import Operation, ValueRange
from ...contract.progress import run_to_end
from ...contract.reach import Gather
from ...contract.signature import NOISE
from ..facts import Recall
from ..memory import memory_at_hand
from ..plan import Options, Plan
from ..prepare import resolve
from ..run import largest_block
from ..threads import cores
from ..tiles import tiles

NOISE_LEVEL = 0.1  # of the value range: stands for noise that a run would measure first
SEED, ITERATIONS = "seed", "num_iter"  # parameters that do not change the time, and that the time is proportional to


@dataclass(frozen=True)
class Needs:
    """What a run needs.

    Attributes
    ----------
    kind
        Operation, type of the pixels, number of axes, and whatever else must be equal for speeds to be comparable.
    parameters
        Digest of the parameters and of the shapes of the further images; runs that share it are alike.
    work
        Pixels, times the number of iterations where an operation has a fixed one.
    result
        Bytes of the result.
    beside
        Bytes that the computation takes at the same time.
    """

    kind: str
    parameters: str
    work: float
    result: int
    beside: int

    @property
    def memory(self) -> int:
        """Bytes of the result and of its computation."""
        return self.result + self.beside


def needs(
    op: Operation, image: Any, images: Sequence[Any] = (), options: Options | None = None,
    parameters: Mapping[str, Any] | None = None, threads: int | None = None, axis_names: tuple[str, ...] = (),
) -> Needs:  # fmt: skip
    """Return what a run needs, without reading the image; arguments as those of `prepare`.

    Images that an operation uses as a whole, such as a point-spread function, are read. Each parameter must have one
    value for all indices.

    Raises
    ------
    ValueError
        ``name=value: must be ...`` if the run would be refused before it reads the image.
    """
    threads, given = threads or cores(), op.validate(parameters or {})
    return needs_of(sketch(op, image, images, options or Options(), given, threads, axis_names), threads)


def needs_of(plan: Plan, threads: int | None = None) -> Needs:
    """Return what the run of a plan needs, as `needs` tells it before."""
    threads, op, source = threads or cores(), plan.operation, plan.source
    result, stack = math.prod(plan.shape) * plan.dtype.itemsize, math.prod(source.leading)
    pixels = stack * math.prod(source.item)
    if isinstance(plan.reach, Gather):
        pixels = max(pixels, stack * math.prod(plan.item))
    alike = {name: plan.given[name] if plan.given[name] == "auto" else value for name, value in plan.parameters.items()}
    iterations = alike.get(ITERATIONS, 1)
    alike |= dict.fromkeys((SEED, ITERATIONS))
    shapes = {name: getattr(image, "shape", None) for name, image in plan.images.items() if image is not None}
    text = repr((sorted(alike.items()), sorted(shapes.items()), plan.options.statistics))
    colors = f" {source.channels} colors" if source.channels else ""
    chunks = "" if isinstance(source.array, np.ndarray) else ", in chunks"
    return Needs(
        f"{op.id} {op.version}: {source.dtype}, {source.ndim}-D{colors}, {threads} threads{chunks}",
        blake2b(text.encode(), digest_size=6).hexdigest(),
        float(pixels * (iterations if isinstance(iterations, int) else 1)),
        result,
        _beside(plan, result, threads),
    )


def _beside(plan: Plan, result: int, threads: int) -> int:
    """Return the bytes that blocks take, as many at a time as `run` computes; one block's if memory is short."""
    at_hand, chunk = memory_at_hand(), getattr(plan.source.array, "largest_chunk", 0)
    if result > at_hand:  # such a run is refused, and its tiles may be too many to count
        return int(chunk)
    block = largest_block(plan)
    tasks = math.prod(plan.source.leading) * len(tiles(plan.grid, plan.reach))
    return int(chunk + block * max(min(threads, (at_hand - result - chunk) // block, tasks), 1))


class _MadeUp(dict[Any, Any]):
    """What a run would measure first, for any range of values and any noise that `resolve` asks for."""

    def __init__(self, is_whole: bool, colors: int) -> None:
        noise = {name: NOISE_LEVEL if name == "noise_level" else (NOISE_LEVEL,) * colors for name in NOISE}
        self._measured = {"values": ({(): ValueRange(0.0, 1.0, is_whole)}, 0), "colors": (), "noise": {(): noise}}

    def __contains__(self, key: Any) -> bool:
        return True

    def __missing__(self, key: Any) -> Any:
        return self._measured[key[0]]


def sketch(
    op: Operation, image: Any, images: Sequence[Any], options: Options, given: Mapping[str, Any], threads: int,
    axis_names: tuple[str, ...] = (), recall: Recall | None = None,
) -> Plan:  # fmt: skip
    """Return a plan whose shapes and types are those of a run; values and noise of the image are made up."""
    made_up = _MadeUp(np.dtype(image.dtype).kind in "biu", 1 if options.channel_axis is None else 3)
    return run_to_end(resolve(op, image, images, options, given, threads, axis_names, made_up, recall))


def passes_of(plan: Plan) -> int:
    """Return how often a preparation reads all pixels of an image, about, before a result can be computed."""
    op, choice, dtype = plan.operation, plan.options.value_range, plan.source.dtype
    uses_range, is_ranked = op.uses_range(plan.given), op.data_range is not None and choice == "data"
    count = 0
    if uses_range and (is_ranked or choice[0] == "percentiles"):
        count += 1 if dtype.kind in "biu" and dtype.itemsize <= 2 else 2
    elif (uses_range and choice == "data") or (dtype.kind == "f" and op.uses_level):
        count += 1
    count += 1 if op.noise_names(plan.given) else 0
    of_image = [statistic for statistic in op.statistics if not statistic.of]
    always = [statistic for statistic in of_image if statistic.needed is None]
    return count + len(always) + (len(always) < len(of_image))
