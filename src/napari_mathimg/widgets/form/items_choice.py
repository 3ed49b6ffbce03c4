"""The choice between planes and volumes, which starts as suits a layer and an operation, with the reason."""

from weakref import WeakKeyDictionary

from napari.layers import Layer
from qtpy.QtCore import QSignalBlocker
from qtpy.QtWidgets import QComboBox, QVBoxLayout, QWidget

from ...contract.operation import Operation
from ..layers.spacing import advised_items
from ..qt.layout import button, wrapping_label

ITEMS = {"planes": "Planes", "volumes": "Volumes"}
CHOSEN: WeakKeyDictionary[Layer, dict[str, str]] = WeakKeyDictionary()  # by layer and family of operations


class ItemsChoice:
    """Chooses planes or volumes in a combo box until the user does, for each layer, and says why.

    What the user chose for a layer in the dock of a family stays chosen when the dock is closed and opened again.

    Parameters
    ----------
    box
        Combo box with the entries `ITEMS`.
    """

    def __init__(self, box: QComboBox) -> None:
        self._box = box
        self._family = ""
        self.is_usual = True  # whether the entry is the one that is chosen unless the user chooses another
        self.row = QWidget()
        self.reason = wrapping_label()
        self.other = button("", "Choose the other for this layer")
        column = QVBoxLayout(self.row)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.reason)
        column.addWidget(self.other)
        self.other.clicked.connect(lambda: box.setCurrentIndex(self._other))

    @property
    def _other(self) -> int:
        """Number of the entry that is not chosen: planes, or the first kind of volume."""
        return 0 if self._box.currentIndex() else 1

    @property
    def has_reason(self) -> bool:
        """Whether there is a reason to show."""
        return bool(self.reason.text())

    def remember(self, layer: Layer | None) -> None:
        """Remember the current entry as what the user chose for a layer."""
        if layer is not None:
            CHOSEN.setdefault(layer, {})[self._family] = self._box.currentData()

    def suggest(self, layer: Layer, operation: Operation) -> None:
        """Choose what the user chose for a layer, or else what suits it, and say why."""
        advised, why = advised_items(layer, operation)
        self._family = operation.family
        chosen = CHOSEN.get(layer, {}).get(self._family, advised)
        chosen = chosen if self._box.findData(chosen) >= 0 else advised  # its axis may be named as channels meanwhile
        if chosen:
            with QSignalBlocker(self._box):
                self._box.setCurrentIndex(self._box.findData(chosen))
        self.is_usual = self._box.currentData() == (advised or next(iter(ITEMS)))
        self.reason.setText(why if chosen == advised else "")
        self.other.setText(f"Process as {self._box.itemData(self._other)}")
