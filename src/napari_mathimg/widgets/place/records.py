"""Where docks are that somebody has moved, as it is kept between sessions and for all windows."""

from collections.abc import Mapping
from typing import Any

from qtpy.QtCore import Qt

from ..settings.saved_docks import remember, remembered

RIGHT = Qt.DockWidgetArea.RightDockWidgetArea
AREAS = {
    "left": Qt.DockWidgetArea.LeftDockWidgetArea,
    "right": RIGHT,
    "top": Qt.DockWidgetArea.TopDockWidgetArea,
    "bottom": Qt.DockWidgetArea.BottomDockWidgetArea,
}
FARTHEST = 2**20  # pixels; no screen has as many

Record = dict[str, Any]  # {"area": name} or {"floating": [left, top, width, height]}


def records() -> dict[str, Record]:
    """Return the records that can be used, by the titles of their docks."""
    found = {title: _usable(saved) for title, saved in remembered("places").items()}
    return {title: record for title, record in found.items() if record is not None}


def keep_changes(changes: Mapping[str, Record | None], last: str) -> None:
    """Keep changes of records, None for docks that are in place again, and the title of the dock seen last."""
    merged = {**records(), **changes}
    remember(places={title: record for title, record in merged.items() if record is not None}, last=last)


def _usable(saved: Any) -> Record | None:
    """Return a saved record as far as it says where a dock is; None if it does not."""
    if not isinstance(saved, dict):
        return None
    area, floating = saved.get("area"), saved.get("floating")
    if isinstance(floating, list | tuple) and len(floating) == 4 and all(map(_is_bounded, floating)):
        return {"floating": [*floating]} if min(floating[2:]) > 0 else None
    return {"area": area} if isinstance(area, str) and area in AREAS else None


def _is_bounded(number: Any) -> bool:
    return type(number) is int and abs(number) < FARTHEST
