"""The Lens dock: corrections from a database of cameras and lenses, or by hand."""

from collections.abc import Mapping
from typing import ClassVar

from ..dock.dock_context import DockContext
from ..dock.family_dock import FamilyDock
from ..dock.form_panel import FormPanel
from ..dock.further_images import FurtherImagesPanel
from ..dock.panel import Panel
from .calibration_panel import CalibrationPanel
from .flat_panel import FlatPanel
from .lens_panel import LensPanel


class LensDock(FamilyDock):
    """Camera and lens are found by name, coefficients by a target, the light by the planes of a stack."""

    family = "lens"
    first_operation = "correct_lens"  # what one comes for, unless coefficients are known
    first_options: ClassVar[Mapping[str, str]] = {"value_range": "dtype"}  # white is the end of a photograph's type

    @staticmethod
    def make_panels(context: DockContext, forms: FormPanel, further_images: FurtherImagesPanel) -> tuple[Panel, ...]:
        """Return the panels for a lens, a calibration and a flat."""
        return LensPanel(context, forms), CalibrationPanel(context, forms), FlatPanel(context, forms, further_images)
