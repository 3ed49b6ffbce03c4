"""Load an operation's kernels before its first run: loading machine code makes the window stutter."""

import threading
from functools import partial

import numpy as np
from qtpy.QtCore import QTimer

from ...contract.operation import Operation
from ...contract.progress import run_to_end
from ...engine import Options, prepare, run
from .latest_task import PAUSE

SIDE = 8
_begun: set[tuple[str, str, int, bool]] = set()


def load_kernels(op: Operation, dtype: str, ndim: int, rgb: bool) -> None:
    """Run an operation on a tiny image of a kind in the background, once; when the window has come to rest."""
    kind = op.id, dtype, ndim, rgb
    if kind in _begun:
        return
    _begun.add(kind)
    begin = partial(_begin, op, dtype, ndim, rgb)
    QTimer.singleShot(0, lambda: QTimer.singleShot(PAUSE, begin))


def _begin(op: Operation, dtype: str, ndim: int, rgb: bool) -> None:
    threading.Thread(target=_try, args=(op, dtype, ndim, rgb), name="mathimg warm", daemon=True).start()


def _try(op: Operation, dtype: str, ndim: int, rgb: bool) -> None:
    shape = (*(SIDE,) * ndim, *((3,) if rgb else ()))
    image = (np.arange(np.prod(shape)) % 2).reshape(shape).astype(dtype)
    options = Options(ndim=ndim, channel_axis=ndim if rgb else None)
    second = [
        np.ones((3,) * ndim) if role == "whole" else image for _, role in op.images[1 : -len(op.optional) or None]
    ]
    try:
        try:
            plan = run_to_end(prepare(op, image, second, options, {}, threads=1))
        except ValueError:  # the operation does not take such images, and will say so when it is run
            return
        run_to_end(run(plan, threads=1))
    except RuntimeError as error:
        if "shutdown" not in str(error):  # the program has not ended meanwhile
            raise
