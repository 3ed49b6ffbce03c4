"""The Lens dock: corrections from a database of cameras and lenses, or by hand."""

import math
from pathlib import Path
from typing import Any

from qtpy.QtWidgets import QWidget

from ...io.exif import FAR, ExifData, is_file, read_exif
from ...methods.lens import lensfun_database
from ..dock.family_dock import FamilyDock
from ..form.fields import limit
from ..layers.levels import array_of, level_like, shape_at
from ..settings.saved_fields import SavedFields
from ..tasks.kernel_loading import load_kernels
from .calibration_panel import CalibrationBox
from .flat_panel import FlatBox
from .lens_panel import NO_DATABASE, LensBox, known_cameras

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


class LensDock(FamilyDock):
    """Camera and lens are found by name, prefilled from the picture's file."""

    family = "lens"
    flat: FlatBox

    def _panels(self) -> tuple[QWidget, ...]:
        self.operation = "correct_lens"  # what one comes for, unless coefficients are known
        self._read: str | None = None  # the file that was read last
        self._ranged = False
        self.box = LensBox()
        self.box.chosen.connect(self._take)
        self.box.asked.connect(self._read_again)
        self.calibration = CalibrationBox(self._viewer, lambda: self.form["model"].value)
        self.calibration.found.connect(self._take_calibration)
        self.flat = flat = FlatBox(self._viewer)
        flat.button.clicked.connect(self._estimate_flat)
        flat.made.connect(self._take_flat)
        self.memory.keep("calibration", self.calibration.kept)
        self.memory.keep("lenses", SavedFields(self, others=self.box.others))
        self._undo += [self.calibration.disconnect_from_viewer, flat.task.cancel]
        return (self.box, self.calibration, flat)

    def _may_follow(self, layer: Any) -> bool:
        adding = hasattr(self, "flat") and self.flat.is_adding  # layers are followed before there is one
        return super()._may_follow(layer) and not adding

    def _show(self, event: Any = None) -> None:
        super()._show()
        layer, by_name = self.picker.layer, self.operation.id == "correct_lens"
        self.box.setVisible(by_name)
        self.calibration.setVisible(self.operation.id == "correct_distortion")
        self.flat.setVisible(self.operation.id == "flat_field" and layer is not None)
        if self.operation.id == "correct_distortion":
            self.calibration.show_for(layer, 0 if layer is None else self.options.level_of(layer))
        if layer is not None and not self._ranged:  # photographs are black at 0 and white at the end of their type
            self._ranged = True
            if not self.memory.has_choice("value_range"):
                self.options.choose(self.options.value_range, "dtype")
        path = None if layer is None else layer.source.path
        self.box.file_button.setEnabled(path is not None)
        if not by_name:
            return
        if layer is not None:  # without a lens there is nothing to try: its kernels are those of its parts
            for id in ("correct_distortion", "correct_vignetting"):
                load_kernels(self._operations[id], str(layer.dtype), 2, bool(getattr(layer, "rgb", False)))
        for name in ("camera", "lens"):
            self.form[name].visible = False  # the box stands for them
        self._bound()
        self.box.show_chosen(self.form["camera"].value, self.form["lens"].value)
        self._read_new()

    def showEvent(self, event: Any) -> None:
        """Read the file of a layer that was chosen while the dock was not to be seen."""
        super().showEvent(event)
        self._read_new()

    def _read_new(self) -> None:
        """Read the layer's file once, as soon as somebody looks."""
        layer = self.picker.layer
        path = None if layer is None or math.prod(shape_at(layer)[:-2]) > MANY else layer.source.path
        if self.isVisible() and self.operation.id == "correct_lens" and path is not None and path != self._read:
            self._prefill(path, quietly=True)

    def _estimate_flat(self) -> None:
        """Make a layer of the light that the chosen layer's planes have in common."""
        layer = self.picker.layer
        if layer is None:
            return
        try:
            options, _ = self.options.options(layer, self.operation, self._viewer.dims)
        except ValueError as error:
            self.bar.tell_failure(error)
            return
        dark, level = self.further_images.pickers["dark"].layer, self.options.level_of(layer)
        image = None if dark is None else array_of(dark, level_like(dark, shape_at(layer, level)) or 0)
        self.flat.start(layer, level, image, self.form["degree"].value, options)

    def _take_calibration(self) -> None:
        """Type what a calibration found where it belongs, whatever is chosen by now."""
        self.operation = "correct_distortion"
        self.form.load(self.calibration.parameters())

    def _take_flat(self, layer: Any) -> None:
        """Choose the flat that was estimated, unless another operation was chosen meanwhile."""
        picker = self.further_images.pickers.get("flat")
        if picker is not None:
            picker.choose(layer.name)

    def _take(self, camera: str, lens: str) -> None:
        """Type what was chosen in the box into the form."""
        self.form.load({"camera": camera, "lens": lens})

    def _bound(self) -> None:
        """Hold focal length, aperture and distance within the entry's bounds, and offer what it corrects."""
        camera, lens = self.form["camera"].value, self.form["lens"].value
        for name, (low, high) in _limits(camera, lens).items():
            limit(self.form[name], low, high)
        offered = lensfun_database.known_corrections(lens, camera) if camera and lens else (True, True, True)
        for name, has in zip(("distortion", "aberration", "vignetting"), offered, strict=True):
            self.form[name].enabled = has

    def _read_again(self) -> None:
        layer = self.picker.layer
        if layer is not None and layer.source.path is not None:
            self._prefill(layer.source.path, quietly=False)

    def _prefill(self, path: str, quietly: bool) -> None:
        """Fill in what a file tells of the camera and the lens."""
        self._read = path
        found = read_exif(path)
        if found is None:
            if not quietly:
                self.message.setText((NOTHING if is_file(path) else NO_FILE).format(Path(path).name))
            return
        self.message.setText(self._fill_in(found))

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
        self.form.load({"camera": camera or "", "lens": lens or ""})
        values = {"focal_length": found.focal_length, "aperture": found.aperture, "distance": found.distance}
        for name, (low, high) in _limits(camera, lens).items():
            value = values[name]
            if value is not None and (name == "distance" or low * (1 - ROUNDED) <= value <= high * (1 + ROUNDED)):
                self.form.load({name: min(max(value, low), high)})
            elif value is not None:
                said.append(OUTSIDE.format(name.replace("_", " "), value, low, high))
        return " ".join(said)


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
