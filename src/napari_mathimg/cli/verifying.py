"""The verb that computes a result again."""

from pathlib import Path
from typing import Any

from ..batch.verify import source_in_journal, verify_in_memory
from ..io.reading import open_image
from .printable import printable
from .progress import watched
from .values import names_of, pairs

SAME, DIFFERENT = 0, 1


def verify(given: Any) -> int:
    """Compute a result again from its source, and compare the bits."""
    if given.threads is not None and given.threads < 1:
        raise ValueError(f"--threads {given.threads}: must be at least 1")
    open_image(given.file)  # which refuses what is none
    source = given.source or source_in_journal(given.file)
    if source is None:
        raise ValueError(f"{given.file}: must be given with --source, because no journal beside it tells its source")
    names = names_of(given.axis_names) or ()
    steps = verify_in_memory(
        Path(given.file), source, pairs(given.images, "--input"), series=given.series, axis_names=names,
        threads=given.threads,
    )  # fmt: skip
    found = watched(steps, quiet=False)
    if found.is_same:
        print(printable(f"{given.file}: all {found.compared} pixels have the bits that its record gives for {source}"))
        return SAME
    what = found.reason or (
        f"{found.different} of {found.compared} pixels differ from what its record gives for {source}, the first at"
        f" {', '.join(map(str, found.first))}"
    )
    print(printable(f"{given.file}: {what}"))
    return DIFFERENT
