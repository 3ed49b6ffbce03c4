"""The docks that are a family's operations and nothing more."""

from .family_dock import FamilyDock


class GeometryDock(FamilyDock):
    """Changes of an image's domain."""

    family = "geometry"


class IntensityDock(FamilyDock):
    """Changes of intensities."""

    family = "intensity"


class NoiseDock(FamilyDock):
    """Noise models."""

    family = "noise"


class DenoiseDock(FamilyDock):
    """Smoothing and noise removal."""

    family = "denoise"


class BlurDock(FamilyDock):
    """Blur."""

    family = "blur"


class DeconvolveDock(FamilyDock):
    """Undoing a known blur."""

    family = "deconvolve"
