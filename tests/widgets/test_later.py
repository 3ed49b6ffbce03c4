"""What is worked out once the window has drawn."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from qtpy.QtCore import QObject
from qtpy.QtWidgets import QLabel

from napari_mathimg.widgets.tasks.latest_task import LatestTask


@pytest.fixture
def owner(qtbot: Any) -> QObject:
    return QObject()


@pytest.fixture
def told(owner: QObject) -> tuple[LatestTask, list[tuple[str, Any]]]:
    later, found = LatestTask(owner), []
    later.found.connect(lambda name, value: found.append((name, value)))
    return later, found


def finding(value: Any, threads: list[Any]) -> Callable[[], Any]:
    def find() -> Any:
        threads.append(threading.current_thread())
        return value

    return find


def test_of_what_is_asked_for_the_last_is_found_in_the_background(told: Any, qtbot: Any) -> None:
    later, found = told
    threads: list[Any] = []
    for k in range(5):
        later.ask("scale", k, finding(k * 10, threads))
    later.ask("other", 0, finding("b", threads))
    qtbot.waitUntil(lambda: len(found) == 2)
    assert found == [("scale", 40), ("other", "b")]
    assert len(threads) == 2
    assert threading.main_thread() not in threads
    later.ask("scale", 4, finding("found anew", threads))
    assert found[2:] == [("scale", 40)]  # at once
    later.ask("scale", 5, finding(50, threads))
    qtbot.waitUntil(lambda: len(found) == 4)
    assert found[3:] == [("scale", 50)]


def test_what_is_asked_for_while_another_is_found_replaces_it(told: Any, qtbot: Any) -> None:
    later, found = told
    begun, go_on = threading.Event(), threading.Event()

    def slowly() -> str:
        begun.set()
        go_on.wait(10)
        return "first"

    later.ask("scale", 1, slowly)
    qtbot.waitUntil(begun.is_set)
    later.ask("scale", 2, lambda: "second")
    go_on.set()
    qtbot.waitUntil(lambda: bool(found))
    assert found == [("scale", "second")]


def test_what_is_dropped_is_not_told(told: Any, qtbot: Any) -> None:
    later, found = told
    later.ask("scale", 1, lambda: "dropped")
    later.ask("other", 1, lambda: "told")
    later.drop("scale")
    qtbot.waitUntil(lambda: bool(found))
    assert found == [("other", "told")]


def test_nothing_is_begun_before_the_window_has_drawn(told: Any, qtbot: Any) -> None:
    later, found = told
    painted: list[bool] = []

    class Label(QLabel):
        def paintEvent(self, event: Any) -> None:
            painted.append(True)
            super().paintEvent(event)

    later.ask("drawn", 1, lambda: bool(painted))
    label = Label("drawn")
    qtbot.addWidget(label)
    label.show()
    qtbot.waitUntil(lambda: bool(found))
    assert found == [("drawn", True)]


def test_nobody_is_told_whose_owner_is_gone(told: Any, owner: QObject, qtbot: Any) -> None:
    later, found = told
    go_on, threads = threading.Event(), []

    def slowly() -> None:
        threads.append(threading.current_thread())
        go_on.wait(10)

    later.ask("scale", 1, slowly)
    qtbot.waitUntil(lambda: bool(threads))
    with qtbot.waitSignal(owner.destroyed):
        owner.deleteLater()
    go_on.set()
    threads[0].join()
    qtbot.wait(20)
    assert found == []
