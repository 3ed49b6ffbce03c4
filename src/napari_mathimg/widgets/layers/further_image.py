"""An additional input image of a run, such as a PSF or a reference."""

from typing import Any, NamedTuple

from ...recipe.record import image_record


class FurtherImage(NamedTuple):
    """An additional input image: the name of its layer or kind, its array (or a lazy equivalent), and its level."""

    name: str
    array: Any
    level: int = 0

    def record(self) -> dict[str, Any]:
        """Return its description in the record of a step."""
        return image_record(self.name, self.array, self.level)
