"""Pictures: PNG and JPEG files."""

import struct
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .image import Image
from .problems import ImageFileError, naming

SIGNATURES = {".png": b"\x89PNG\r\n\x1a\n", ".jpg": b"\xff\xd8\xff", ".jpeg": b"\xff\xd8\xff"}
DEEP = 16  # bits
GRAY = 0  # type of color of PNG
SHALLOW = ("1", "L", "LA", "RGB", "RGBA", "P", "PA")  # modes of pictures whose channels have at most 8 bits
QUALITY = 95  # of JPEG files, from 0 to 100


def read_picture(path: Path) -> Image:
    """Read a PNG or a JPEG file: gray, gray with opacity, RGB, or RGBA.

    Raises
    ------
    ImageFileError
        If the file is damaged, or has pixels that the reader would change: 16 bits in colors, or those of CMYK.
    """
    import imageio.v3 as iio
    from PIL import Image as Pillow

    with naming(path, "a picture that can be read"), path.open("rb") as file:
        head = file.read(32)
        if not head.startswith(SIGNATURES[path.suffix.lower()]):
            raise ImageFileError(f"{path}: must be a {path.suffix.lower()} file, which its first bytes are not of")
        if head.startswith(SIGNATURES[".png"]):
            bits, color = struct.unpack(">BB", head[24:26])
            if bits == DEEP and color != GRAY:
                raise ImageFileError(f"{path}: must have 8 bits a color; those of 16 bits would lose 8 of them")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of pictures with half as many pixels as are read
            try:
                Pillow.open(path).close()
            except Pillow.DecompressionBombError:
                most = 2 * (Pillow.MAX_IMAGE_PIXELS or 0)
                raise ImageFileError(f"{path}: must have at most {most} pixels; a TIFF file may have more") from None
            with iio.imopen(path, "r", plugin="pillow") as picture:
                mode = picture.metadata(index=0, exclude_applied=False).get("mode")
                if mode not in (*SHALLOW, "I;16", "I"):
                    raise ImageFileError(f"{path}: must be gray or RGB, not {mode}")
                array: NDArray[Any] = np.asarray(picture.read(index=0))
    if array.dtype == np.int32:  # which old versions of the reader make of 16 bits
        array = array.astype(np.uint16)
    axes = ("y", "x") if array.ndim == 2 else ("y", "x", "c")
    color_axis = 2 if array.ndim == 3 and array.shape[2] in (3, 4) else None
    note = "A picture says no pixel size."
    return Image(array, axes, channel_axis=color_axis, name=path.stem, notes=(note,), files=(path,))


def check_picture(path: Path, image: Image) -> None:
    """Refuse an image that a PNG file (8 bits, or 16 bits in gray) or a JPEG file (8 bits) cannot hold.

    Raises
    ------
    ImageFileError
        If the image is no plane of such numbers.
    """
    is_png, is_color = path.suffix.lower() == ".png", image.channel_axis is not None
    types = ("uint8", "uint16") if is_png and not is_color else ("uint8",)
    if len(image.places) != 2 or np.dtype(image.dtype).newbyteorder("=").name not in types:
        raise ImageFileError(
            f"{path}: must be a plane of {' or '.join(types)}, not {image.dtype} of shape {image.shape};"
            " write .npy or .tif, or rescale the values"
        )
    if not is_png and image.channel_axis is not None and image.shape[image.channel_axis] == 4:
        raise ImageFileError(f"{path}: must have no opacity, which JPEG files cannot hold; write .png")


def write_picture(beside: Path, path: Path, image: Image) -> None:
    """Write a plane, which `check_picture` has accepted, as the picture `path`, to a file beside it."""
    import imageio.v3 as iio

    order = [*image.places, *(() if image.channel_axis is None else (image.channel_axis,))]
    pixels = np.asarray(image.array[(slice(None),) * len(order)]).transpose(order)
    suffix = path.suffix.lower()
    options: dict[str, Any] = {} if suffix == ".png" else {"quality": QUALITY}
    native = pixels.astype(pixels.dtype.newbyteorder("="))
    iio.imwrite(beside, native, plugin="pillow", extension=suffix, **options)
