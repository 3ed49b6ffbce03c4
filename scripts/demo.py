"""Open napari with a sample and a dock, or walk the worked examples without a display.

The walk works the docks as a user does: it chooses layers and operations, types values into the forms and presses
Run. Pictures of the window go to OUTPUT/windows, results to OUTPUT/results.
"""

import argparse
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import napari
import numpy as np
from napari.layers import Layer
from napari.qt import get_qapp
from PIL import Image
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QAbstractSpinBox, QApplication, QCheckBox, QComboBox, QDockWidget, QWidget
from scipy import ndimage as ndi
from skimage import data, filters, measure
from vispy.gloo import glir

from napari_mathimg.catalog import find
from napari_mathimg.contract.progress import run_to_end
from napari_mathimg.io.image import Image as FileImage
from napari_mathimg.io.writing import write_image
from napari_mathimg.methods.lens.calibration import find_target, straightness
from napari_mathimg.widgets.batch.dock import BatchDock
from napari_mathimg.widgets.dock.family_dock import FamilyDock
from napari_mathimg.widgets.help.window import HelpWindow
from napari_mathimg.widgets.histogram.dock import HistogramDock
from napari_mathimg.widgets.history.dock import HistoryDock
from napari_mathimg.widgets.lens.calibration_panel import CalibrationPanel
from napari_mathimg.widgets.lens.dock import LensDock
from napari_mathimg.widgets.perspective.corners_panel import CornersPanel
from napari_mathimg.widgets.perspective.dock import PerspectiveDock
from napari_mathimg.widgets.perspective.rectangle_panel import RectanglePanel
from napari_mathimg.widgets.perspective.result_outline import OutlinePanel
from napari_mathimg.widgets.place.open_dock import open_dock
from napari_mathimg.widgets.qt.layout import dock_of

WINDOW = 1280, 800
PATIENCE = 60.0  # seconds a run may take
DRAWING = 150  # milliseconds from one look at the screen to the next
OPTIONS = {"process": "planes", "scope": "all", "value_range": "dtype"}  # the range of the published examples
IMAGES = Path(__file__).parents[1] / "docs" / "images"
PICTURES = (  # kept in IMAGES
    "window", "domain", "crop-rectangle", "swirl", "labels", "corners", "perspective", "lens", "equalize", "sigmoid",
    "light", "progress", "menu", "noise", "deconvolve", "help", "history", "batch", "histogram",
    "histogram-equalize_hist", "histogram-equalize_adapthist",
    "histogram-narrow", "histogram-narrow-light", "histogram-light",
)  # fmt: skip
MAPPINGS: dict[str, dict[str, Any]] = {
    "swirl": {"strength": 6, "radius": 512},
    "rotate": {"angle": 30, "resize": True},
    "affine": {"scale": (3, 2), "rotation": 30, "translation": (-2048, 512), "inverse": True},
    "homography": {"matrix": ((1, 0, 10), (0, 1, 20), (-0.0007, 0.0005, 1)), "inverse": True},
}
SIGN = (15, 155), (40, 65), (130, 260), (95, 360)  # corners in the text sample, as (row, column)
PATH = (14, 2), (14, 18), (24, 26), (26, 24), (24, 22), (18, 18), (18, 2)  # of a shaken camera, as (row, column)
SIGN_MATRIX = (  # from the result to the image, on (x, y, 1)
    (0.4249064543318, -1.498263179403, 413.4971393543),
    (0.1906511800163, 0.3776307723743, -100.3729055987),
    (-5.459491213731e-4, -6.640784634246e-4, 1),
)


class DemoError(RuntimeError):
    """An example did not come out."""


class Demo:
    """A window whose docks are worked as a user does, and the pictures taken of it."""

    def __init__(self, output: Path) -> None:
        self.results, self.windows = output / "results", output / "windows"
        for folder in (self.results, self.windows):
            folder.mkdir(parents=True, exist_ok=True)
        self.viewer = napari.Viewer()
        self.viewer.window.set_geometry(0, 0, *WINDOW)

    def open(self, *samples: str) -> list[Layer]:
        """Open samples in an empty viewer."""
        self.viewer.layers.clear()
        self.viewer.canvas.grid.enabled = False
        self.viewer.canvas.overlays["scale_bar"].visible = "synthetic_stack" in samples
        self.viewer.dims.ndisplay = 2
        return [layer for sample in samples for layer in self.viewer.open_sample("napari-mathimg", sample)]

    def choose(self, layer: Layer, operation: str, options: Mapping[str, str], **parameters: Any) -> FamilyDock:
        """Fill in a dock: layer, operation, options and parameters."""
        dock: FamilyDock = open_dock(self.viewer, find(operation).family)
        dock.picker.layer = layer
        dock.operation = operation
        for name, choice in {**OPTIONS, **options}.items():
            dock.options.choose(getattr(dock.options, name), choice)
        dock.forms.reset_button.click()
        for name, value in parameters.items():
            dock.form[name].value = value
        return dock

    def apply(self, layer: Layer, operation: str, options: Mapping[str, str] = OPTIONS, **parameters: Any) -> Layer:
        """Run an operation on a layer in its dock and return the layer it adds."""
        return self.run(self.choose(layer, operation, options, **parameters))

    def run(self, dock: FamilyDock) -> Layer:
        """Press Run, wait for the end and return the layer that was added."""
        layers = self.run_many(dock)
        if len(layers) != 1:
            raise DemoError(f"{dock.operation.title}: {len(layers)} layers were added")
        return layers[0]

    def run_many(self, dock: FamilyDock) -> list[Layer]:
        """Press Run, wait for the end and return the layers that were added, the image first."""
        before, begun = set(self.viewer.layers), time.perf_counter()
        dock.run_button.click()
        self.wait(dock)
        seconds = time.perf_counter() - begun
        added = [layer for layer in self.viewer.layers if layer not in before]
        if not added:
            raise DemoError(f"{dock.operation.title}: {dock.message.text() or 'no layer was added'}")
        layer = added[0]
        print(f"{layer.name:<74} {' x '.join(map(str, layer.data.shape)):>15} {seconds:6.2f} s", flush=True)
        return added

    def wait(self, dock: FamilyDock, enough: Callable[[], bool] = lambda: False) -> None:
        """Let the window live until the run has ended, or there was enough of it."""
        runs = dock.task, dock.forms.estimator.task
        self.until(lambda: enough() or not any(r.is_running for r in runs), f"{dock.operation.title}: no end")

    def until(self, enough: Callable[[], bool], otherwise: str) -> None:
        """Let the window live until something holds."""
        end = time.perf_counter() + PATIENCE
        while not enough():
            if time.perf_counter() > end:
                raise DemoError(f"{otherwise} after {PATIENCE:g} s")
            QTest.qWait(1)

    def click(self, layer: Layer, place: tuple[float, float]) -> None:
        """Click with the mouse at a row and column of a layer."""
        QTest.mouseClick(self.canvas, Qt.MouseButton.LeftButton, pos=self.at(layer, place))
        QTest.qWait(DRAWING)

    def drag(self, layer: Layer, begin: tuple[float, float], end: tuple[float, float]) -> None:
        """Drag with the mouse from one row and column of a layer to another."""
        QTest.mousePress(self.canvas, Qt.MouseButton.LeftButton, pos=self.at(layer, begin))
        for share in np.linspace(0, 1, 5):
            QTest.qWait(1)
            QTest.mouseMove(self.canvas, self.at(layer, np.add(begin, share * np.subtract(end, begin))))
        QTest.qWait(1)
        QTest.mouseRelease(self.canvas, Qt.MouseButton.LeftButton, pos=self.at(layer, end))
        QTest.qWait(DRAWING)

    @property
    def canvas(self) -> Any:
        """The widget that the image is drawn in."""
        return self.viewer.window._qt_viewer.canvas.native

    def at(self, layer: Layer, place: Any) -> QPoint:
        """Where a row and column of a layer, whose other axes begin at 0, lie in the canvas."""
        camera, whole = self.viewer.scene.camera, (*(0,) * (layer.ndim - 2), *place)
        down, right = (np.array(layer.data_to_world(whole))[-2:] - camera.center[-2:]) * camera.zoom
        return QPoint(round(self.canvas.width() / 2 + right), round(self.canvas.height() / 2 + down))

    def show(self, name: str, *layers: Layer, columns: int = -1) -> None:
        """Take a picture of these layers alone, in a grid."""
        self.viewer.layers[:] = layers
        self.viewer.canvas.grid.shape = (-1, columns)
        for layer in layers:
            layer.visible = True
        self.viewer.canvas.grid.enabled = True
        QTest.qWait(DRAWING)  # the grid is laid out with the next frame
        self.viewer.reset_view()
        self.grab(name)

    def grab(self, name: str, *, still: bool = True) -> None:
        """Take a picture of the screen, once it stands still."""
        screen = QApplication.primaryScreen()
        picture, last = screen.grabWindow(0).toImage(), None
        while still and picture != last:
            QTest.qWait(DRAWING)
            picture, last = screen.grabWindow(0).toImage(), picture
        if not picture.save(str(self.windows / f"{name}.png")):
            raise DemoError(f"{name}: no picture of the screen could be written")

    @contextmanager
    def histogram(self, width: int = 420) -> Iterator[HistogramDock]:
        """The histogram dock in a column of its own, closed again at the end."""
        dock: HistogramDock = open_dock(self.viewer, "Histogram")
        holder, window = dock_of(dock), self.viewer.window._qt_window
        others = [d for d in window.findChildren(QDockWidget) if d.isVisible() and d.findChildren(FamilyDock)]
        for other in others:
            other.hide()
        window.resizeDocks([holder], [width], Qt.Orientation.Horizontal)
        yield dock
        self.viewer.window.remove_dock_widget(holder)
        for other in others:
            other.show()

    @contextmanager
    def history(self) -> Iterator[HistoryDock]:
        """The History dock in front, closed again at the end."""
        dock: HistoryDock = open_dock(self.viewer, "History")
        self.rested(dock)
        yield dock
        self.viewer.window.remove_dock_widget(dock_of(dock))

    @contextmanager
    def batch(self) -> Iterator[BatchDock]:
        """The Batch dock in front, closed again at the end."""
        dock: BatchDock = open_dock(self.viewer, "Batch")
        self.rested(dock)
        yield dock
        self.viewer.window.remove_dock_widget(dock_of(dock))

    def rested(self, dock: HistoryDock | BatchDock) -> None:
        """Let the window live until a History or a Batch dock shows all that it has to show."""
        QTest.qWait(DRAWING)
        self.until(lambda: not dock.is_busy, "the steps: no end")
        QTest.qWait(DRAWING)

    def counted(self, dock: HistogramDock) -> None:
        """Let the window live until the histogram is exact."""
        self.until(lambda: not (dock.is_counting or dock.task.is_running), f"{dock.title.whole()}: no histogram")

    def save(self, **results: Layer) -> None:
        """Write results with the contrast they are shown with; of a volume, the brightest value along z."""
        for name, layer in results.items():
            data = layer.data.max(axis=tuple(range(layer.ndim - 2)))
            low, high = layer.contrast_limits
            gray = np.rint(255 * np.clip((data.astype(np.float32) - low) / (high - low), 0, 1))
            Image.fromarray(gray.astype(np.uint8)).save(self.results / f"{name}.png")


def isotropic(demo: Demo) -> None:
    """A z-stack with voxels of 0.5 x 0.16 x 0.16 micrometers brought to cubic ones."""
    dock = demo.choose(demo.open("synthetic_stack")[0], "rescale", {"process": "volumes"}, order=3)
    dock.form["suggest_scale"].native.click()
    cubic = demo.run(dock)
    demo.save(isotropic=cubic)
    cubic.bounding_box.update({"visible": True, "points": False, "line_color": "gray"})
    demo.viewer.dims.ndisplay = 3
    demo.viewer.reset_view()
    demo.viewer.scene.camera.angles = (-10, 15, -35)
    demo.viewer.scene.camera.zoom *= 0.85
    demo.grab("window")


def crop(demo: Demo) -> None:
    """A box cut out of the z-stack, shown in its place."""
    (stack,) = demo.open("synthetic_stack")
    box = demo.apply(stack, "crop", start=(8, 140, 60), stop=(24, 236, 172))
    stack.visible, box.colormap = True, "viridis"
    demo.save(crop=box)
    demo.grab("crop")


def picked(demo: Demo) -> None:
    """A crop from a rectangle drawn with the mouse, and one of what is on screen."""
    (stack,) = demo.open("synthetic_stack")
    dock = demo.choose(stack, "crop", {})
    dock.form.pick_buttons["rectangle"].native.click()
    demo.drag(stack, (80, 60), (180, 200))
    found = np.array([dock.form.parameters[end][1:] for end in ("start", "stop")])
    if np.abs(found - [(80, 60), (180, 200)]).max() > 2:
        raise DemoError(f"the rectangle gave a crop from {found[0]} to {found[1]}")
    demo.grab("crop-rectangle")
    demo.viewer.layers.remove(demo.viewer.layers[-1])
    demo.viewer.scene.camera.zoom *= 2
    QTest.qWait(DRAWING)
    dock.form.pick_buttons["view"].native.click()
    seen = demo.run(dock)
    if not np.all(np.less(seen.data.shape[1:], stack.data.shape[1:])):
        raise DemoError(f"what is on screen gave a crop of {seen.data.shape}")
    demo.grab("crop-view")


def center(demo: Demo) -> None:
    """A swirl about a point that is clicked, then dragged; its domain beside it, and blended over it."""
    (camera,) = demo.open("camera")
    dock = demo.choose(camera, "swirl", {"domain_place": "beside"}, strength=6, radius=300)
    dock.form.pick_buttons["point"].native.click()
    demo.click(camera, (300, 300))
    demo.drag(camera, (300, 300), (140, 270))
    place = np.array(dock.form.parameters["center"])
    if np.abs(place - (140, 270)).max() > 2:
        raise DemoError(f"the center was dragged to {place}")
    dock.options.domain.setChecked(True)
    dock.options.square.setValue(32)
    demo.run_many(dock)
    demo.grab("domain")
    dock.options.choose(dock.options.domain_place, "over")
    demo.grab("domain-over")
    (overlay,) = dock.results.made.overlays()
    squares = overlay.data
    dock.picker.layer, dock.form["strength"].value = camera, -6
    dock.options.replace.setChecked(True)
    dock.run_button.click()
    demo.wait(dock)
    dock.options.replace.setChecked(False)
    if [*dock.results.made.overlays()] != [overlay] or np.array_equal(overlay.data, squares):
        raise DemoError("the domain does not follow the parameters")
    demo.grab("domain-again")
    dock.options.domain.setChecked(False)
    dock.options.square.setValue(0)
    if demo.viewer.canvas.grid.enabled:
        raise DemoError("the grid was not given back")


def labels(demo: Demo) -> None:
    """An image and its segmentation, both turned with the canvas grown."""
    (stack,) = demo.open("synthetic_stack")
    plane = {name: getattr(stack, name)[1:] for name in ("scale", "units", "axis_labels")}
    mask = filters.gaussian(stack.data.mean(axis=0), 1.5) > 125
    cells = demo.viewer.add_image(stack.data.max(axis=0), name="Cells", contrast_limits=(90, 1100), **plane)
    found = demo.viewer.add_labels(measure.label(mask), name="Segmentation", **plane)
    demo.viewer.layers.remove(stack)
    for layer in (cells, found):
        demo.apply(layer, "rotate", angle=30, resize=True)
    demo.viewer.reset_view()
    demo.grab("labels")


def mappings(demo: Demo) -> None:
    """What each mapping does to the camera image, and to a checkerboard of the same size beside it."""
    camera, board = demo.open("camera", "checkerboard")
    board.scale, board.translate = (512 / 200,) * 2, ((512 / 200 - 1) / 2,) * 2
    large = demo.apply(camera, "resize", output_shape=(1024, 1024), order=3)
    pair = large, demo.apply(board, "rescale", scale=(5.12, 5.12), order=3)
    for operation, parameters in MAPPINGS.items():
        demo.viewer.layers[:] = pair
        camera, board = (demo.apply(layer, operation, **parameters) for layer in pair)
        demo.save(**{operation: camera, f"{operation}-checkerboard": board})
        demo.show(operation, camera, board)


def perspective(demo: Demo) -> None:
    """A line of writing seen at an angle: its corners are clicked, set to whole numbers, and rectified."""
    (text,) = demo.open("text")
    dock = cast(PerspectiveDock, demo.choose(text, "rectify", {}))
    demo.viewer.reset_view()
    QTest.qWait(DRAWING)
    dock.panel(CornersPanel).pick_button.click()
    for corner in SIGN:
        demo.click(text, corner)
    marked = np.array(dock.panel(CornersPanel).markers.corners_in(text))
    if len(marked) != len(SIGN) or np.abs(marked - SIGN).max() > 1:
        raise DemoError(f"clicks set corners at {marked.tolist()}")
    for row, corner in enumerate(SIGN):
        for column, value in enumerate(corner):
            dock.panel(CornersPanel).table.item(row, column).setText(str(value))
    box = dock.panel(RectanglePanel).box
    box.mode.setCurrentIndex(box.mode.findData("typed"))
    box.width_box.value, box.height_box.value = 256, 48
    QTest.qWait(DRAWING)
    demo.grab("corners")
    box.canvas.setCurrentIndex(box.canvas.findData("canvas"))
    box.rows.value = box.columns.value = 512
    dock.panel(OutlinePanel).tick.setChecked(True)
    QTest.qWait(DRAWING)
    result, target = demo.run_many(dock)
    matrix = result.metadata["napari_mathimg"][-1]["matrix"]
    if np.abs(np.array(matrix) - SIGN_MATRIX).max() > 1e-9:
        raise DemoError(f"the map of the writing is {matrix}")
    demo.save(rectify=result)
    text.visible = True
    for layer in (result, target):  # beside the source, for the picture
        layer.translate = (-170, 480)
    demo.viewer.reset_view()
    demo.grab("perspective")
    dock.panel(CornersPanel).markers.use(None, None)


def lens(demo: Demo) -> None:
    """A picture whose file tells camera and lens: opened, corrected as it is, with the domain over it."""
    path = demo.results / "photograph.jpg"
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "OLYMPUS IMAGING CORP.", "E-620"
    exif._ifds[0x8769] = {0x920A: 14.0, 0x829D: 3.5, 0xA434: "OLYMPUS 14-42mm Lens"}
    Image.fromarray(data.camera()).save(path, quality=95, exif=exif)
    demo.open()
    (photograph,) = demo.viewer.open(path, plugin="napari")
    dock = open_dock(demo.viewer, "lens")
    dock.picker.layer, dock.operation = photograph, "correct_lens"
    demo.viewer.reset_view()
    QTest.qWait(DRAWING)
    if dock.form.parameters["lens"] != "Olympus Zuiko Digital ED 14-42mm f/3.5-5.6":
        raise DemoError(f"the file tells {dock.message.text()!r}")
    dock.options.domain.setChecked(True)
    corrected, overlay = demo.run_many(dock)
    demo.save(correct_lens=corrected, correct_lens_domain=overlay)
    demo.viewer.reset_view()
    demo.grab("lens")
    dock.options.domain.setChecked(False)


def calibrated(demo: Demo) -> None:
    """A chessboard seen through a lens that bends: its coefficients found, the pixel size set, the picture straight."""
    board = np.kron(data.checkerboard(), np.ones((3, 3)))
    rows, columns = np.indices(board.shape) / 300.0 - 1.0
    far = np.linspace(0, 2, 2001)
    seen_at = far * (1.08 - 0.08 * far**2)  # a barrel: what lies far out is seen nearer
    squeezed = np.interp(np.hypot(rows, columns), seen_at, far) / np.maximum(np.hypot(rows, columns), 1e-9)
    seen = ndi.map_coordinates(board, (300 + 300 * rows * squeezed, 300 + 300 * columns * squeezed), order=1)
    demo.open()
    picture = demo.viewer.add_image(np.rint(30 + 0.8 * ndi.gaussian_filter(seen, 0.8)).astype(np.uint8), name="board")
    dock = demo.choose(picture, "correct_distortion", {}, model="poly3")
    if not isinstance(dock, LensDock):
        raise DemoError(f"{dock.operation.title}: another dock opened")
    box = dock.panel(CalibrationPanel).box
    box.spacing.value = 0.5
    box.run.click()
    demo.until(lambda: not box.task.is_running, "no end of the calibration")
    if box.calibration is None:
        raise DemoError(f"the chessboard was not calibrated: {box.sentence.text()}")
    box.set_size.click()
    result = demo.run(dock)
    targets = [run_to_end(find_target(layer.data)) for layer in (picture, result)]
    crooked = [straightness(target.points, target.places) for target in targets]
    print(f"{'':<74} straight to {crooked[1]:.2f} px, {crooked[0]:.1f} px before", flush=True)
    if not crooked[1] < 0.1 < crooked[0]:
        raise DemoError(f"rows and columns are crooked by {crooked[1]:.2f} px after {crooked[0]:.2f} px")
    demo.save(calibrated=result)
    demo.show("calibrated", picture, result)


def evened(demo: Demo) -> None:
    """Uneven light taken away: by a picture of the light, and by what the planes of the stack have in common."""
    rng, (rows, columns) = np.random.default_rng(0), np.mgrid[-1:1:256j, -1:1:320j]
    light = 1 / (1 + 0.3 * ((rows + 0.2) ** 2 + (columns - 0.3) ** 2)) ** 2
    spots = (rng.random((24, *light.shape)) > 0.9993) * 60_000.0
    truth = np.stack([ndi.gaussian_filter(plane, 5) for plane in spots]) + 300
    demo.open()
    stack = demo.viewer.add_image(rng.poisson(truth * light).astype(np.uint16), name="cells", units=("um",) * 3)
    flat = demo.viewer.add_image(rng.poisson(20_000 * light).astype(np.uint16), name="flat", units=("um",) * 2)
    results = []
    for chosen in (flat, None):
        dock = demo.choose(stack, "flat_field", {})
        dock.further_images.pickers["flat"].layer = chosen
        results.append(demo.run(dock))
        uneven = [
            np.std(np.log((layer.data / truth).reshape(-1, 8, 32, 10, 32).mean(axis=(0, 2, 4))))
            for layer in (stack, results[-1])
        ]
        print(f"{'':<74} uneven by {uneven[1]:.1%}, {uneven[0]:.0%} before", flush=True)
        if not uneven[1] < 0.02 < uneven[0]:
            raise DemoError(f"the light is uneven by {uneven[1]:.1%} after {uneven[0]:.1%}")
    demo.save(flat_field=results[0], flat_field_estimated=results[1])
    demo.show("flat-field", stack, flat, *results, columns=2)


def equalize(demo: Demo) -> None:
    """A flat picture of the moon, equalized as a whole and locally."""
    (moon,) = demo.open("moon")
    whole, local = (demo.apply(moon, operation) for operation in ("equalize_hist", "equalize_adapthist"))
    demo.save(equalize_hist=whole, equalize_adapthist=local)
    demo.show("equalize", moon, whole, local)


def match(demo: Demo) -> None:
    """The moon given the distribution of the photographer's gray levels."""
    moon, camera = (demo.open(sample)[0] for sample in ("moon", "camera"))
    demo.viewer.layers[:] = [moon, camera]
    dock = demo.choose(moon, "match_histograms", {"value_range": "data"})
    dock.further_images.pickers["reference"].choose(camera.name)
    matched = demo.run(dock)
    demo.save(match_histograms=matched)
    demo.show("match", moon, camera, matched)


def explained(demo: Demo) -> None:
    """The page of an operation beside its dock; it follows the operation."""
    dock = demo.choose(demo.open("synthetic_stack")[0], "gaussian", {})
    dock.operations.help.click()
    page = dock.window().findChild(HelpWindow)
    dock.operation = "denoise_nl_means"
    QTest.qWait(DRAWING)
    demo.grab("help")
    if page.operation is not dock.operation:
        raise DemoError("the page does not follow the operation")
    page.close()


def levels(demo: Demo) -> None:
    """A multiscale image: a coarse level processed, in its place; then the finest, whose result has levels too."""
    (stack,) = demo.open("synthetic_stack")
    plane = np.kron(stack.data.max(axis=0), np.ones((4, 4), np.uint16))
    place = {"scale": stack.scale[1:] / 4, "units": stack.units[1:], "contrast_limits": stack.contrast_limits}
    layer = demo.viewer.add_image([plane, plane[::2, ::2], plane[::4, ::4]], multiscale=True, name="Cells", **place)
    demo.viewer.layers.remove(stack)
    for level in ("2", "0"):
        dock = demo.choose(layer, "gaussian", {"level": level}, sigma=4.0)
        result = demo.run(dock)
        if result.multiscale != (level == "0"):
            raise DemoError(f"level {level}: a result with{'' if result.multiscale else 'out'} levels")
    demo.viewer.reset_view()
    demo.grab("levels")
    dock = cast(PerspectiveDock, demo.choose(layer, "rectify", {}))
    dock.panel(OutlinePanel).tick.setChecked(False)
    dock.panel(CornersPanel).markers.place(((100, 150), (60, 800), (900, 900), (850, 80)), layer)
    middles = []
    for level in ("2", "0"):
        dock.options.choose(dock.options.level, level)
        QTest.qWait(DRAWING)
        result = demo.run(dock)
        middles.append(result.extent.world.mean(axis=0))
    if np.abs(middles[1] - middles[0]).max() > 4 * layer.scale.max():
        raise DemoError(f"the middles of the rectangles of two levels are {middles}")
    demo.grab("levels-perspective")
    dock.panel(CornersPanel).markers.use(None, None)


def scope(demo: Demo) -> None:
    """One plane, one volume and all of a time series: each result at its place in z and time."""
    (stack,) = demo.open("synthetic_stack")
    series = demo.viewer.add_image(
        np.stack([stack.data, stack.data[:, ::-1], stack.data[:, :, ::-1]]), name="Time series",
        scale=(30, *stack.scale), units=("s", *stack.units), axis_labels=("t", *stack.axis_labels),
        contrast_limits=stack.contrast_limits,
    )  # fmt: skip
    demo.viewer.layers.remove(stack)
    here, results = (1, 12), []
    for axis, step in enumerate(here):
        demo.viewer.dims.set_current_step(axis, step)
    for part, first in {"item": here, "volume": (1, 0), "all": (0, 0)}.items():
        result = demo.apply(series, "gaussian", {"scope": part}, sigma=3.0)
        if not np.allclose(result.data_to_world((0, 0, 0, 0)), series.data_to_world((*first, 0, 0))):
            raise DemoError(f"{result.name}: it lies elsewhere")
        results.append(result)
    demo.show("scope", series, *results, columns=2)
    demo.viewer.dims.set_current_step(1, 18)
    demo.grab("scope-elsewhere")


def micrometers(demo: Demo) -> None:
    """A Gaussian of half a micrometer on a z-stack, whose voxels are 0.5 x 0.16 x 0.16 micrometers."""
    (stack,) = demo.open("synthetic_stack")
    dock = demo.choose(stack, "gaussian", {"process": "volumes"})
    field: QWidget = dock.form["sigma"].native
    unit, equal, first = (field.findChild(kind) for kind in (QComboBox, QCheckBox, QAbstractSpinBox))
    unit.setCurrentText("µm")
    equal.setChecked(True)
    first.selectAll()
    QTest.keyClicks(first, "0.5")
    QTest.keyClick(first, Qt.Key.Key_Return)
    sigma = dock.form.parameters["sigma"]
    if not np.allclose(np.multiply(sigma, stack.scale), 0.5):
        raise DemoError(f"half a micrometer is {sigma} pixels")
    demo.save(micrometers=demo.run(dock))
    dock.picker.layer = stack  # whose pixels the form tells
    demo.grab("micrometers")
    unit.setCurrentText("px")


def channels(demo: Demo) -> None:
    """Two channels of one image, one dimmer than the other, brightened alike."""
    (stack,) = demo.open("synthetic_stack")
    plane = {name: getattr(stack, name)[1:] for name in ("scale", "units", "axis_labels")}
    bright = stack.data.max(axis=0)
    pair = [
        demo.viewer.add_image(data, name=name, colormap=name, blending="additive", **plane)
        for name, data in (("green", bright), ("magenta", bright[::-1] // 3))
    ]
    demo.viewer.layers.remove(stack)
    dock = demo.choose(pair[0], "adjust_gamma", {"value_range": "data"}, gamma=0.5)
    demo.viewer.layers.selection.update(pair)
    for tick in (dock.options.all_selected, dock.options.one_range):
        tick.click()
    results = demo.run_many(dock)
    ends = {layer.metadata["napari_mathimg"][-1]["value_range"] for layer in results}
    for tick in (dock.options.one_range, dock.options.all_selected):
        tick.setChecked(False)
    if len(results) != 2 or len(ends) != 1:
        raise DemoError(f"the channels' value ranges are {ends}")
    demo.viewer.reset_view()
    demo.grab("channels")


def history(demo: Demo) -> None:
    """Steps as they are recorded; one is edited, all are repeated on a second image, and by a script."""
    (cells,) = demo.open("synthetic_stack")
    smooth = demo.apply(cells, "gaussian", {"value_range": "data"}, sigma=1.5)
    last = demo.apply(smooth, "equalize_adapthist", {"value_range": "data"}, clip_limit=0.02)
    before = last.data.copy()
    with demo.history() as dock:
        dock.steps.setCurrentRow(1)
        demo.rested(dock)
        demo.grab("history-step")
        dock.steps.setCurrentRow(2)
        demo.rested(dock)
        dock.form.form["clip_limit"].value = 0.05
        demo.rested(dock)
        demo.grab("history")
        recipe = dock.chain.recipe
        dock.run_button.click()
        demo.rested(dock)
        edited = demo.viewer.layers.selection.active
        spacing = [float(size) for size in cells.scale]
        known = {"spacing": spacing, "axis_names": cells.axis_labels}
        if not np.array_equal(edited.data, recipe.apply(cells.data, **known)) or not np.array_equal(last.data, before):
            raise DemoError("the edited steps gave other pixels than their recipe, or changed a layer")
        place = {"scale": cells.scale, "units": cells.units, "axis_labels": cells.axis_labels}
        second = demo.viewer.add_image(cells.data[:, ::-1].copy(), name="A second image", **place)
        demo.viewer.layers.selection.active = edited
        demo.rested(dock)
        demo.viewer.layers.selection = {edited, second}
        demo.rested(dock)
        dock.replay_button.click()
        demo.rested(dock)
        replayed = demo.viewer.layers[-1]
        if replayed is second or not np.array_equal(replayed.data, recipe.apply(second.data, **known)):
            raise DemoError(f"the steps were not repeated: {dock.message.text()}")
        demo.grab("history-replay")
        demo.viewer.layers.selection.active = edited
        demo.rested(dock)
        dock.python_button.click()
        script = QApplication.clipboard().text()
    folder = demo.results / "history"
    folder.mkdir(exist_ok=True)
    np.save(folder / "image.npy", second.data)
    (folder / "script.py").write_text(script, encoding="utf-8")
    subprocess.run([sys.executable, "script.py"], cwd=folder, check=True)
    if not np.array_equal(np.load(folder / "result.npy"), replayed.data):
        raise DemoError("the script gave other pixels")


def batch(demo: Demo) -> None:
    """The steps of a result on four files, one of which is broken: three results, and a reason."""
    (cells,) = demo.open("synthetic_stack")
    smooth = demo.apply(cells, "gaussian", {"value_range": "data"}, sigma=1.5)
    last = demo.apply(smooth, "rescale_intensity", {"value_range": "data"})
    folder = demo.results / "embryos"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.rmtree(folder.with_name("embryos-results"), ignore_errors=True)
    folder.mkdir()
    scale, units = tuple(float(size) for size in cells.scale), ("µm",) * 3
    stacks = [np.roll(cells.data, 60 * k, axis=-1) for k in range(4)]
    for k, stack in enumerate(stacks, 1):
        write_image(folder / f"embryo_{k}.ome.tif", FileImage(stack, ("z", "y", "x"), scale, units))
    (folder / "embryo_3.ome.tif").write_bytes(b"II*\0 and no image")
    with demo.batch() as dock:
        demo.viewer.layers.selection.active = last
        dock.recipe.history_button.click()
        dock.add([str(folder)])
        demo.rested(dock)
        demo.grab("batch-ready")
        dock.run_button.click()
        demo.rested(dock)
        if dock.states.whole() != "3 done, 1 failed":
            raise DemoError(f"the batch ended with {dock.states.whole()}: {dock.message.text()}")
        demo.viewer.layers.clear()
        dock.open_result(dock.rows.rows[1].source)
        demo.rested(dock)
        (opened,) = demo.viewer.layers
        expected = dock.recipe.recipe.apply(stacks[1], spacing=scale, axis_names=("z", "y", "x"))
        if not np.array_equal(opened.data, expected):
            raise DemoError("a file of the batch has other pixels than its recipe gives")
        demo.viewer.reset_view()
        demo.grab("batch")


def remembered(demo: Demo) -> None:
    """A dock closed and opened again: it begins as it was left."""
    dock = demo.choose(demo.open("camera")[0], "adjust_sigmoid", {}, gain=7.5)
    QTest.qWait(DRAWING)
    demo.viewer.window.remove_dock_widget(dock_of(dock))
    QTest.qWait(DRAWING)
    again = open_dock(demo.viewer, "intensity")
    if again is dock or again.operation.id != "adjust_sigmoid" or again.form.parameters["gain"] != 7.5:
        raise DemoError("the dock does not begin as it was left")
    demo.grab("remembered")
    again.forms.reset_button.click()


def preferences(demo: Demo) -> None:
    """The page of napari's preferences: a choice made there is taken by the docks at once."""
    dock = demo.choose(demo.open("camera")[0], "adjust_gamma", {})
    page: Any = demo.viewer.window._open_preferences_dialog()
    (entry,) = page._list.findItems("Mathematical Imaging", Qt.MatchFlag.MatchExactly)
    page._list.setCurrentItem(entry)
    page.move(0, 0)
    types = next(b for b in page._stack.currentWidget().findChildren(QComboBox) if b.findText("float32") >= 0)
    types.setCurrentText("float32")
    demo.grab("preferences")
    chosen = dock.options.dtype.currentData()
    types.setCurrentText("automatic")
    page.close()
    if chosen != "float32":
        raise DemoError(f"the dock's output type is {chosen}")


def tone(demo: Demo) -> None:
    """A stained micrograph in gray: gamma, logarithm, and a sigmoid on its first 256 x 256 pixels."""
    (stained,) = demo.open("stained_micrograph")
    gray = demo.apply(stained, "to_gray")
    gamma, log = demo.apply(gray, "adjust_gamma", gamma=2.5), demo.apply(gray, "adjust_log")
    demo.show("tone", stained, gray, gamma, log)
    part = demo.apply(gray, "crop", stop=(256, 256))
    sigmoid = demo.apply(part, "adjust_sigmoid", gain=10, cutoff=0.5)
    demo.show("sigmoid", part, sigmoid)
    demo.save(gray=gray, gamma=gamma, log=log, sigmoid=sigmoid)


def histogram(demo: Demo) -> None:
    """The photographer's gray levels from 150 to 160, marked in the histogram of 256 bins and isolated from there."""
    (camera,) = demo.open("camera")
    with demo.histogram() as dock:
        dock.bins.setValue(256)
        demo.counted(dock)
        dock.mark_range(150, 160)
        demo.grab("histogram")
        dock.isolate_button.click()
        demo.counted(dock)
        result = demo.viewer.layers[-1]
        expected = np.where((camera.data >= 150) & (camera.data <= 160), camera.data, 0)
        if result is camera or not np.array_equal(result.data, expected):
            raise DemoError("the marked gray levels were not isolated")
        demo.save(isolated=result)
        demo.grab("histogram-isolated")


def before_after(demo: Demo) -> None:
    """The moon before and after each equalization: histograms and cumulative curves; narrow and light as well."""
    for operation in ("equalize_hist", "equalize_adapthist"):
        (moon,) = demo.open("moon")
        demo.apply(moon, operation)
        with demo.histogram(600) as dock:
            demo.viewer.reset_view()
            dock.before_after.setChecked(True)
            demo.counted(dock)
            demo.grab(f"histogram-{operation}")
    with demo.histogram(280) as dock:
        demo.counted(dock)
        demo.grab("histogram-narrow")
        demo.viewer.theme = "light"
        demo.grab("histogram-narrow-light")
    demo.open("stained_micrograph")
    with demo.histogram(600) as dock:
        dock.log.setChecked(True)
        demo.counted(dock)
        demo.grab("histogram-light")
    demo.viewer.theme = "dark"


NOISES: dict[str, dict[str, Any]] = {
    "add_gaussian_noise": {"var": 0.025},
    "add_poisson_noise": {"photons": 256},
    "add_salt_and_pepper_noise": {"amount": 0.05, "salt_vs_pepper": 0.45},
    "add_speckle_noise": {"var": 0.02},
    "add_localvar_noise": {"var_near": 0.001, "var_far": 0.251},
}
DENOISERS: dict[str, dict[str, Any]] = {
    "denoise_nl_means": {"patch_size": 5, "patch_distance": 7, "h": "auto"},
    "denoise_wavelet": {
        "wavelet": "bior2.8", "method": "fixed", "mode": "soft", "threshold": 0.12, "approximation": True, "levels": 9,
        "max_shifts": 0,
    },
}  # fmt: skip


def noise(demo: Demo) -> None:
    """Five noises, one a row: the noisy image, non-local means with the noise estimated, and wavelets."""
    (camera,) = demo.open("camera")
    rows = []
    for name, parameters in NOISES.items():
        demo.viewer.layers[:] = [camera]
        row = [demo.apply(camera, name, **parameters)]
        for denoiser, chosen in DENOISERS.items():
            row.append(demo.run(demo.choose(row[0], denoiser, {}, **chosen)))
        demo.save(**{f"{name}-{k}": layer for k, layer in enumerate(row)})
        rows.append(row)
    demo.show("noise", *(layer for row in zip(*rows, strict=True) for layer in row), columns=len(rows))


def blur(demo: Demo) -> None:
    """The page through a box and a polygon, and convolved with another layer."""
    (page,) = demo.open("page")
    box = demo.apply(page, "blur_box", size=10)
    motion = demo.apply(page, "blur_motion", polygon=PATH)
    rows, columns = np.indices((21, 21)) - 10
    ring = np.abs(np.hypot(rows, columns) - 8) < 1
    kernel = cast(Layer, demo.viewer.add_image(ring / ring.sum(), name="ring"))
    dock = demo.choose(page, "convolve", {})
    dock.further_images.pickers["kernel"].layer = kernel
    ringed = demo.run(dock)
    demo.viewer.layers.remove(kernel)
    demo.save(blur_box=box, blur_motion=motion, convolve=ringed)
    demo.choose(page, "blur_motion", {}, polygon=PATH)
    demo.show("blur", page, box, motion, ringed, columns=1)


UNDONE: dict[str, dict[str, Any]] = {
    "wiener": {"balance": 0.025}, "unsupervised_wiener": {}, "richardson_lucy": {"num_iter": 200},
}  # fmt: skip


def deconvolved(demo: Demo) -> None:
    """The page blurred by a box of 10 x 10 pixels, and three ways back; Richardson-Lucy in steps to scrub through."""
    (page,) = demo.open("page")
    blurred = demo.viewer.add_image(
        ndi.uniform_filter(page.data.astype(np.float32), 10, mode="reflect", origin=-1), name="Page, blurred",
        contrast_limits=(0, 255),
    )  # fmt: skip
    demo.viewer.add_image(np.full((10, 10), 0.01, np.float32), name="Box", visible=False)
    results = []
    for operation, parameters in UNDONE.items():
        dock = demo.choose(blurred, operation, {}, center="array", **parameters)
        dock.further_images.pickers["psf"].choose("Box")
        results.append(demo.run(dock))
        blurred.visible = True
    demo.save(**dict(zip(UNDONE, results, strict=True)))
    demo.show("deconvolve", page, blurred, *results, columns=2)
    demo.viewer.canvas.grid.enabled = False
    demo.viewer.layers[:] = [blurred, demo.viewer.add_image(np.full((10, 10), 0.01, np.float32), name="Box")]
    dock = demo.choose(blurred, "richardson_lucy", {}, center="array", num_iter=200, keep_every=50)
    dock.further_images.pickers["psf"].choose("Box")
    scrubbed = demo.run(dock)
    if scrubbed.data.shape != (4, *page.data.shape) or scrubbed.axis_labels[0] != "iteration":
        raise DemoError("the kept iterations make no stack")
    demo.viewer.layers["Box"].visible = False
    demo.viewer.reset_view()
    demo.grab("iterations")


def isolated(demo: Demo) -> None:
    """The gray levels from 150 to 160 alone."""
    (camera,) = demo.open("camera")
    demo.save(isolate=demo.apply(camera, "clip", low=150, high=160, outside="zero"))
    demo.grab("isolate")


def light(demo: Demo) -> None:
    """The light theme."""
    demo.viewer.theme = "light"
    demo.apply(demo.open("synthetic_stack")[0], "equalize_adapthist", {"value_range": "limits"}, clip_limit=0.02)
    demo.grab("light")
    demo.viewer.theme = "dark"


def progress(demo: Demo) -> None:
    """A run on a large stack under way, then canceled."""
    (stack,) = demo.open("synthetic_stack")
    stack.data = np.tile(stack.data, (2, 4, 4))
    demo.viewer.reset_view()
    dock = demo.choose(stack, "equalize_adapthist", {"value_range": "data"})
    dock.run_button.click()
    bar, title = dock.progress, dock.operation.title  # the last of the run's passes bears the operation's name
    demo.wait(dock, lambda: bar.format().startswith(title) and bar.value() > 0.4 * bar.maximum())
    demo.grab("progress", still=False)
    dock.cancel_button.click()
    demo.wait(dock)
    if len(demo.viewer.layers) > 1:
        raise DemoError("a canceled run added a layer")


def menu(demo: Demo) -> None:
    """The operations in napari's menu."""
    window: Any = demo.choose(demo.open("synthetic_stack")[0], "rotate", {}).window()
    opened = window.menuBar()
    for title in ("Layers", "Transform", "Mathematical Imaging"):
        action = next(action for action in opened.actions() if action.text().replace("&", "") == title)
        opened.setActiveAction(action)
        QTest.qWait(DRAWING)
        opened = action.menu()
    demo.grab("menu")
    while popup := QApplication.activePopupWidget():
        popup.close()


def refusal(demo: Demo) -> None:
    """The refusal to turn pixels that are sheared."""
    (stack,) = demo.open("synthetic_stack")
    stack.shear = (0, 0, 0.5)
    demo.viewer.reset_view()
    dock = demo.choose(stack, "rotate", {}, angle=30)
    dock.run_button.click()
    demo.grab("refusal")
    if len(demo.viewer.layers) > 1 or not dock.message.text():
        raise DemoError("a turn of sheared pixels was not refused")


EXAMPLES = (
    isotropic, crop, picked, center, labels, mappings, perspective, lens, calibrated, evened, equalize, match,
    histogram, before_after, tone, isolated, noise, blur, deconvolved, levels, scope, micrometers, channels, explained,
    history, batch, remembered, preferences, light, progress, menu, refusal,
)  # fmt: skip


def walk(output: Path) -> None:
    """Walk the examples on a screen of the window's size."""
    glir.GlirProgram.delete = lambda self: None  # Mesa can crash where a removed layer is still being drawn
    size = get_qapp().primaryScreen().size()
    if (size.width(), size.height()) != WINDOW:
        raise DemoError("the screen must have {} x {} pixels: start ./scripts/demo without a display".format(*WINDOW))
    demo = Demo(output)
    try:
        for example in EXAMPLES:
            example(demo)
    finally:
        demo.viewer.close()


def main() -> None:
    """Read the command line and show."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--headless", action="store_true", help="walk the worked examples and write pictures")
    parser.add_argument("--output", type=Path, default=Path("demo-output"), help="where the pictures go")
    parser.add_argument("--images", action="store_true", help="refresh docs/images too")
    arguments = parser.parse_args()
    if not arguments.headless:
        viewer = napari.Viewer()
        viewer.open_sample("napari-mathimg", "synthetic_stack")
        open_dock(viewer, "geometry")
        napari.run()
        return
    begun = time.perf_counter()
    try:
        walk(arguments.output)
    except DemoError as error:
        raise SystemExit(f"The demonstration failed: {error}") from error
    for name in PICTURES if arguments.images else ():
        picture = Image.open(arguments.output / "windows" / f"{name}.png").convert("RGB")
        picture.quantize(256, dither=Image.Dither.NONE).save(IMAGES / f"{name}.png", optimize=True)
    print(f"Pictures are in {arguments.output} ({time.perf_counter() - begun:.0f} s).")


if __name__ == "__main__":
    main()
