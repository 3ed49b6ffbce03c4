"""How a job reads, writes and runs."""

from dataclasses import dataclass
from typing import Literal

OnExists = Literal["fail", "skip", "overwrite"]
KINDS = {  # of files that are written, by the ending that `--format` takes
    "ome.tif": ".ome.tif", "ome.zarr": ".ome.zarr", "tif": ".tif", "npy": ".npy", "png": ".png", "jpg": ".jpg",
}  # fmt: skip


@dataclass(frozen=True)
class JobChoices:
    """How a job reads, writes and runs.

    Attributes
    ----------
    recursive
        Whether folders within the given folders are searched, too.
    series, axis_names
        As in `open_image`.
    kind
        Kind of the results, one of `KINDS`; None for that of the pattern, or of the source where it can be written.
    imagej, levels
        As in `write_image`; levels None for the usual number.
    on_exists
        What to do where another file lies in the place of a result: refuse the job, leave that item out, or replace it.
        A finished result of the same plan and source is never computed again, whatever this says.
    resume
        Go on with an earlier run. The same command does so, with or without it.
    restart
        Forget what earlier runs of this job have done, and compute everything again.
    keep_going
        Whether the other items are still computed after one has failed.
    workers
        Number of items that are computed at a time; None for the faster choice.
    threads
        Number of threads in all; None for all cores.
    memory
        Bytes that the job may take; None for what is free.
    scheduler
        Address of a dask scheduler that gets the items as tasks, "local" for one of this machine, or None.
    insecure_scheduler
        Whether a scheduler elsewhere is trusted without TLS. It unpickles, and so runs, what anybody sends to it.

    Raises
    ------
    ValueError
        ``name=value: must be ...``
    """

    recursive: bool = False
    series: int = 0
    axis_names: tuple[str, ...] = ()
    kind: str | None = None
    imagej: bool = False
    levels: int | None = None
    on_exists: OnExists = "fail"
    resume: bool = False
    restart: bool = False
    keep_going: bool = False
    workers: int | None = None
    threads: int | None = None
    memory: int | None = None
    scheduler: str | None = None
    insecure_scheduler: bool = False

    def __post_init__(self) -> None:
        for name in ("workers", "threads", "memory", "levels"):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
                raise ValueError(f"{name}={value!r}: must be at least 1")
        if self.on_exists not in ("fail", "skip", "overwrite"):
            raise ValueError(f"on_exists={self.on_exists!r}: must be 'fail', 'skip' or 'overwrite'")
        if self.kind is not None and self.kind not in KINDS:
            raise ValueError(f"kind={self.kind!r}: must be one of {', '.join(KINDS)}")
        if self.resume and self.restart:
            raise ValueError("restart=True: must be False to resume")
