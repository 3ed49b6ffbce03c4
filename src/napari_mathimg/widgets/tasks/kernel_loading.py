"""Loading of an operation's compiled kernels before its first run, because loading makes the window stutter."""

from collections.abc import Generator

import numpy as np
from qtpy.QtCore import QCoreApplication

from ...contract.operation import Operation
from ...contract.progress import Progress
from ...engine import Options, prepare, run
from .latest_task import PAUSE, LatestTask

SIDE = 8  # of the tiny image, in pixels
Kind = tuple[str, str, int, bool]
_loading: dict[Kind, LatestTask] = {}


def load_kernels(op: Operation, dtype: str, ndim: int, rgb: bool) -> None:
    """Run an operation once in the background on a tiny image of this kind, when the window is idle."""
    kind = op.id, dtype, ndim, rgb
    if kind not in _loading:
        _loading[kind] = LatestTask(QCoreApplication.instance(), delay=PAUSE, expected=(), name="kernels")
        _loading[kind].ask(_steps(op, dtype, ndim, rgb))


def _steps(op: Operation, dtype: str, ndim: int, rgb: bool) -> Generator[Progress, None, None]:
    shape = (*(SIDE,) * ndim, *((3,) if rgb else ()))
    image = (np.arange(np.prod(shape)) % 2).reshape(shape).astype(dtype)
    options = Options(ndim=ndim, channel_axis=ndim if rgb else None)
    second = [
        np.ones((3,) * ndim) if role == "whole" else image for _, role in op.images[1 : -len(op.optional) or None]
    ]
    try:
        plan = yield from prepare(op, image, second, options, {}, threads=1)
    except ValueError:  # the operation does not accept such images; a real run will report that
        return
    yield from run(plan, threads=1)
