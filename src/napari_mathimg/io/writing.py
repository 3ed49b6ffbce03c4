"""Writing an image: by the kind of its file, beside it, and renamed when it is whole."""

from collections.abc import Generator, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ..contract.progress import Progress, checkpoint, run_to_end
from .folders import refuse_folder, repair
from .image import Image
from .problems import ImageFileError
from .publish import published, refuse_existing, refuse_sources
from .reading import PICTURES, TIFF, local_path
from .sources import files_read_by

WRITABLE = ".ome.zarr, .npy, .ome.tif, .tif, .png, .jpg or .jpeg"
BLOCK = 2**24  # bytes that are copied at a time
Kind = Literal["numpy", "ome", "imagej", "picture", "zarr"]
Compression = Literal["zlib", "zstd", "lz4", "none"]
Version = Literal["0.4", "0.5"]


def kind_of(path: Path, imagej: bool = False) -> Kind:
    """Return the kind of file that a path names.

    Raises
    ------
    ImageFileError
        If there is none.
    """
    suffix = path.suffix.lower()
    if suffix == ".npy":
        return "numpy"
    if suffix == ".zarr":
        return "zarr"
    if suffix in PICTURES:
        return "picture"
    if suffix in TIFF:
        return "imagej" if imagej else "ome"
    raise ImageFileError(f"{path}: must end in {WRITABLE}")


def check_output(path: str | Path, sources: Iterable[Path] = (), overwrite: bool = False, imagej: bool = False) -> Path:
    """Return the path of an output, refused before anything is computed for it.

    Raises
    ------
    ImageFileError
        ``PATH: must ...`` for one of the sources, whatever `overwrite` says; for a file that exists, unless it may be
        overwritten; and for a kind of file that cannot be written.
    """
    place = local_path(path)
    kind = kind_of(place, imagej)
    refuse_sources(place, sources)
    if kind == "zarr":
        repair(place)
        refuse_folder(place, overwrite)
    else:
        refuse_existing(place, overwrite)
    return place


def check_image(
    path: str | Path, image: Image, *, imagej: bool = False, levels: int | None = None, version: Version = "0.5",
    shards: Sequence[int] | None = None,
) -> None:  # fmt: skip
    """Refuse an image that a kind of file cannot hold, by its shape, its type and its axes; no pixel is read.

    Raises
    ------
    ImageFileError
        ``PATH: must ...``
    """
    place = local_path(path)
    kind = kind_of(place, imagej)
    if 0 in image.shape:
        raise ImageFileError(f"{place}: must be given at least one pixel on each axis, not shape {image.shape}")
    if kind == "zarr":
        _layout(place, image, levels=levels, version=version, shards=shards)
        return
    if kind == "picture":
        from .pictures import check_picture

        check_picture(place, image)
    elif kind != "numpy":
        from .tiff.writing import Stored

        Stored.of(place, image, imagej)
    if levels is not None and levels != 1 and (levels < 1 or kind != "ome"):
        raise ImageFileError(f"{place}: must be an OME-TIFF file of at least one level, not of levels={levels}")


def _layout(path: Path, image: Image, **options: Any) -> Any:
    """Return how an image is stored in OME-Zarr."""
    from .zarr.extras import extra
    from .zarr.layout import layout_of

    for module in ("numcodecs", "yaozarrs"):
        extra(module, "files", str(path))
    try:
        return layout_of(image, **options)
    except ValueError as error:
        raise ImageFileError(f"{path}: must be given what OME-Zarr can hold: {error}") from None


def write_image(
    path: str | Path, image: Image, *, overwrite: bool = False, imagej: bool = False, levels: int | None = None,
    compression: Compression | None = None, version: Version = "0.5", labels: bool = False,
    shards: Sequence[int] | None = None,
) -> None:  # fmt: skip
    """Write an image to a file, which appears when it is whole.

    Parameters
    ----------
    path
        Path, whose ending is .ome.zarr or .zarr (a folder), .npy (pixels only), .tif, .ome.tif or .btf (OME-TIFF, or
        ImageJ's), .png, .jpg or .jpeg.
    image
        Image. Of one that is read as it is indexed, a few shards or a row of tiles are read at a time. The files that
        it was opened from, and those that its pixels are read from, are never overwritten.
    overwrite
        Whether a file that exists may be replaced. It stays until the new one is whole.
    imagej
        Whether a TIFF file is written as ImageJ writes it, without compression, and not as OME-TIFF.
    levels
        Number of levels of an OME-TIFF file or of OME-Zarr, each half as large along rows and columns (in OME-Zarr
        along z too, where pixels are not longer there), by means. None for one, or in OME-Zarr for as many as make the
        last one small.
    compression
        "zlib" or "none" for OME-TIFF, by default "zlib"; "zstd", "lz4" or "none" for OME-Zarr, by default "zstd".
    version
        Version of OME-Zarr; "0.4" has no shards.
    shards
        Lengths of the shards of OME-Zarr along its axes (t, c, z, y, x, those that there are); None for 32 to 64 MiB.
    labels
        Whether the pixels are labels, also where the image does not say so: coarse levels hold single ones of them
        instead of means.

    Raises
    ------
    ImageFileError
        ``PATH: must ...`` where `check_output` and `check_image` raise it.
    """
    run_to_end(
        write_steps(
            path, image, overwrite=overwrite, imagej=imagej, levels=levels, compression=compression, version=version,
            labels=labels, shards=shards,
        )
    )  # fmt: skip


def write_steps(
    path: str | Path, image: Image, *, overwrite: bool = False, imagej: bool = False, levels: int | None = None,
    compression: Compression | None = None, version: Version = "0.5", labels: bool = False,
    shards: Sequence[int] | None = None, threads: int | None = None,
) -> Generator[Progress, None, None]:  # fmt: skip
    """Write an image as `write_image` does, in a generator that yields progress and may be closed before its end.

    Parameters
    ----------
    path, image, overwrite, imagej, levels, compression, version, labels, shards
        As in `write_image`.
    threads
        Number of threads; by default the number of cores.
    """
    image = replace(image, is_labels=labels or image.is_labels)
    place = check_output(path, [*image.files, *files_read_by(image.array)], overwrite, imagej)
    kind = kind_of(place, imagej)
    check_image(place, image, imagej=imagej, levels=levels, version=version, shards=shards)
    allowed = {"zarr": ("zstd", "lz4", "none"), "ome": ("zlib", "none")}.get(kind, ())
    if compression is not None and compression not in allowed:
        raise ImageFileError(f"{place}: must have a compression among {', '.join(allowed) or 'none'}")
    if kind == "zarr":
        from .zarr.saving import save_zarr

        codec = compression or "zstd"
        options = {"levels": levels, "version": version, "shards": shards}
        layout = _layout(place, image, codec=codec, labels=image.is_labels, **options)
        yield from save_zarr(place, image, layout, overwrite, threads)
        return
    from ..engine.threads import run_tasks

    how = {"levels": levels or 1, "compression": compression or "zlib", "labels": image.is_labels}
    with published(place, overwrite) as beside:
        yield from run_tasks("Writing", [beside], partial(_write, place, image, kind, how), 1)


def _write(place: Path, image: Image, kind: Kind, options: dict[str, Any], beside: Path) -> None:
    """Write an image to a file beside its place, in a task that reports progress and may be canceled."""
    if kind == "numpy":
        _write_numpy(beside, image)
    elif kind == "picture":
        from .pictures import write_picture

        write_picture(beside, place, image)
    else:
        from .tiff.writing import write_imagej, write_ome

        if kind == "imagej":
            write_imagej(beside, place, image)
        else:
            write_ome(beside, place, image, **options)


def _write_numpy(path: Path, image: Image) -> None:
    """Write pixels as a NumPy file, part by part."""
    dtype: Any = np.dtype(image.dtype)
    with path.open("wb") as file:
        header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": image.shape}
        np.lib.format.write_array_header_1_0(file, header)
        row = max(int(np.prod(image.shape[1:], dtype=object)) * dtype.itemsize, 1)
        rows = max(BLOCK // row, 1)
        for first in range(0, image.shape[0], rows):
            checkpoint(first / image.shape[0])
            key = (slice(first, min(first + rows, image.shape[0])), *(slice(None),) * (len(image.shape) - 1))
            file.write(np.ascontiguousarray(image.array[key], dtype).tobytes())
