"""Camera and lens of the chosen layer: chosen by name, or read from its file."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from napari.layers import Layer

from ...contract.operation import Operation
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
NO_CAMERA = "The database knows no camera {!r}. {}"
GENERIC = "{} stands for its sensor."
CHOOSE_GENERIC = "Choose a generic one of its crop factor."
NO_LENS = "Choose the lens: {}."
OUTSIDE = "The {} of {:g} is none of this lens, which has {:g} to {:g}."
NOTHING = "{} tells nothing of camera and lens."
NO_FILE = "{} is no file on this computer: choose camera and lens by name."
WIDEST = {"focal_length": (0.1, 10_000.0), "aperture": (0.1, 256.0), "distance": (0.01, FAR)}  # without a lens
MANY = 100  # planes: no photograph, and to read what is said of each of them takes long
ROUNDED = 0.02  # by which the numbers of a file may differ from those of the database
PARTS = ("correct_distortion", "correct_vignetting")  # operations whose kernels a correction by name runs


class LensPanel(Panel):
    """The camera and lens of `correct_lens`, prefilled from the picture's file.

    Parameters
    ----------
    context
        What the panels of the dock share.
    forms
        Where camera, lens and what is known of the picture are typed.
    """

    name = "lenses"

    def __init__(self, context: DockContext, forms: FormPanel) -> None:
        self._context, self._forms = context, forms
        self.widget = self.box = LensBox()
        self._fields = SavedFields(self.box, others=self.box.others)
        self._read: str | None = None  # the file that was read last
        self._reading = VisibleRefresh(self.box, self._read_new)
        self._fields.changed.connect(self.tell_changed)
        self.box.chosen.connect(self._take)
        self.box.asked.connect(self._read_again)

    def show_for(self, layer: Layer | None, operation: Operation, level: int) -> None:
        """Show camera and lens, and read the layer's file as soon as somebody looks."""
        by_name = operation.id == "correct_lens"
        self.box.setVisible(by_name)
        self.box.file_button.setEnabled(layer is not None and layer.source.path is not None)
        if not by_name:
            return
        if layer is not None:  # without a lens there is nothing to try: its kernels are those of its parts
            for id in PARTS:
                op = self._context.operations.operations[id]
                load_kernels(op, str(layer.dtype), 2, bool(getattr(layer, "rgb", False)))
        form = self._forms.form
        for name in ("camera", "lens"):
            form[name].visible = False  # the box stands for them
        self._bound()
        self.box.show_chosen(form["camera"].value, form["lens"].value)
        self._reading.when_visible()

    def _take(self, camera: str, lens: str) -> None:
        """Type what was chosen in the box into the form."""
        self._forms.form.load({"camera": camera, "lens": lens})

    def _read_new(self) -> None:
        """Read the layer's file once."""
        layer = self._context.layer
        path = None if layer is None or math.prod(shape_at(layer)[:-2]) > MANY else layer.source.path
        if self._context.operations.operation.id == "correct_lens" and path is not None and path != self._read:
            self._prefill(path, quietly=True)

    def _bound(self) -> None:
        """Hold focal length, aperture and distance within the entry's bounds, and offer what it corrects."""
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
        """Fill in what a file tells of the camera and the lens."""
        self._read = path
        found = read_exif(path)
        if found is None:
            if not quietly:
                self._context.tell((NOTHING if is_file(path) else NO_FILE).format(Path(path).name))
            return
        self._context.tell(self._fill_in(found))

    def _fill_in(self, found: ExifData) -> str:
        """Fill in what is known of a picture, and say it."""
        said = [FOUND.format(found)]
        if not known_cameras():
            return f"{said[0]} {NO_DATABASE}"
        camera = lensfun_database.find_camera(found.maker, found.camera)
        if camera is None:
            camera = lensfun_database.generic_camera(found.crop_factor) if found.crop_factor else None
            said.append(NO_CAMERA.format(found.camera, GENERIC.format(camera) if camera else CHOOSE_GENERIC))
        lens = lensfun_database.find_lens(camera, found.lens) if camera else None
        if camera and lens is None:
            said.append(NO_LENS.format(f"none is called {found.lens!r}" if found.lens else "the file does not name it"))
        self._forms.form.load({"camera": camera or "", "lens": lens or ""})
        values = {"focal_length": found.focal_length, "aperture": found.aperture, "distance": found.distance}
        for name, (low, high) in _limits(camera, lens).items():
            value = values[name]
            if value is not None and (name == "distance" or low * (1 - ROUNDED) <= value <= high * (1 + ROUNDED)):
                self._forms.form.load({name: min(max(value, low), high)})
            elif value is not None:
                said.append(OUTSIDE.format(name.replace("_", " "), value, low, high))
        return " ".join(said)

    def save_state(self) -> dict[str, Any]:
        """Return which lenses are listed."""
        return self._fields.save_state()

    def restore_state(self, saved: Mapping[str, Any]) -> None:
        """List the lenses that were listed."""
        self._fields.restore_state(saved)


def _limits(camera: str | None, lens: str | None) -> dict[str, tuple[float, float]]:
    """Lowest and highest focal length, aperture and distance that a lens can be asked for."""
    if not camera or not lens:
        return WIDEST
    limits = {}
    for (name, (low, high)), own in zip(
        WIDEST.items(), lensfun_database.bounds(lensfun_database.entry(lens, camera)), strict=True
    ):
        least, most = own or (None, None)
        limits[name] = (low if least is None else least, high if most is None else most)
    return limits
