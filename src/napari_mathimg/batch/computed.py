"""The steps of a recipe on an image of a file: its result with axes, pixel sizes, units, names and record."""

from collections.abc import Callable, Generator, Mapping

from ..contract.progress import Progress
from ..engine import Losses, report, run
from ..io.image import Image
from ..recipe.recipe import Recipe
from .chain import Chain, Link, image_of
from .recorded import Recorded

__all__ = ["Chain", "Link", "computed", "image_of"]


def computed(
    recipe: Recipe, image: Image, inputs: Mapping[str, Image], threads: int | None = None,
    check: Callable[[Image], None] | None = None,
) -> Generator[Progress, None, Image]:  # fmt: skip
    """Run a recipe on an image in a generator that yields progress, and return the result, in memory.

    Parameters
    ----------
    recipe
        The recipe.
    image
        The image.
    inputs
        Further images by the names that the recipe gives them.
    threads
        Number of threads; by default the number of cores.
    check
        Function that refuses a result by its shape, type and axes, before it is computed.

    Raises
    ------
    ValueError
        If a step cannot be applied, or its result does not fit into the memory at hand.
    """
    chain = Chain.begin(recipe, image, inputs)
    recorded = Recorded(chain.image, recipe, inputs, chain.arrays)
    steps = [*chain.steps()]
    for number, step in steps:
        link = yield from chain.prepare(number, step, threads, "free")
        if check is not None and number == steps[-1][0]:
            check(chain.stub(link, recorded.name))
        lost: list[Losses] = []
        pixels = yield from run(link.plan, threads=threads, lost=lost)
        told = yield from report(link.plan, pixels, threads)
        chain.add(link, pixels)
        recorded.add(link, told, lost[0])
    return chain.result(chain.state.array, recorded.name, recorded.metadata, tuple(recorded.notes))
