"""How long the last runs took, kept between sessions beside the state of the docks."""

import json
import logging
from collections.abc import Sequence

from ...engine.forecast import Needs, Speeds
from .preferences import remembers
from .saved_docks import saved_docks

log = logging.getLogger(__name__)
_of_session: dict[str, str] = {}  # where napari saves no settings


def speeds() -> Speeds:
    """Return the last runs."""
    saved = saved_docks()
    text = _of_session.get("speeds", "") if saved is None else saved.speeds
    try:
        table = json.loads(text) if text else {}
    except ValueError:
        table = {}
    return Speeds(table if isinstance(table, dict) else {})


def remember(runs: Sequence[tuple[Needs, float]]) -> None:
    """Remember what runs needed, and how many seconds they took."""
    known, saved = speeds(), saved_docks()
    for needed, seconds in runs:
        known.add(needed, round(seconds, 3))
    text = json.dumps(known.table)
    if saved is None:
        _of_session["speeds"] = text
        return
    saved.speeds = text
    if not remembers():
        return
    try:
        saved.save()
    except OSError as error:
        log.warning("the times of runs cannot be saved: %s", error)
