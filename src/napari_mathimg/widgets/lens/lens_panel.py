"""The panel for the camera and the lens, which the user chooses or the layer's file names."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from napari.layers import Layer

from ...contract.operation import Operation
from ...contract.quantities import number
from ...io.exif import FAR, ExifData, is_file, read_exif
from ...methods.lens import lensfun_database
from ..dock.dock_context import DockContext
from ..dock.form_panel import FormPanel
from ..dock.panel import Panel
from ..form.fields import limit
from ..layers.levels import shape_at
from ..qt.visible_refresh import VisibleRefresh
from ..settings.saved_fields import SavedFields
from ..tasks.kernel_loading import load_kernels
from .lens_box import NO_DATABASE, LensBox, known_cameras

FOUND = "Taken with {}."
NO_CAMERA = "The database has no camera {!r}. {}"
GENERIC = "{} was chosen for its sensor size."
CHOOSE_GENERIC = "Choose a generic camera with its crop factor."
NO_LENS = "Choose the lens: {}."
OUTSIDE = "The {} of {} is outside the range of this lens, {} to {}."
NOTHING = "{} does not name a camera or a lens."
NO_FILE = "{} is not a file on this computer: choose camera and lens by name."
WIDEST = {"focal_length": (0.1, 10_000.0), "aperture": (0.1, 256.0), "distance": (0.01, FAR)}  # without a lens
MANY = 100  # planes: such a stack is not a photograph, and reading the metadata of all planes is slow
ROUNDED = 0.02  # relative tolerance between the numbers of a file and those of the database
PARTS = ("correct_distortion", "correct_vignetting")  # operations whose kernels `correct_lens` runs


class LensPanel(Panel):
    """Sets the camera and the lens of `correct_lens`, prefilled from the layer's file.

    Parameters
    ----------
    context
        The state that the panels of the dock share.
    forms
        The forms of the dock, which hold camera, lens and the settings of the exposure.
    """

    name = "lenses"

    def __init__(self, context: DockContext, forms: FormPanel) -> None:
        self._context, self._forms = context, forms
        self.widget = self.box = LensBox()
        self._fields = SavedFields(self.box, others=self.box.others)
        self._read: str | None = None  # path of the file that was read last
        self._reading = VisibleRefresh(self.box, self._read_new)
        self._fields.changed.connect(self.tell_changed)
        self.box.chosen.connect(self._take)
        self.box.asked.connect(self._read_again)

    def show_for(self, layer: Layer | None, operation: Operation, level: int) -> None:
        """Show camera and lens, and read the layer's file once the panel is visible."""
        by_name = operation.id == "correct_lens"
        self.box.setVisible(by_name)
        self.box.file_button.setEnabled(layer is not None and layer.source.path is not None)
        if not by_name:
            return
        if layer is not None:  # `correct_lens` cannot be tried without a lens, so load the kernels of its parts
            for id in PARTS:
                op = self._context.operations.operations[id]
                load_kernels(op, str(layer.dtype), 2, bool(getattr(layer, "rgb", False)))
        form = self._forms.form
        for name in ("camera", "lens"):
            form[name].visible = False  # the box replaces these fields
        self._bound()
        self.box.show_chosen(form["camera"].value, form["lens"].value)
        self._reading.when_visible()

    def _take(self, camera: str, lens: str) -> None:
        """Enter the choice of the box in the form."""
        self._forms.form.load({"camera": camera, "lens": lens})

    def _read_new(self) -> None:
        """Read the layer's file unless it was the last one read."""
        layer = self._context.layer
        path = None if layer is None or math.prod(shape_at(layer)[:-2]) > MANY else layer.source.path
        if self._context.operations.operation.id == "correct_lens" and path is not None and path != self._read:
            self._prefill(path, quietly=True)

    def _bound(self) -> None:
        """Limit focal length, aperture and distance to the lens, and enable only its known corrections."""
        camera, lens = self._forms.form["camera"].value, self._forms.form["lens"].value
        for name, (low, high) in _limits(camera, lens).items():
            limit(self._forms.form[name], low, high)
        offered = lensfun_database.known_corrections(lens, camera) if camera and lens else (True, True, True)
        for name, has in zip(("distortion", "aberration", "vignetting"), offered, strict=True):
            self._forms.form[name].enabled = has

    def _read_again(self) -> None:
        layer = self._context.layer
        if layer is not None and layer.source.path is not None:
            self._prefill(layer.source.path, quietly=False)

    def _prefill(self, path: str, quietly: bool) -> None:
        """Fill in the camera and the lens from a file's metadata."""
        self._read = path
        exif = read_exif(path)
        if exif is None:
            if not quietly:
                self._context.tell((NOTHING if is_file(path) else NO_FILE).format(Path(path).name))
            return
        self._context.tell(self._fill_in(exif))

    def _fill_in(self, exif: ExifData) -> str:
        """Fill in the metadata of a photograph, and return a summary."""
        sentences = [FOUND.format(exif)]
        if not known_cameras():
            return f"{sentences[0]} {NO_DATABASE}"
        camera = lensfun_database.find_camera(exif.maker, exif.camera)
        if camera is None:
            camera = lensfun_database.generic_camera(exif.crop_factor) if exif.crop_factor else None
            sentences.append(NO_CAMERA.format(exif.camera, GENERIC.format(camera) if camera else CHOOSE_GENERIC))
        lens = lensfun_database.find_lens(camera, exif.lens) if camera else None
        if camera and lens is None:
            sentences.append(
                NO_LENS.format(f"none is called {exif.lens!r}" if exif.lens else "the file does not name it")
            )
        self._forms.form.load({"camera": camera or "", "lens": lens or ""})
        values = {"focal_length": exif.focal_length, "aperture": exif.aperture, "distance": exif.distance}
        for name, (low, high) in _limits(camera, lens).items():
            value = values[name]
            if value is not None and (name == "distance" or low * (1 - ROUNDED) <= value <= high * (1 + ROUNDED)):
                self._forms.form.load({name: min(max(value, low), high)})
            elif value is not None:
                sentences.append(OUTSIDE.format(name.replace("_", " "), *map(number, (value, low, high))))
        return " ".join(sentences)

    def save_state(self) -> dict[str, Any]:
        """Return whether lenses that do not fit are listed."""
        return self._fields.save_state()

    def restore_state(self, saved: Mapping[str, Any]) -> None:
        """Restore whether lenses that do not fit are listed."""
        self._fields.restore_state(saved)


def _limits(camera: str | None, lens: str | None) -> dict[str, tuple[float, float]]:
    """Return the lowest and highest focal length, aperture and distance of a lens."""
    if not camera or not lens:
        return WIDEST
    limits = {}
    for (name, (low, high)), bounds in zip(
        WIDEST.items(), lensfun_database.bounds(lensfun_database.entry(lens, camera)), strict=True
    ):
        least, most = bounds or (None, None)
        limits[name] = (low if least is None else least, high if most is None else most)
    return limits
