"""The time and the memory of the run that is about to be started, found out in the background."""

from collections.abc import Callable, Generator, Sequence

from qtpy.QtCore import QObject, QTimer, Signal

from ...contract.progress import Progress
from ...engine.forecast import Forecast, Speeds, forecast
from ...engine.memory import memory_at_hand
from ..settings.saved_speeds import speeds
from .latest_task import LatestTask
from .operation_job import Job, needs_of_job

PAUSE = 200  # milliseconds without a change before anything is counted


class Forecaster(QObject):
    """Tells what a run will take, some time after the last change of what it depends on.

    A point-spread function may have to be computed for it, which is why the window does not wait.

    Parameters
    ----------
    parent
        The owner.
    jobs
        Function that returns the jobs of a run that is started now, none if there is no layer or a run is refused.
    """

    found = Signal(object)  # emits a `Forecast`, or None if a run would be refused

    def __init__(self, parent: QObject, jobs: Callable[[], Sequence[Job]]) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(PAUSE)
        self._rest.timeout.connect(self._ask)
        self.task = LatestTask(self, name="forecast")
        self.task.returned.connect(self.found)
        self.task.failed.connect(lambda reason: self.found.emit(None))

    @property
    def is_active(self) -> bool:
        """Whether something is being found out, or will be soon."""
        return bool(self._rest.isActive() or self.task.is_running)

    def ask_soon(self) -> None:
        """Forget what is being found out, and find it out anew."""
        self.stop()
        self._rest.start()

    def stop(self) -> None:
        """Find out nothing, until asked again."""
        self._rest.stop()
        self.task.cancel()

    def _ask(self) -> None:
        if jobs := self._jobs():
            self.task.ask(_steps(jobs, speeds()))
        else:
            self.found.emit(None)

    def close(self) -> None:
        """Find out nothing more."""
        self._rest.stop()
        self.task.close()


def _steps(jobs: Sequence[Job], known: Speeds) -> Generator[Progress, None, Forecast]:
    needed = []
    for number, job in enumerate(jobs):
        yield Progress("Forecast", number, len(jobs))
        needed.append(needs_of_job(job))
    return forecast(needed, known, memory_at_hand())
