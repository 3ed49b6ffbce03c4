"""The command `mathimg`: operations and recipes on files, without a window."""

import signal
import sys
from collections.abc import Sequence
from typing import Any

from .arguments import parser_of
from .printable import printable

__all__ = ["main"]

DONE, FAILED, REFUSED, INTERRUPTED = 0, 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    arguments
        Words after the name of the command; by default those it was called with.

    Returns
    -------
    int
        0 if all is done, 1 if a run, or some files of it, failed, 2 if the arguments or the input are wrong, 130 if it
        was interrupted.
    """
    parser = parser_of()
    try:
        given = parser.parse_args(arguments)
    except SystemExit as end:  # after help, or an error that was told
        return int(end.code or DONE)
    before = _interrupt_when_terminated()
    try:
        return given.verb(given) or DONE
    except BrokenPipeError:  # what reads the output has seen enough
        sys.stderr.close()
    except KeyboardInterrupt as interruption:
        print(printable(f"mathimg: interrupted; {str(interruption) or 'nothing was written'}"), file=sys.stderr)
        return INTERRUPTED
    except (ValueError, FileNotFoundError) as error:
        return _told(error, REFUSED)
    except Exception as error:
        return _told(error, FAILED)
    finally:
        if before is not None:
            signal.signal(signal.SIGTERM, before)
    return DONE


def _told(error: Exception, code: int) -> int:
    kind = "" if isinstance(error, ValueError | OSError) else f"{type(error).__name__}: "
    print(printable(f"mathimg: {kind}{error}"), file=sys.stderr)
    return code


def _interrupt_when_terminated() -> Any:
    """Let SIGTERM stop a run as Ctrl+C does, in the main thread; return what it did before."""

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    try:
        return signal.signal(signal.SIGTERM, interrupt)
    except ValueError:  # in another thread
        return None
