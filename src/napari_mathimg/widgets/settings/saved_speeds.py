"""How long the last runs took, kept beside the state of the docks."""

import json
from collections.abc import Sequence

from ...engine.forecast import Needs, Speeds
from .saved_docks import remember, remembered


def speeds() -> Speeds:
    """Return the last runs."""
    text = remembered("speeds")
    try:
        table = json.loads(text) if text else {}
    except ValueError:
        table = {}
    return Speeds(table if isinstance(table, dict) else {})


def note_speeds(runs: Sequence[tuple[Needs, float]]) -> None:
    """Keep what runs needed, and how many seconds they took."""
    known = speeds()
    for needed, seconds in runs:
        known.add(needed, round(seconds, 3))
    remember(speeds=json.dumps(known.table))
