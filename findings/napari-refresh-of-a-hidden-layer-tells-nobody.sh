#!/usr/bin/env bash
# napari 0.9.2: pixels of a hidden layer are edited, and the layer is refreshed
#
# Expected: `layer.refresh()`, the way to say that pixels were edited in place, emits `set_data` or another event,
# whether the layer is shown or not.
# Seen: it emits `set_data` while the layer is visible, and no event at all while it is hidden. When the layer is shown
# again, it emits the same `set_data` as after any change of visibility, whether pixels were edited or not.
#
# Why an imaging program cares: sources of results are often hidden below them. Whatever follows pixels by events
# (histograms, previews, results computed on demand) shows what the hidden source was before its edit. A plugin has to
# compare the pixels themselves when a layer is shown again.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" --quiet --disable-pip-version-check install napari==0.9.2
HOME=$folder "$folder/env/bin/python" - <<'PYTHON'
import numpy as np
from napari.layers import Image


def told(is_visible, is_edited):
    """Return the events of a refresh, and of the layer being shown again."""
    layer, seen = Image(np.zeros((4, 4))), []
    layer.visible = is_visible
    for name, emitter in layer.events.emitters.items():
        emitter.connect(lambda event, name=name: seen.append(name))
    if is_edited:
        layer.data[0, 0] = 9
        layer.refresh()
    of_refresh = list(seen)
    seen.clear()
    layer.visible = True
    return of_refresh, sorted({*seen})


shown, hidden = told(True, True), told(False, True)
print("refresh of a visible layer:", shown[0])
print("refresh of a hidden layer:", hidden[0])
print("shown again:", hidden[1])
assert "set_data" in shown[0], "a visible layer no longer tells of a refresh"
assert hidden[0] == [], "a hidden layer tells of a refresh now"
assert hidden[1] == told(False, False)[1], "showing an edited layer differs from showing another one now"
PYTHON
