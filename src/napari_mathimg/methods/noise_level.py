"""How strong the noise of an image is."""

from typing import Annotated, Any

from ..contract import types as t
from ..contract.operation import BlockInfo, operation
from ..contract.reach import POINTWISE
from . import wavelets


@operation("Noise level", values="normalized", reach=POINTWISE, statistics=wavelets.noise_statistics(pooled=True))
def noise_level(
    image: t.Image,
    /,
    *,
    wavelet: Annotated[str, t.Choices(wavelets.wavelet_names)] = "db2",
    info: BlockInfo,
    measured: Any,
) -> t.Image:
    """Keep the image; `measured` holds the standard deviation of its noise, as a share of the value range."""
    return image
