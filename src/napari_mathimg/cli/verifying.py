"""The verb that computes a result again."""

from pathlib import Path
from typing import Any

from ..batch.shards.choices import Source
from ..batch.shards.verify import verify_result
from ..batch.verify import fits_into_memory, source_in_journal, verify_in_memory
from .printable import printable
from .progress import watched
from .values import names_of, pairs

SAME, DIFFERENT = 0, 1
SHARDS = 3


def verify(given: Any) -> int:
    """Compute a result again from its source, or some of its shards, and compare the bits."""
    for name in ("threads", "shards"):
        if getattr(given, name) is not None and getattr(given, name) < 1:
            raise ValueError(f"--{name} {getattr(given, name)}: must be at least 1")
    source = given.source or source_in_journal(given.file)
    if source is None:
        raise ValueError(f"{given.file}: must be given with --source, because no journal beside it tells its source")
    further, names = pairs(given.images, "--input"), names_of(given.axis_names) or ()
    how = {"series": given.series, "axis_names": names}
    if given.shards is None and fits_into_memory(given.file, source, further, **how):
        steps = verify_in_memory(Path(given.file), source, further, threads=given.threads, **how)
        found = watched(steps, quiet=False)
        is_same, text = found.is_same, found.text
    else:
        images = {name: Source(path) for name, path in further.items()}
        shards = verify_result(
            given.file, Source(source, given.series, 0, names or None), images,
            shards=given.shards or SHARDS, seed=given.seed, threads=given.threads,
        )  # fmt: skip
        verified = watched(shards, quiet=False)
        is_same, text = verified.is_same, verified.text
    print(printable(f"{given.file}, computed again from {source}: {text}"))
    return SAME if is_same else DIFFERENT
