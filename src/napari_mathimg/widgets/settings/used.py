"""Which operations were used last, and how lists of operations are sorted."""

from .saved_docks import remember, remembered

MOST = 50  # operations that are kept


def used_ids() -> list[str]:
    """Return the ids of operations that were used, the last one first."""
    return [id for id in remembered("used") if isinstance(id, str)]


def note_use(id: str) -> None:
    """Keep that an operation was used."""
    remember(used=[id, *(other for other in used_ids() if other != id)][:MOST])


def is_by_use() -> bool:
    """Return whether lists begin with the operations that were used last."""
    return bool(remembered("order") == "used")


def list_by_use(on: bool) -> None:
    """Let lists begin with the operations that were used last, or follow the alphabet."""
    remember(order="used" if on else "alphabet")
