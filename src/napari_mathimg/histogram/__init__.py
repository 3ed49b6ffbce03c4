"""Exact histograms of images of any size, with given edges or in cells that can be binned again."""

from .counting import Answer, tally, tally_steps
from .fine_histogram import FineHistogram, Statistics
from .given_edges import Histogram, histogram, histogram_steps
from .region import Mask, Polygons, Region, Sampled

__all__ = [
    "Answer",
    "FineHistogram",
    "Histogram",
    "Mask",
    "Polygons",
    "Region",
    "Sampled",
    "Statistics",
    "histogram",
    "histogram_steps",
    "tally",
    "tally_steps",
]
