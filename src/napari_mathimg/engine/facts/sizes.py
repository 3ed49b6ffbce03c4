"""How many bytes a fact takes."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

OBJECT = 64  # bytes of any object, roughly
ENTRY = 512  # bytes of an entry and its key, roughly


def nbytes_of(value: Any) -> int:
    """Return about how many bytes a value of arrays, numbers and structures of them takes."""
    if (own := getattr(value, "nbytes", None)) is not None:
        return OBJECT + int(own)
    if isinstance(value, tuple | list):
        return OBJECT + sum(map(nbytes_of, value))
    if isinstance(value, Mapping):
        return OBJECT + sum(map(nbytes_of, value.values()))
    if is_dataclass(value):
        return OBJECT + sum(nbytes_of(getattr(value, f.name)) for f in fields(value))
    return OBJECT
