"""Positions of corners in the rectangle that the user has typed."""

from collections.abc import Mapping
from typing import Any

Share = tuple[float, float]


class CornerTargets:
    """Targets of marked corners, as fractions of the rectangle's height and width, by corner index."""

    def __init__(self) -> None:
        self.typed: dict[int, Share] = {}
        self._points: Any = None  # the Points layer that the targets belong to
        self._shown: list[Share] = []

    def follow(self, points: Any) -> None:
        """Discard the targets if the corners are now in another layer."""
        if points is not self._points:
            self._points, self.typed = points, {}

    def show(self, known: Mapping[str, Any]) -> list[Share]:
        """Return the target of each corner by resolved parameters; none if the corners are the rectangle's own."""
        self._shown = []
        if known["targets"] != "rectangle":
            self._shown = [(down / known["height"], right / known["width"]) for down, right in known["targets"]]
        return self._shown

    def type(self, corner: int, axis: int, share: float) -> None:
        """Set the target of a corner on one axis, and keep the displayed value on the other."""
        aim = list(self._shown[corner])
        aim[axis] = share
        self.typed[corner] = aim[0], aim[1]

    def turn(self) -> None:
        """Rotate the targets by a quarter turn."""
        self.typed = {corner: (1 - right, down) for corner, (down, right) in self.typed.items()}

    def forget(self, removed: tuple[int, ...]) -> None:
        """Remove the targets of removed corners, and renumber the others."""
        remaining = [k for k in range(max([*self.typed, *removed], default=0) + 1) if k not in removed]
        self.typed = {new: self.typed[old] for new, old in enumerate(remaining) if old in self.typed}

    def load(self, known: Mapping[str, Any], points: Any) -> None:
        """Take over the targets of a record for the points of a layer."""
        self._points, self.typed = points, dict(enumerate(self.show(known)))
