"""The Lens dock: corrections from a database of cameras and lenses, or with coefficients typed by the user."""

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
    """Corrects lenses by name, by a calibration target, or by a flat estimated from the planes of a stack."""

    family = "lens"
    first_operation = "correct_lens"  # the most common task
    first_options: ClassVar[Mapping[str, str]] = {"value_range": "dtype"}  # white is the maximum of the data type

    @staticmethod
    def make_panels(context: DockContext, forms: FormPanel, further_images: FurtherImagesPanel) -> tuple[Panel, ...]:
        """Return the panels for the lens, the calibration and the flat."""
        return LensPanel(context, forms), CalibrationPanel(context, forms), FlatPanel(context, forms, further_images)
