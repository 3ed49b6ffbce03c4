"""Stand-ins for czifile, liffile and nd2: what their documentation says of the parts that are used here."""

from types import SimpleNamespace
from typing import Any, ClassVar
from xml.etree import ElementTree as ET

import numpy as np


class Closable:
    opened: ClassVar["list[Closable]"] = []

    def __init__(self, path: Any) -> None:
        self.is_open = True
        Closable.opened.append(self)

    def close(self) -> None:
        self.is_open = False

    def __enter__(self) -> "Closable":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class CziScene:
    """A scene of czifile: its planes and pixels are counted from where the file begins to count them."""

    def __init__(self, dims: str, array: np.ndarray, start: dict[str, int], **known: Any) -> None:
        self.dims, self.array = tuple(dims), array
        self.shape, self.dtype = array.shape, array.dtype
        self.start = tuple(start.get(d, 0) for d in dims)
        sizes = dict(zip(dims, array.shape, strict=True))
        self.bbox = (start.get("X", 0), start.get("Y", 0), sizes["X"], sizes["Y"])
        self.coord_scales: dict[str, float] = {}
        self.coord_units: dict[str, str] = {}
        self.channels: dict[str, dict[str, Any]] = {}
        self.directory_entries = [SimpleNamespace(shape=array.shape)]
        self.covered = np.ones(array.shape, bool)
        vars(self).update(known)

    def __call__(self, *, roi: tuple[int, int, int, int], **at: int) -> "CziPart":
        left, top, width, height = roi
        spans = {"X": (left, width), "Y": (top, height)}
        key: list[Any] = []
        for dim, first in zip(self.dims, self.start, strict=True):
            a, n = spans.get(dim, (at.get(dim, first), 0))
            assert a >= first
            key.append(slice(a - first, a - first + n) if n else slice(None) if dim == "S" else a - first)
        return CziPart(self.array[tuple(key)], self.covered[tuple(key)])


class CziPart:
    def __init__(self, pixels: np.ndarray, covered: np.ndarray) -> None:
        self._pixels, self._covered = pixels, covered

    def asarray(self, fillvalue: Any = None) -> np.ndarray:
        """Return the pixels; without a value for gaps of a mosaic, these are what was in memory, as of 2019."""
        filled = np.where(self._covered, self._pixels, 99 if fillvalue is None else fillvalue)
        return filled.astype(self._pixels.dtype).squeeze()


def czifile(*scenes: CziScene) -> Any:
    class CziFile(Closable):
        def __init__(self, path: Any) -> None:
            super().__init__(path)
            self.scenes = {3 * k: scene for k, scene in enumerate(scenes)}

    return SimpleNamespace(CziFile=CziFile)


class LifImage:
    def __init__(self, name: str, dims: str, array: np.ndarray, xml: str) -> None:
        self.name, self.dims, self.shape, self.dtype = name, tuple(dims), array.shape, array.dtype
        body = f"<E><Data><Image><ImageDescription>{xml}</ImageDescription></Image></Data></E>"
        self.xml_element = ET.fromstring(body)
        self.frames = SimpleNamespace(frame_dims=tuple(d for d in dims if d in "YXS"))
        self._array = array

    def frame(self, **at: int) -> np.ndarray:
        return self._array[tuple(at[d] if d in at else slice(None) for d in self.dims)]


def liffile(*images: LifImage) -> Any:
    class LifFile(Closable):
        def __init__(self, path: Any) -> None:
            super().__init__(path)
            self.images = list(images)

    return SimpleNamespace(LifFile=LifFile)


def lif_dimension(number: int, count: int, length: float, unit: str) -> str:
    return (
        f'<DimensionDescription DimID="{number}" NumberOfElements="{count}" Origin="0" Length="{length}"'
        f' Unit="{unit}" BytesInc="0" BitInc="0"/>'
    )


def lif_channel(table: str, dye: str = "") -> str:
    told = f"<ChannelProperty><Key>DyeName</Key><Value>{dye}</Value></ChannelProperty>" if dye else ""
    return f'<ChannelDescription LUTName="{table}">{told}</ChannelDescription>'


def nd2(
    sizes: dict[str, int], array: np.ndarray, voxel: tuple[float, ...], loops: list[Any], channels: list[Any]
) -> Any:
    """Return a stand-in for nd2; the frames of the array lie in the order of its leading axes."""

    class ND2File(Closable):
        dtype = array.dtype

        def __init__(self, path: Any) -> None:
            super().__init__(path)
            self.sizes, self.experiment = sizes, loops
            self.metadata = SimpleNamespace(channels=channels)

        def voxel_size(self) -> tuple[float, ...]:
            return voxel

        def read_frame(self, number: int) -> np.ndarray:
            lead = sum(letter not in "CYXS" for letter in sizes)
            frames = array.reshape(-1, *array.shape[lead:])
            frame: np.ndarray = frames[number].squeeze()
            return frame

    return SimpleNamespace(ND2File=ND2File)


def nd2_channel(name: str, color: tuple[int, int, int], calibrated: tuple[bool, bool, bool] = (True,) * 3) -> Any:
    shown = SimpleNamespace(r=color[0], g=color[1], b=color[2], a=1.0)
    return SimpleNamespace(
        channel=SimpleNamespace(name=name, color=shown), volume=SimpleNamespace(axesCalibrated=calibrated)
    )
