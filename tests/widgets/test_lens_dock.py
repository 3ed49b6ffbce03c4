"""The Lens dock: from a picture's file to the corrected layer."""

import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from event_loop import process_events
from napari.layers._source import Source
from PIL import Image, TiffImagePlugin
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_mathimg import Options, apply, operations
from napari_mathimg.io.exif import read_exif
from napari_mathimg.methods.lens import lens_correction, lensfun_database
from napari_mathimg.methods.lens.distortion import COEFFICIENTS
from napari_mathimg.widgets.lens.lens_panel import LensPanel
from nightly import nightly

LEFT = Qt.MouseButton.LeftButton
ZUIKO = "Olympus Zuiko Digital ED 14-42mm f/3.5-5.6"
OLYMPUS = {"maker": "OLYMPUS IMAGING CORP.  ", "camera": "E-620           ", "lens": "OLYMPUS 14-42mm Lens"}
SHOT = {"focal_length": 17.89, "aperture": 5.0}
TAKEN = {"camera": "Olympus E-620", "lens": ZUIKO, **SHOT}
Press = Callable[[Any], None]


def scene(shape: tuple[int, int] = (60, 90)) -> Any:
    return np.random.default_rng(5).integers(0, 255, (*shape, 3), dtype=np.uint8)


def photograph(
    path: Path, maker: str = "", camera: str = "", lens: str = "", focal_length: float = 0.0, aperture: float = 0.0,
    distance: float = 0.0, full_frame: int = 0,
) -> Path:  # fmt: skip
    """Write a picture with what EXIF says of how it was taken."""
    exif = Image.Exif()
    texts, numbers = {0x010F: maker, 0x0110: camera}, {0x920A: focal_length, 0x829D: aperture, 0x9206: distance}
    for tag, text in texts.items():
        exif[tag] = text
    inner: dict[int, Any] = {t: TiffImagePlugin.IFDRational(round(n * 100), 100) for t, n in numbers.items() if n}
    inner |= ({0xA434: lens} if lens else {}) | ({0xA405: full_frame} if full_frame else {})
    exif._ifds[0x8769] = inner
    written = Image.Exif()
    written.load(exif.tobytes())  # as TIFF wants it
    Image.fromarray(scene()).save(path, exif=written, quality=95)
    return path


@pytest.fixture
def lens_dock(viewer: Any, dock: Any, qtbot: Any) -> Any:
    viewer.window._qt_window.resize(1100, 800)
    widget = dock("lens")
    qtbot.waitUntil(widget.isVisible)
    process_events()
    return widget


def names(box: Any) -> list[str]:
    return [box.lenses.topLevelItem(k).text(0) for k in range(box.lenses.topLevelItemCount())]


def click(box: Any, name: str) -> None:
    """Click a lens in the list."""
    item = box.lenses.topLevelItem(names(box).index(name))
    box.lenses.scrollToItem(item)
    QTest.mouseClick(box.lenses.viewport(), LEFT, pos=box.lenses.visualItemRect(item).center())


def type_camera(box: Any, text: str) -> None:
    edit = box.cameras.lineEdit()
    edit.setFocus()
    edit.selectAll()
    QTest.keyClicks(edit, text)
    QTest.keyClick(edit, Qt.Key.Key_Return)


@pytest.mark.parametrize("kind", ["jpg", "png", "tif"])
def test_a_photograph_is_corrected_by_what_its_file_tells(
    viewer: Any, lens_dock: Any, press: Press, tmp_path: Path, kind: str
) -> None:
    """Opened, it fills in the dock; one press of Run corrects it; its settings come back from the result."""
    (layer,) = viewer.open(photograph(tmp_path / f"town.{kind}", **OLYMPUS, **SHOT, distance=3.0), plugin="napari")
    lens_dock._viewer.layers.selection.active = layer
    box, form = lens_dock.panel(LensPanel).box, lens_dock.form
    assert (box.camera, box.lens) == (TAKEN["camera"], ZUIKO)
    assert lens_dock.message.text() == "Taken with E-620, OLYMPUS 14-42mm Lens, 17.89\u00a0mm, f/5."
    assert box.sentence.text() == f"{ZUIKO}: 14 to 42\u00a0mm, from f/3.5 to f/22, vignetting from 0.25\u00a0m on."
    assert {name: form.parameters[name] for name in TAKEN} == TAKEN
    assert form.parameters["distance"] == 3
    press(lens_dock)
    result = viewer.layers["town – Correct lens"]
    options = Options(value_range="dtype", channel_axis=-1)
    np.testing.assert_array_equal(
        result.data, apply(layer.data, "correct_lens", options=options, distance=3.0, **TAKEN)
    )
    assert viewer.layers.selection.active is result
    assert (box.camera, box.lens) == (TAKEN["camera"], ZUIKO)  # a result has no file: what is typed stays
    assert not box.file_button.isEnabled()
    QTest.mouseClick(lens_dock.forms.reset_button, LEFT)
    assert (box.camera, box.lens) == ("", "")
    QTest.mouseClick(lens_dock.forms.load_button, LEFT)
    assert (box.camera, box.lens) == (TAKEN["camera"], ZUIKO)
    assert lens_dock.form.parameters["focal_length"] == 17.89
    step = result.metadata["napari_mathimg"][-1]
    assert step["given"]["scale"] == lens_dock.form.parameters["scale"]


def test_a_dock_that_is_opened_later_reads_the_file_as_well(viewer: Any, dock: Any, qtbot: Any, tmp_path: Path) -> None:
    viewer.open(photograph(tmp_path / "town.jpg", **OLYMPUS, **SHOT), plugin="napari")
    widget = dock("lens")
    qtbot.waitUntil(widget.isVisible)
    assert (widget.panel(LensPanel).box.camera, widget.panel(LensPanel).box.lens) == (TAKEN["camera"], ZUIKO)
    widget.form.load({"focal_length": 30.0})
    widget.layers.tell_changed()
    assert widget.form.parameters["focal_length"] == 30  # read once: what is typed later stays


def test_camera_and_lens_are_found_by_parts_of_their_names(
    viewer: Any, lens_dock: Any, press: Press, qtbot: Any
) -> None:
    viewer.add_image(scene()[..., 0], name="plain")
    box = lens_dock.panel(LensPanel).box
    type_camera(box, "olympus e-620")  # any case
    assert box.camera == TAKEN["camera"]
    assert names(box) == list(lensfun_database.fitting_lenses(box.camera))
    QTest.keyClicks(box.search, "zuiko 14-42")
    assert names(box) == [ZUIKO]
    click(box, ZUIKO)
    assert lens_dock.form.parameters["lens"] == ZUIKO
    lens_dock.form.load(SHOT)
    press(lens_dock)
    expected = apply(viewer.layers["plain"].data, "correct_lens", options=Options(value_range="dtype"), **TAKEN)
    np.testing.assert_array_equal(viewer.layers["plain – Correct lens"].data, expected)


def test_the_list_says_what_each_lens_has_and_offers_others_on_request(viewer: Any, lens_dock: Any) -> None:
    box = lens_dock.panel(LensPanel).box
    viewer.add_image(scene())
    type_camera(box, "Canon EOS 5D Mark III")
    QTest.keyClicks(box.search, "10-18mm")
    assert names(box) == []
    assert box.sentence.text() == "No lens in the database fits this camera and this search."
    QTest.mouseClick(box.others, LEFT, pos=box.others.rect().center() - box.others.rect().center() / 1.1)
    assert names(box)
    small = "Canon EF-S 10-18mm f/4.5-5.6 IS STM"
    click(box, small)
    assert box.sentence.text().endswith("the correction is extrapolated towards the edges.")
    QTest.keyClicks(box.search, " no such lens")
    assert names(box) == []
    assert box.sentence.text().startswith(small)  # hidden by the search, chosen still
    box.search.clear()
    bare = next(
        n
        for n in lensfun_database.lens_names()
        if lensfun_database.known_corrections(n, box.camera) == (True, False, False)
    )
    QTest.keyClicks(box.search, bare)
    item = box.lenses.topLevelItem(names(box).index(bare))
    assert [item.text(k) for k in (1, 2, 3)] == ["D", "", ""]
    click(box, bare)
    form = lens_dock.form
    assert [form[n].enabled for n in ("distortion", "aberration", "vignetting")] == [True, False, False]


def test_an_unknown_camera_is_said_and_its_sensor_stands_for_it(viewer: Any, lens_dock: Any, tmp_path: Path) -> None:
    known = {"maker": "Acme", "camera": "X 9000", "lens": "Zoomatic 17-70", "focal_length": 20.0}
    viewer.open(photograph(tmp_path / "a.jpg", **known), plugin="napari")
    said = lens_dock.message.text()
    assert "The database has no camera 'X 9000'. Choose a generic camera with its crop factor." in said
    assert (lens_dock.panel(LensPanel).box.camera, lens_dock.panel(LensPanel).box.lens) == ("", "")
    begin = "Choose the camera, or a generic camera with its crop factor; then the lens."
    assert lens_dock.panel(LensPanel).box.sentence.text() == begin
    viewer.open(photograph(tmp_path / "b.jpg", **known, full_frame=40), plugin="napari")
    assert "Generic Crop-factor 2.0 (Four-Thirds) was chosen for its sensor size." in lens_dock.message.text()
    assert "Choose the lens: none is called 'Zoomatic 17-70'." in lens_dock.message.text()
    assert lens_dock.panel(LensPanel).box.camera == "Generic Crop-factor 2.0 (Four-Thirds)"
    assert lens_dock.form.parameters["focal_length"] == 20


def test_an_impossible_aperture_is_neither_read_nor_run(
    viewer: Any, lens_dock: Any, press: Press, tmp_path: Path, notifications: list[Any]
) -> None:
    viewer.open(photograph(tmp_path / "a.jpg", **OLYMPUS, focal_length=300.0, aperture=1.2), plugin="napari")
    said = lens_dock.message.text()
    assert "The focal length of 300 is outside the range of this lens, 14 to 42." in said
    assert "The aperture of 1.2 is outside the range of this lens, 3.5 to 22." in said
    press(lens_dock)
    assert lens_dock.message.text().startswith(f"Focal length: must be from 14 to 42\u00a0mm for {ZUIKO}")
    lens_dock.form.load({"focal_length": 14.0})
    press(lens_dock)
    assert lens_dock.message.text().startswith("Aperture: must be from f/3.5 to f/22 for the vignetting of")
    assert len(viewer.layers) == 1
    aperture = lens_dock.form["aperture"]
    aperture.value = 5.0
    box = aperture._inner.native
    box.setFocus()
    box.selectAll()
    QTest.keyClicks(box, "1.4")
    QTest.keyClick(box, Qt.Key.Key_Return)
    assert aperture.value >= 3.5
    assert box.refused == "1.4: must be from 3.5 to 22"
    box.selectAll()
    QTest.keyClicks(box, "4")
    QTest.keyClick(box, Qt.Key.Key_Return)
    press(lens_dock)
    assert len(viewer.layers) == 2


@pytest.mark.parametrize(
    "content", [b"\xff\xd8\xff\xe1\x00\x10Exif\0\0II*\0", *nightly(b"", b"not a picture", b"\0" * 4000)]
)
def test_files_that_tell_nothing_are_said_to(viewer: Any, lens_dock: Any, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "mystery.dat"
    path.write_bytes(content)
    layer = viewer.add_image(scene())
    layer._source = Source(path=str(path))
    lens_dock.layers.tell_changed()
    assert lens_dock.message.text() == ""  # nobody asked
    QTest.mouseClick(lens_dock.panel(LensPanel).box.file_button, LEFT)
    assert lens_dock.message.text() == "mystery.dat does not name a camera or a lens."


@pytest.mark.parametrize(
    "path", ["gone.jpg", "", "s3://bucket/stack.zarr", *nightly("https://example.org/data/town.jpg", "x" * 5000)]
)
def test_what_is_no_file_is_said_to_be_none(viewer: Any, lens_dock: Any, tmp_path: Path, path: str) -> None:
    """A file that is gone, a folder such as Zarr's, an address."""
    path = path if "://" in path else str(tmp_path / path)
    layer = viewer.add_image(scene())
    layer._source = Source(path=path)
    lens_dock.layers.tell_changed()
    assert lens_dock.message.text() == ""
    QTest.mouseClick(lens_dock.panel(LensPanel).box.file_button, LEFT)
    assert lens_dock.message.text().endswith(
        f"{Path(path).name} is not a file on this computer: choose camera and lens by name."
    )
    assert not read_exif(path)


def test_a_microscope_s_file_tells_nothing_and_a_long_one_is_read_on_request(
    viewer: Any, lens_dock: Any, tmp_path: Path
) -> None:
    """TIFF without EXIF; with many planes, each has a header of its own, which is not read unless asked for."""
    pages = [Image.fromarray(np.zeros((8, 9), np.uint16)) for _ in range(130)]
    path, exif = tmp_path / "stack.tif", Image.Exif()
    pages[0].save(path, save_all=True, append_images=pages[1:])
    assert read_exif(str(path)) is None
    exif[0x010F], exif[0x0110] = "Carl Zeiss", "AxioCam MRc5"
    pages[0].save(path, save_all=True, append_images=pages[1:], exif=exif)
    (layer,) = viewer.open(path, plugin="napari")
    assert layer.data.shape == (130, 8, 9)
    assert lens_dock.message.text() == ""
    QTest.mouseClick(lens_dock.panel(LensPanel).box.file_button, LEFT)
    assert lens_dock.message.text() == (
        "Taken with AxioCam MRc5. The database has no camera 'AxioCam MRc5'."
        " Choose a generic camera with its crop factor."
    )


def test_damaged_files_never_raise(tmp_path: Path) -> None:
    whole = photograph(tmp_path / "a.jpg", **OLYMPUS, **SHOT, full_frame=36).read_bytes()
    path, rng = tmp_path / "b.jpg", np.random.default_rng(0)
    told = 0
    for _ in range(80):
        damaged = bytearray(whole)
        for place in rng.integers(0, 400, 8):
            damaged[place] = rng.integers(256)
        path.write_bytes(damaged[: rng.integers(1, len(damaged))])
        found = read_exif(str(path))
        told += found is not None
    assert 0 < told < 80


def test_what_is_infinitely_far_is_as_far_as_the_database_goes(tmp_path: Path) -> None:
    far = read_exif(str(photograph(tmp_path / "a.jpg", **OLYMPUS, **SHOT, distance=42_949_672.0)))
    assert far is not None
    assert far.distance == 1000
    assert far.crop_factor is None


def test_the_domain_shows_gains_too(viewer: Any, lens_dock: Any, press: Press) -> None:
    viewer.add_image(scene((64, 96))[..., 0], name="plain")
    lens_dock.operation = "correct_vignetting"
    assert not lens_dock.panel(LensPanel).box.isVisible()
    lens_dock.options.domain.setChecked(True)
    lens_dock.form.load({"k1": -0.4, "encoding": "sRGB"})
    press(lens_dock)
    overlay = viewer.layers["plain – Correct vignetting (domain)"]
    board = np.where((np.indices((64, 96)) // 8).sum(0) % 2, np.uint8(127), np.uint8(64))
    given: dict[str, Any] = {"k1": -0.4, "encoding": "sRGB", "options": Options(value_range="dtype")}
    np.testing.assert_array_equal(overlay.data, apply(board, "correct_vignetting", **given))
    assert overlay.data[0, 0] > 80
    assert overlay.data[32, 48] == 64


def test_only_the_coefficients_of_the_model_are_shown(viewer: Any, lens_dock: Any) -> None:
    viewer.add_image(scene())
    lens_dock.operation = "correct_distortion"
    form = lens_dock.form
    for model in ("poly3", "ptlens", "brown", "poly5"):
        form.load({"model": model})
        shown = {name for names in COEFFICIENTS.values() for name in names if form[name].visible}
        assert shown == set(COEFFICIENTS[model])


def test_what_lenses_correct_is_looked_up_once_they_are_seen(viewer: Any, dock: Any, qtbot: Any) -> None:
    """Of more than a thousand, so that the dock opens at once."""
    lensfun_database.known_corrections.cache_clear()
    box = dock("lens").panel(LensPanel).box
    qtbot.waitUntil(box.lenses.isVisible)
    qtbot.waitUntil(lambda: lensfun_database.known_corrections.cache_info().currsize > 0)
    process_events()
    assert box.lenses.topLevelItemCount() == len(lensfun_database.lens_names())
    assert lensfun_database.known_corrections.cache_info().currsize < 100


def test_the_scale_that_fills_the_picture_is_found_in_the_background(
    viewer: Any, dock: Any, qtbot: Any, monkeypatch: Any
) -> None:
    """For the dock opens with camera and lens as it was left, and the first such scale takes long to find."""
    threads = []
    resolved = operations()["correct_lens"].resolve({**TAKEN, "distance": 3.0}, (60, 90), {"channels": 3})
    original = lens_correction.filling_scale

    def watched(*args: Any) -> float:
        threads.append(threading.current_thread())
        return original(*args)

    monkeypatch.setattr(lens_correction, "filling_scale", watched)
    viewer.add_image(scene())
    form = dock("lens").form
    scale = form["scale"]._inner
    assert not scale.visible  # there is no lens to fill for
    form.load({**TAKEN, "distance": 3.0})
    assert scale.visible
    assert scale.native.text() == "…"
    qtbot.waitUntil(lambda: scale.value == resolved["scale"])
    assert form.parameters["scale"] == "auto"
    assert threading.main_thread() not in threads
    form.load({"focal_length": 30.0})
    assert scale.value == resolved["scale"]  # until the other is found
    form.load({"lens": ""})
    assert not scale.visible
    form.load({"lens": ZUIKO, "focal_length": 17.89})
    assert scale.value == resolved["scale"]
    assert scale.visible


def test_without_a_database_the_dock_says_so(
    viewer: Any, dock: Any, press: Press, monkeypatch: Any, qtbot: Any, tmp_path: Path
) -> None:
    caches = (lensfun_database.database, lensfun_database._cameras, lensfun_database._lenses)
    for cache in caches:
        cache.cache_clear()
    monkeypatch.setitem(sys.modules, "lensfunpy", None)
    viewer.add_image(scene())
    widget = dock("lens")
    qtbot.waitUntil(widget.isVisible)
    assert "lensfunpy is not installed" in widget.panel(LensPanel).box.sentence.text()
    press(widget)
    assert widget.message.text().startswith("lensfunpy: must be installed")
    (photo,) = viewer.open(photograph(tmp_path / "town.jpg", **OLYMPUS, **SHOT), plugin="napari")
    viewer.layers.selection.active = photo
    QTest.mouseClick(widget.panel(LensPanel).box.file_button, LEFT)
    assert "lensfunpy" in widget.message.text()
    assert (widget.panel(LensPanel).box.camera, widget.panel(LensPanel).box.lens) == ("", "")
    for cache in caches:
        cache.cache_clear()
