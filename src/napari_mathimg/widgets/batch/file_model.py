"""The rows of the list of files, as Qt's views read them."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qtpy.QtCore import QAbstractListModel, QModelIndex, QObject, Qt

from ...batch.job import Item, ItemEvent, Outcome
from ...contract.progress import Progress
from .wording import explanation, state_in_words

ROW = Qt.ItemDataRole.UserRole
STATE = Qt.ItemDataRole.UserRole + 1
WAITING = Outcome("waiting")
FINISHED = ("done", "kept")


@dataclass
class Row:
    """A file and what became of it."""

    source: str
    name: str
    item: Item | None = None
    outcome: Outcome = WAITING
    progress: Progress | None = None
    is_running: bool = False

    @property
    def state(self) -> str:
        """Its state, as of an item."""
        return "running" if self.is_running else self.outcome.state

    @property
    def has_result(self) -> bool:
        """Whether there is a result to open."""
        return self.item is not None and self.state in FINISHED

    @property
    def share(self) -> float:
        """What of a running file is done, from 0 to 1."""
        progress = self.progress
        return 0.0 if progress is None else min(progress.done / max(progress.total, 1), 1.0)


class FileModel(QAbstractListModel):
    """The files of a batch, one a row.

    What the files are is set at once; what becomes of them is told by row, so that a view draws no others.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rows: list[Row] = []
        self._numbers: dict[str, int] = {}

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Return the number of files."""
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what a view asks for: the row, its state, or words."""
        if not index.isValid():
            return None
        row = self.rows[index.row()]
        if role == ROW:
            return row
        if role == STATE:
            return row.state
        if role == Qt.ItemDataRole.DisplayRole:
            return row.name
        if role == Qt.ItemDataRole.ToolTipRole:
            return explanation(row.source, row.state, row.outcome, None if row.item is None else row.item.output)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{row.name}: {state_in_words(row.state, row.outcome, row.share)} {row.outcome.reason}".strip()
        return None

    def show_files(self, files: Sequence[str]) -> None:
        """Show these files; what is known of those that were there stays."""
        known = {row.source: row for row in self.rows}
        self._take([known.get(file) or Row(file, "") for file in files])

    def show_items(self, items: Sequence[Item], keeps_failures: bool) -> None:
        """Show the items of a job; the reasons of earlier failures stay if nothing has changed that decides on them."""
        known = {row.source: row for row in self.rows}
        rows = []
        for item in items:
            before, old = item.before, known.get(item.source)
            if keeps_failures and old is not None and before.state == "waiting" and old.outcome.state == "failed":
                before = old.outcome
            rows.append(Row(item.source, "", item, before))
        self._take(rows)

    def _take(self, rows: list[Row]) -> None:
        names = Counter(Path(row.source).name for row in rows)
        for row in rows:
            path = Path(row.source)
            row.name = path.name if names[path.name] == 1 else f"{path.parent.name}/{path.name}"
        if [row.source for row in rows] == [row.source for row in self.rows]:
            self.rows = rows
            if rows:
                self.dataChanged.emit(self.index(0), self.index(len(rows) - 1))
            return
        self.beginResetModel()
        self.rows = rows
        self._numbers = {row.source: number for number, row in enumerate(rows)}
        self.endResetModel()

    def forget(self) -> None:
        """Forget what became of the files."""
        self._take([Row(row.source, "") for row in self.rows])

    def take(self, events: Iterable[ItemEvent]) -> None:
        """Show what has become of items, the last event of each."""
        changed = set()
        for event in events:
            row = self.rows[event.number]
            row.is_running = event.state == "running"
            row.progress = event.progress
            if event.outcome is not None:
                row.outcome = event.outcome
            elif row.is_running:
                row.outcome = WAITING
            changed.add(event.number)
        for number in sorted(changed):
            place = self.index(number)
            self.dataChanged.emit(place, place)

    def stop(self) -> None:
        """Show no file as running."""
        self.take(ItemEvent(n, "waiting", outcome=WAITING) for n, row in enumerate(self.rows) if row.is_running)

    def number(self, source: str) -> int | None:
        """Return the row of a file."""
        return self._numbers.get(source)

    @property
    def counts(self) -> Counter[str]:
        """Number of files in each state."""
        return Counter(row.state for row in self.rows)
