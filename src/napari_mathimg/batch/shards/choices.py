"""What a run in shards is asked for: images by their addresses, and how the result is stored."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

from ...io.image import Image
from ...io.reading import open_image
from ...io.zarr.layout import Codec, Version

Cuts = Literal["auto", "none"] | tuple[int, ...]


@dataclass(frozen=True)
class Source:
    """An image of a file, without its pixels.

    Parameters
    ----------
    address
        Path or address of the file.
    series
        Number of the image in a file of several ones.
    level
        Level of its pyramid; 0 is the finest.
    axis_names
        Names of the axes instead of those in the file; None for those.
    """

    address: str
    series: int = 0
    level: int = 0
    axis_names: tuple[str, ...] | None = None

    def open(self) -> Image:
        """Open the image; no pixel is read."""
        return open_image(self.address, level=self.level, series=self.series, axes=self.axis_names)

    def absolute(self) -> Self:
        """Return the source with an address that does not depend on the present folder."""
        if "://" in self.address:
            return self
        return type(self)(os.path.abspath(self.address), self.series, self.level, self.axis_names)

    @property
    def plain(self) -> dict[str, Any]:
        """The source as plain values."""
        names = None if self.axis_names is None else list(self.axis_names)
        return {"address": self.address, "series": self.series, "level": self.level, "axis_names": names}

    @classmethod
    def of(cls, plain: Any) -> Self:
        """Return a source from plain values of a file."""
        names = plain["axis_names"]
        names = None if names is None else tuple(str(name) for name in names)
        return cls(str(plain["address"]), int(plain["series"]), int(plain["level"]), names)


@dataclass(frozen=True)
class ShardChoices:
    """How a result is stored, and where its chain of steps is cut.

    Parameters
    ----------
    shards, chunks
        Lengths along the axes as OME-Zarr stores them: of what a task writes, and of what is compressed and read alone;
        None for lengths that suit the image and the steps.
    levels
        Number of levels, each half as large; None for as many as make the last one small.
    version
        Version of OME-Zarr, "0.5" or "0.4".
    codec
        Compression: "zstd", "lz4" or "none".
    cuts
        Steps before which what lies before them is written to the run's folder and read again: their numbers, "none",
        or "auto": where a step reads all pixels before it can begin, and to compute them again takes longer. The bits
        of the result do not depend on it.
    """

    shards: tuple[int, ...] | None = None
    chunks: tuple[int, ...] | None = None
    levels: int | None = None
    version: Version = "0.5"
    codec: Codec = "zstd"
    cuts: Cuts = "auto"

    def __post_init__(self) -> None:
        if not isinstance(self.cuts, str):
            object.__setattr__(self, "cuts", tuple(sorted({*self.cuts})))
        if isinstance(self.cuts, str) and self.cuts not in ("auto", "none"):
            raise ValueError(f"cuts={self.cuts!r}: must be 'auto', 'none' or numbers of steps")
        if not isinstance(self.cuts, str) and not all(type(n) is int and n > 0 for n in self.cuts):
            raise ValueError(f"cuts={self.cuts!r}: must be numbers of steps from 1")

    @property
    def plain(self) -> dict[str, Any]:
        """The choices as plain values."""
        return {
            "shards": _listed(self.shards), "chunks": _listed(self.chunks), "levels": self.levels,
            "version": self.version, "codec": self.codec,
            "cuts": self.cuts if isinstance(self.cuts, str) else list(self.cuts),
        }  # fmt: skip

    @classmethod
    def of(cls, plain: Any) -> Self:
        """Return choices from plain values of a file."""
        shards, chunks = (None if plain[n] is None else tuple(map(int, plain[n])) for n in ("shards", "chunks"))
        cuts: Any = plain["cuts"] if isinstance(plain["cuts"], str) else tuple(map(int, plain["cuts"]))
        return cls(shards, chunks, plain["levels"], plain["version"], plain["codec"], cuts)


def _listed(lengths: Sequence[int] | None) -> list[int] | None:
    return None if lengths is None else list(lengths)


def folder_of_run(output: Path) -> Path:
    """Return the folder of the run that makes an output."""
    return output.with_name(f"{output.name}.partial")
