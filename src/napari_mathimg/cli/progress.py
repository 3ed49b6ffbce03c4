"""Progress of a run: one line on a terminal."""

import sys
import time
from collections.abc import Generator
from typing import Any, TextIO, TypeVar

Result = TypeVar("Result")
OFTEN = 0.1  # seconds between two lines
WIDTH = 24


def watched(steps: Generator[Any, None, Result], quiet: bool, out: TextIO | None = None) -> Result:
    """Run a generator to its end, show its progress where a person sees it, and return its value.

    An interruption closes the generator, which stops its threads.
    """
    out = sys.stderr if out is None else out
    shows = not quiet and out.isatty()
    last = 0.0
    try:
        while True:
            try:
                progress = next(steps)
            except StopIteration as stop:
                result: Result = stop.value
                return result
            if shows and time.monotonic() - last >= OFTEN:
                last = time.monotonic()
                out.write(f"\r\x1b[K{_line(progress)}")
                out.flush()
    finally:
        steps.close()
        if shows:
            out.write("\r\x1b[K")
            out.flush()


def _line(progress: Any) -> str:
    share = min(progress.done / progress.total, 1.0) if progress.total else 1.0
    bar = "#" * round(share * WIDTH)
    return f"{progress.phase}: [{bar:<{WIDTH}}] {share:4.0%}"
