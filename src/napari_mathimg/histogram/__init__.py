"""Exact histograms of images of any size: counted between given edges, or finely to be binned again and again."""

from ._counting import Histogram, histogram, histogram_steps
from ._region import Mask, Polygons, Region, Sampled
from ._tally import Statistics, Tally
from ._tallying import Answer, tally, tally_steps

__all__ = [
    "Answer",
    "Histogram",
    "Mask",
    "Polygons",
    "Region",
    "Sampled",
    "Statistics",
    "Tally",
    "histogram",
    "histogram_steps",
    "tally",
    "tally_steps",
]
