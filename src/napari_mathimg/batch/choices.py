"""How a job reads, writes and runs."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:  # which takes longer to import than the help of the command
    from ..io.zarr.layout import Version
    from .shards.choices import Cuts, ShardChoices

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
    zarr_version, shard_shape
        Version of OME-Zarr, and lengths of its shards along its axes; () for 32 to 64 MiB.
    cuts
        Where the chain of an image larger than memory is cut; as in `ShardChoices`.
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
    zarr_version: "Version" = "0.5"
    shard_shape: tuple[int, ...] = ()
    cuts: "Cuts" = "auto"
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
        if self.zarr_version not in ("0.4", "0.5"):
            raise ValueError(f"zarr_version={self.zarr_version!r}: must be '0.4' or '0.5'")
        if not all(type(n) is int and n > 0 for n in self.shard_shape):
            raise ValueError(
                f"shard_shape={self.shard_shape!r}: must be whole numbers greater than 0, one for each axis"
            )
        if self.cuts != "auto":
            object.__setattr__(self, "cuts", self.stored.cuts)  # checked, and in order
        if self.kind is not None and self.kind not in KINDS:
            raise ValueError(f"kind={self.kind!r}: must be one of {', '.join(KINDS)}")
        if self.resume and self.restart:
            raise ValueError("restart=True: must be False to resume")

    @property
    def stored(self) -> "ShardChoices":
        """How a result is stored as OME-Zarr, and its chain cut."""
        from .shards.choices import ShardChoices

        return ShardChoices(self.shard_shape or None, None, self.levels, self.zarr_version, cuts=self.cuts)
