"""Pausing and canceling a job from another thread."""

from threading import Condition

from ..engine import Canceled


class JobControl:
    """The switches of a running job; any thread may use them."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._is_paused = self._is_canceled = False

    def pause(self) -> None:
        """Let running items rest at their next report, and begin no others."""
        self._set(paused=True)

    def resume(self) -> None:
        """Go on."""
        self._set(paused=False)

    def cancel(self) -> None:
        """Stop: running items leave nothing, those that are done stay."""
        self._set(canceled=True)

    @property
    def is_paused(self) -> bool:
        """Whether the job rests."""
        return self._is_paused

    @property
    def is_canceled(self) -> bool:
        """Whether the job stops."""
        return self._is_canceled

    def wait(self) -> None:
        """Return at once, or when the job goes on after a pause.

        Raises
        ------
        Canceled
            If the job stops.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._is_canceled or not self._is_paused)
            if self._is_canceled:
                raise Canceled

    def _set(self, paused: bool | None = None, canceled: bool = False) -> None:
        with self._changed:
            self._is_paused = self._is_paused if paused is None else paused
            self._is_canceled = self._is_canceled or canceled
            self._changed.notify_all()
