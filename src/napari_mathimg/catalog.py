"""Families and their operations, read from each module's `__all__`."""

from functools import cache
from importlib import import_module

from .contract.operation import Operation

FAMILIES = {
    "geometry": "Geometry",
    "perspective": "Perspective",
    "lens": "Lens",
    "intensity": "Intensity",
    "noise": "Noise",
    "denoise": "Denoise",
    "blur": "Blur",
    "deconvolve": "Deconvolve",
}


@cache
def family(name: str) -> dict[str, Operation]:
    """Return the operations of one family by id, in the order of their titles.

    Raises
    ------
    ValueError
        If there is no such family.
    """
    if name not in FAMILIES:
        raise ValueError(f"family={name!r}: one of {', '.join(FAMILIES)}")
    module = import_module(f"{__package__}.ops.{name}")
    return {op.id: op for op in sorted((getattr(module, n) for n in module.__all__), key=lambda op: str(op.title))}


@cache
def operations() -> dict[str, Operation]:
    """Return all operations by id."""
    return {id: op for name in FAMILIES for id, op in family(name).items()}


def find(id: str) -> Operation:
    """Return an operation by id.

    Raises
    ------
    ValueError
        If there is none.
    """
    if id not in operations():
        raise ValueError(f"operation={id!r}: one of {', '.join(operations())}")
    return operations()[id]
