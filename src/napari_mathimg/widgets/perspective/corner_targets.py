"""Where corners belong in the rectangle, where somebody typed it."""

from collections.abc import Mapping
from typing import Any

Share = tuple[float, float]


class CornerTargets:
    """Targets of marked corners, as shares of the rectangle's height and width, by the number of the corner."""

    def __init__(self) -> None:
        self.typed: dict[int, Share] = {}
        self._points: Any = None  # the layer whose points they are typed for
        self._shown: list[Share] = []

    def follow(self, points: Any) -> None:
        """Forget what was typed for the points of another layer."""
        if points is not self._points:
            self._points, self.typed = points, {}

    def show(self, known: Mapping[str, Any]) -> list[Share]:
        """Return where each corner belongs by resolved parameters; nothing where the corners are the rectangle's."""
        self._shown = []
        if known["targets"] != "rectangle":
            self._shown = [(down / known["height"], right / known["width"]) for down, right in known["targets"]]
        return self._shown

    def type(self, corner: int, axis: int, share: float) -> None:
        """Take what was typed for one axis; on the other, the corner belongs where that was shown."""
        aim = list(self._shown[corner])
        aim[axis] = share
        self.typed[corner] = aim[0], aim[1]

    def turn(self) -> None:
        """Turn the rectangle by a quarter."""
        self.typed = {corner: (1 - right, down) for corner, (down, right) in self.typed.items()}

    def forget(self, gone: tuple[int, ...]) -> None:
        """Keep each target with its corner when other corners are taken away."""
        left = [k for k in range(max([*self.typed, *gone], default=0) + 1) if k not in gone]
        self.typed = {new: self.typed[old] for new, old in enumerate(left) if old in self.typed}

    def load(self, known: Mapping[str, Any], points: Any) -> None:
        """Take the targets of a record for the points of a layer."""
        self._points, self.typed = points, dict(enumerate(self.show(known)))
