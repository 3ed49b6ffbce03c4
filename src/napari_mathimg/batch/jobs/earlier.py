"""Whether the result of a single file, which has no journal, was made by the same run before."""

import os
from contextlib import suppress

from ...io.notes import ORIGIN
from ...io.reading import open_image
from ...recipe.images import digest
from ..files.before import EARLIER
from ..files.identity import source_digest
from ..item import Outcome
from ..shards.folder import HOME, is_done, plan_of
from .one_item import ItemTask, bytes_on_disk, further_images, opened, shards_of


def finished_before(task: ItemTask) -> Outcome | None:
    """Return the outcome of an earlier run whose result is in its place; None if there is none.

    A result that was computed shard by shard says so itself. Any other has digests of its plan, source and pixels in
    its own note, which NumPy files and pictures cannot hold.
    """
    if not os.path.lexists(task.output):
        return None
    with suppress(ValueError, OSError):
        if _is_of_shards(task) or _is_as_noted(task):
            return Outcome("kept", EARLIER, bytes=bytes_on_disk(task.output))
    return None


def _is_as_noted(task: ItemTask) -> bool:
    found = open_image(task.output)
    origin = found.metadata.get(ORIGIN)
    if origin is None or origin["plan"] != task.plan:
        return False
    image = open_image(task.source, series=task.series, axes=task.axis_names or None)
    return bool(origin["source"] == source_digest(task.source, image) and origin["pixels"] == digest(found.array))


def _is_of_shards(task: ItemTask) -> bool:
    if not (task.output / HOME).is_dir():
        return False
    further = further_images(task.images)
    ready = opened(task, further)
    recipe, source, output, options = shards_of(task, ready.recipe)
    inputs = {name: of.absolute() for name, of in options["inputs"].items()}
    spec, _ = plan_of(recipe, source.absolute(), inputs, options["choices"], output, ready.image, further)
    return is_done(output, spec.digest)
