"""Reports on a deconvolution: the light in the result, and the changes to the point-spread function."""

from ..contract.operation import Report
from ..contract.quantities import percent
from ..contract.types import Array
from .point_spread.preparation import Border, Center, prepare_psf


def report_flux(psf: Array, center: Center, psf_border: Border, before: float, after: float) -> Report:
    """Report the sum of the result relative to that of the image, and how the point-spread function was changed."""
    _, changes = prepare_psf(psf, center, psf_border)
    flux = after / before if before > 0 else None
    sentences = [f"Flux: {percent(flux)} of the source's."] if flux is not None else []
    return Report({"flux": flux, "psf": changes}, " ".join([*sentences, *changes]))


def report_flux_without_background(
    psf: Array, center: Center, psf_border: Border, background: float, before: float, after: float, pixels: int
) -> Report:
    """Report as `report_flux` does, for an image whose background is not part of the result."""
    return report_flux(psf, center, psf_border, before - background * pixels, after)
