#!/usr/bin/env bash
# napari 0.9.2 with npe2 0.10.0: one dock of a plugin, opened from the menu and by a program
#
# Expected: a widget that a manifest contributes has one dock in a window, whichever way it is opened: the menu entry,
# `Window.add_plugin_dock_widget` or `napari --with` show the one that is there.
# Seen: the menu entry calls the dock "Title (Display Name of the plugin)", `add_plugin_dock_widget` calls it
# "Title (name-of-the-plugin)". Each looks for its own name only, so there are two docks with two widgets.
#
# Why an imaging program cares: what was set in one dock is not in the other, two listen to the same layers, and one that
# draws in the image (corners, an outline) does so twice. A plugin has to look for its own widget in both docks.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" --quiet --disable-pip-version-check install 'napari[pyqt6]==0.9.2' npe2==0.10.0 pyqt6==6.11.0
mkdir "$folder/twice_opened"
cat >"$folder/twice_opened/__init__.py" <<'PYTHON'
from qtpy.QtWidgets import QWidget


class Dock(QWidget):
    made = 0

    def __init__(self):
        super().__init__()
        type(self).made += 1
PYTHON
cat >"$folder/twice_opened/napari.yaml" <<'YAML'
name: twice-opened
display_name: Opened Twice
schema_version: 0.2.1
contributions:
  commands:
    - id: twice-opened.dock
      title: Measure
      python_name: twice_opened:Dock
  widgets:
    - command: twice-opened.dock
      display_name: Measure
YAML
HOME=$folder QT_QPA_PLATFORM=offscreen PYTHONPATH=$folder "$folder/env/bin/python" - "$folder" <<'PYTHON'
import sys

import napari
from npe2 import PluginManager, PluginManifest

manifest = PluginManifest.from_file(f"{sys.argv[1]}/twice_opened/napari.yaml")
PluginManager.instance().register(manifest)
import twice_opened

viewer = napari.Viewer(show=False)
viewer.window.add_plugin_dock_widget("twice-opened", "Measure")
viewer.window.add_plugin_dock_widget("twice-opened", "Measure")
assert twice_opened.Dock.made == 1, "a program that opens it twice gets the one that is there"
from napari._app_model import get_app_model

get_app_model().commands.execute_command("twice-opened.dock").result()
print(sorted(viewer.window.dock_widgets), twice_opened.Dock.made)
assert twice_opened.Dock.made == 2, "the menu no longer opens a second dock"
viewer.close()
PYTHON
