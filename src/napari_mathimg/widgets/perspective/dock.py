"""The Perspective dock, which rectifies a quadrilateral whose corners are marked in the image."""

from ..dock.dock_context import DockContext
from ..dock.family_dock import FamilyDock
from ..dock.form_panel import FormPanel
from ..dock.further_images import FurtherImagesPanel
from ..dock.panel import Panel
from .corners_panel import CornersPanel
from .preview_panel import PreviewPanel
from .rectangle_panel import RectanglePanel
from .result_outline import OutlinePanel


class PerspectiveDock(FamilyDock):
    """Lets the user click, drag, snap or type corners, shows an outline and a preview, and rectifies on Run."""

    family = "perspective"

    @staticmethod
    def make_panels(context: DockContext, forms: FormPanel, further_images: FurtherImagesPanel) -> tuple[Panel, ...]:
        """Return the panels for the corners, the preview, the rectangle and its outline."""
        preview, rectangle = PreviewPanel(context), RectanglePanel(context)
        return CornersPanel(context, forms, rectangle, preview), preview, rectangle, OutlinePanel(context)
