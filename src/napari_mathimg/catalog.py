"""Families and their operations, read from the `__all__` of each module in `ops`."""

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module

from .contract.operation import Operation
from .contract.requirements import nearest_names, one_of

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


class OperationTable(Mapping[str, Operation]):
    """A read-only mapping from id to operation, printed as a table."""

    def __init__(self, operations: Mapping[str, Operation]) -> None:
        self._operations = dict(operations)

    def __getitem__(self, id: str) -> Operation:
        return self._operations[id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._operations)

    def __len__(self) -> int:
        return len(self._operations)

    def __repr__(self) -> str:
        rows = [("family", "id", "title"), *((op.family, op.id, op.title) for op in self.values())]
        family_width, id_width = (max(len(row[column]) for row in rows) for column in (0, 1))
        return "\n".join(f"{family:<{family_width}}  {id:<{id_width}}  {title}" for family, id, title in rows)


@cache
def family(name: str) -> OperationTable:
    """Return the operations of a family by id, in the order of their titles.

    Parameters
    ----------
    name
        Name of the family, a key of `FAMILIES`.

    Returns
    -------
    OperationTable
        Operations by id.

    Raises
    ------
    ValueError
        If there is no family of this name.
    """
    if name not in FAMILIES:
        raise ValueError(f"family={name!r}: must be {one_of(FAMILIES)}")
    module = import_module(f"{__package__}.ops.{name}")
    declared: list[Operation] = [getattr(module, exported) for exported in module.__all__]
    return OperationTable({op.id: op for op in sorted(declared, key=lambda op: op.title)})


@cache
def operations() -> OperationTable:
    """Return all operations by id.

    Printed, they are a table of families, ids and titles. ``help(operations()["gaussian"])`` shows the parameters of
    an operation and how to apply it.

    Returns
    -------
    OperationTable
        Operations by id, a read-only mapping.

    Examples
    --------
    >>> from napari_mathimg import operations
    >>> operations()["gaussian"]
    <Operation 'gaussian': Gaussian filter (denoise)>
    >>> "rotate" in operations()
    True
    """
    return OperationTable({id: op for name in FAMILIES for id, op in family(name).items()})


def find(id: str) -> Operation:
    """Return an operation by id.

    Raises
    ------
    ValueError
        If there is no operation of this id.
    """
    if id not in operations():
        raise ValueError(
            f"operation={id!r}: must be one of the {len(operations())} ids in operations()"
            f"{nearest_names(id, operations())}"
        )
    return operations()[id]
