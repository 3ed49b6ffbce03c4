"""The docks of the families that need no panels of their own."""

from .family_dock import FamilyDock


class GeometryDock(FamilyDock):
    """The dock for geometric transforms."""

    family = "geometry"


class IntensityDock(FamilyDock):
    """The dock for intensity transforms."""

    family = "intensity"


class NoiseDock(FamilyDock):
    """The dock for noise models."""

    family = "noise"


class DenoiseDock(FamilyDock):
    """The dock for smoothing and noise removal."""

    family = "denoise"


class BlurDock(FamilyDock):
    """The dock for blur."""

    family = "blur"


class DeconvolveDock(FamilyDock):
    """The dock for deconvolution, which removes a known blur."""

    family = "deconvolve"
