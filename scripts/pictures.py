"""Draw the pictures of the help pages: what each operation makes of a sample.

python scripts/pictures.py           draw those that are missing, remove those of no operation
python scripts/pictures.py --all     draw all anew
python scripts/pictures.py NAME ...  draw these anew

An operation needs no entry here: it is tried with its defaults and, where these leave the sample as it is, with the
parameters of its row in tests/cases.py. `SHOWN` has parameters that show more.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from scipy import ndimage as ndi
from skimage import data

from napari_mathimg import Options, apply, operations
from napari_mathimg.contract.operation import Operation
from napari_mathimg.widgets.help.page import PICTURES

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from cases import BY_NAME

SIDE = 144  # of a sample in pixels
GAP = 12  # between before and after
MOST = 40_000  # bytes of a picture
SHADES = (128, 64, 32, 16)  # numbers of grays, the most that MOST allows
SHOWN: dict[str, dict[str, Any]] = {
    "affine": {"scale": (0.8, 0.8), "rotation": 20.0, "shear": (15.0, 0.0)},
    "add_poisson_noise": {"photons": 40.0},
    "add_salt_and_pepper_noise": {"amount": 0.1},
    "add_speckle_noise": {"var": 0.05},
    "adjust_gamma": {"gamma": 2.2},
    "clip": {"low": 60.0, "high": 130.0, "outside": "zero"},
    "crop": {"start": (20, 30), "stop": (100, 120)},
    "denoise_bilateral": {"sigma_color": 0.25, "sigma_spatial": 2.0},
    "denoise_nl_means": {"sigma": 0.08},
    "denoise_tv_bregman": {"weight": 0.15},
    "denoise_tv_chambolle": {"weight": 0.15},
    "homography": {"matrix": ((1.0, 0.15, 0.0), (0.05, 1.1, 0.0), (0.001, 0.002, 1.0))},
    "median": {"size": 5.0},
    "rectify": {"corners": ((20.0, 30.0), (35.0, 130.0), (120.0, 110.0), (130.0, 15.0))},
    "rescale": {"scale": 0.5},
    "rescale_intensity": {"out_range": (90.0, 180.0)},
    "resize": {"output_shape": (72, 144)},
    "rotate": {"angle": 30.0},
    "swirl": {"strength": 6.0, "radius": 90.0},
    "gaussian": {"sigma": 2.0},
}


def photograph() -> np.ndarray:
    """Return the sample: a head and a camera, in grays."""
    return _shrunk(data.camera()[0:432, 60:492])


def micrograph() -> np.ndarray:
    """Return the sample in colors."""
    return np.dstack([_shrunk(c) for c in np.moveaxis(data.immunohistochemistry()[:432, :432], -1, 0)])


def _shrunk(image: np.ndarray) -> np.ndarray:
    """Return means of squares of 3 x 3 pixels."""
    means = image[: 3 * SIDE, : 3 * SIDE].reshape(SIDE, 3, SIDE, 3).mean((1, 3))
    return np.rint(means).astype(np.uint8)


def spread() -> np.ndarray:
    """Return a point-spread function: a disk."""
    y, x = np.ogrid[-3:4, -3:4]
    disk = (y * y + x * x <= 10).astype(float)
    return disk / disk.sum()


def before(op: Operation) -> np.ndarray:
    """Return what an operation is shown on: something that it is for."""
    if op.channels == "reduce":
        return micrograph()
    image = photograph()
    if op.family == "denoise":
        return apply(image, "add_gaussian_noise", var=0.006, options=Options(value_range="dtype"))
    if op.family == "deconvolve":
        return np.rint(ndi.convolve(image.astype(float), spread())).astype(np.uint8)
    return image


def further(op: Operation) -> tuple[np.ndarray, ...]:
    """Return the further images that an operation needs."""
    image = photograph()
    made = {"whole": spread(), "aligned": np.full(image.shape, 0.01), "reference": data.coins()}
    return tuple(made[role] for name, role in op.images[1:] if name not in op.optional)


def result(op: Operation, image: np.ndarray) -> tuple[np.ndarray, dict[str, Any]]:
    """Return what an operation makes of an image, and the parameters that show it."""
    options = Options(value_range="dtype", channel_axis=-1 if image.ndim == 3 else None)
    reasons = []
    for parameters in filter(lambda p: p is not None, (SHOWN.get(op.id), {}, BY_NAME[op.id].parameters)):
        try:
            made = apply(image, op.id, *further(op), options=options, **parameters)
        except ValueError as error:
            reasons.append(str(error))
            continue
        if made.shape != image.shape or not np.array_equal(made, image):
            return made, parameters
        reasons.append(f"{parameters}: the image stays as it is")
    raise SystemExit(f"{op.id}: nothing to show ({'; '.join(reasons)}); add parameters to SHOWN")


def cell(image: np.ndarray) -> Image.Image:
    """Return an image as a picture no larger than the sample, as large beside it as it is."""
    picture = Image.fromarray(image)
    if max(picture.size) > SIDE:
        share = SIDE / max(picture.size)
        picture = picture.resize([max(round(n * share), 1) for n in picture.size], Image.Resampling.LANCZOS)
    return picture.convert("RGB")


def draw(op: Operation) -> None:
    """Write the picture of an operation: before, and after."""
    image = before(op)
    made, parameters = result(op, image)
    made = made[-1] if made.ndim > image.ndim else made  # the last of its frames
    sheet = Image.new("RGB", (2 * SIDE + GAP, SIDE))
    empty = np.ones((SIDE, 2 * SIDE + GAP), bool)
    for left, part in ((0, cell(image)), (SIDE + GAP, cell(made))):
        left, top = left + (SIDE - part.width) // 2, (SIDE - part.height) // 2
        sheet.paste(part, (left, top))
        empty[top : top + part.height, left : left + part.width] = False
    words = ", ".join(f"{name} = {value}" for name, value in parameters.items())
    text = PngInfo()
    text.add_text("Description", "Before and after" + (f": {words}." if words else ", with the defaults."))
    path = PICTURES / f"{op.id}.png"
    for shades in SHADES:
        reduced = sheet.quantize(shades, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        palette = (reduced.getpalette() or [])[: 3 * shades]
        clear = len(palette) // 3  # a color of its own for what is see-through
        reduced.putpalette([*palette, 128, 128, 128])
        reduced.paste(clear, (0, 0), Image.fromarray(empty))
        reduced.save(path, optimize=True, pnginfo=text, transparency=clear)
        if path.stat().st_size < MOST:
            return
    raise SystemExit(f"{path.name}: larger than {MOST} bytes")


def main() -> None:
    """Draw what is asked for."""
    PICTURES.mkdir(exist_ok=True)
    for path in PICTURES.glob("*.png"):
        if path.stem not in operations():
            path.unlink()
    asked = sys.argv[1:]
    for op in operations().values():
        if asked == ["--all"] or op.id in asked or not (PICTURES / f"{op.id}.png").exists():
            draw(op)
            print(f"{op.id}: {(PICTURES / f'{op.id}.png').stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
