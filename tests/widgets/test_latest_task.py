"""The last request wins: what is delivered of requests, and what is not."""

import threading
import time
from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest
from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QLabel

from napari_mathimg.widgets.tasks.background_task import BackgroundTask, Outlet
from napari_mathimg.widgets.tasks.latest_task import LatestTask
from napari_mathimg.widgets.tasks.latest_values import LatestValues

Told = list[tuple[str, Any]]


class Held:
    """Steps that wait in the middle until they may go on, so that a test decides what comes first."""

    def __init__(self, answer: Any) -> None:
        self.begun, self.go_on, self.ended = threading.Event(), threading.Event(), threading.Event()
        self._answer = answer
        self.thread: threading.Thread | None = None

    def steps(self) -> Generator[Any, None, Any]:
        try:
            self.thread = threading.current_thread()
            yield f"{self._answer} begun"
            self.begun.set()
            self.go_on.wait(20)
            if isinstance(self._answer, Exception):
                raise self._answer
            return self._answer
        finally:
            self.ended.set()


@pytest.fixture
def held() -> Iterator[Callable[[Any], Held]]:
    """Make steps that are let go at the end of a test at the latest."""
    made: list[Held] = []

    def make(answer: Any) -> Held:
        made.append(Held(answer))
        return made[-1]

    yield make
    for one in made:
        one.go_on.set()


@pytest.fixture
def owner(qtbot: Any) -> QObject:
    return QObject()


def heard(task: LatestTask) -> Told:
    """What a task tells besides reports."""
    told: Told = []
    for name in ("returned", "failed"):
        getattr(task, name).connect(lambda value, name=name: told.append((name, value)))
    task.closed.connect(lambda: told.append(("closed", None)))
    return told


def settled(task: LatestTask, qtbot: Any) -> None:
    """Wait until no run is under way, those of replaced requests included."""
    runs = task.findChildren(BackgroundTask)
    qtbot.waitUntil(lambda: not task.is_running and not any(run.is_running for run in runs))


def test_each_request_is_answered_once(owner: QObject, held: Any, qtbot: Any) -> None:
    task = LatestTask(owner)
    told, reports = heard(task), []
    task.progressed.connect(reports.append)
    for answer in ("first", ValueError("too wide"), MemoryError()):
        steps = held(answer)
        steps.go_on.set()
        task.ask(steps.steps())
        assert task.is_running
        settled(task, qtbot)
    assert told == [("returned", "first"), ("failed", "too wide"), ("failed", "MemoryError")]
    assert reports == ["first begun", "too wide begun", " begun"]


def test_only_the_last_request_is_answered(owner: QObject, held: Any, qtbot: Any) -> None:
    task = LatestTask(owner)
    told, reports = heard(task), []
    task.progressed.connect(reports.append)
    first, between, last = held("first"), held("between"), held("last")
    task.ask(first.steps())
    qtbot.waitUntil(first.begun.is_set)
    reports.clear()
    task.ask(between.steps())
    task.ask(last.steps())
    last.go_on.set()
    first.go_on.set()
    settled(task, qtbot)
    assert told == [("returned", "last")]
    assert reports == ["last begun"]
    assert not between.begun.is_set()


@pytest.mark.parametrize("answer", ["an answer", ValueError("a failure"), ZeroDivisionError("a mistake")])
def test_an_answer_on_its_way_to_a_request_that_was_replaced_is_not_delivered(
    owner: QObject, held: Any, qtbot: Any, answer: Any
) -> None:
    """The run has ended, but the window has not heard of it yet."""
    task = LatestTask(owner)
    told, reports = heard(task), []
    task.progressed.connect(reports.append)
    old, new = held(answer), held("new")
    old.go_on.set()
    new.go_on.set()
    task.ask(old.steps())
    assert old.ended.wait(20)
    task.ask(new.steps())
    settled(task, qtbot)
    assert told == [("returned", "new")]
    assert reports == ["new begun"]


def test_a_run_that_ends_slowly_holds_up_the_next_only_where_there_are_no_more(
    owner: QObject, held: Any, qtbot: Any
) -> None:
    task = LatestTask(owner, runs=2)
    told = heard(task)
    asked = [held(k) for k in range(4)]
    for steps in asked[:2]:
        task.ask(steps.steps())
        qtbot.waitUntil(steps.begun.is_set)
    task.ask(asked[2].steps())
    task.ask(asked[3].steps())
    assert sum(run.is_running for run in task.findChildren(BackgroundTask)) == 2
    asked[0].go_on.set()
    qtbot.waitUntil(asked[3].begun.is_set)  # while the second has not ended yet
    asked[3].go_on.set()
    qtbot.waitUntil(lambda: bool(told))
    assert told == [("returned", 3)]
    assert not asked[2].begun.is_set()


def test_what_is_asked_for_by_whoever_hears_an_answer_is_answered_too(owner: QObject, held: Any, qtbot: Any) -> None:
    task = LatestTask(owner)
    told, second = heard(task), held("second")
    second.go_on.set()

    def go_on(value: Any) -> None:
        assert not task.is_running
        if value == "first":
            task.ask(second.steps())

    task.returned.connect(go_on)
    first = held("first")
    first.go_on.set()
    task.ask(first.steps())
    qtbot.waitUntil(lambda: len(told) == 2)
    assert told == [("returned", "first"), ("returned", "second")]


def test_a_canceled_request_is_not_answered(owner: QObject, held: Any, qtbot: Any) -> None:
    task = LatestTask(owner)
    told, steps = heard(task), held("canceled")
    task.ask(steps.steps())
    qtbot.waitUntil(steps.begun.is_set)
    task.cancel()
    assert not task.is_running
    steps.go_on.set()
    settled(task, qtbot)
    assert told == []


def test_nothing_is_delivered_after_closing(owner: QObject, held: Any, qtbot: Any) -> None:
    task = LatestTask(owner)
    told, steps, late = heard(task), held("under way"), held("late")
    task.ask(steps.steps())
    qtbot.waitUntil(steps.begun.is_set)
    task.ask(held("waiting").steps())
    task.close()
    task.ask(late.steps())
    assert not task.is_running
    assert told == []
    steps.go_on.set()
    late.go_on.set()
    qtbot.waitUntil(lambda: bool(told))
    settled(task, qtbot)
    assert told == [("closed", None)]
    assert not late.begun.is_set()
    idle = LatestTask(owner)
    told = heard(idle)
    idle.close()
    assert told == [("closed", None)]


def test_an_unexpected_error_surfaces(owner: QObject, held: Any, qtbot: Any) -> None:
    task = LatestTask(owner)
    told, steps = heard(task), held(ZeroDivisionError("a mistake"))
    steps.go_on.set()
    with qtbot.captureExceptions() as raised:
        task.ask(steps.steps())
        settled(task, qtbot)
    assert [kind for kind, *_ in raised] == [ZeroDivisionError]
    assert told == [("failed", "")]
    task = LatestTask(owner, expected=(ArithmeticError,))
    told, steps = heard(task), held(ZeroDivisionError("what data may do"))
    steps.go_on.set()
    task.ask(steps.steps())
    settled(task, qtbot)
    assert told == [("failed", "what data may do")]


def test_nothing_is_begun_before_the_window_has_drawn(owner: QObject, qtbot: Any) -> None:
    task, painted = LatestTask(owner, delay=50), []
    told = heard(task)

    class Label(QLabel):
        def paintEvent(self, event: Any) -> None:
            painted.append(True)
            super().paintEvent(event)

    def steps() -> Generator[Any, None, bool]:
        yield "begun"
        return bool(painted)

    task.ask(steps())
    label = Label("drawn")
    qtbot.addWidget(label)
    label.show()
    qtbot.waitUntil(lambda: bool(told))
    assert told == [("returned", True)]


def test_nobody_hears_of_a_run_whose_owner_is_gone(owner: QObject, held: Any, qtbot: Any) -> None:
    task = LatestTask(owner)
    told, steps = heard(task), held("gone")
    task.ask(steps.steps())
    qtbot.waitUntil(steps.begun.is_set)
    with qtbot.waitSignal(owner.destroyed):
        owner.deleteLater()
    steps.go_on.set()
    steps.thread.join()
    assert told == []


@pytest.fixture
def values(owner: QObject) -> tuple[LatestValues, Told]:
    values, found = LatestValues(owner), []
    values.found.connect(lambda name, value: found.append((name, value)))
    return values, found


def finding(value: Any, threads: list[Any]) -> Callable[[], Any]:
    def find() -> Any:
        threads.append(threading.current_thread())
        return value

    return find


def test_of_each_name_the_last_value_is_found_in_the_background_and_remembered(values: Any, qtbot: Any) -> None:
    latest, found = values
    threads: list[Any] = []
    for k in range(5):
        latest.ask("scale", k, finding(k * 10, threads))
    latest.ask("other", 0, finding("b", threads))
    latest.ask("scale", 4, finding("asked again", threads))
    qtbot.waitUntil(lambda: len(found) == 2)
    assert dict(found) == {"scale": 40, "other": "b"}
    assert len(threads) == 2
    assert threading.main_thread() not in threads
    latest.ask("scale", 4, finding("found anew", threads))
    assert found[2:] == [("scale", 40)]  # at once
    latest.ask("scale", 5, finding(50, threads))
    qtbot.waitUntil(lambda: len(found) == 4)
    assert found[3:] == [("scale", 50)]


def test_a_remembered_value_replaces_the_one_that_is_looked_for(values: Any, qtbot: Any) -> None:
    latest, found = values
    begun, go_on, threads = threading.Event(), threading.Event(), []

    def slowly() -> str:
        begun.set()
        go_on.wait(20)
        threads.append(threading.current_thread())
        return "too late"

    latest.ask("scale", 1, lambda: "first")
    qtbot.waitUntil(lambda: len(found) == 1)
    latest.ask("scale", 2, slowly)
    qtbot.waitUntil(begun.is_set)
    latest.ask("scale", 1, lambda: "anew")
    go_on.set()
    qtbot.waitUntil(lambda: not any(task.is_running for task in latest.findChildren(BackgroundTask)))
    assert found == [("scale", "first")] * 2


def test_what_is_dropped_is_not_told(values: Any, qtbot: Any) -> None:
    latest, found = values
    latest.ask("scale", 1, lambda: "dropped")
    latest.ask("other", 1, lambda: "told")
    latest.drop("scale")
    latest.drop("never asked for")
    qtbot.waitUntil(lambda: bool(found))
    assert found == [("other", "told")]
    assert not any(task.is_running for task in latest.findChildren(LatestTask))


def test_an_owner_of_signals_is_deleted_between_them(qapp: Any) -> None:
    """Qt deletes what a thread emits a signal of once that has ended; later ones are not emitted."""
    outlet, owner, entered, log = Outlet(), QObject(), threading.Event(), []
    gone = outlet.watch(owner)
    owner.destroyed.connect(lambda: log.append("deleted"))

    class Slow:
        def emit(self) -> None:
            entered.set()
            time.sleep(0.05)
            log.append("emitted")

    thread = threading.Thread(target=outlet.emit, args=(Slow,), kwargs={"gone": gone})
    thread.start()
    assert entered.wait(10)
    owner.deleteLater()
    qapp.sendPostedEvents(owner, QEvent.Type.DeferredDelete)
    thread.join()
    assert log == ["emitted", "deleted"]
    assert not outlet.emit(Slow, gone=gone)
    assert log == ["emitted", "deleted"]
