"""Estimation of the noise level of an image."""

from typing import Annotated, Any

from ..contract import types as t
from ..contract.operation import BlockInfo, operation
from ..contract.reach import POINTWISE
from .wavelet_shrinkage import NOISE
from .wavelets import wavelet_names


@operation("Noise level", values="normalized", reach=POINTWISE, statistics=NOISE)
def noise_level(
    image: t.Image,
    /,
    *,
    wavelet: Annotated[str, t.Choices(wavelet_names)] = "db2",
    info: BlockInfo,
    measured: Any,
) -> t.Image:
    """Return the image; `measured` is the standard deviation of its noise, as a fraction of the value range."""
    return image
