"""Load an operation's kernels before its first run: loading machine code makes the window stutter."""

from collections.abc import Generator

import numpy as np
from qtpy.QtCore import QCoreApplication

from ...contract.operation import Operation
from ...contract.progress import Progress
from ...engine import Options, prepare, run
from .latest_task import PAUSE, LatestTask

SIDE = 8
Kind = tuple[str, str, int, bool]
_begun: dict[Kind, LatestTask] = {}


def load_kernels(op: Operation, dtype: str, ndim: int, rgb: bool) -> None:
    """Run an operation on a tiny image of a kind in the background, once; when the window has come to rest."""
    kind = op.id, dtype, ndim, rgb
    if kind not in _begun:
        _begun[kind] = LatestTask(QCoreApplication.instance(), delay=PAUSE, expected=())
        _begun[kind].ask(_steps(op, dtype, ndim, rgb))


def _steps(op: Operation, dtype: str, ndim: int, rgb: bool) -> Generator[Progress, None, None]:
    shape = (*(SIDE,) * ndim, *((3,) if rgb else ()))
    image = (np.arange(np.prod(shape)) % 2).reshape(shape).astype(dtype)
    options = Options(ndim=ndim, channel_axis=ndim if rgb else None)
    second = [
        np.ones((3,) * ndim) if role == "whole" else image for _, role in op.images[1 : -len(op.optional) or None]
    ]
    try:
        plan = yield from prepare(op, image, second, options, {}, threads=1)
    except ValueError:  # the operation does not take such images, and will say so when it is run
        return
    yield from run(plan, threads=1)
